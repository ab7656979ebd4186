import avsc from 'avsc'
import { type Bytes, messageOf, StreamsError } from '#streams/base'
import { ReadTap, WriteTap } from './tap.ts'

/**
 * Avro encoding over avsc's compiled readers and writers, with our own cursor (see tap.ts) and bounded lists.
 * One record at a time, synchronously.
 */
export type AvroType = avsc.Type
/** A reader for bytes of one writer schema: resolved to the reader's own schema where they differ. */
export type AvroReader = { read(bytes: Bytes, offset: number): unknown }
export type AvroWriter = { write(value: unknown, header: (target: Bytes) => number): Bytes }

/** The part of avsc's types that its own code calls between types. */
type Internals = {
  _read(tap: ReadTap): unknown
  _write(tap: WriteTap, value: unknown): void
  _skip(tap: ReadTap): void
}

/**
 * A list may claim more items than there are bytes left only if its items are empty (null); no schema of ours has
 * such, and a foreign one gets so many.
 */
const EMPTY_ITEMS_MAX = 1_024

function blockCount(tap: ReadTap): number {
  let count = tap.readLong()
  if (count < 0) {
    count = -count
    tap.skipLong()
  }
  if (count > tap.remaining() + EMPTY_ITEMS_MAX) {
    throw new StreamsError(
      'RECORD_UNREADABLE',
      `a list claims ${count} items, but only ${tap.remaining()} bytes are left`,
    )
  }
  return count
}

class BoundedArrayType extends avsc.types.ArrayType {
  _read(tap: ReadTap): unknown[] {
    const items = this.itemsType as unknown as Internals
    const values: unknown[] = []
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i++) values.push(items._read(tap))
    }
    return values
  }

  _skip(tap: ReadTap): void {
    const items = this.itemsType as unknown as Internals
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i++) items._skip(tap)
    }
  }
}

class BoundedMapType extends avsc.types.MapType {
  _read(tap: ReadTap): Record<string, unknown> {
    const items = this.valuesType as unknown as Internals
    const values: Record<string, unknown> = {}
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i++) {
        const key = tap.readString()
        // An assignment to "__proto__" would change the object instead of adding a key.
        Object.defineProperty(values, key, {
          value: items._read(tap),
          configurable: true,
          enumerable: true,
          writable: true,
        })
      }
    }
    return values
  }

  _skip(tap: ReadTap): void {
    const items = this.valuesType as unknown as Internals
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let i = 0; i < count; i++) {
        tap.skipString()
        items._skip(tap)
      }
    }
  }
}

type ParseOptions = Parameters<typeof avsc.Type.forSchema>[1]

function boundedTypes(schema: unknown, options: unknown): AvroType | undefined {
  const kind = (schema as { readonly type?: unknown } | null)?.type
  if (kind === 'array') return new BoundedArrayType(schema as never, options)
  if (kind === 'map') return new BoundedMapType(schema as never, options)
  return undefined
}

/** Parses a schema, or says what is wrong with it. */
export function parseAvro(schema: unknown): AvroType {
  const options = { typeHook: boundedTypes, omitRecordMethods: true } as ParseOptions
  const type = avsc.Type.forSchema(schema as never, options)
  makeRecordsPlain(type, new Set())
  return type
}

/** Decoded records are plain objects (one constructor each, so one shape), as a literal would be. */
function makeRecordsPlain(type: AvroType, seen: Set<AvroType>): void {
  if (seen.has(type)) return
  seen.add(type)
  const parts = type as unknown as {
    readonly fields?: readonly { readonly type: AvroType }[]
    readonly types?: readonly AvroType[]
    readonly itemsType?: AvroType
    readonly valuesType?: AvroType
    readonly recordConstructor?: { prototype: object }
  }
  if (parts.recordConstructor !== undefined) parts.recordConstructor.prototype = Object.prototype
  for (const field of parts.fields ?? []) makeRecordsPlain(field.type, seen)
  for (const branch of parts.types ?? []) makeRecordsPlain(branch, seen)
  if (parts.itemsType !== undefined) makeRecordsPlain(parts.itemsType, seen)
  if (parts.valuesType !== undefined) makeRecordsPlain(parts.valuesType, seen)
}

/**
 * Why a reader with schema `reader` could not read what was written with `writer`; undefined if it can. This is
 * Avro's schema resolution, not equality.
 */
export function problemOfReading(reader: AvroType, writer: AvroType): string | undefined {
  try {
    reader.createResolver(writer)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

// Encoding and decoding are synchronous and never call back into themselves, so one cursor of each kind is enough.
const readTap = new ReadTap()
const writeTap = new WriteTap()

/** Reads values of `reader` from bytes that were written with `writer`; throws if no resolution exists. */
export function createAvroReader(reader: AvroType, writer: AvroType): AvroReader {
  // Equal up to docs and defaults: the same bytes mean the same value.
  const source = (reader.equals(writer) ? reader : reader.createResolver(writer)) as unknown as Internals
  return {
    read(bytes, offset) {
      readTap.open(bytes, offset)
      try {
        const value = source._read(readTap)
        if (readTap.remaining() > 0) {
          throw new StreamsError('RECORD_UNREADABLE', `${readTap.remaining()} bytes are left over after the value`)
        }
        return value
      } finally {
        readTap.close()
      }
    },
  }
}

/** `writeHeader` puts the bytes that come before the value at the start of the buffer and says how many they are. */
export function createAvroWriter(type: AvroType): AvroWriter {
  const target = type as unknown as Internals
  return {
    write(value, writeHeader) {
      writeTap.pos = writeHeader(writeTap.buf)
      target._write(writeTap, value)
      const bytes = copyOut(writeTap.buf, writeTap.pos)
      writeTap.shrink()
      return bytes
    },
  }
}

/** Small records share slabs: allocating a buffer of its own for each costs more than encoding it. */
const SLAB_BYTES = 16 * 1024
const SLAB_RECORD_BYTES_MAX = 2 * 1024
let slab = new Uint8Array(SLAB_BYTES)
let slabUsed = 0

function copyOut(buffer: Bytes, length: number): Bytes {
  if (length > SLAB_RECORD_BYTES_MAX) return buffer.slice(0, length)
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  const bytes = slab.subarray(slabUsed, slabUsed + length)
  bytes.set(buffer.subarray(0, length))
  slabUsed += length
  return bytes
}

/** Where a value does not fit its schema, in words: `data.amount_minor: expected long, got "5"`. */
export function problemOfValue(type: AvroType, value: unknown): string | undefined {
  let problem: string | undefined
  const errorHook = (path: readonly string[], found: unknown, expected: AvroType) => {
    problem ??= `${path.join('.') || 'the value'}: expected ${nameOfType(expected)}, got ${preview(found)}`
  }
  type.isValid(value, { errorHook } as never)
  return problem
}

function nameOfType(type: AvroType): string {
  const branches = (type as unknown as { readonly types?: readonly AvroType[] }).types
  return branches === undefined ? (type.name ?? type.typeName) : branches.map(nameOfType).join(' or ')
}

/** Values may be personal data: messages show their kind, and the content only of what is no text. */
function preview(value: unknown): string {
  if (typeof value === 'string') return `a string of ${value.length} characters`
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
