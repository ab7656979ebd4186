import { assert, partitionName, StreamsError } from '#streams/base'
import type {
  Consumer,
  ConsumerOptions,
  FetchedBatch,
  LogRecord,
  PartitionOffset,
  TopicPartition,
} from '#streams/ports'
import { RecordCursor } from './batch-decoder.ts'
import { batchLength, batchNextOffset, batchProblem } from './batch-format.ts'
import { errorOf } from './message-port.ts'
import type { ErrorData, FetchedChunk, FetchedPartition, LogTransport } from './protocol.ts'

/** A fetch brings this much for all partitions together; polls are served from it until it is used up. */
const FETCH_BYTES = 2 * 1024 * 1024

type Damage = {
  readonly file: string
  readonly position: number
  readonly problem: string
  /** What lies before the damage, and the offset after it; undefined if that is nothing. */
  readonly intact: readonly FetchedChunk[]
  readonly nextOffset: number | undefined
}

/** Bytes that come from a file are checked here, on the reader's thread, before the first record is handed out. */
function findDamage(chunks: readonly FetchedChunk[]): Damage | undefined {
  let nextOffset: number | undefined
  for (let i = 0; i < chunks.length; i++) {
    const { bytes, source } = chunks[i] as FetchedChunk
    if (source === undefined) return undefined
    for (let at = 0; at < bytes.length; at += batchLength(bytes, at)) {
      const problem = batchProblem(bytes, at, bytes.length)
      if (problem === undefined) {
        nextOffset = batchNextOffset(bytes, at)
        continue
      }
      const intact = [...chunks.slice(0, i), { bytes: bytes.subarray(0, at), source }].filter((c) => c.bytes.length > 0)
      return { file: source.file, position: source.position + at, problem, intact, nextOffset }
    }
  }
  return undefined
}

/** One assigned partition: its position, and what was fetched beyond it. */
class PartitionReader {
  readonly topic: string
  readonly partition: number
  /** In the assignment. */
  readonly index: number
  /** What the next poll gives first. */
  position: number
  paused = false
  endOffset = 0
  error: ErrorData | undefined
  /** Changes when fetched bytes must be forgotten, so that a late answer is recognised. */
  epoch = 0
  #chunks: FetchedChunk[] = []
  #nextOffset = -1
  #cursorOpen = false
  /** Decoded, but beyond what the last poll could give. */
  #held: LogRecord | undefined
  readonly #cursor = new RecordCursor()

  constructor({ topic, partition, offset }: PartitionOffset, index: number) {
    this.topic = topic
    this.partition = partition
    this.position = offset
    this.index = index
  }

  get hasFetched(): boolean {
    return this.#nextOffset >= 0
  }

  seek(offset: number): void {
    this.position = offset
    this.epoch++
    this.error = undefined
    this.#forget()
  }

