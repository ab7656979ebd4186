import { assert, type Bytes, partitionName, StreamsError } from '#streams/base'
import type { Clock, CommittedOffset, Headers, Producer, ProducerOptions } from '#streams/ports'
import { BatchEncoder, recordBytes } from './batch-encoder.ts'
import type { LogTransport, SubmitRequest, TopicMetadata } from './protocol.ts'

/** Without transactions, records are submitted when so many bytes are buffered, or after `LINGER_MS`. */
const SUBMIT_BYTES = 512 * 1024
const LINGER_MS = 5
/** A partition's buffer that grew beyond this in a burst is given back after the burst. */
const ENCODER_BYTES_KEPT_MAX = 1024 * 1024
/**
 * How far a step may run past `bufferBytesMax` before `send` refuses. The runtime looks at `bytesBuffered` between
 * steps, and a single step may emit much (a suppressed window closing), so the bound that throws lies behind the bound
 * that it watches.
 */
const BUFFER_OVERRUN_BYTES_MAX = 64 * 1024 * 1024
const METADATA_CHARACTERS_MAX = 4096

type ProducerTopic = {
  readonly metadata: TopicMetadata
  readonly encoders: (BatchEncoder | undefined)[]
  /** Per partition: the offset after the last acknowledged record. */
  readonly producedOffsets: (number | undefined)[]
}

export type ProducerParts = {
  readonly transport: LogTransport
  readonly clock: Clock
  readonly options: ProducerOptions
  /** Undefined without a transactional id. */
  readonly epoch: number | undefined
  readonly onClose: (producer: Producer) => void
}

/**
 * Encodes each record once, into a buffer per partition, and hands the owner whole batches. A class for its identity,
 * lifecycle and hot fields.
 */
export class LogProducer implements Producer {
  readonly #transport: LogTransport
  readonly #clock: Clock
  readonly #options: ProducerOptions
  readonly #producer: { readonly transactionalId: string; readonly epoch: number } | undefined
  readonly #onClose: (producer: Producer) => void
  readonly #topics = new Map<string, ProducerTopic>()
  readonly #topicsById = new Map<number, ProducerTopic>()
  /** Encoders with records that were not submitted. */
  #filled: BatchEncoder[] = []
  #bytesFilled = 0
  #bytesInFlight = 0
  readonly #inFlight = new Set<Promise<void>>()
  #lingering = false
  #failure: unknown
  #closed = false

  constructor(parts: ProducerParts) {
    this.#transport = parts.transport
    this.#clock = parts.clock
    this.#options = parts.options
    this.#onClose = parts.onClose
    const { transactionalId } = parts.options
    if (transactionalId !== undefined) {
      assert(parts.epoch !== undefined, 'a transactional producer has an epoch')
      this.#producer = { transactionalId, epoch: parts.epoch }
    }
  }

