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
import type { RegisteredSchemas, SchemaDefinition } from './register.ts'
import { readSchemaId, WIRE_HEADER_BYTES, writeWireHeader } from './wire-format.ts'

/** One record type of a serde. */
export type WireEntry = {
  readonly fullName: string
  /** For messages. */
  readonly label: string
  readonly type: AvroType
  readonly writer: AvroWriter
  readonly writeHeader: (target: Bytes) => number
}

export type WireSerdeOptions<V> = {
  readonly name: string
  readonly schemas: RegisteredSchemas
  readonly entries: readonly WireEntry[]
  /** Which record type a value is of; throws or gives undefined if it is of none. */
  readonly entryOf: (value: V) => WireEntry | undefined
  /** Says what is wrong with a value that was read as this record type; undefined if nothing is. */
  readonly problemOf: (value: V, entry: WireEntry) => string | undefined
}

/** How to read bytes of one writer schema, or why they cannot be read. */
type Source =
  | { readonly kind: 'readable'; readonly entry: WireEntry; readonly reader: AvroReader }
  | { readonly kind: 'unreadable'; readonly reason: string }

export function createWireEntry(label: string, definition: SchemaDefinition, schemas: RegisteredSchemas): WireEntry {
  const { fullName, schema } = definition
  const id = schemas.idOf(definition)
  const type = parseAvro(avroJson(schema))
  return { fullName, label, type, writer: createAvroWriter(type), writeHeader: (target) => writeWireHeader(target, id) }
}

/**
 * A serde in Confluent's wire format over one or several record types: told apart by `entryOf` when writing and by the
 * name of the writer's record when reading. Every version of a schema that the registry knows is read, resolved to
 * ours; how to, is worked out once per schema id.
 *
 * Call `prepare` before `deserialize` for records that may come from other writers: it loads an unknown schema. It
 * rejects only if the registry cannot be reached; an id that does not exist makes `deserialize` throw.
 */
export function createWireSerde<V>(options: WireSerdeOptions<V>): Serde<V> {
  const { name, entryOf, problemOf } = options
  const { cache } = options.schemas
  const entryByName = new Map(options.entries.map((entry) => [entry.fullName, entry]))
  const sources = new Map<number, Source>()

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
      const entry = entryOf(data)
      if (entry === undefined) throw unwritable(name, 'the value is of none of its types')
      return writeValue(name, entry, data)
    },
    deserialize(bytes) {
      const id = readSchemaId(bytes)
      const source = sourceOf(id)
      if (source === undefined) throw unreadable(name, id, unknownIdReason(cache.isUnknown(id)))
      if (source.kind === 'unreadable') throw unreadable(name, id, source.reason)
      const value = readValue(name, id, source.entry, source.reader, bytes) as V
      const problem = problemOf(value, source.entry)
      if (problem !== undefined) throw unreadable(name, id, problem)
      return value
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

function createSource(schemaText: string, entryByName: ReadonlyMap<string, WireEntry>, serdeName: string): Source {
  let writerType: AvroType
  try {
    writerType = parseAvro(JSON.parse(schemaText))
  } catch (error) {
    return { kind: 'unreadable', reason: `its schema is not one that can be parsed: ${messageOf(error)}` }
  }
  const writerName = writerType.name ?? writerType.typeName
  const entry = entryByName.get(writerName)
  if (entry === undefined) {
    return { kind: 'unreadable', reason: `it is of type ${writerName}, which ${serdeName} does not hold` }
  }
  try {
    return { kind: 'readable', entry, reader: createAvroReader(entry.type, writerType) }
  } catch (error) {
    return { kind: 'unreadable', reason: `its schema cannot be resolved to ours: ${messageOf(error)}` }
  }
}

function writeValue(name: string, entry: WireEntry, data: unknown): Bytes {
  try {
    return entry.writer.write(data, entry.writeHeader)
  } catch (error) {
    if (error instanceof StreamsError && error.code === 'RECORD_TOO_LARGE') throw error
    // The fast path does not know where it was; the slow check of the whole value does.
    const problem = problemOfValue(entry.type, data) ?? messageOf(error)
    throw unwritable(name, `${entry.label}: ${problem}`, error)
  }
}

function readValue(name: string, id: number, entry: WireEntry, reader: AvroReader, bytes: Bytes): unknown {
  try {
    return reader.read(bytes, WIRE_HEADER_BYTES)
  } catch (error) {
    throw unreadable(name, id, `${entry.label}: ${messageOf(error)}`, error)
  }
}

function unknownIdReason(isUnknown: boolean): string {
  return isUnknown ? 'the registry does not know this id' : 'this schema is not loaded; await prepare() first'
}

export function unreadable(name: string, id: number, reason: string, cause?: unknown): StreamsError {
  return new StreamsError('RECORD_UNREADABLE', `${name}: cannot read a record with schema id ${id}: ${reason}`, {
    cause,
  })
}

export function unwritable(name: string, reason: string, cause?: unknown): StreamsError {
  return new StreamsError('RECORD_UNWRITABLE', `${name}: cannot write: ${reason}`, { cause })
}
