import type { Bytes } from '../base/index.ts'
import type { Headers, Serde } from '../ports/index.ts'

/** Same shape as `Change` of the topology: what a table sends through a repartition topic. */
type ChangedValue<V> = {
  readonly newValue: V | null
  readonly oldValue: V | null
  readonly isLatest: boolean
}

const OLD_ONLY = 0
const NEW_ONLY = 1
const BOTH = 2
/** Flags 3, 4 and 5 are 0, 1 and 2 with a byte for `isLatest` before them. Read, never written (as Java 4.x does). */
const WITH_IS_LATEST = 3

/**
 * Changes of a table in its repartition topic (Java: ChangedSerializer since 3.4). The last byte says what is there:
 *
 *     old value, 0        new value, 1        varint length of new value, new value, old value, 2
 *
 * Java does not write `isLatest` yet; a change that is not the latest is read as the latest after a repartition.
 */
export function changeSerde<V>(inner: Serde<V>): Serde<ChangedValue<V>> {
  return {
    name: `change(${inner.name})`,
    serialize(data, topic, headers) {
      const { newValue, oldValue } = data
      if (newValue === null && oldValue === null) throw new Error('a change has an old value, a new value or both')
      if (newValue === null) return flagged(inner.serialize(oldValue as NonNullable<V>, topic, headers), OLD_ONLY)
      const newBytes = inner.serialize(newValue as NonNullable<V>, topic, headers)
      if (oldValue === null) return flagged(newBytes, NEW_ONLY)
      return joined(newBytes, inner.serialize(oldValue as NonNullable<V>, topic, headers))
    },
    deserialize: (bytes, topic, headers) => readChange(inner, bytes, topic, headers),
  }
}

function flagged(value: Bytes, flag: number): Bytes {
  const encoded = new Uint8Array(value.length + 1)
  encoded.set(value)
  encoded[value.length] = flag
  return encoded
}

function joined(newBytes: Bytes, oldBytes: Bytes): Bytes {
  // Kafka's varint is the zigzag form: lengths are doubled.
  let rest = newBytes.length * 2
  const prefix: number[] = []
  while (rest >= 0x80) {
    prefix.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  prefix.push(rest)
  const encoded = new Uint8Array(prefix.length + newBytes.length + oldBytes.length + 1)
  encoded.set(prefix)
  encoded.set(newBytes, prefix.length)
  encoded.set(oldBytes, prefix.length + newBytes.length)
  encoded[encoded.length - 1] = BOTH
  return encoded
}

function readChange<V>(inner: Serde<V>, bytes: Bytes, topic: string, headers: Headers | undefined): ChangedValue<V> {
  const flag = bytes[bytes.length - 1]
  if (flag === undefined || flag > BOTH + WITH_IS_LATEST)
    throw new Error(`a change ends with 0 to 5, not ${String(flag)}`)
  const hasIsLatest = flag >= WITH_IS_LATEST
  const end = bytes.length - (hasIsLatest ? 2 : 1)
  if (end < 0) throw new Error('a change of flag 3 to 5 has at least 2 bytes')
  const isLatest = hasIsLatest ? readIsLatest(bytes[end] as number) : true
  const kind = hasIsLatest ? flag - WITH_IS_LATEST : flag
  if (kind === OLD_ONLY) {
    return {
      newValue: null,
      oldValue: inner.deserialize(bytes.subarray(0, end), topic, headers),
      isLatest,
    }
  }
  if (kind === NEW_ONLY) {
    return {
      newValue: inner.deserialize(bytes.subarray(0, end), topic, headers),
      oldValue: null,
      isLatest,
    }
  }
  const { length, next } = readVarint(bytes)
  if (length < 0 || next + length > end)
    throw new Error(`a change says ${length} bytes of new value in ${bytes.length}`)
  const newValue = inner.deserialize(bytes.subarray(next, next + length), topic, headers)
  return {
    newValue,
    oldValue: inner.deserialize(bytes.subarray(next + length, end), topic, headers),
    isLatest,
  }
}

function readIsLatest(byte: number): boolean {
  if (byte > 1) throw new Error(`isLatest of a change is 0 or 1, not ${byte}`)
  return byte === 1
}

function readVarint(bytes: Bytes): {
  readonly length: number
  readonly next: number
} {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i]
    if (byte === undefined) break
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { length: (value >>> 1) ^ -(value & 1), next: i + 1 }
  }
  throw new Error('a change starts with a length of at most 5 bytes')
}
