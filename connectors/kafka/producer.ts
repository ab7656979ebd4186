import { describeConfigsV4 } from '@platformatic/kafka'
import { type Bytes, StreamsError } from '#streams/base'
import type {
  CommittedOffset,
  CommittingMember,
  Headers,
  Producer,
  ProducerOptions,
  TopicPartition,
} from '#streams/ports'
import { BatchEncoder, recordBytesMax, stampBatch } from './batch-encoder.ts'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { canRetry, KAFKA_ERROR, KafkaError, kafkaError, streamsError } from './kafka-errors.ts'
import { commitGroupOffsets } from './offsets.ts'
import { PartitionQueue, type SealedBatch } from './partition-queue.ts'
import { backoffMs, sleep } from './retry.ts'
import { Transactions } from './transactions.ts'
import { type ProducedPartition, type ProduceRequest, produceV11, produceV12 } from './wire-records.ts'

const TOPIC_RESOURCE = 2
/** Between two looks for a topic that may be on its way. */
const TOPIC_LOOK_MS = 40
/** Kafka's default of max.message.bytes. */
const MESSAGE_BYTES_MAX = 1_048_588

type Topic = { readonly queues: readonly PartitionQueue[]; readonly messageBytesMax: number }

/**
 * An idempotent producer with its own batching. `send` encodes into the open batch of its partition; batches go out when
 * they are full, when they are `lingerMs` old, or when somebody waits for them; one batch per partition at a time, all
 * partitions of a broker in one request. A retry sends the same bytes with the same sequence, so that a batch whose
 * acknowledgement was lost is not written twice.
 *
 * What cannot be sent any more (an error that no retry mends) ends the producer: order and sequences would have a hole.
 */
export class KafkaProducer implements Producer {
  readonly #cluster: Cluster
  readonly #options: ProducerOptions
  readonly #connections: Connections
  readonly #transactions: Transactions
  readonly #topics = new Map<string, Topic>()
  readonly #busyBrokers = new Set<number>()
  #bytesBuffered = 0
  #closed = false
  #isClosing = false
  #failure: StreamsError | undefined
  /** Somebody waits: batches that are not full go out too. */
  #flushing = 0
  #lingerTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #progress = Promise.withResolvers<void>()

  private constructor(cluster: Cluster, options: ProducerOptions, connections: Connections) {
    this.#cluster = cluster
    this.#options = options
    this.#connections = connections
    this.#transactions = new Transactions(cluster, connections, options.transactionalId)
  }

  static async create(cluster: Cluster, options: ProducerOptions): Promise<KafkaProducer> {
    const connections = cluster.newConnections(options.clientId)
    try {
      const producer = new KafkaProducer(cluster, options, connections)
      await producer.#transactions.begin()
      return producer
    } catch (error) {
      await connections.close()
      throw error
    }
  }

