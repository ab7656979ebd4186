import type { Bytes } from '../base/bytes.ts'
import type { Headers, LogRecord } from '../ports/index.ts'

/** The next record of a partition, deserialised, with its extracted timestamp. */
export type HeadRecord = {
  key: unknown
  value: unknown
  timestampMs: number
  offset: number
  headers: Headers
  rawKey: Bytes | null
  rawValue: Bytes | null
}

export function emptyHead(): HeadRecord {
  return {
    key: null,
    value: null,
    timestampMs: -1,
    offset: -1,
    headers: [],
    rawKey: null,
    rawValue: null,
  }
}

/**
 * Reads one raw record: true if `head` was filled in, false if the record is dropped (unreadable and skipped by the
 * handler, or without a valid timestamp; counted there).
 */
export type ReadRecord = (raw: LogRecord, partitionTimeMs: number, head: HeadRecord) => boolean

type Chunk = {
  readonly records: readonly LogRecord[]
  readonly nextOffset: number
}

export const RECORD_OVERHEAD_BYTES = 40

export function recordBytes(record: LogRecord): number {
  return RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}

/**
 * The buffered records of one input partition, in offset order. Only the head is deserialised (its timestamp decides
 * which partition is next); what is buffered stays bytes. Java: RecordQueue.
 */
export class RecordQueue {
  readonly topic: string
  readonly partition: number
  /** Valid while `hasHead`; one object, filled in anew for each record. */
  readonly head: HeadRecord = emptyHead()
  hasHead = false
  /** Raw records behind and including the head. */
  recordCount = 0
  byteCount = 0
  /** Highest timestamp taken from this partition; committed beside the offset. */
  partitionTimeMs = -1
  /** Records between what was fetched and the end of the partition as last known; -1 = not known yet. */
  fetchedLag = -1
  /** Where the log goes on behind all that is buffered. */
  #fetchedOffset: number
  /** Chunks before `#chunkAt` were taken and let go of. */
  #chunks: (Chunk | undefined)[] = []
  #chunkAt = 0
  #recordAt = 0
  readonly #read: ReadRecord

  constructor(topic: string, partition: number, position: number, read: ReadRecord) {
    this.topic = topic
    this.partition = partition
    this.#fetchedOffset = position
    this.#read = read
  }

  /** The offset to commit: of the head where there is one (it was not processed yet), else the fetch position. */
  get committableOffset(): number {
    return this.hasHead ? this.head.offset : this.#fetchedOffset
  }

  /** Undefined until something was fetched. */
  get endOffset(): number | undefined {
    return this.fetchedLag < 0 ? undefined : this.#fetchedOffset + this.fetchedLag
  }

  /** Records in memory: what is buffered, and what was taken of the batch that the head came with. */
  get recordsHeld(): number {
    return this.#chunks.reduce((sum, chunk) => sum + (chunk?.records.length ?? 0), 0)
  }

  /** Returns the bytes of the records, each with its overhead. */
  add(records: readonly LogRecord[], nextOffset: number, endOffset: number): number {
    this.#fetchedOffset = nextOffset
    this.fetchedLag = Math.max(0, endOffset - nextOffset)
    if (records.length === 0) return 0
    this.#chunks.push({ records, nextOffset })
    this.recordCount += records.length
    let bytes = 0
    for (const record of records) bytes += recordBytes(record)
    this.byteCount += bytes
    if (!this.hasHead) this.#readHead()
    return bytes
  }

  /** Call when the head was taken over: moves on to the next readable record. */
  advance(): void {
    if (this.head.timestampMs > this.partitionTimeMs) this.partitionTimeMs = this.head.timestampMs
    this.hasHead = false
    this.#readHead()
  }

  #readHead(): void {
    for (let raw = this.#takeRaw(); raw !== undefined; raw = this.#takeRaw()) {
      if (!this.#read(raw, this.partitionTimeMs, this.head)) continue
      this.head.offset = raw.offset
      this.head.rawKey = raw.key
      this.head.rawValue = raw.value
      this.hasHead = true
      return
    }
  }

  #takeRaw(): LogRecord | undefined {
    const chunk = this.#chunks[this.#chunkAt]
    if (chunk === undefined) return undefined
    const raw = chunk.records[this.#recordAt] as LogRecord
    this.recordCount--
    this.byteCount -= recordBytes(raw)
    if (++this.#recordAt === chunk.records.length) this.#dropChunk()
    return raw
  }

  #dropChunk(): void {
    this.#recordAt = 0
    this.#chunks[this.#chunkAt++] = undefined
    // Under load a queue may never be empty: taken slots go as soon as they are half of all.
    if (2 * this.#chunkAt >= this.#chunks.length) {
      this.#chunks.splice(0, this.#chunkAt)
      this.#chunkAt = 0
    }
  }
}
