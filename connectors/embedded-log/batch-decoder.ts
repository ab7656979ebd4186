import { type Bytes, utf8Decode } from '#streams/base'
import { type Header, type Headers, type LogRecord, NO_HEADERS } from '#streams/ports'
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchBaseTimestamp,
  batchIsSparse,
  batchLength,
  batchNextOffset,
  batchRecordCount,
} from './batch-format.ts'

/**
 * Walks through the records of whole batches, one `next` at a time. Keys and values are views of the bytes, not
 * copies. A class, since its fields are on the path of every record.
 */
export class RecordCursor {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #batchEnd = 0
  #recordsLeft = 0
  #baseOffset = 0
  #baseTimestampMs = 0
  #sparse = false
  #index = 0
  /** Where the next batch starts: the position of a reader that is through with this one. */
  nextOffset = 0

  /** Starts on `bytes`, which holds whole batches. */
  open(bytes: Bytes): void {
    this.#bytes = bytes
    this.#at = 0
    this.#batchEnd = 0
    this.#recordsLeft = 0
    this.nextOffset = 0
  }

  /** The next record with at least this offset; undefined when there is none left. */
  next(offsetFrom: number): LogRecord | undefined {
    for (;;) {
      if (this.#recordsLeft === 0) {
        if (!this.#openBatch(offsetFrom)) return undefined
        continue
      }
      const record = this.#readRecord()
      if (record.offset >= offsetFrom) return record
    }
  }

  get recordsLeftInBatch(): number {
    return this.#recordsLeft
  }

  /** True if no batch follows the current one. */
  get atEnd(): boolean {
    return this.#batchEnd >= this.#bytes.length
  }

  #openBatch(offsetFrom: number): boolean {
    const bytes = this.#bytes
    let at = this.#batchEnd
    while (at < bytes.length) {
      const next = batchNextOffset(bytes, at)
      this.#batchEnd = at + batchLength(bytes, at)
      this.nextOffset = next
      const count = batchRecordCount(bytes, at)
      if (next > offsetFrom && count > 0) {
        this.#recordsLeft = count
        this.#baseOffset = batchBaseOffset(bytes, at)
        this.#baseTimestampMs = batchBaseTimestamp(bytes, at)
        this.#sparse = batchIsSparse(bytes, at)
        this.#index = 0
        this.#at = at + BATCH_HEADER_BYTES
        return true
      }
      at = this.#batchEnd
    }
    return false
  }

  #readRecord(): LogRecord {
    this.#recordsLeft--
    const distance = this.#sparse ? this.#varint() : this.#index++
    const zigzag = this.#varint()
    const timestampMs = this.#baseTimestampMs + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2)
    const key = this.#nullable()
    const value = this.#nullable()
    const headerCount = this.#varint()
    const headers = headerCount === 0 ? NO_HEADERS : this.#headers(headerCount)
    return { offset: this.#baseOffset + distance, timestampMs, key, value, headers }
  }

  #nullable(): Bytes | null {
    const length = this.#varint() - 1
    if (length < 0) return null
    const bytes = this.#bytes
    const start = this.#at
    this.#at = start + length
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
  }

  #headers(count: number): Headers {
    const headers: Header[] = []
    for (let i = 0; i < count; i++) {
      const length = this.#varint()
      const key = utf8Decode(this.#bytes.subarray(this.#at, this.#at + length))
      this.#at += length
      headers.push({ key, value: this.#nullable() })
    }
    return headers
  }

  #varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#at++] as number
    if (byte < 128) return byte
    let value = byte & 127
    let factor = 128
    do {
      byte = bytes[this.#at++] as number
      value += (byte & 127) * factor
      factor *= 128
    } while (byte >= 128)
    return value
  }
}
