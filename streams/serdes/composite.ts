import { type Bytes, readInt32, writeInt32 } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'
import type { FixedLengthSerde } from './primitives.ts'

/** Says that null is data here: see `Serde.nullable`. The bytes are those of `inner`; null is null in the log. */
export function nullable<T>(inner: Serde<T>): Serde<T | null> {
  const { prepare } = inner
  return {
    name: `nullable(${inner.name})`,
    nullable: true,
    serialize: (data, topic, headers) => inner.serialize(data as NonNullable<T>, topic, headers),
    deserialize: (bytes, topic, headers) => inner.deserialize(bytes, topic, headers),
    // `listOf` must still see that the length is fixed: Java has no nullable wrapper that would hide it.
    ...('windowedKeySerde' in inner ? { windowedKeySerde: inner.windowedKeySerde } : {}),
    ...('fixedLengthBytes' in inner ? { fixedLengthBytes: inner.fixedLengthBytes } : {}),
    ...(prepare === undefined
      ? {}
      : {
          prepare: (bytes: Bytes, topic: string) => prepare.call(inner, bytes, topic),
        }),
  }
}

/** First byte of a list: Java's ListSerializer.SerializationStrategy. */
const CONSTANT_SIZE = 0
const VARIABLE_SIZE = 1
/** Length that stands for a null entry where entries carry their length. */
const NULL_ENTRY_LENGTH = -1

/**
 * A list, in the format of Java's ListSerializer:
 *
 *     entries of fixed length:    0, int32 count of nulls, int32 index of each null, int32 count, entries without nulls
 *     entries of varying length:  1, int32 count, for each entry: int32 length (-1 = null), bytes
 *
 * Entries may be null only if `inner` is nullable.
 */
export function listOf<T>(inner: Serde<T> | FixedLengthSerde<T>): Serde<readonly T[]> {
  const fixedLengthBytes = 'fixedLengthBytes' in inner ? inner.fixedLengthBytes : undefined
  return {
    name: `list(${inner.name})`,
    serialize(data, topic, headers) {
      const parts = data.map((entry) => {
        if (entry !== null) return inner.serialize(entry as NonNullable<T>, topic, headers)
        if (inner.nullable !== true) throw new Error(`a list of ${inner.name} contains null`)
        return null
      })
      return fixedLengthBytes === undefined ? joinVarying(parts) : joinFixed(parts)
    },
    deserialize(bytes, topic, headers) {
      const strategy = bytes[0]
      if (strategy === CONSTANT_SIZE && fixedLengthBytes !== undefined) {
        return splitFixed(bytes, fixedLengthBytes).map((part) => readEntry(inner, part, topic, headers))
      }
      if (strategy === VARIABLE_SIZE) {
        return splitVarying(bytes).map((part) => readEntry(inner, part, topic, headers))
      }
      throw new Error(`a list of ${inner.name} starts with ${VARIABLE_SIZE}, not ${String(strategy)}`)
    },
  }
}

function readEntry<T>(
  inner: Serde<T>,
  part: Bytes | null,
  topic: string,
  headers: Parameters<Serde<T>['deserialize']>[2],
): T {
  if (part !== null) return inner.deserialize(part, topic, headers)
  if (inner.nullable !== true) throw new Error(`a list of ${inner.name} contains null`)
  return null as T
}

function joinVarying(parts: readonly (Bytes | null)[]): Bytes {
  let length = 5
  for (const part of parts) length += 4 + (part === null ? 0 : part.length)
  const joined = new Uint8Array(length)
  joined[0] = VARIABLE_SIZE
  writeInt32(joined, 1, parts.length)
  let offset = 5
  for (const part of parts) {
    writeInt32(joined, offset, part === null ? NULL_ENTRY_LENGTH : part.length)
    offset += 4
    if (part === null) continue
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

function joinFixed(parts: readonly (Bytes | null)[]): Bytes {
  const nullIndexes: number[] = []
  let length = 9
  for (const [index, part] of parts.entries()) {
    if (part === null) nullIndexes.push(index)
    length += part === null ? 4 : part.length
  }
  const joined = new Uint8Array(length)
  joined[0] = CONSTANT_SIZE
  writeInt32(joined, 1, nullIndexes.length)
  let offset = 5
  for (const index of nullIndexes) {
    writeInt32(joined, offset, index)
    offset += 4
  }
  writeInt32(joined, offset, parts.length)
  offset += 4
  for (const part of parts) {
    if (part === null) continue
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

function checkEnd(bytes: Bytes, end: number): void {
  if (end > bytes.length) throw new Error(`a list ends at byte ${end}, but there are ${bytes.length}`)
}

/** A count or length of these bytes, which cannot be more than the bytes themselves. */
function readCount(bytes: Bytes, offset: number): number {
  checkEnd(bytes, offset + 4)
  const count = readInt32(bytes, offset)
  if (count < 0 || count > bytes.length) throw new Error(`a list says ${count} in ${bytes.length} bytes`)
  return count
}

function splitVarying(bytes: Bytes): (Bytes | null)[] {
  const count = readCount(bytes, 1)
  const parts: (Bytes | null)[] = []
  let offset = 5
  for (let i = 0; i < count; i++) {
    checkEnd(bytes, offset + 4)
    if (readInt32(bytes, offset) === NULL_ENTRY_LENGTH) {
      parts.push(null)
      offset += 4
      continue
    }
    const length = readCount(bytes, offset)
    offset += 4
    checkEnd(bytes, offset + length)
    parts.push(bytes.subarray(offset, offset + length))
    offset += length
  }
  return parts
}

function splitFixed(bytes: Bytes, entryBytes: number): (Bytes | null)[] {
  const nullCount = readCount(bytes, 1)
  const nullIndexes = new Set<number>()
  let offset = 5
  for (let i = 0; i < nullCount; i++) {
    nullIndexes.add(readCount(bytes, offset))
    offset += 4
  }
  const count = readCount(bytes, offset)
  offset += 4
  const parts: (Bytes | null)[] = []
  for (let i = 0; i < count; i++) {
    if (nullIndexes.has(i)) {
      parts.push(null)
      continue
    }
    checkEnd(bytes, offset + entryBytes)
    parts.push(bytes.subarray(offset, offset + entryBytes))
    offset += entryBytes
  }
  return parts
}
