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

/**
 * The batches of one partition in a fetch response, from `fetchOffset` on. A broker gives whole batches, so the first may
 * begin before that, and the last may be cut off: it is left for the next fetch. Records are decoded when they are asked
 * for: a fetch holds many times as many as are processed at once, and as objects they would take many times its bytes.
 *
 * `aborted` (read_committed only) are the transactions that were aborted within what was fetched: their records are
 * left out, from their first offset to their abort marker. Java: CompletedFetch.
 */
export class FetchedBatches {
  /** Behind all that was read or left out. */
  nextOffset: number
  /** Key and value bytes of what the last `read` gave. */
  bytesRead = 0
  readonly #source: Buffer
  readonly #fetchOffset: number
  readonly #place: string
  readonly #upcoming: AbortedTransaction[]
  readonly #abortedProducers = new Set<bigint>()
  /** Of the next batch. */
  #at = 0
  /** The batch whose records are read. */
  #batch: Batch | undefined
  #body: Uint8Array = NO_BYTES
  #bodyAt = 0
  #recordsLeft = 0
  /** Decoded, and too large for the read that met it. */
  #held: LogRecord | undefined

  constructor(source: Buffer, fetchOffset: number, aborted: readonly AbortedTransaction[] | undefined, place: string) {
    this.#source = source
    this.#fetchOffset = fetchOffset
    this.#place = place
    this.nextOffset = fetchOffset
    this.#upcoming =
      aborted === undefined ? [] : [...aborted].sort((left, right) => left.firstOffset - right.firstOffset)
    this.#advance()
  }

  /** Every record was given, and `nextOffset` is behind the last whole batch, whatever became of its records. */
  get isAtEnd(): boolean {
    return this.#batch === undefined && this.#held === undefined
  }

  /** The next records, up to both limits; one that is larger than `bytesMax` alone is given if it `mayExceed`. */
  read(recordsMax: number, bytesMax: number, mayExceed: boolean): LogRecord[] {
    const records: LogRecord[] = []
    this.bytesRead = 0
    while (records.length < recordsMax && !this.isAtEnd) {
      const record = this.#held ?? this.#decode()
      this.#held = undefined
      if (record !== undefined) {
        const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
        if (this.bytesRead + bytes > bytesMax && !(mayExceed && records.length === 0)) {
          this.#held = record
          break
        }
        this.bytesRead += bytes
        records.push(record)
        this.nextOffset = record.offset + 1
      }
      if (this.#recordsLeft === 0) this.#advance()
    }
    return records
  }

  /** The next record of the batch; undefined if it lies before what was asked for. */
  #decode(): LogRecord | undefined {
    const batch = this.#batch as Batch
    cursor.bytes = this.#body
    cursor.at = this.#bodyAt
    const record = readRecord(batch, this.#fetchOffset)
    this.#bodyAt = cursor.at
    this.#recordsLeft--
    return record
  }

  /** Goes behind the batch, and to the next one that has records to give. */
  #advance(): void {
    if (this.#batch !== undefined) this.nextOffset = Math.max(this.nextOffset, this.#batch.lastOffset + 1)
    this.#batch = undefined
    this.#body = NO_BYTES
    while (this.#at + HEADER_BYTES <= this.#source.length) {
      const end = this.#at + BYTES_BEFORE_LENGTH + this.#source.readInt32BE(this.#at + 8)
      if (end > this.#source.length) return
      const batch = readHeader(this.#source, this.#at, end, this.#place)
      this.#at = end
      if (!this.#isLeftOut(batch) && batch.count > 0) {
        this.#batch = batch
        this.#body = plainArrayOf(bodyOf(batch))
        this.#bodyAt = 0
        this.#recordsLeft = batch.count
        return
      }
      this.nextOffset = Math.max(this.nextOffset, batch.lastOffset + 1)
    }
  }

  #isLeftOut(batch: Batch): boolean {
    while (this.#upcoming[0] !== undefined && this.#upcoming[0].firstOffset <= batch.lastOffset)
      this.#abortedProducers.add((this.#upcoming.shift() as AbortedTransaction).producerId)
    if (!batch.isControl) return batch.isTransactional && this.#abortedProducers.has(batch.producerId)
    if (controlType(bodyOf(batch)) === CONTROL_ABORT) this.#abortedProducers.delete(batch.producerId)
    return true
  }
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
  readonly raw: Buffer
  readonly compression: number
}

function readHeader(source: Buffer, at: number, end: number, place: string): Batch {
  const magic = source[at + 16]
  const baseOffset = Number(source.readBigInt64BE(at))
  if (magic !== 2)
    throw new StreamsError('LOG_CORRUPTED', `batch at ${place} offset ${baseOffset} has format ${magic}, 2 is known`)
  if (crc32c(source.subarray(at + 21, end)) >>> 0 !== source.readUInt32BE(at + 17))
    throw new StreamsError('LOG_CORRUPTED', `the checksum of the batch at ${place} offset ${baseOffset} is wrong`)
  const attributes = source.readInt16BE(at + 21)
  const compression = attributes & COMPRESSION_MASK
  if (compressionsAlgorithmsByBitmask[compression] === undefined)
    throw new StreamsError('LOG_CORRUPTED', `batch at ${place} offset ${baseOffset}: unknown compression`)
  return {
    baseOffset,
    lastOffset: baseOffset + source.readInt32BE(at + 23),
    baseTimestampMs: Number(source.readBigInt64BE(at + 27)),
    appendTimestampMs: (attributes & LOG_APPEND_TIME) === 0 ? undefined : Number(source.readBigInt64BE(at + 35)),
    producerId: source.readBigInt64BE(at + 43),
    isTransactional: (attributes & IS_TRANSACTIONAL) !== 0,
    isControl: (attributes & IS_CONTROL) !== 0,
    count: source.readInt32BE(at + 57),
    raw: source.subarray(at + HEADER_BYTES, end),
    compression,
  }
}

function bodyOf({ raw, compression }: Batch): Buffer {
  return compression === 0 ? raw : (compressionsAlgorithmsByBitmask[compression]?.decompressSync(raw) ?? raw)
}

/** What is handed out should not be of a class of its own. */
function plainArrayOf(body: Buffer): Uint8Array {
  return new Uint8Array(body.buffer, body.byteOffset, body.length)
}

const NO_BYTES = new Uint8Array(0)

/** Where the reader stands: one object for all batches, decoding is synchronous. */
const cursor: { bytes: Uint8Array; at: number } = { bytes: NO_BYTES, at: 0 }

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

function readRecord(batch: Batch, fetchOffset: number): LogRecord | undefined {
  const length = readVarint()
  const end = cursor.at + length
  cursor.at++
  const delta = readVarint()
  const timestampMs = batch.appendTimestampMs ?? batch.baseTimestampMs + delta
  const offset = batch.baseOffset + readVarint()
  if (offset < fetchOffset) {
    cursor.at = end
    return undefined
  }
  const key = readNullable()
  const value = readNullable()
  const headers = readHeaders()
  cursor.at = end
  return { offset, timestampMs, key, value, headers }
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
function controlType(body: Buffer): number {
  cursor.bytes = plainArrayOf(body)
  cursor.at = 0
  readVarint()
  cursor.at++
  readVarint()
  readVarint()
  const length = readVarint()
  return length >= 4 ? body.readInt16BE(cursor.at + 2) : -1
}
