import { assert, type Bytes, hasCode, StreamsError } from '#streams/base'
import type {
  CommittedOffset,
  Consumer,
  ConsumerOptions,
  FetchedBatch,
  Headers,
  Log,
  LogAdmin,
  PartitionOffset,
  Producer,
  ProducerOptions,
  TopicPartition,
} from '#streams/ports'
import type { Appended, LogCore, ProduceAnswer, ProducerId } from './log-core.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { VirtualTime } from './virtual-time.ts'

export type SimulatedLogOptions = {
  readonly core: LogCore
  readonly process: SimulatedProcess
  readonly time: VirtualTime
  /** The name under which the group knows this member. */
  readonly member: string
  /** Records are sent ahead of the commit after so long; undefined = only with the commit or a flush. */
  readonly lingerMs: number | undefined
  /** How often a request that was not answered is repeated, as clients of Kafka do. */
  readonly retriesMax: number
  /** Told of polls that bring several partitions: in another order than that of their assignment? */
  readonly onPoll?: (isReordered: boolean) => void
}

/** A client of the simulated brokers: every request takes its way through the process that makes it. */
export function createSimulatedLog(options: SimulatedLogOptions): Log {
  return {
    admin: createAdmin(options),
    createConsumer: async (consumerOptions) => new SimulatedConsumer(options, consumerOptions),
    async createProducer(producerOptions) {
      const { core, process } = options
      const { transactionalId } = producerOptions
      const id = transactionalId ?? `${options.member}/${process.name}/${producerOptions.clientId}`
      const epoch = await process.request('open-producer', () => core.openProducer(id))
      return new SimulatedProducer(options, producerOptions, id, epoch)
    },
    close: async () => undefined,
  }
}

function createAdmin({ core, process, member }: SimulatedLogOptions): LogAdmin {
  const admin = <T>(apply: () => T): Promise<T> => process.request('admin', apply)
  const each = (partitions: readonly TopicPartition[], offsetOf: (partition: TopicPartition) => number) =>
    partitions.map(({ topic, partition }) => ({ topic, partition, offset: offsetOf({ topic, partition }) }))
  return {
    createTopics: (specs) => admin(() => core.createTopics(specs)),
    deleteTopics: (names) => admin(() => core.deleteTopics(names)),
    describeTopics: (names) => admin(() => core.describe(names)),
    listTopics: () => admin(() => core.topicNames()),
    startOffsets: (partitions) => admin(() => each(partitions, (partition) => core.startOffset(partition))),
    endOffsets: (partitions, isolation = 'read_committed') =>
      admin(() =>
        each(partitions, (partition) =>
          isolation === 'read_committed' ? core.stableOffset(partition) : core.slots(partition).length,
        ),
      ),
    offsetsForTimes: (partitions) =>
      admin(() =>
        partitions.map(({ topic, partition, timestampMs }) => ({
          topic,
          partition,
          offset: core.offsetForTime({ topic, partition }, timestampMs),
        })),
      ),
    deleteRecords: (before) => admin(() => core.deleteRecords(before)),
    listGroups: () => admin(() => core.groupNames()),
    committedOffsets: (group, partitions) =>
      process.request('read-offsets', () => core.committedOffsets(group, partitions)),
    alterCommittedOffsets: (group, offsets) => admin(() => core.commitOffsets(member, group, offsets)),
    deleteGroup: (group) => admin(() => core.deleteGroup(group)),
  }
}

type Assigned = { readonly topic: string; readonly partition: number; offset: number; paused: boolean }

class SimulatedConsumer implements Consumer {
  readonly #client: SimulatedLogOptions
  readonly #options: ConsumerOptions
  #assigned: Assigned[] = []
  #wakeup: (() => void) | undefined
  #isWoken = false
  #closed = false
  /** Counts assignments: what was fetched for an earlier one is not given out. */
  #generation = 0

  constructor(client: SimulatedLogOptions, options: ConsumerOptions) {
    this.#client = client
    this.#options = options
  }

  assign(positions: readonly PartitionOffset[]): void {
    this.#generation++
    this.#assigned = positions.map((position) => ({ ...position, paused: false }))
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#find(partition).paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#find(partition).paused = false
  }

  seek(position: PartitionOffset): void {
    this.#find(position).offset = position.offset
  }

  position(partition: TopicPartition): number {
    return this.#find(partition).offset
  }

