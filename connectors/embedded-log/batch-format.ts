import { type Bytes, readInt32, readInt64, writeInt32, writeInt64 } from '#streams/base'
import { checksum } from './checksum.ts'

/**
 * A record batch: what a client encodes once, the owner stores as it is, and a client decodes. All integers big-endian.
 *
 *   0  baseOffset      8   assigned by the owner
 *   8  length          4   of the whole batch
 *  12  offsetCheck     4   of baseOffset and checksum, so that a batch in a wrong place is found
 *  16  checksum        4   CRC-32 of bytes 20 … length
 *  20  format          1   1
 *  21  attributes      1   bit 0: sparse, each record carries its distance from baseOffset (after compaction)
 *  22  reserved        2
 *  24  recordCount     4
 *  28  offsetSpan      4   the next batch starts at baseOffset + offsetSpan or later
 *  32  baseTimestamp   8   of the first record
 *  40  maxTimestamp    8
 *  48  deleteHorizon   8   compaction may drop this batch's tombstones from this time on; 0 = not set yet
 *  56  records
 *
 * A record: [varint offset distance, if sparse] zigzag varint (timestamp - baseTimestamp), varint (key length + 1, 0 =
 * null), key, varint (value length + 1), value, varint header count, and per header varint length, key in UTF-8,
 * varint (value length + 1), value.
 */
export const BATCH_HEADER_BYTES = 56
export const BATCH_FORMAT = 1
const ATTRIBUTE_SPARSE = 1
const CHECKED_FROM = 20

export function batchLength(bytes: Bytes, at: number): number {
  return readInt32(bytes, at + 8) >>> 0
}

export function batchBaseOffset(bytes: Bytes, at: number): number {
  return readInt64(bytes, at)
}

export function batchRecordCount(bytes: Bytes, at: number): number {
  return readInt32(bytes, at + 24) >>> 0
}

export function batchOffsetSpan(bytes: Bytes, at: number): number {
  return readInt32(bytes, at + 28) >>> 0
}

export function batchNextOffset(bytes: Bytes, at: number): number {
  return readInt64(bytes, at) + batchOffsetSpan(bytes, at)
}

export function batchBaseTimestamp(bytes: Bytes, at: number): number {
  return readInt64(bytes, at + 32)
}

export function batchMaxTimestamp(bytes: Bytes, at: number): number {
  return readInt64(bytes, at + 40)
}

export function batchDeleteHorizon(bytes: Bytes, at: number): number {
  return readInt64(bytes, at + 48)
}

export function batchIsSparse(bytes: Bytes, at: number): boolean {
  return ((bytes[at + 21] as number) & ATTRIBUTE_SPARSE) !== 0
}

function batchChecksum(bytes: Bytes, at: number): number {
  return readInt32(bytes, at + 16) >>> 0
}

type BatchHeader = {
  readonly length: number
  readonly recordCount: number
  readonly offsetSpan: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly deleteHorizonMs: number
  readonly sparse: boolean
}

/** Completes a batch whose records lie in `bytes` after the header's place; the offset stays to be assigned. */
export function writeBatchHeader(bytes: Bytes, at: number, header: BatchHeader): void {
  writeInt64(bytes, at, 0)
  writeInt32(bytes, at + 8, header.length)
  bytes[at + 20] = BATCH_FORMAT
  bytes[at + 21] = header.sparse ? ATTRIBUTE_SPARSE : 0
  bytes[at + 22] = 0
  bytes[at + 23] = 0
  writeInt32(bytes, at + 24, header.recordCount)
  writeInt32(bytes, at + 28, header.offsetSpan)
  writeInt64(bytes, at + 32, header.baseTimestampMs)
  writeInt64(bytes, at + 40, header.maxTimestampMs)
  writeInt64(bytes, at + 48, header.deleteHorizonMs)
  writeInt32(bytes, at + 16, checksum(bytes.subarray(at + CHECKED_FROM, at + header.length)))
  writeInt32(bytes, at + 12, 0)
}

/** The owner's part: cheap, since the checksum does not cover the offset. */
export function assignBaseOffset(bytes: Bytes, at: number, baseOffset: number): void {
  writeInt64(bytes, at, baseOffset)
  writeInt32(bytes, at + 12, offsetCheck(bytes, at))
}

function offsetCheck(bytes: Bytes, at: number): number {
  let mixed = readInt32(bytes, at + 16) ^ 0x5bd1e995
  mixed = Math.imul(mixed ^ readInt32(bytes, at), 0x85ebca6b)
  mixed = Math.imul((mixed ^ (mixed >>> 15)) + readInt32(bytes, at + 4), 0xc2b2ae35)
  mixed = Math.imul((mixed ^ (mixed >>> 13)) + readInt32(bytes, at + 8), 0x27d4eb2f)
  return mixed ^ (mixed >>> 16)
}

/**
 * What is wrong with the batch that starts at `at`, if `end` is where the bytes end; undefined if nothing is. A batch
 * whose offset was not assigned yet is checked with `withOffset` false.
 */
export function batchProblem(bytes: Bytes, at: number, end: number, withOffset = true): string | undefined {
  if (end - at < BATCH_HEADER_BYTES) return `only ${end - at} bytes where a batch header has ${BATCH_HEADER_BYTES}`
  const length = batchLength(bytes, at)
  if (length < BATCH_HEADER_BYTES || length > end - at)
    return `a batch length of ${length} where ${end - at} bytes are left`
  if (bytes[at + 20] !== BATCH_FORMAT) return `an unknown batch format ${bytes[at + 20]}`
  if (checksum(bytes.subarray(at + CHECKED_FROM, at + length)) !== batchChecksum(bytes, at)) return 'a wrong checksum'
  if (withOffset && offsetCheck(bytes, at) !== readInt32(bytes, at + 12)) return 'a wrong offset'
  return undefined
}