  accept(fetched: FetchedPartition): void {
    assert(!this.hasFetched, 'a partition is fetched only when nothing of it is left')
    this.endOffset = fetched.endOffset
    this.error = fetched.error
    if (fetched.error !== undefined || fetched.nextOffset <= this.position) return
    const damage = findDamage(fetched.chunks)
    if (damage === undefined) {
      this.#chunks = [...fetched.chunks].reverse()
      this.#nextOffset = fetched.nextOffset
    } else if (damage.nextOffset === undefined) {
      this.error = { code: 'LOG_CORRUPTED', message: this.#damageMessage(damage) }
    } else {
      this.#chunks = [...damage.intact].reverse()
      this.#nextOffset = damage.nextOffset
    }
  }

  /** Decodes up to the limits; undefined if nothing was fetched. Counts what it took in `taken`. */
  take(recordsMax: number, bytesMax: number, taken: { records: number; bytes: number }): FetchedBatch {
    const records: LogRecord[] = []
    let bytes = 0
    while (records.length < recordsMax) {
      const record = this.#held ?? this.#nextRecord()
      this.#held = undefined
      if (record === undefined) break
      const size = (record.key === null ? 0 : record.key.length) + (record.value === null ? 0 : record.value.length)
      if (bytes + size > bytesMax && (records.length > 0 || taken.records > 0)) {
        this.#held = record
        break
      }
      bytes += size
      records.push(record)
      this.position = record.offset + 1
    }
    taken.records += records.length
    taken.bytes += bytes
    // Offsets may be missing after the last record of a batch, or of all that was fetched: the position passes them.
    if (this.#held === undefined && this.#cursor.recordsLeftInBatch === 0) this.#passGap()
    const { topic, partition, position } = this
    return { topic, partition, records, nextOffset: position, endOffset: Math.max(this.endOffset, position) }
  }

  #passGap(): void {
    if (this.#cursorOpen && this.#cursor.nextOffset > this.position) this.position = this.#cursor.nextOffset
    if (this.#chunks.length > 0 || (this.#cursorOpen && !this.#cursor.atEnd)) return
    if (this.#nextOffset > this.position) this.position = this.#nextOffset
    this.#forget()
  }

  #nextRecord(): LogRecord | undefined {
    for (;;) {
      if (this.#cursorOpen) {
        const record = this.#cursor.next(this.position)
        if (record !== undefined) return record
        this.#cursorOpen = false
        if (this.#cursor.nextOffset > this.position) this.position = this.#cursor.nextOffset
      }
      const chunk = this.#chunks.at(-1)
      if (chunk === undefined) return undefined
      this.#chunks.pop()
      this.#cursor.open(chunk.bytes)
      this.#cursorOpen = true
    }
  }

  #damageMessage({ file, position, problem }: Damage): string {
    return (
      `The segment ${file} of ${partitionName(this.topic, this.partition)} is damaged at byte ${position}: ${problem}. ` +
      'Nothing was changed or skipped. Restore this file from a backup.'
    )
  }

  #forget(): void {
    this.#chunks = []
    this.#nextOffset = -1
    this.#cursorOpen = false
    this.#held = undefined
    this.#cursor.open(new Uint8Array(0))
  }
}

export type ConsumerParts = {
  readonly transport: LogTransport
  readonly options: ConsumerOptions
  /** Distinguishes the consumers of one connection. */
  readonly id: number
  readonly onClose: (consumer: Consumer) => void
}

type Fetch = {
  /** All assigned ones: the answer names them by their index. */
  readonly readers: readonly PartitionReader[]
  readonly asked: readonly PartitionReader[]
  readonly epochs: readonly number[]
  readonly waits: boolean
  promise: Promise<void>
}

/** Fetches raw batches from the owner, ahead of need, and decodes them poll by poll. */
export class LogConsumer implements Consumer {
  readonly #parts: ConsumerParts
  #readers: PartitionReader[] = []
  readonly #byName = new Map<string, PartitionReader>()
  #turn = 0
  #assignment = 0
  /** The assignment that the owner has been told. */
  #assignmentTold = -1
  #fetch: Fetch | undefined
  #wakeup = false
  #polling = false
  #closed = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
  }

  assign(positions: readonly PartitionOffset[]): void {
    this.#assertOpen()
    // Readers of the old assignment are dropped, and with them any answer that is still under way.
    for (const reader of this.#readers) reader.epoch++
    this.#byName.clear()
    this.#readers = positions.map((position, index) => {
      assert(Number.isSafeInteger(position.offset) && position.offset >= 0, 'a position is an offset')
      const reader = new PartitionReader(position, index)
      const name = partitionName(position.topic, position.partition)
      assert(!this.#byName.has(name), `${name} is assigned once`)
      this.#byName.set(name, reader)
      return reader
    })
    this.#turn = 0
    this.#assignment++
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).paused = false
  }

  seek(position: PartitionOffset): void {
    assert(Number.isSafeInteger(position.offset) && position.offset >= 0, 'a position is an offset')
    this.#reader(position).seek(position.offset)
  }

  position(partition: TopicPartition): number {
    return this.#reader(partition).position
  }

