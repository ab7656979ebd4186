import type { Serde } from '#streams/ports'
import type { AvroRecord, TypeOf } from '../avro/avro-types.ts'
import type { EventDefinition, EventValue } from '../event.ts'
import { type EventOfTopic, SACCO_EVENTS, type SaccoTopicName } from '../sacco/events.ts'
import type { RegisteredSchemas, SchemaDefinition } from './register.ts'
import { createWireEntry, createWireSerde, unwritable } from './wire-serde.ts'

type Envelope = { readonly event_type: string }

/** The serde of a union of event types, told apart by `event_type`. */
export function createEventSerde<const Definitions extends readonly EventDefinition[]>(
  definitions: Definitions,
  schemas: RegisteredSchemas,
): Serde<EventValue<Definitions[number]>> {
  const name = `avro(${definitions.map((definition) => definition.type).join('|')})`
  type Value = EventValue<Definitions[number]>
  return createEnvelopeSerde(name, definitions, schemas) as unknown as Serde<Value>
}

/** The serde of everything that a topic holds. */
export function createTopicSerde<const Topic extends SaccoTopicName>(
  topic: Topic,
  schemas: RegisteredSchemas,
): Serde<EventOfTopic<Topic>> {
  const definitions = SACCO_EVENTS.filter((definition) => definition.topic === topic)
  return createEnvelopeSerde(`avro(${topic})`, definitions, schemas) as unknown as Serde<EventOfTopic<Topic>>
}

/** The serde of one record type without an envelope: a value of a state store, for example. */
export function createRecordSerde<const Schema extends AvroRecord>(
  definition: SchemaDefinition<Schema>,
  schemas: RegisteredSchemas,
): Serde<TypeOf<Schema>> {
  const entry = createWireEntry(definition.fullName, definition, schemas)
  return createWireSerde<TypeOf<Schema>>({
    name: `avro(${definition.fullName})`,
    schemas,
    entries: [entry],
    entryOf: () => entry,
    problemOf: () => undefined,
  })
}

/** A record type for `createRecordSerde`, in a namespace of its own. */
export function recordDefinition<const Schema extends AvroRecord>(
  namespace: string,
  schema: Schema,
): SchemaDefinition<Schema> {
  return { fullName: `${namespace}.${schema.name}`, schema: { ...schema, namespace } }
}

function createEnvelopeSerde(
  name: string,
  definitions: readonly EventDefinition[],
  schemas: RegisteredSchemas,
): Serde<Envelope> {
  const entries = definitions.map((definition) => createWireEntry(definition.type, definition, schemas))
  const entryByType = new Map(entries.map((entry) => [entry.label, entry]))
  return createWireSerde<Envelope>({
    name,
    schemas,
    entries,
    entryOf(value) {
      const entry = entryByType.get(value?.event_type)
      if (entry !== undefined) return entry
      throw unwritable(name, `event_type ${JSON.stringify(value?.event_type)} is not one of its types`)
    },
    problemOf(value, { label, fullName }) {
      if (value.event_type === label) return undefined
      return `its record is a ${fullName}, but its event_type says ${JSON.stringify(value.event_type)}`
    },
  })
}
