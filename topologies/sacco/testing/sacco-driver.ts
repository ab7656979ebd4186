import {
  createEvent,
  createEventSerde,
  createTopicSerde,
  type DefinitionOf,
  definitionOf,
  type EventInput,
  type EventOf,
  type EventType,
  keyOfEvent,
  localSchemas,
  SACCO_EVENTS,
  type SaccoEvent,
} from '#schemas'
import { serdes } from '#streams'
import { createTestDriver, type TestDriver } from '#testing'
import { config, topics } from '../application.ts'
import type { FraudFlag } from '../fraud/flags.ts'
import { DEAD_LETTER_TOPIC, LATE_TOPIC } from '../shared/names.ts'
import { MINUTE_MS } from '../shared/time.ts'
import { SACCO_DEFINITIONS } from '../stores.ts'
import { createSaccoTopology } from '../topology.ts'

/** Monday, 2 March 2026, ten o'clock in Nairobi. */
export const START_MS = Date.parse('2026-03-02T10:00:00+03:00')

/** Few, so that tests are fast, but more than one, so that what is keyed wrongly shows. */
export const PARTITIONS = 2

const schemas = localSchemas(SACCO_DEFINITIONS)
const anyEvent = createEventSerde(SACCO_EVENTS, schemas)
const decoder = new TextDecoder()

type Data<Type extends EventType> = Partial<EventInput<DefinitionOf<Type>>['data']> & Readonly<Record<string, unknown>>
export type SendOptions = { readonly id?: string; readonly atMs?: number; readonly key?: string }

export type Refusal = { readonly event: SaccoEvent; readonly reason: string; readonly message: string }

/** The whole application under the test driver, with short words for what tests do with it. */
export type SaccoDriver = Disposable & {
  readonly driver: TestDriver
  /** Sends an event, a minute after the one before unless it says when. Gives its id. */
  send<Type extends EventType>(type: Type, data: Data<Type>, options?: SendOptions): string
  /** Sends bytes as they are. */
  sendBytes(topic: string, key: string, value: Uint8Array): void
  /** A member with an account `<id>-F`. */
  join(member: string, extra?: Readonly<Record<string, unknown>>): void
  /** Moves time on. */
  wait(durationMs: number): void
  readonly nowMs: number
  store<S>(name: string, key: string, partitions?: number): S
  all<V>(name: string, partitions?: number): readonly { readonly key: string; readonly value: V }[]
  get<V>(name: string, key: string): V | undefined
  /** What was raised since the last call, as `rule member`. */
  flags(): readonly FraudFlag[]
  refused(topic?: typeof DEAD_LETTER_TOPIC | typeof LATE_TOPIC): readonly Refusal[]
  events<Type extends EventType>(type: Type): readonly EventOf<Type>[]
  accounting(): Readonly<Record<string, number>>
}

const ORIGIN = { channel: 'mpesa', initiated_by: 'member' }
const DEFAULTS: Readonly<Record<string, unknown>> = {
  currency: 'KES',
  origin: ORIGIN,
  control: {},
  fee_minor: 0,
  occurred_at: '',
  reason: 'test',
}

export function createSaccoDriver(): SaccoDriver {
  const partitionsOf = Object.fromEntries(topics.map(({ name }) => [name, PARTITIONS]))
  const driver = createTestDriver(createSaccoTopology(schemas, { statePartitions: PARTITIONS }), {
    applicationId: 'sacco',
    partitionsOf,
    config,
    startMs: START_MS,
  })
  const inputs = new Map(
    topics.map(({ name }) => [name, driver.inputTopic(name, { key: serdes.string, value: serdes.bytes })]),
  )
  const analytics = driver.outputTopic('sacco.analytics.events', {
    key: serdes.string,
    value: createTopicSerde('sacco.analytics.events', schemas),
  })
  const outputs = [DEAD_LETTER_TOPIC, LATE_TOPIC].map(
    (topic) => [topic, driver.outputTopic(topic, { key: serdes.string, value: serdes.bytes })] as const,
  )
  let nowMs = START_MS
  let count = 0

  const send: SaccoDriver['send'] = (type, data, options = {}) => {
    nowMs += MINUTE_MS
    const id = options.id ?? `E${count++}`
    const timestampMs = options.atMs ?? nowMs
    const input = {
      event_id: id,
      timestamp: timestampMs,
      data: { transaction_id: `T-${id}`, ...DEFAULTS, ...data },
      metadata: { source: 'test' },
    }
    const event = createEvent(type as EventType, input as never) as SaccoEvent
    const { topic } = definitionOf(type as EventType)
    const value = anyEvent.serialize(event, topic)
    inputs.get(topic)?.pipeRecord({ key: options.key ?? keyOfEvent(event), value, timestampMs: nowMs })
    return id
  }
  const all: SaccoDriver['all'] = <V>(name: string, partitions = PARTITIONS) => {
    const entries: { key: string; value: V }[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const store = driver.store<{ all(): Iterable<{ key: string; value: V }> }>(name, partition)
      entries.push(...store.all())
    }
    return entries
  }
  return {
    driver,
    send,
    sendBytes: (topic, key, value) => inputs.get(topic)?.pipeRecord({ key, value, timestampMs: nowMs }),
    join(member, extra = {}) {
      send('member.registered', {
        member_id: member,
        email: '',
        phone: `2547${member}`,
        registered_at: new Date(nowMs).toISOString(),
        ...extra,
      } as never)
      const account = { member_id: member, account_id: `${member}-F`, product: 'fosa_savings', opened_at: '' }
      send('account.opened', account as never)
    },
    wait(durationMs) {
      nowMs += durationMs
    },
    get nowMs() {
      return nowMs
    },
    store: (name, _key, partition = 0) => driver.store(name, partition),
    all,
    get: <V>(name: string, key: string) => all<V>(name).find((e) => e.key === key)?.value,
    flags: () => analytics.readAll().flatMap(({ value }) => (value.event_type === 'fraud.detected' ? [value] : [])),
    refused(topic = DEAD_LETTER_TOPIC) {
      const output = outputs.find(([name]) => name === topic)?.[1]
      return (output?.readAll() ?? []).map(({ value, headers }) => {
        const text = (key: string) => decoder.decode(headers.findLast((each) => each.key === key)?.value ?? undefined)
        const reason = text('sacco.reason')
        const event = reason === '' ? (undefined as never) : anyEvent.deserialize(value, topic)
        return { event, reason, message: text('__streams.errors.message') }
      })
    },
    events: (type) => {
      const { topic } = definitionOf(type as EventType)
      const output = driver.outputTopic(topic, { key: serdes.string, value: anyEvent })
      return output.readAll().flatMap(({ value }) => (value.event_type === type ? [value as never] : []))
    },
    accounting() {
      const counts: Record<string, number> = {}
      for (const { key, value } of all<number>('input-accounting')) counts[key] = (counts[key] ?? 0) + value
      return counts
    },
    [Symbol.dispose]: () => driver.close(),
  }
}
