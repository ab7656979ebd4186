import type { EventDefinition, EventInput, EventValue } from '../event.ts'
import { ACCOUNTING_EVENTS } from './accounting-events.ts'
import { ANALYTICS_EVENTS } from './analytics-events.ts'
import { COMPLIANCE_EVENTS } from './compliance-events.ts'
import { DELINQUENCY_BAND_EVENTS } from './delinquency-bands.ts'
import { FRAUD_RULE_EVENTS } from './fraud-rules.ts'
import { LOAN_EVENTS } from './loan-events.ts'
import { MEMBER_EVENTS } from './member-events.ts'
import { NOTIFICATION_EVENTS } from './notification-events.ts'
import { PAYMENT_EVENTS } from './payment-events.ts'
import { TRANSACTION_EVENTS } from './transaction-events.ts'

/** Every event type of the SACCO, by topic in the document's order. */
export const SACCO_EVENTS = [
  ...MEMBER_EVENTS,
  ...TRANSACTION_EVENTS,
  ...LOAN_EVENTS,
  ...ACCOUNTING_EVENTS,
  ...COMPLIANCE_EVENTS,
  ...PAYMENT_EVENTS,
  ...NOTIFICATION_EVENTS,
  ...ANALYTICS_EVENTS,
  ...FRAUD_RULE_EVENTS,
  ...DELINQUENCY_BAND_EVENTS,
] as const

type Definition = (typeof SACCO_EVENTS)[number]
export type EventType = Definition['type']
export type SaccoTopicName = Definition['topic']
export type DefinitionOf<Type extends EventType> = Extract<Definition, { readonly type: Type }>

/** The value of one event type: `EventOf<'deposit.completed'>`. A union of types gives a discriminated union. */
export type EventOf<Type extends EventType> = Type extends EventType ? EventValue<DefinitionOf<Type>> : never
export type EventDataOf<Type extends EventType> = EventOf<Type>['data']

/** Everything that a topic may hold, told apart by `event_type`. */
export type EventOfTopic<Topic extends SaccoTopicName> = EventValue<Extract<Definition, { readonly topic: Topic }>>
export type MemberEvent = EventOfTopic<'sacco.member.events'>
export type TransactionEvent = EventOfTopic<'sacco.transaction.events'>
export type LoanEvent = EventOfTopic<'sacco.loan.events'>
export type AccountingEvent = EventOfTopic<'sacco.accounting.events'>
export type ComplianceEvent = EventOfTopic<'sacco.compliance.events'>
export type PaymentEvent = EventOfTopic<'sacco.payment.events'>
export type NotificationEvent = EventOfTopic<'sacco.notification.events'>
export type AnalyticsEvent = EventOfTopic<'sacco.analytics.events'>
export type FraudRuleEvent = EventOfTopic<'sacco.fraud.rules'>
export type DelinquencyBandsEvent = EventOfTopic<'sacco.delinquency.bands'>
export type SaccoEvent = EventValue<Definition>

const definitionByType: ReadonlyMap<string, Definition> = new Map(SACCO_EVENTS.map((event) => [event.type, event]))

export function isEventType(text: string): text is EventType {
  return definitionByType.has(text)
}

/** The definition of an event type; throws for a type that the platform does not know. */
export function definitionOf<Type extends EventType>(type: Type): DefinitionOf<Type>
export function definitionOf(type: string): EventDefinition
export function definitionOf(type: string): EventDefinition {
  const definition = definitionByType.get(type)
  if (definition === undefined)
    throw new Error(`there is no event type ${JSON.stringify(type)}; docs/SCHEMAS.md lists them`)
  return definition
}

export function definitionsOfTopic(topic: string): readonly EventDefinition[] {
  return SACCO_EVENTS.filter((event) => event.topic === topic)
}

/**
 * Makes a complete event: fills in type, version and the defaults of fields that were left out, with all fields in
 * the order of the schema, so that all events of a type have one shape.
 */
export function createEvent<const Type extends EventType>(
  type: Type,
  input: EventInput<DefinitionOf<Type>>,
): EventOf<Type>
export function createEvent(type: EventType, input: EventInput<EventDefinition>): unknown {
  const definition = definitionOf(type) as EventDefinition
  const { timestamp, metadata } = input
  return {
    event_id: input.event_id,
    event_type: definition.type,
    timestamp: typeof timestamp === 'number' ? new Date(timestamp).toISOString() : timestamp,
    version: definition.version,
    data: withDefaults(definition.data, input.data as Readonly<Record<string, unknown>>),
    metadata: {
      source: metadata.source,
      correlation_id: metadata.correlation_id ?? null,
      user_id: metadata.user_id ?? null,
    },
  }
}

function withDefaults(schema: unknown, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  const shape = nonNull(schema)
  if (Array.isArray(value)) return value.map((item) => withDefaults(shape.items, item))
  const input = value as Readonly<Record<string, unknown>>
  const complete: Record<string, unknown> = {}
  for (const field of shape.fields ?? []) {
    const given = input[field.name]
    complete[field.name] = given === undefined ? field.default : withDefaults(field.type, given)
  }
  return complete
}

type Shape = {
  readonly items?: unknown
  readonly fields?: readonly { readonly name: string; readonly type: unknown; readonly default?: unknown }[]
}

function nonNull(schema: unknown): Shape {
  return (Array.isArray(schema) ? schema[1] : schema) as Shape
}

/** The record key of an event: the field of its data that its definition names, so that one subject stays in order. */
export function keyOfEvent(event: SaccoEvent): string {
  const { key } = definitionOf(event.event_type) as EventDefinition
  return (event.data as unknown as Readonly<Record<string, string>>)[key] as string
}

/**
 * The time of an event in milliseconds since the epoch. Throws if the text is not ISO 8601 with a zone: a local time
 * without zone would be read differently on every machine.
 */
export function eventTimeMs(event: { readonly timestamp: string; readonly event_id: string }): number {
  const timeMs = isoTimeMs(event.timestamp)
  if (Number.isNaN(timeMs)) {
    throw new Error(`event ${event.event_id}: timestamp ${JSON.stringify(event.timestamp)} is not ISO 8601 with a zone`)
  }
  return timeMs
}

export function isIsoTimestamp(text: string): boolean {
  return !Number.isNaN(isoTimeMs(text))
}

const ISO_WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/

/** NaN if the text is none. */
function isoTimeMs(text: string): number {
  return ISO_WITH_ZONE.test(text) ? Date.parse(text) : Number.NaN
}
