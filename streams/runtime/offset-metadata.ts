import { readInt32, readInt64, utf8Decode, utf8Encode, writeInt32, writeInt64 } from '../base/bytes.ts'

/**
 * What is committed beside each offset: the partition's time, and numbers that operators keep (KIP-825). Kafka
 * Streams' own format (TopicPartitionMetadata, ProcessorMetadata), so either can take over from the other:
 *
 *   base64( magic:int8=2  partitionTime:int64  [count:int32 (keyLength:int32 key:utf8 value:int64)*] )
 */
export type OffsetMetadata = {
  /** -1: unknown. */
  readonly partitionTimeMs: number
  readonly times: ReadonlyMap<string, number>
}

const MAGIC = 2
const NO_TIMES: ReadonlyMap<string, number> = new Map()
export const UNKNOWN_METADATA: OffsetMetadata = {
  partitionTimeMs: -1,
  times: NO_TIMES,
}

/** Kafka's default of `offset.metadata.max.bytes`, in characters; the embedded log has the same. */
const CHARACTERS_MAX = 4096
/** Where the partition's time ends. */
const TIME_END = 9
const HEADER_BYTES = 13
const ENTRY_OVERHEAD_BYTES = 12
/** What base64 of so many characters holds, beside the partition's time. */
export const OFFSET_METADATA_TIMES_BYTES_MAX: number = Math.floor(CHARACTERS_MAX / 4) * 3 - HEADER_BYTES

/** What a number takes there under this name. */
export function entryBytes(name: string): number {
  return ENTRY_OVERHEAD_BYTES + utf8Encode(name).length
}

export function encodeOffsetMetadata({ partitionTimeMs, times }: OffsetMetadata): string {
  const entries = [...times].map(([key, value]) => ({
    key: utf8Encode(key),
    value,
  }))
  const entriesLength = entries.length === 0 ? 0 : entries.reduce((sum, { key }) => sum + 12 + key.length, 4)
  const bytes = new Uint8Array(9 + entriesLength)
  bytes[0] = MAGIC
  writeInt64(bytes, 1, partitionTimeMs)
  if (entries.length > 0) writeInt32(bytes, 9, entries.length)
  let at = 13
  for (const { key, value } of entries) {
    writeInt32(bytes, at, key.length)
    bytes.set(key, at + 4)
    writeInt64(bytes, at + 4 + key.length, value)
    at += 12 + key.length
  }
  return btoa(String.fromCharCode(...bytes))
}

function decodeTimes(bytes: Uint8Array): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  if (bytes.length === TIME_END) return times
  if (bytes.length < HEADER_BYTES) throw new Error('offset metadata ends within its count')
  const count = readInt32(bytes, TIME_END)
  if (count < 0) throw new Error(`offset metadata says ${count} entries`)
  let at = 13
  for (let i = 0; i < count; i++) {
    const keyLength = readInt32(bytes, at)
    if (keyLength < 0 || at + 12 + keyLength > bytes.length) throw new Error('offset metadata ends within an entry')
    times.set(utf8Decode(bytes.subarray(at + 4, at + 4 + keyLength)), readInt64(bytes, at + 4 + keyLength))
    at += 12 + keyLength
  }
  if (at !== bytes.length) throw new Error('offset metadata goes on behind its entries')
  return times
}

/** Text that is not ours (another client's, a later version's) reads as unknown, as in Java. */
export function decodeOffsetMetadata(text: string): OffsetMetadata {
  if (text === '') return UNKNOWN_METADATA
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    // Bytes that are not there would read as zeros, and a time cut in half as an earlier one.
    if ((bytes[0] !== 1 && bytes[0] !== MAGIC) || bytes.length < TIME_END) return UNKNOWN_METADATA
    const partitionTimeMs = readInt64(bytes, 1)
    if (partitionTimeMs < UNKNOWN_METADATA.partitionTimeMs) return UNKNOWN_METADATA
    return {
      partitionTimeMs,
      times: bytes[0] === MAGIC ? decodeTimes(bytes) : NO_TIMES,
    }
  } catch {
    return UNKNOWN_METADATA
  }
}