  async poll(waitMs: number): Promise<readonly FetchedBatch[]> {
    this.#assertOpen()
    assert(!this.#polling, 'one poll at a time')
    this.#polling = true
    try {
      if (!this.#hasReady()) await this.#fetchReady(this.#wakeup ? 0 : waitMs)
      this.#wakeup = false
      this.#throwError()
      const batches = this.#take()
      this.#fetchAhead()
      return batches
    } finally {
      this.#polling = false
    }
  }

  wakeup(): void {
    this.#wakeup = true
    this.#cancelWaiting()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelWaiting()
    this.#parts.onClose(this)
    await this.#fetch?.promise.catch(() => undefined)
    // Where the log is closed there is nobody left to forget anything.
    await this.#parts.transport.call('cancelFetch', { consumer: this.#parts.id, closed: true }).catch(() => undefined)
  }

  /** Waits for a fetch that is under way, then for one that covers every partition without fetched bytes. */
  async #fetchReady(waitMs: number): Promise<void> {
    if (this.#fetch !== undefined) {
      if (this.#fetch.waits) this.#cancelWaiting()
      await this.#fetch.promise
      if (this.#hasReady() || this.#hasError()) return
    }
    this.#startFetch(this.#wakeup ? 0 : waitMs)
    await this.#fetch?.promise
    if (this.#closed) throw this.#closedError()
  }

  /** Only where there is known to be more, so that a reader that has caught up asks once, and waits. */
  #fetchAhead(): void {
    const more = (reader: PartitionReader) =>
      !reader.paused && !reader.hasFetched && reader.position < reader.endOffset && reader.error === undefined
    if (this.#fetch === undefined && this.#readers.some(more)) this.#startFetch(0)
    // Its error is met again by the next poll that needs a fetch.
    this.#fetch?.promise.catch(() => undefined)
  }

  #startFetch(waitMs: number): void {
    const asked: PartitionReader[] = []
    const count = this.#readers.length
    for (let i = 0; i < count; i++) {
      const reader = this.#readers[(this.#turn + i) % count] as PartitionReader
      if (!reader.paused && !reader.hasFetched) asked.push(reader)
    }
    const fetch: Fetch = {
      readers: this.#readers,
      asked,
      epochs: this.#readers.map((reader) => reader.epoch),
      waits: waitMs > 0,
      promise: Promise.resolve(),
    }
    this.#fetch = fetch
    fetch.promise = this.#runFetch(fetch, waitMs)
  }

  async #runFetch(fetch: Fetch, waitMs: number): Promise<void> {
    try {
      const isTold = this.#assignmentTold === this.#assignment
      this.#assignmentTold = this.#assignment
      const positions: number[] = []
      for (const { index, position } of fetch.asked) positions.push(index, position)
      // Calls arrive in their order, so later ones can rely on what this one tells.
      const { partitions } = await this.#parts.transport.call('fetch', {
        consumer: this.#parts.id,
        assignment: this.#assignment,
        ...(isTold ? {} : { partitions: this.#readers.map(({ topic, partition }) => ({ topic, partition })) }),
        positions,
        bytesMax: FETCH_BYTES,
        waitMs,
      })
      for (const fetched of partitions) {
        const reader = fetch.readers[fetched.index] as PartitionReader
        if (reader.epoch === fetch.epochs[fetched.index]) reader.accept(fetched)
      }
    } finally {
      if (this.#fetch === fetch) this.#fetch = undefined
    }
  }

  #cancelWaiting(): void {
    if (this.#fetch?.waits === true) {
      this.#parts.transport.call('cancelFetch', { consumer: this.#parts.id }).catch(() => undefined)
    }
  }

  #hasReady(): boolean {
    return this.#readers.some((reader) => !reader.paused && reader.hasFetched)
  }

  #hasError(): boolean {
    return this.#readers.some((reader) => !reader.paused && reader.error !== undefined)
  }

  #throwError(): void {
    for (const reader of this.#readers) {
      const { error } = reader
      if (reader.paused || error === undefined) continue
      reader.error = undefined
      throw errorOf(error)
    }
  }

  /** Divides what is left of the limits among the partitions that have something, starting with another each time. */
  #take(): readonly FetchedBatch[] {
    const { pollRecordsMax, pollBytesMax } = this.#parts.options
    const count = this.#readers.length
    let ready = 0
    for (const reader of this.#readers) if (!reader.paused && reader.hasFetched) ready++
    const batches: FetchedBatch[] = []
    const taken = { records: 0, bytes: 0 }
    for (let i = 0; i < count && ready > 0; i++) {
      const reader = this.#readers[(this.#turn + i) % count] as PartitionReader
      if (reader.paused || !reader.hasFetched) continue
      if (taken.records >= pollRecordsMax || (taken.records > 0 && taken.bytes >= pollBytesMax)) break
      const recordsShare = Math.ceil((pollRecordsMax - taken.records) / ready)
      const bytesShare = Math.ceil((pollBytesMax - taken.bytes) / ready)
      const before = reader.position
      const batch = reader.take(recordsShare, bytesShare, taken)
      if (batch.nextOffset > before) batches.push(batch)
      ready--
    }
    if (count > 0) this.#turn = (this.#turn + 1) % count
    return batches
  }

  #reader({ topic, partition }: TopicPartition): PartitionReader {
    this.#assertOpen()
    const name = partitionName(topic, partition)
    const reader = this.#byName.get(name)
    assert(reader !== undefined, `${name} is assigned to the consumer ${this.#parts.options.clientId}`)
    return reader
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): StreamsError {
    return new StreamsError('CLOSED', `The consumer ${this.#parts.options.clientId} is closed.`)
  }
}
