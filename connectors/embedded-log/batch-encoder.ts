import { assert, type Bytes, utf8Encode } from '#streams/base'
import type { Headers } from '#streams/ports'
import { BATCH_HEADER_BYTES, writeBatchHeader } from './batch-format.ts'

/** A batch is closed at this size: the unit of checksums, of the offset index and of what a reader fetches at least. */
const BATCH_BYTES_MAX = 128 * 1024
const INITIAL_BYTES = 4 * 1024
/** Timestamps in one batch lie so close together that their zigzag difference is a safe integer. */
const TIMESTAMP_DISTANCE_MAX = 2 ** 51
/** Copying short arrays in a loop beats the call into `set`. */
const LOOP_COPY_BYTES_MAX = 24

/**
 * The records of one partition, encoded as they are sent, as one or more whole batches one after another. The buffer
 * is kept between uses: `send` allocates nothing once it has grown. A class, since its fields are on the path of every
 * record.
 */
export class BatchEncoder {
  readonly topicId: number
  readonly partition: number
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES)
  length = 0
  /** Where each closed batch starts; `length` is where the last one ends once `finish` was called. */
  readonly batchStarts: number[] = []
  #batchStart = -1
  #recordCount = 0
  #baseOffset = -1
  #lastOffset = -1
  #baseTimestampMs = 0
  #maxTimestampMs = 0
  #deleteHorizonMs = 0
  #sparse = false

  constructor(topicId: number, partition: number) {
    this.topicId = topicId
    this.partition = partition
  }

  /** Encodes one record of a dense batch and answers by how many bytes the buffer grew. */
  append(key: Bytes | null, value: Bytes | null, timestampMs: number, headers: Headers): number {
    const lengthBefore = this.length
    if (
      this.#batchStart < 0 ||
      this.length - this.#batchStart >= BATCH_BYTES_MAX ||
      Math.abs(timestampMs - this.#baseTimestampMs) > TIMESTAMP_DISTANCE_MAX
    ) {
      this.#begin(timestampMs)
    }
    this.#writeRecord(key, value, timestampMs, headers)
    return this.length - lengthBefore
  }

  /** Compaction: a record keeps its offset, and gaps appear. The batch is closed by the caller. */
  appendSparse(offset: number, key: Bytes | null, value: Bytes | null, timestampMs: number, headers: Headers): void {
    assert(this.#batchStart >= 0 && this.#sparse, 'beginSparse comes first')
    this.#reserve(10)
    this.length = writeVarint(this.bytes, this.length, offset - this.#baseOffset)
    this.#lastOffset = offset
    this.#writeRecord(key, value, timestampMs, headers)
  }

  beginSparse(baseOffset: number, baseTimestampMs: number, deleteHorizonMs: number): void {
    this.#begin(baseTimestampMs)
    this.#sparse = true
    this.#baseOffset = baseOffset
    this.#lastOffset = baseOffset
    this.#deleteHorizonMs = deleteHorizonMs
  }

  /** Closes the batch that is open, so that `bytes` up to `length` holds whole batches. */
  finish(): void {
    if (this.#batchStart < 0) return
    writeBatchHeader(this.bytes, this.#batchStart, {
      length: this.length - this.#batchStart,
      recordCount: this.#recordCount,
      offsetSpan: this.#sparse ? this.#lastOffset - this.#baseOffset + 1 : this.#recordCount,
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: this.#maxTimestampMs,
      deleteHorizonMs: this.#deleteHorizonMs,
      sparse: this.#sparse,
    })
    this.#batchStart = -1
  }

  /** Forgets everything and keeps the buffer, unless it grew beyond `bytesKeptMax`. */
  reset(bytesKeptMax: number): void {
    if (this.bytes.length > bytesKeptMax) this.bytes = new Uint8Array(INITIAL_BYTES)
    this.length = 0
    this.batchStarts.length = 0
    this.#batchStart = -1
  }

  #begin(timestampMs: number): void {
    this.finish()
    this.#reserve(BATCH_HEADER_BYTES)
    this.#batchStart = this.length
    this.batchStarts.push(this.length)
    this.length += BATCH_HEADER_BYTES
    this.#recordCount = 0
    this.#baseTimestampMs = timestampMs
    this.#maxTimestampMs = timestampMs
    this.#deleteHorizonMs = 0
    this.#sparse = false
  }

  #writeRecord(key: Bytes | null, value: Bytes | null, timestampMs: number, headers: Headers): void {
    // Four varints take at most 9 bytes each.
    this.#reserve((key === null ? 0 : key.length) + (value === null ? 0 : value.length) + 36)
    const bytes = this.bytes
    const distance = timestampMs - this.#baseTimestampMs
    let at = writeVarint(bytes, this.length, distance >= 0 ? distance * 2 : -distance * 2 - 1)
    at = writeNullable(bytes, at, key)
    at = writeNullable(bytes, at, value)
    this.length = writeVarint(bytes, at, headers.length)
    if (headers.length > 0) this.#writeHeaders(headers)
    this.#recordCount++
    if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs
  }

  #writeHeaders(headers: Headers): void {
    for (const header of headers) {
      const name = utf8Encode(header.key)
      this.#reserve(name.length + (header.value === null ? 0 : header.value.length) + 18)
      let at = writeVarint(this.bytes, this.length, name.length)
      this.bytes.set(name, at)
      at += name.length
      this.length = writeNullable(this.bytes, at, header.value)
    }
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}

function writeNullable(target: Uint8Array, position: number, source: Bytes | null): number {
  if (source === null) {
    target[position] = 0
    return position + 1
  }
  const length = source.length
  const at = writeVarint(target, position, length + 1)
  if (length <= LOOP_COPY_BYTES_MAX) {
    for (let i = 0; i < length; i++) target[at + i] = source[i] as number
  } else {
    target.set(source, at)
  }
  return at + length
}

/** Little groups of seven bits, the lowest first; for non-negative safe integers. */
function writeVarint(target: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = value
  while (rest > 0x7fffffff) {
    target[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  while (rest > 127) {
    target[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Bytes that a record takes in its batch, at most: for the limit on a record's size. */
export function recordBytes(key: Bytes | null, value: Bytes | null, headers: Headers): number {
  let count = (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const header of headers) count += header.key.length + (header.value === null ? 0 : header.value.length)
  return count
}
