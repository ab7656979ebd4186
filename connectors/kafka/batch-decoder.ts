import { compressionsAlgorithmsByBitmask, crc32c } from '@platformatic/kafka'
import { StreamsError, utf8Decode } from '#streams/base'
import { type Headers, type LogRecord, NO_HEADERS } from '#streams/ports'

const HEADER_BYTES = 61
const BYTES_BEFORE_LENGTH = 12
const COMPRESSION_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const IS_TRANSACTIONAL = 0x10
const IS_CONTROL = 0x20
const CONTROL_ABORT = 0

export type AbortedTransaction = { readonly producerId: bigint; readonly firstOffset: number }

export type Decoded = {
  readonly records: LogRecord[]
  /** Behind the last batch that was there, whatever became of its records. */
  readonly nextOffset: number
  /** Keys and values of `records`. */
  readonly bytes: number
}

/**
 * Decodes the batches of one partition in a fetch response, from `fetchOffset` on. A broker gives whole batches, so the
 * first may begin before that, and the last may be cut off: it is left for the next fetch.
 *
 * `aborted` (read_committed only) are the transactions that were aborted within what was fetched: their records are
 * left out, from their first offset to their abort marker. Java: CompletedFetch.
 */
export function decodeBatches(
  source: Buffer,
  fetchOffset: number,
  aborted: readonly AbortedTransaction[] | undefined,
  place: string,
): Decoded {
  const records: LogRecord[] = []
  const upcoming = aborted === undefined ? [] : [...aborted].sort((left, right) => left.firstOffset - right.firstOffset)
  const abortedProducers = new Set<bigint>()
  let nextOffset = fetchOffset
  let bytes = 0
  for (let at = 0; at + HEADER_BYTES <= source.length; ) {
    const end = at + BYTES_BEFORE_LENGTH + source.readInt32BE(at + 8)
    if (end > source.length) break
    const batch = readHeader(source, at, end, place)
    while (upcoming[0] !== undefined && upcoming[0].firstOffset <= batch.lastOffset)
      abortedProducers.add((upcoming.shift() as AbortedTransaction).producerId)
    if (batch.isControl) {
      if (controlType(batch) === CONTROL_ABORT) abortedProducers.delete(batch.producerId)
    } else if (!(batch.isTransactional && abortedProducers.has(batch.producerId))) {
      bytes += readRecords(batch, fetchOffset, records)
    }
    nextOffset = Math.max(nextOffset, batch.lastOffset + 1)
    at = end
  }
  return { records, nextOffset, bytes }
}

type Batch = {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly baseTimestampMs: number
  /** Set where the broker's time of appending counts, and not the record's own. */
  readonly appendTimestampMs: number | undefined
  readonly producerId: bigint
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly count: number
  readonly body: Buffer
}

function readHeader(source: Buffer, at: number, end: number, place: string): Batch {
  const magic = source[at + 16]
  const baseOffset = Number(source.readBigInt64BE(at))
  if (magic !== 2)
    throw new StreamsError('LOG_CORRUPTED', `batch at ${place} offset ${baseOffset} has format ${magic}, 2 is known`)
  if (crc32c(source.subarray(at + 21, end)) >>> 0 !== source.readUInt32BE(at + 17))
    throw new StreamsError('LOG_CORRUPTED', `the checksum of the batch at ${place} offset ${baseOffset} is wrong`)
  const attributes = source.readInt16BE(at + 21)
  const compression = compressionsAlgorithmsByBitmask[attributes & COMPRESSION_MASK]
  if (compression === undefined)
    throw new StreamsError('LOG_CORRUPTED', `batch at ${place} offset ${baseOffset}: unknown compression`)
  const raw = source.subarray(at + HEADER_BYTES, end)
  return {
    baseOffset,
    lastOffset: baseOffset + source.readInt32BE(at + 23),
    baseTimestampMs: Number(source.readBigInt64BE(at + 27)),
    appendTimestampMs: (attributes & LOG_APPEND_TIME) === 0 ? undefined : Number(source.readBigInt64BE(at + 35)),
    producerId: source.readBigInt64BE(at + 43),
    isTransactional: (attributes & IS_TRANSACTIONAL) !== 0,
    isControl: (attributes & IS_CONTROL) !== 0,
    count: source.readInt32BE(at + 57),
    body: (attributes & COMPRESSION_MASK) === 0 ? raw : compression.decompressSync(raw),
  }
}

/** Where the reader stands: one object for all batches, decoding is synchronous. */
const cursor: { bytes: Uint8Array; at: number } = { bytes: new Uint8Array(0), at: 0 }

function moveTo(body: Buffer): void {
  // A plain array: what is handed out should not be of a class of its own.
  cursor.bytes = new Uint8Array(body.buffer, body.byteOffset, body.length)
  cursor.at = 0
}

function readVarint(): number {
  const { bytes } = cursor
  let byte = bytes[cursor.at++] as number
  let value = byte & 127
  let factor = 128
  while (byte >= 128) {
    byte = bytes[cursor.at++] as number
    value += (byte & 127) * factor
    factor *= 128
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function readNullable(): Uint8Array | null {
  const length = readVarint()
  if (length < 0) return null
  const start = cursor.at
  cursor.at = start + length
  return cursor.bytes.subarray(start, cursor.at)
}

function readRecords(batch: Batch, fetchOffset: number, into: LogRecord[]): number {
  moveTo(batch.body)
  let bytes = 0
  for (let i = 0; i < batch.count; i++) {
    const length = readVarint()
    const end = cursor.at + length
    cursor.at++
    const timestampMs = batch.appendTimestampMs ?? batch.baseTimestampMs + readVarint()
    if (batch.appendTimestampMs !== undefined) readVarint()
    const offset = batch.baseOffset + readVarint()
    if (offset >= fetchOffset) {
      const key = readNullable()
      const value = readNullable()
      into.push({ offset, timestampMs, key, value, headers: readHeaders() })
      bytes += (key?.length ?? 0) + (value?.length ?? 0)
    }
    cursor.at = end
  }
  return bytes
}

function readHeaders(): Headers {
  const count = readVarint()
  if (count === 0) return NO_HEADERS
  const headers: { key: string; value: Uint8Array | null }[] = []
  for (let i = 0; i < count; i++) {
    const length = readVarint()
    const start = cursor.at
    cursor.at = start + length
    headers.push({ key: utf8Decode(cursor.bytes.subarray(start, cursor.at)), value: readNullable() })
  }
  return headers
}

/** The key of a control record is version i16, type i16: 0 = abort, 1 = commit. */
function controlType({ body }: Batch): number {
  moveTo(body)
  readVarint()
  cursor.at++
  readVarint()
  readVarint()
  const length = readVarint()
  return length >= 4 ? body.readInt16BE(cursor.at + 2) : -1
}