  wakeup(): void {
    this.#isWoken = true
    this.#wakeup?.()
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  async poll(waitMs: number): Promise<readonly FetchedBatch[]> {
    if (this.#closed) throw new StreamsError('CLOSED', `consumer ${this.#options.clientId} is closed`)
    const generation = this.#generation
    const wait = this.#isWoken ? 0 : waitMs
    this.#isWoken = false
    const batches = await this.#client.process.request('poll', () => this.#fetch(wait))
    if (generation !== this.#generation) return []
    const given = batches.filter((batch) => !this.#find(batch).paused)
    for (const batch of given) this.#find(batch).offset = batch.nextOffset
    return given
  }

  async #fetch(waitMs: number): Promise<readonly FetchedBatch[]> {
    const { core, time } = this.#client
    const untilMs = time.nowMs + waitMs
    for (;;) {
      const found = this.#readAll()
      if (found.length > 0 || time.nowMs >= untilMs || this.#isWoken) return found
      await new Promise<void>((resolve) => {
        const change = core.onChange(resolve)
        const timer = time.after(untilMs - time.nowMs, resolve)
        this.#wakeup = () => {
          change.cancel()
          timer.cancel()
          resolve()
        }
      })
      this.#wakeup = undefined
    }
  }

  /** Partitions in an order that the seed decides; a fetch may bring less than there is, and of some nothing. */
  #readAll(): FetchedBatch[] {
    const { core, process } = this.#client
    const { isolation, pollRecordsMax, pollBytesMax } = this.#options
    const batches: FetchedBatch[] = []
    let records = 0
    let bytes = 0
    const order = shuffled(this.#assigned, process)
    for (const { topic, partition, offset, paused } of order) {
      if (paused || records >= pollRecordsMax || bytes >= pollBytesMax) continue
      if (batches.length > 0 && process.prng.next() < 0.3) continue
      const most = pollRecordsMax - records
      const recordsMax = process.prng.next() < 0.3 ? 1 + process.prng.below(most) : most
      const limits = {
        committed: isolation === 'read_committed',
        recordsMax,
        bytesMax: pollBytesMax - bytes,
        isFirst: records === 0,
      }
      const found = core.read({ topic, partition, offset }, limits)
      if (found.nextOffset === offset) continue
      records += found.records.length
      bytes += found.bytes
      batches.push({
        topic,
        partition,
        records: found.records,
        nextOffset: found.nextOffset,
        endOffset: found.endOffset,
      })
    }
    const places = batches.map(({ topic, partition }) =>
      this.#assigned.findIndex((each) => each.topic === topic && each.partition === partition),
    )
    if (places.length > 1) this.#client.onPoll?.(places.some((place, i) => place < (places[i - 1] ?? 0)))
    return batches
  }

  #find({ topic, partition }: TopicPartition): Assigned {
    const found = this.#assigned.find((each) => each.topic === topic && each.partition === partition)
    assert(found !== undefined, `${topic}-${partition} is assigned to consumer ${this.#options.clientId}`)
    return found
  }
}

function shuffled<T>(items: readonly T[], process: SimulatedProcess): T[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = process.prng.below(i + 1)
    const swap = order[i] as T
    order[i] = order[j] as T
    order[j] = swap
  }
  return order
}

class SimulatedProducer implements Producer {
  readonly #client: SimulatedLogOptions
  readonly #options: ProducerOptions
  readonly #id: string
  readonly #epoch: number
  readonly #partitions = new Map<string, number>()
  readonly #produced = new Map<string, number>()
  readonly #inFlight = new Set<Promise<void>>()
  #buffered: Appended[] = []
  #bufferedBytes = 0
  #inFlightBytes = 0
  #requests = 0
  #lingers = false
  #failure: unknown
  #closed = false

  constructor(client: SimulatedLogOptions, options: ProducerOptions, id: string, epoch: number) {
    this.#client = client
    this.#options = options
    this.#id = id
    this.#epoch = epoch
  }

  get #isTransactional(): boolean {
    return this.#options.transactionalId !== undefined
  }

  get bytesBuffered(): number {
    return this.#bufferedBytes + this.#inFlightBytes
  }

  partitionCount(topic: string): number | undefined {
    return this.#partitions.get(topic)
  }

