import { type Bytes, messageOf, StreamsError } from '#streams/base'
import type { Serde } from '#streams/ports'
import {
  type AvroReader,
  type AvroType,
  type AvroWriter,
  createAvroReader,
  createAvroWriter,
  parseAvro,
  problemOfValue,
} from '../avro/avro-codec.ts'
import { avroJson } from '../avro/schema-json.ts'
import type { EventDefinition, EventValue } from '../event.ts'
import { type EventOfTopic, SACCO_EVENTS, type SaccoTopicName } from '../sacco/events.ts'
import type { RegisteredSchemas, SchemaDefinition } from './register.ts'
import { readSchemaId, WIRE_HEADER_BYTES, writeWireHeader } from './wire-format.ts'

type Entry = {
  readonly definition: SchemaDefinition
  readonly type: AvroType
  readonly writer: AvroWriter
  readonly writeHeader: (target: Bytes) => number
}

/** How to read bytes of one writer schema, or why they cannot be read. */
type Source =
  | { readonly kind: 'readable'; readonly entry: Entry; readonly reader: AvroReader }
  | { readonly kind: 'unreadable'; readonly reason: string }

type Envelope = { readonly event_type: string }

/**
 * A serde for a union of event types, told apart by `event_type` when writing and by the name of the writer's record
 * when reading. Reads every version of a schema that the registry knows, resolved to ours.
 *
 * Call `prepare` before `deserialize` for records that may come from other writers: it loads an unknown schema. It
 * rejects only if the registry cannot be reached; an id that does not exist makes `deserialize` throw.
 */
export function createEventSerde<const Definitions extends readonly EventDefinition[]>(
  definitions: Definitions,
  schemas: RegisteredSchemas,
): Serde<EventValue<Definitions[number]>> {
  type Value = EventValue<Definitions[number]>
  return createEnvelopeSerde(nameOf(definitions), definitions, schemas) as unknown as Serde<Value>
}

/** The serde of everything that a topic holds. */
export function createTopicSerde<const Topic extends SaccoTopicName>(
  topic: Topic,
  schemas: RegisteredSchemas,
): Serde<EventOfTopic<Topic>> {
  const definitions = SACCO_EVENTS.filter((definition) => definition.topic === topic)
  return createEnvelopeSerde(`avro(${topic})`, definitions, schemas) as unknown as Serde<EventOfTopic<Topic>>
}

function nameOf(definitions: readonly EventDefinition[]): string {
  return `avro(${definitions.map((definition) => definition.type).join('|')})`
}

function createEnvelopeSerde(
  name: string,
  definitions: readonly SchemaDefinition[],
  schemas: RegisteredSchemas,
): Serde<Envelope> {
  const entries = definitions.map((definition) => createEntry(definition, schemas.idOf(definition)))
  const entryByType = new Map(entries.map((entry) => [entry.definition.type, entry]))
  const entryByName = new Map(entries.map((entry) => [entry.definition.fullName, entry]))
  const sources = new Map<number, Source>()
  const { cache } = schemas

  const sourceOf = (id: number): Source | undefined => {
    const known = sources.get(id)
    if (known !== undefined) return known
    const text = cache.get(id)
    if (text === undefined) return undefined
    const source = createSource(text, entryByName, name)
    sources.set(id, source)
    return source
  }

  return {
    name,
    serialize(data) {
      const entry = entryByType.get(data?.event_type)
      if (entry === undefined)
        throw unwritable(name, `event_type ${JSON.stringify(data?.event_type)} is not one of its types`)
      return writeValue(name, entry, data)
    },
    deserialize(bytes) {
      const id = readSchemaId(bytes)
      const source = sourceOf(id)
      if (source === undefined) throw unreadable(name, id, unknownIdReason(cache.isUnknown(id)))
      if (source.kind === 'unreadable') throw unreadable(name, id, source.reason)
      return readValue(name, id, source.entry.definition, source.reader, bytes)
    },
    prepare(bytes) {
      // What is not in the wire format, `deserialize` will refuse; there is nothing to load for it.
      if (bytes.length < WIRE_HEADER_BYTES || bytes[0] !== 0) return undefined
      const id = readSchemaId(bytes)
      if (sources.has(id) || !cache.isWorthLoading(id)) return undefined
      return cache.load(id)
    },
  }
}

function createEntry(definition: SchemaDefinition, id: number): Entry {
  const type = parseAvro(avroJson(definition.schema))
  return { definition, type, writer: createAvroWriter(type), writeHeader: (target) => writeWireHeader(target, id) }
}

function createSource(schemaText: string, entryByName: ReadonlyMap<string, Entry>, serdeName: string): Source {
  let writerType: AvroType
  try {
    writerType = parseAvro(JSON.parse(schemaText))
  } catch (error) {
    return { kind: 'unreadable', reason: `its schema is not one that can be parsed: ${messageOf(error)}` }
  }
  const entry = entryByName.get(writerType.name ?? '')
  if (entry === undefined) {
    return {
      kind: 'unreadable',
      reason: `it is of type ${writerType.name ?? writerType.typeName}, which ${serdeName} does not hold`,
    }
  }
  try {
    return { kind: 'readable', entry, reader: createAvroReader(entry.type, writerType) }
  } catch (error) {
    return { kind: 'unreadable', reason: `its schema cannot be resolved to ours: ${messageOf(error)}` }
  }
}

function writeValue(name: string, entry: Entry, data: Envelope): Bytes {
  try {
    return entry.writer.write(data, entry.writeHeader)
  } catch (error) {
    if (error instanceof StreamsError && error.code === 'RECORD_TOO_LARGE') throw error
    // The fast path does not know where it was; the slow check of the whole value does.
    const problem = problemOfValue(entry.type, data) ?? messageOf(error)
    throw unwritable(name, `${entry.definition.type}: ${problem}`, error)
  }
}

function readValue(name: string, id: number, definition: SchemaDefinition, reader: AvroReader, bytes: Bytes): Envelope {
  let value: Envelope
  try {
    value = reader.read(bytes, WIRE_HEADER_BYTES) as Envelope
  } catch (error) {
    throw unreadable(name, id, `${definition.type}: ${messageOf(error)}`, error)
  }
  if (value.event_type !== definition.type) {
    throw unreadable(
      name,
      id,
      `its record is a ${definition.fullName}, but its event_type says ${JSON.stringify(value.event_type)}`,
    )
  }
  return value
}

function unknownIdReason(isUnknown: boolean): string {
  return isUnknown ? 'the registry does not know this id' : 'this schema is not loaded; await prepare() first'
}

function unreadable(name: string, id: number, reason: string, cause?: unknown): StreamsError {
  return new StreamsError('RECORD_UNREADABLE', `${name}: cannot read a record with schema id ${id}: ${reason}`, {
    cause,
  })
}

function unwritable(name: string, reason: string, cause?: unknown): StreamsError {
  return new StreamsError('RECORD_UNWRITABLE', `${name}: cannot write: ${reason}`, { cause })
}
