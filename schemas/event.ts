import { type AvroField, type AvroRecord, field, type InputOf, id, record, type TypeOf } from './avro/avro-types.ts'

/**
 * An event type: its name, the topic it lives in, which field of `data` is its record key, and its Avro schema (the
 * SACCO document's envelope round its own `data`). Everything else (TypeScript types, serdes, subjects, docs) is made
 * from this value.
 */
export type EventDefinition<
  Type extends string = string,
  Topic extends string = string,
  Data extends AvroRecord = AvroRecord,
> = {
  readonly type: Type
  readonly topic: Topic
  /** Full Avro name: the registry's subject (record name strategy). */
  readonly fullName: string
  /** Goes into `version` of the envelope; raised with every change of the schema. */
  readonly version: string
  /** Whether the requirement document lists this event or we added it (the fraud rules and the ledger need it). */
  readonly origin: 'document' | 'ours'
  /** The field of `data` that is the record key, so that events about one subject stay in order. */
  readonly key: string
  readonly data: Data
  readonly schema: AvroRecord
}

/** The namespace that the document's own schema uses. */
export const EVENT_NAMESPACE = 'com.sacco.events'

export const EVENT_METADATA = record('EventMetadata', 'Where an event comes from.', [
  field('source', 'string', 'internal', 'System that produced the event, for example sacco-backend.'),
  field('correlation_id', ['null', 'string'], 'internal', 'Ties together everything that one request caused.'),
  field('user_id', ['null', 'string'], 'internal', 'The signed-in user on whose behalf it happened; null for jobs.'),
])
export type EventMetadata = TypeOf<typeof EVENT_METADATA>

const ENVELOPE_HEAD = [
  field(
    'event_id',
    id('event-id'),
    'internal',
    'Unique event identifier, chosen by the producer; the same id again changes nothing.',
  ),
  field('event_type', 'string', 'public', 'Type of event.'),
  field('timestamp', 'string', 'internal', 'Event timestamp in ISO format (UTC, milliseconds).'),
  field('version', 'string', 'public', 'Event schema version.'),
] as const

type Head = TypeOf<{ readonly type: 'record'; readonly fields: typeof ENVELOPE_HEAD }>

/** The value of an event: the envelope, with the literal event type and the type of its data. */
export type EventValue<D> =
  D extends EventDefinition<infer Type, string, infer Data>
    ? Omit<Head, 'event_type'> & {
        readonly event_type: Type
        readonly data: TypeOf<Data>
        readonly metadata: EventMetadata
      }
    : never

export type EventInput<D> = D extends { readonly data: infer Data }
  ? {
      readonly event_id: Head['event_id']
      /** ISO text, or milliseconds since the epoch. */
      readonly timestamp: string | number
      readonly data: InputOf<Data>
      readonly metadata: {
        readonly source: string
        readonly correlation_id?: string | null
        readonly user_id?: string | null
      }
    }
  : never

type FieldNames<Fields extends readonly AvroField[]> = Fields[number]['name']

export function defineEvent<
  const Type extends string,
  const Topic extends string,
  const Name extends string,
  const Fields extends readonly AvroField[],
>(options: {
  readonly type: Type
  readonly topic: Topic
  readonly name: Name
  /** Name of the record of `data` where the document fixes it; `<name>Data` otherwise. */
  readonly dataName?: string
  readonly key: FieldNames<Fields>
  readonly origin: 'document' | 'ours'
  readonly version?: string
  readonly doc: string
  readonly data: Fields
}): EventDefinition<
  Type,
  Topic,
  { readonly type: 'record'; readonly name: string; readonly doc: string; readonly fields: Fields }
> & { readonly name: Name } {
  const { type, topic, name, key, origin, doc } = options
  const data = record(options.dataName ?? `${name}Data`, `What ${type} says.`, options.data)
  const schema: AvroRecord = {
    type: 'record',
    name,
    namespace: EVENT_NAMESPACE,
    doc,
    fields: [
      ...ENVELOPE_HEAD,
      field('data', data, sensitivityOf(options.data), 'What happened.'),
      field('metadata', EVENT_METADATA, 'internal', 'Where the event comes from.'),
    ],
  }
  const fullName = `${EVENT_NAMESPACE}.${name}`
  return { type, topic, name, fullName, version: options.version ?? '1.0', origin, key, data, schema }
}

/** A record is as sensitive as its most sensitive field. */
function sensitivityOf(fields: readonly AvroField[]): AvroField['classification'] {
  const has = (classification: AvroField['classification']) => fields.some((f) => f.classification === classification)
  return has('secret') ? 'secret' : has('pii') ? 'pii' : 'internal'
}
