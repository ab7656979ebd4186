import { type Bytes, readInt64, writeInt64 } from '../base/index.ts'

/**
 * Local format of values that carry a timestamp (Java: ValueAndTimestampSerializer):
 *
 *     int64 timestamp | value
 *
 * In changelogs the value stands alone, and the timestamp is the record's own.
 */
export const TIMESTAMP_BYTES = 8

export function encodeTimestamped(value: Bytes, timestampMs: number): Bytes {
  const encoded = new Uint8Array(TIMESTAMP_BYTES + value.length)
  writeInt64(encoded, 0, timestampMs)
  encoded.set(value, TIMESTAMP_BYTES)
  return encoded
}

export function timestampOf(encoded: Bytes): number {
  return readInt64(encoded, 0)
}

/** A view, not a copy. */
export function valueBytesOf(encoded: Bytes): Bytes {
  return encoded.subarray(TIMESTAMP_BYTES)
}
