import {
  type Bytes,
  compareBytes,
  messageOf,
  readInt32,
  readInt64,
  StreamsError,
  writeInt32,
  writeInt64,
} from '../base/index.ts'
import { SESSION_SUFFIX_BYTES, WINDOW_SUFFIX_BYTES } from '../serdes/index.ts'

/**
 * How a segmented store writes its keys. Both kinds are Java's key (as in the changelog) after the segment's id, so
 * that a segment is one range and expires by one range deletion:
 *
 *     window:   int64 segment | key | int64 start | int32 sequence number     (time = start, minor = sequence number)
 *     session:  int64 segment | key | int64 end   | int64 start               (time = end,   minor = start)
 */
export type SegmentSchema = {
  readonly suffixBytes: number
  writeMinor(target: Bytes, offset: number, minor: number): void
  readMinor(source: Bytes, offset: number): number
  /**
   * Upper bound (inclusive) of the keys up to `keyTo` in a segment, for entries up to `timeMax`: as Java's
   * `KeySchema.upperRange`, also in what it assumes of keys that are the beginning of others.
   */
  upperRange(keyTo: Bytes, timeMax: number): Bytes
}

export const SEGMENT_ID_BYTES = 8
const TIME_BYTES = 8

export const WINDOW_SCHEMA: SegmentSchema = {
  suffixBytes: WINDOW_SUFFIX_BYTES,
  writeMinor: writeInt32,
  readMinor: readInt32,
  upperRange(keyTo, timeMax) {
    const suffix = new Uint8Array(WINDOW_SUFFIX_BYTES)
    writeTimeMax(suffix, timeMax)
    writeInt32(suffix, TIME_BYTES, 0x7fff_ffff)
    return upperRangeOf(keyTo, suffix)
  },
}

export const SESSION_SCHEMA: SegmentSchema = {
  suffixBytes: SESSION_SUFFIX_BYTES,
  writeMinor: writeInt64,
  readMinor: readInt64,
  upperRange(keyTo) {
    const suffix = new Uint8Array(SESSION_SUFFIX_BYTES)
    writeTimeMax(suffix, Number.POSITIVE_INFINITY)
    suffix.fill(0xff, TIME_BYTES)
    return upperRangeOf(keyTo, suffix)
  },
}

/** Times are safe integers; whatever is beyond stands for Java's Long.MAX_VALUE. */
function writeTimeMax(target: Bytes, timeMs: number): void {
  if (Number.isSafeInteger(timeMs)) {
    writeInt64(target, 0, timeMs)
    return
  }
  target.fill(0xff, 0, TIME_BYTES)
  target[0] = 0x7f
}

/** Java: OrderedBytes.upperRange. Keys are taken to have at least one byte. */
function upperRangeOf(key: Bytes, suffixMax: Bytes): Bytes {
  const firstByte = suffixMax[0] as number
  let keyLength = key.length
  if (firstByte !== 0) {
    keyLength = Math.min(1, key.length)
    while (keyLength < key.length && (key[keyLength] as number) >= firstByte) keyLength++
  }
  const bound = new Uint8Array(keyLength + suffixMax.length)
  bound.set(key.subarray(0, keyLength))
  bound.set(suffixMax, keyLength)
  return bound
}

export function encodeSegmentId(segment: number): Bytes {
  const bytes = new Uint8Array(SEGMENT_ID_BYTES)
  writeInt64(bytes, 0, segment)
  return bytes
}

export function encodeEngineKey(
  schema: SegmentSchema,
  segment: number,
  key: Bytes,
  timeMs: number,
  minor: number,
): Bytes {
  const bytes = new Uint8Array(SEGMENT_ID_BYTES + key.length + schema.suffixBytes)
  writeInt64(bytes, 0, segment)
  bytes.set(key, SEGMENT_ID_BYTES)
  const offset = SEGMENT_ID_BYTES + key.length
  writeInt64(bytes, offset, timeMs)
  schema.writeMinor(bytes, offset + TIME_BYTES, minor)
  return bytes
}

export function segmentIdOf(engineKey: Bytes): number {
  return readInt64(engineKey, 0)
}

/** A view, not a copy. */
export function keyBytesOf(schema: SegmentSchema, engineKey: Bytes): Bytes {
  return engineKey.subarray(SEGMENT_ID_BYTES, engineKey.length - schema.suffixBytes)
}

export function timeOf(schema: SegmentSchema, engineKey: Bytes): number {
  return readInt64(engineKey, engineKey.length - schema.suffixBytes)
}

export function minorOf(schema: SegmentSchema, engineKey: Bytes): number {
  return schema.readMinor(engineKey, engineKey.length - schema.suffixBytes + TIME_BYTES)
}

/** Of a changelog's key (Java's, without the segment's id): what is no such key would be put where no read finds it. */
export function restoredTimeOf(schema: SegmentSchema, storeKey: Bytes, offset: number, changelogTopic: string): number {
  const problem = problemOfStoreKey(schema, storeKey)
  if (problem === undefined) return timeOf(schema, storeKey)
  throw new StreamsError(
    'RECORD_UNREADABLE',
    `the key at offset ${offset} of the changelog ${changelogTopic} cannot be read: ${problem}; another program has ` +
      'written to this topic, or it is of another kind of store: reset the application, or give the store another name',
  )
}

function problemOfStoreKey(schema: SegmentSchema, storeKey: Bytes): string | undefined {
  if (storeKey.length < schema.suffixBytes)
    return `${storeKey.length} bytes are too few, at least ${schema.suffixBytes} are needed`
  try {
    const timeMs = timeOf(schema, storeKey)
    const minor = minorOf(schema, storeKey)
    if (timeMs >= 0 && minor >= 0 && (schema !== SESSION_SCHEMA || minor <= timeMs)) return undefined
    return schema === SESSION_SCHEMA
      ? `a session cannot be from ${minor} to ${timeMs}`
      : `a window cannot start at ${timeMs} with sequence number ${minor}`
  } catch (error) {
    return messageOf(error)
  }
}

/** True if `engineKey` is one of `key` and not of a longer key that starts with it. */
export function isOfKey(schema: SegmentSchema, engineKey: Bytes, key: Bytes): boolean {
  if (engineKey.length !== SEGMENT_ID_BYTES + key.length + schema.suffixBytes) return false
  return compareBytes(keyBytesOf(schema, engineKey), key) === 0
}

/** Range of one key in one segment, for times in [timeFrom, timeTo]. */
export function rangeOfKey(segment: number, key: Bytes, timeFrom: number, timeTo: number): { from: Bytes; to: Bytes } {
  const from = new Uint8Array(SEGMENT_ID_BYTES + key.length + TIME_BYTES)
  writeInt64(from, 0, segment)
  from.set(key, SEGMENT_ID_BYTES)
  const to = from.slice()
  writeInt64(from, SEGMENT_ID_BYTES + key.length, Math.max(0, timeFrom))
  const timeEnd = timeTo + 1
  if (Number.isSafeInteger(timeEnd)) writeInt64(to, SEGMENT_ID_BYTES + key.length, Math.max(0, timeEnd))
  else to[SEGMENT_ID_BYTES + key.length] = 0x80
  return { from, to }
}