  async prepareTopics(topics: readonly string[]): Promise<void> {
    const { core, process } = this.#client
    const found = await process.request('admin', () => core.describe(topics))
    for (const { name, partitions } of found.values()) this.#partitions.set(name, partitions)
    const missing = topics.filter((name) => !found.has(name))
    if (missing.length > 0) throw new StreamsError('TOPIC_MISSING', `there are no topics ${missing.join(', ')}`)
  }

  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void {
    this.#assertOpen()
    const count = this.#partitions.get(topic)
    if (count === undefined) throw new StreamsError('TOPIC_MISSING', `topic ${topic} was not prepared`)
    if (!Number.isInteger(partition) || partition < 0 || partition >= count)
      throw new StreamsError('OFFSET_OUT_OF_RANGE', `topic ${topic} has no partition ${partition}`)
    if (!Number.isSafeInteger(timestampMs))
      throw new StreamsError('RECORD_UNWRITABLE', `a record for topic ${topic} has the timestamp ${timestampMs}`)
    const bytes = (key?.length ?? 0) + (value?.length ?? 0)
    const most = this.#client.core.describe([topic]).get(topic)?.config.maxMessageBytes ?? 1024 * 1024
    if (bytes > most) throw new StreamsError('RECORD_TOO_LARGE', `a record of ${bytes} bytes for topic ${topic}`)
    if (this.#failure !== undefined) throw this.#failure
    this.#buffered.push({ topic, partition, key, value, timestampMs, headers })
    this.#bufferedBytes += bytes
    this.#sendSoon()
  }

  #sendSoon(): void {
    const { lingerMs, process } = this.#client
    if (lingerMs === undefined || this.#lingers) return
    this.#lingers = true
    void process.clock.sleep(lingerMs).then(() => {
      this.#lingers = false
      if (!this.#closed && this.#failure === undefined) this.#sendNow()
    })
  }

  #sendNow(): void {
    if (this.#buffered.length === 0) return
    const { core } = this.#client
    const [records, bytes] = this.#takeBuffered()
    const producer = this.#nextRequest()
    this.#inFlightBytes += bytes
    const before = [...this.#inFlight]
    const call: Promise<void> = Promise.all(before)
      .then(() =>
        this.#repeated('produce', () =>
          this.#isTransactional ? core.produce(producer, records) : core.append(records, producer),
        ),
      )
      .then((answer) => this.#remember(answer))
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        this.#inFlightBytes -= bytes
        this.#inFlight.delete(call)
      })
    this.#inFlight.add(call)
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    this.#sendNow()
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
  }

  async commitTransaction(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    this.#assertOpen()
    assert(this.#isTransactional, 'a commit needs a transactional id')
    // As Kafka's clients do: records first, the end of the transaction in another request; one may fail without the other.
    if (this.#client.lingerMs !== undefined) this.#sendNow()
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
    const { core, member } = this.#client
    const [records] = this.#takeBuffered()
    const producer = this.#nextRequest()
    try {
      const commit = () => core.commit(producer, member, records, group, offsets)
      this.#remember(await this.#repeated('commit', commit))
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  async abortTransaction(): Promise<void> {
    this.#assertOpen()
    const { core, process } = this.#client
    this.#takeBuffered()
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
    const producer = this.#nextRequest()
    await process.request('abort', () => core.abortTransaction(producer))
  }

  async commitOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    await this.flush()
    const { core, process, member } = this.#client
    if (offsets.length > 0) await process.request('commit-offsets', () => core.commitOffsets(member, group, offsets))
  }

  producedOffset(topic: string, partition: number): number | undefined {
    return this.#produced.get(`${topic}/${partition}`)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    if (!this.#isTransactional && this.#failure === undefined) await this.flush().catch(() => undefined)
    this.#closed = true
    this.#takeBuffered()
  }

  #takeBuffered(): readonly [readonly Appended[], number] {
    const taken = [this.#buffered, this.#bufferedBytes] as const
    this.#buffered = []
    this.#bufferedBytes = 0
    return taken
  }

  #nextRequest(): ProducerId {
    return { id: this.#id, epoch: this.#epoch, request: this.#requests++ }
  }

  /** The brokers know a repeated request by its number. */
  async #repeated<T>(operation: 'produce' | 'commit', apply: () => T): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#client.process.request(operation, apply)
      } catch (error) {
        if (!hasCode(error, 'LOG_UNAVAILABLE') || attempt >= this.#client.retriesMax) throw error
      }
    }
  }

  #remember(answer: ProduceAnswer): void {
    for (const { topic, partition, offset } of answer) this.#produced.set(`${topic}/${partition}`, offset)
  }

  #assertOpen(): void {
    if (this.#closed) throw new StreamsError('CLOSED', `producer ${this.#options.clientId} is closed`)
  }
}