  get bytesBuffered(): number {
    return this.#bytesFilled + this.#bytesInFlight
  }

  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void {
    const entry = this.#topics.get(topic)
    if (entry === undefined) throw this.#missingTopic(topic)
    const encoder = entry.encoders[partition] ?? this.#addEncoder(entry, partition)
    if (this.#failure !== undefined) throw this.#failure
    const bytes = recordBytes(key, value, headers)
    if (bytes > entry.metadata.maxMessageBytes) throw tooLarge(entry.metadata, partition, bytes)
    if (this.#bytesFilled + this.#bytesInFlight > this.#options.bufferBytesMax + BUFFER_OVERRUN_BYTES_MAX) {
      throw this.#bufferFull()
    }
    if (!Number.isSafeInteger(timestampMs)) throw badTimestamp(topic, partition, timestampMs)
    if (encoder.length === 0) this.#filled.push(encoder)
    this.#bytesFilled += encoder.append(key, value, timestampMs, headers)
    if (this.#producer === undefined) this.#submitSoon()
  }

  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.metadata.partitions
  }

  async prepareTopics(topics: readonly string[]): Promise<void> {
    this.#assertOpen()
    const names = topics.filter((name) => !this.#topics.has(name))
    if (names.length === 0) return
    const found = await this.#transport.call('topics', { names })
    for (const metadata of found) {
      if (this.#topics.has(metadata.name)) continue
      const entry: ProducerTopic = {
        metadata,
        encoders: new Array(metadata.partitions).fill(undefined),
        producedOffsets: new Array(metadata.partitions).fill(undefined),
      }
      this.#topics.set(metadata.name, entry)
      this.#topicsById.set(metadata.id, entry)
    }
    const missing = names.filter((name) => !this.#topics.has(name))
    if (missing.length > 0) {
      throw new StreamsError(
        'TOPIC_MISSING',
        `${this.#options.clientId} will write to topics that do not exist: ${missing.join(', ')}. Create them first.`,
      )
    }
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    // In a transaction everything is written at once when it commits; until then there is nothing to wait for.
    if (this.#producer !== undefined) return
    this.#submit()
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
  }

  async commitTransaction(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.#assertOpen()
    assert(this.#producer !== undefined, 'a commit of a transaction needs a transactional id')
    if (this.#failure !== undefined) throw this.#failure
    checkMetadata(offsets)
    const request = this.#takeSubmission(offsets.length > 0 ? { group, offsets } : {})
    const bytes = this.#bytesInFlight
    this.#bytesInFlight += request.bytes.length
    try {
      await this.#call(request)
    } catch (error) {
      // The outcome may be unknown, so this producer must not begin another transaction.
      this.#failure = error
      throw error
    } finally {
      this.#bytesInFlight = bytes
    }
  }

  async abortTransaction(): Promise<void> {
    this.#assertOpen()
    assert(this.#producer !== undefined, 'an abort needs a transactional id')
    this.#discardFilled()
  }

  async commitOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.#assertOpen()
    assert(this.#producer === undefined, 'a transactional producer commits offsets with the transaction')
    checkMetadata(offsets)
    await this.flush()
    if (offsets.length > 0) await this.#call({ batches: [], bytes: new Uint8Array(0), group, offsets })
  }

  producedOffset(topic: string, partition: number): number | undefined {
    return this.#topics.get(topic)?.producedOffsets[partition]
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const flushed = this.#producer === undefined && this.#failure === undefined ? this.flush() : undefined
    this.#closed = true
    this.#onClose(this)
    this.#discardFilled()
    await flushed
  }

  #submitSoon(): void {
    if (this.#bytesFilled >= SUBMIT_BYTES) {
      this.#submit()
    } else if (!this.#lingering) {
      this.#lingering = true
      void this.#clock.sleep(LINGER_MS).then(() => {
        this.#lingering = false
        this.#submit()
      })
    }
  }

  /** Hands over what is buffered, without a transaction. An error is kept for the next call: nothing is lost silently. */
  #submit(): void {
    if (this.#filled.length === 0 || this.#failure !== undefined) return
    const request = this.#takeSubmission({})
    const bytes = request.bytes.length
    this.#bytesInFlight += bytes
    const call: Promise<void> = this.#call(request)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        this.#bytesInFlight -= bytes
        this.#inFlight.delete(call)
      })
    this.#inFlight.add(call)
  }

  async #call(request: SubmitRequest): Promise<void> {
    const { batches } = request
    const { nextOffsets } = await this.#transport.call('submit', request, [request.bytes.buffer])
    for (let i = 0; i < nextOffsets.length; i++) {
      const topic = this.#topicsById.get(batches[i * 4] as number)
      if (topic !== undefined) topic.producedOffsets[batches[i * 4 + 1] as number] = nextOffsets[i]
    }
  }

  /** Copies all batches into one buffer of exactly their size, which can be given away; the encoders are kept warm. */
  #takeSubmission(offsets: Pick<SubmitRequest, 'group' | 'offsets'>): SubmitRequest {
    const batches: number[] = []
    let length = 0
    for (const encoder of this.#filled) {
      encoder.finish()
      length += encoder.length
    }
    const bytes = new Uint8Array(length)
    let at = 0
    for (const encoder of this.#filled) {
      bytes.set(encoder.bytes.subarray(0, encoder.length), at)
      const { batchStarts } = encoder
      for (let i = 0; i < batchStarts.length; i++) {
        const start = batchStarts[i] as number
        const end = batchStarts[i + 1] ?? encoder.length
        batches.push(encoder.topicId, encoder.partition, at + start, end - start)
      }
      at += encoder.length
    }
    this.#discardFilled()
    return this.#producer === undefined
      ? { batches, bytes, ...offsets }
      : { producer: this.#producer, batches, bytes, ...offsets }
  }

  #discardFilled(): void {
    for (const encoder of this.#filled) encoder.reset(ENCODER_BYTES_KEPT_MAX)
    this.#filled = []
    this.#bytesFilled = 0
  }

  #addEncoder(topic: ProducerTopic, partition: number): BatchEncoder {
    const { id, name, partitions } = topic.metadata
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw new StreamsError(
        'OFFSET_OUT_OF_RANGE',
        `Topic ${name} has no partition ${partition}: its partitions are 0 to ${partitions - 1}.`,
      )
    }
    const encoder = new BatchEncoder(id, partition)
    topic.encoders[partition] = encoder
    return encoder
  }

  #missingTopic(topic: string): StreamsError {
    return new StreamsError(
      'TOPIC_MISSING',
      `${this.#options.clientId} sent a record to topic ${topic}, which was not prepared. Await prepareTopics first.`,
    )
  }

  #bufferFull(): StreamsError {
    return new StreamsError(
      'LIMIT_EXCEEDED',
      `${this.#options.clientId} has ${this.bytesBuffered} bytes buffered, far more than bufferBytesMax = ` +
        `${this.#options.bufferBytesMax}. Flush or commit when bytesBuffered reaches bufferBytesMax.`,
    )
  }

  #assertOpen(): void {
    if (this.#closed) throw new StreamsError('CLOSED', `The producer ${this.#options.clientId} is closed.`)
  }
}

function badTimestamp(topic: string, partition: number, timestampMs: number): StreamsError {
  return new StreamsError(
    'RECORD_UNWRITABLE',
    `A record for ${partitionName(topic, partition)} has the timestamp ${timestampMs}. A timestamp is a whole number of ` +
      'milliseconds: use Date.now(), or Math.trunc().',
  )
}

function tooLarge({ name, maxMessageBytes }: TopicMetadata, partition: number, bytes: number): StreamsError {
  return new StreamsError(
    'RECORD_TOO_LARGE',
    `A record of ${bytes} bytes for ${partitionName(name, partition)} is larger than the topic's maxMessageBytes = ` +
      `${maxMessageBytes}. Send less, or raise the topic's limit.`,
  )
}

function checkMetadata(offsets: readonly CommittedOffset[]): void {
  for (const { topic, partition, metadata } of offsets) {
    if (metadata.length <= METADATA_CHARACTERS_MAX) continue
    throw new StreamsError(
      'LIMIT_EXCEEDED',
      `The metadata beside the offset of ${partitionName(topic, partition)} has ${metadata.length} characters; ` +
        `${METADATA_CHARACTERS_MAX} are allowed.`,
    )
  }
}