  get bytesBuffered(): number {
    return this.#bytesBuffered
  }

  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.queues.length
  }

  producedOffset(topic: string, partition: number): number | undefined {
    return this.#topics.get(topic)?.queues[partition]?.producedOffset
  }

  async prepareTopics(names: readonly string[]): Promise<void> {
    this.#checkOpen()
    const wanted = [...new Set(names)].filter((name) => !this.#topics.has(name))
    if (wanted.length === 0) return
    const missing = await this.#loadTopics(wanted)
    if (missing.length > 0) {
      throw new StreamsError(
        'TOPIC_MISSING',
        `there is no topic ${missing.join(', ')}; create it before it is written to`,
      )
    }
    await this.#transactions.completeEarlier(wanted.flatMap((topic) => this.#partitionsOf(topic)))
    const limits = await this.#messageBytesMax(wanted)
    for (const name of wanted) {
      const count = this.#cluster.topic(name)?.leaders.length ?? 0
      const queues = Array.from({ length: count }, (_, partition) => new PartitionQueue(name, partition))
      this.#topics.set(name, { queues, messageBytesMax: limits.get(name) ?? MESSAGE_BYTES_MAX })
    }
  }

  #partitionsOf(topic: string): readonly TopicPartition[] {
    return (this.#cluster.topic(topic)?.leaders ?? []).map((_, partition) => ({ topic, partition }))
  }

  /** A topic that was made a moment ago may not have reached the broker that is asked. */
  async #loadTopics(names: readonly string[]): Promise<readonly string[]> {
    const { topicPropagationMs } = this.#cluster.limits
    const endMs = performance.now() + topicPropagationMs / 5
    for (;;) {
      const missing = await this.#cluster.load(names)
      if (missing.length === 0 || performance.now() > endMs) return missing
      await sleep(TOPIC_LOOK_MS)
    }
  }

  async #messageBytesMax(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const response = await this.#cluster.ask(
      'asking for the settings of topics',
      describeConfigsV4.api,
      names.map((resourceName) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configurationKeys: ['max.message.bytes'],
      })),
      false,
      false,
    )
    // Who may write but not read settings writes with the default.
    return new Map(
      response.results.flatMap(({ errorCode, resourceName, configs }) =>
        errorCode === 0 && configs[0] !== undefined ? [[resourceName, Number(configs[0].value)] as const] : [],
      ),
    )
  }

  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void {
    const known = this.#topics.get(topic)
    if (known === undefined)
      throw new StreamsError('TOPIC_MISSING', `topic ${topic} was not prepared: it does not exist, or is not known`)
    const queue = known.queues[partition]
    if (queue === undefined) {
      throw new StreamsError(
        'OFFSET_OUT_OF_RANGE',
        `topic ${topic} has no partition ${partition}, it has ${known.queues.length}`,
      )
    }
    if (!Number.isSafeInteger(timestampMs)) {
      throw new StreamsError(
        'RECORD_UNWRITABLE',
        `a record for ${topic} has the timestamp ${timestampMs}; a timestamp is a whole number of milliseconds: use Date.now(), or Math.trunc()`,
      )
    }
    const bytes = recordBytesMax(key, value, headers)
    if (bytes > known.messageBytesMax) {
      throw new StreamsError(
        'RECORD_TOO_LARGE',
        `a record for ${topic} takes ${bytes} bytes, the topic allows ${known.messageBytesMax}; raise max.message.bytes of the topic, or write less`,
      )
    }
    if (this.#bytesBuffered > this.#options.bufferBytesMax + this.#cluster.limits.bufferOverrunBytesMax) {
      throw new StreamsError(
        'LIMIT_EXCEEDED',
        `producer ${this.#options.clientId} holds ${this.#bytesBuffered} bytes that are not written yet; flush, or raise its buffer`,
      )
    }
    this.#append(queue, Math.min(this.#cluster.limits.batchBytes, known.messageBytesMax), bytes, [
      key,
      value,
      timestampMs,
      headers,
    ])
  }

  #append(
    queue: PartitionQueue,
    batchBytesMax: number,
    bytes: number,
    record: Parameters<BatchEncoder['append']>,
  ): void {
    if (queue.open !== undefined && queue.open.length + bytes > batchBytesMax) {
      queue.seal()
      this.#pump()
    }
    queue.open ??= new BatchEncoder(performance.now())
    const before = queue.open.count === 0 ? 0 : queue.open.length
    queue.open.append(...record)
    this.#bytesBuffered += queue.open.length - before
    this.#transactions.touch()
    this.#lingerTimer ??= setTimeout(() => {
      this.#lingerTimer = undefined
      this.#pump()
    }, this.#cluster.limits.lingerMs)
  }

  async flush(): Promise<void> {
    this.#checkOpen()
    this.#flushing++
    try {
      this.#pump()
      while (this.#failure === undefined && this.#bytesBuffered > 0 && !this.#closed) {
        await this.#progress.promise
      }
    } finally {
      this.#flushing--
    }
    this.#checkOpen()
  }

  async commitTransaction(
    group: string,
    offsets: readonly CommittedOffset[],
    member?: CommittingMember,
  ): Promise<void> {
    await this.flush()
    try {
      await this.#transactions.commit(group, offsets, member)
      this.#transactionEnded()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  async abortTransaction(): Promise<void> {
    this.#checkOpen()
    for (const queue of this.#queues()) {
      const sending = queue.isSending ? queue.sealed.shift() : undefined
      this.#bytesBuffered -= queue.drop()
      if (sending !== undefined) queue.sealed.push(sending)
    }
    await this.flush()
    try {
      await this.#transactions.abort()
      this.#transactionEnded()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  async commitOffsets(group: string, offsets: readonly CommittedOffset[], member?: CommittingMember): Promise<void> {
    this.#checkOpen()
    await commitGroupOffsets(this.#cluster, this.#connections, group, offsets, member)
  }

  /**
   * What was sent is written before, and an open transaction is aborted, so that readers do not wait for its time-out:
   * as far as brokers answer within `closeTimeoutMs`. That of a producer which failed is aborted by fencing it, unless
   * somebody else has the id already.
   */
  async close(): Promise<void> {
    if (this.#closed || this.#isClosing) return
    this.#isClosing = true
    if (this.#failure === undefined) {
      const ending = this.#options.transactionalId === undefined ? this.flush() : this.abortTransaction()
      await Promise.race([ending.catch(() => {}), sleep(this.#cluster.limits.closeTimeoutMs, true)])
    }
    if (this.#failure !== undefined && this.#failure.code !== 'FENCED' && this.#options.transactionalId !== undefined) {
      const fencing = this.#transactions.begin().catch(() => {})
      await Promise.race([fencing, sleep(this.#cluster.limits.fenceTimeoutMs, true)])
    }
    this.#closed = true
    clearTimeout(this.#lingerTimer)
    clearTimeout(this.#retryTimer)
    this.#announce()
    await this.#connections.close()
  }

  #transactionEnded(): void {
    const restarts = this.#transactions.takeNewEpoch()
    this.#transactions.noteEnded([...this.#queues()].filter(({ isWritten }) => isWritten))
    for (const queue of this.#queues()) {
      queue.isInTransaction = false
      queue.isWritten = false
      if (restarts) queue.nextSequence = 0
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new StreamsError('CLOSED', `producer ${this.#options.clientId} is closed`)
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(error: unknown): StreamsError {
    this.#failure ??= streamsError(error, `producer ${this.#options.transactionalId ?? this.#options.clientId}`)
    this.#announce()
    return this.#failure
  }

  #announce(): void {
    const { resolve } = this.#progress
    this.#progress = Promise.withResolvers<void>()
    resolve()
  }

  *#queues(): Iterable<PartitionQueue> {
    for (const { queues } of this.#topics.values()) yield* queues
  }

  // Sending --------------------------------------------------------------------------------------------------------

  /** Sends what is ready to every broker that has no request of this producer. */
  #pump(): void {
    if (this.#closed || this.#failure !== undefined || this.#bytesBuffered === 0) return
    const nowMs = performance.now()
    const byLeader = new Map<number, PartitionQueue[]>()
    let isPostponed = false
    for (const queue of this.#queues()) {
      if (queue.isSending || queue.isEmpty) continue
      if (queue.retryAtMs > nowMs) {
        isPostponed = true
        continue
      }
      const isOld = queue.open !== undefined && nowMs - queue.open.openedMs >= this.#cluster.limits.lingerMs - 1
      if (queue.sealed.length === 0 && this.#flushing === 0 && !isOld) continue
      try {
        const leader = this.#cluster.leader(queue.topic, queue.partition)
        if (this.#busyBrokers.has(leader)) continue
        const list = byLeader.get(leader)
        if (list === undefined) byLeader.set(leader, [queue])
        else list.push(queue)
      } catch (error) {
        this.#retryLater([queue], error as KafkaError)
        isPostponed = true
      }
    }
    for (const [leader, queues] of byLeader) this.#sendTo(leader, queues)
    if (isPostponed) this.#pumpLater()
  }

  #pumpLater(): void {
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined
      this.#pump()
    }, this.#cluster.limits.retryBackoffMs)
  }

  /** Never rejects: an error that no retry mends becomes the producer's failure. */
  async #sendTo(leader: number, candidates: readonly PartitionQueue[]): Promise<void> {
    this.#busyBrokers.add(leader)
    const queues: PartitionQueue[] = []
    let bytes = 0
    for (const queue of candidates) {
      if (queue.sealed.length === 0) queue.seal()
      const head = queue.sealed[0] as SealedBatch
      if (queues.length > 0 && bytes + head.bytes.length > this.#cluster.limits.produceRequestBytes) break
      bytes += head.bytes.length
      queue.isSending = true
      queues.push(queue)
    }
    try {
      await this.#transactions.settle()
      for (const queue of queues) queue.isWritten = true
      await this.#transactions.addPartitions(queues)
      const request = this.#request(queues)
      const api = this.#transactions.addsImplicitly ? produceV12 : produceV11
      const produced = await this.#connections.call(this.#cluster.broker(leader), api, request)
      const answers = new Map(produced.map((each) => [`${each.topic}-${each.partition}`, each]))
      for (const queue of queues) this.#answered(queue, answers.get(`${queue.topic}-${queue.partition}`))
    } catch (error) {
      if (error instanceof KafkaError && error.canRetry) this.#retryLater(queues, error)
      else if (!this.#closed) this.#fail(error)
    } finally {
      for (const queue of queues) queue.isSending = false
      this.#busyBrokers.delete(leader)
      this.#announce()
      this.#pump()
    }
  }

  #request(queues: readonly PartitionQueue[]): ProduceRequest {
    const identity = this.#transactions.identity
    const topics = new Map<string, { partition: number; batch: Buffer }[]>()
    for (const queue of queues) {
      const head = queue.sealed[0] as SealedBatch
      stampBatch(head.bytes, identity, queue.sequenceFor(head))
      const entry = { partition: queue.partition, batch: head.bytes }
      const list = topics.get(queue.topic)
      if (list === undefined) topics.set(queue.topic, [entry])
      else list.push(entry)
    }
    return {
      transactionalId: this.#options.transactionalId ?? null,
      timeoutMs: this.#cluster.limits.requestTimeoutMs,
      topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    }
  }

  #answered(queue: PartitionQueue, answer: ProducedPartition | undefined): void {
    const what = `writing to ${queue.topic}-${queue.partition}`
    if (answer === undefined) throw new KafkaError(`${what}: no answer`, undefined, true)
    const { errorCode, baseOffset } = answer
    if (errorCode === KAFKA_ERROR.none || errorCode === KAFKA_ERROR.duplicateSequence) {
      const head = queue.sealed.shift() as SealedBatch
      this.#bytesBuffered -= head.bytes.length
      queue.failingSinceMs = undefined
      if (baseOffset >= 0) queue.producedOffset = baseOffset + head.count
      return
    }
    const error = kafkaError(errorCode, what, answer.errorMessage)
    if (canRetry(errorCode)) this.#retryLater([queue], error)
    else this.#fail(error)
  }

  #retryLater(queues: readonly PartitionQueue[], error: KafkaError): void {
    const { limits } = this.#cluster
    const nowMs = performance.now()
    for (const queue of queues) {
      queue.failingSinceMs ??= nowMs
      const failingMs = nowMs - queue.failingSinceMs
      if (failingMs > limits.retryTimeoutMs) this.#fail(error)
      queue.retryAtMs = nowMs + backoffMs(failingMs, limits)
    }
    if (error.errorCode !== KAFKA_ERROR.concurrentTransactions) this.#findLeaders(queues)
    this.#pumpLater()
  }

  /** What has another leader now is sent at once. */
  #findLeaders(queues: readonly PartitionQueue[]): void {
    const leaderOf = ({ topic, partition }: PartitionQueue) => this.#cluster.topic(topic)?.leaders[partition]
    const before = queues.map(leaderOf)
    this.#cluster.refresh([...new Set(queues.map(({ topic }) => topic))]).then(
      () => {
        for (const [index, queue] of queues.entries()) if (leaderOf(queue) !== before[index]) queue.retryAtMs = 0
        this.#pump()
      },
      () => {
        // The next attempt says what is wrong.
      },
    )
  }
}
