import { assert, StreamsError } from '#streams/base'
import type {
  Consumer,
  ConsumerOptions,
  FetchedBatch,
  LogRecord,
  PartitionOffset,
  TopicPartition,
} from '#streams/ports'
import { FetchedBatches } from './batch-decoder.ts'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { canRetry, KAFKA_ERROR, KafkaError, kafkaError, streamsError } from './kafka-errors.ts'
import { backoffMs, sleep } from './retry.ts'
import { type FetchedPartition, fetchV12 } from './wire-records.ts'

/** Fetches that a broker may hold at once: one waits for news while another brings what was resumed or sought. */
const LANES = 2

class Partition {
  readonly topic: string
  readonly partition: number
  /** Where the next poll goes on. */
  position: number
  endOffset = 0
  isPaused = false
  isFetching = false
  buffered: FetchedBatches | undefined
  /** Counts seeks: what was fetched before one is not wanted. */
  generation = 0
  error: StreamsError | undefined
  /** Not fetched before that time: its leader is looked for. */
  retryAtMs = 0
  /** Since when it could not be fetched; undefined = it can. */
  failingSinceMs: number | undefined

  constructor({ topic, partition, offset }: PartitionOffset) {
    this.topic = topic
    this.partition = partition
    this.position = offset
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }
}

/**
 * Reads assigned partitions by its own fetches. A fetch goes out when a poll has given away what was there, so that the
 * next records arrive while these are processed; what is buffered is bounded by one fetch.
 */
export class KafkaConsumer implements Consumer {
  readonly #cluster: Cluster
  readonly #options: ConsumerOptions
  readonly #lanes: readonly Connections[]
  readonly #busy = new Map<number, boolean[]>()
  #partitions = new Map<string, Partition>()
  /** Partitions in the order of their turns. */
  #turns: Partition[] = []
  #news = Promise.withResolvers<void>()
  #woken = false
  #closed = false
  /** Since when no broker has answered. */
  #silentSinceMs: number | undefined
  #lastTrouble: KafkaError | undefined
  #refreshing: Promise<void> | undefined

  constructor(cluster: Cluster, options: ConsumerOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#lanes = Array.from({ length: LANES }, (_, lane) => cluster.newConnections(`${options.clientId}-${lane}`))
  }

  assign(positions: readonly PartitionOffset[]): void {
    const assigned = new Map<string, Partition>()
    for (const each of positions) {
      const known = this.#partitions.get(nameOf(each))
      // What was fetched for a partition that goes on from where it is, is not fetched again.
      const isSame = known !== undefined && known.position === each.offset && known.error === undefined
      const partition = isSame ? known : new Partition(each)
      partition.isPaused = false
      assigned.set(nameOf(each), partition)
    }
    this.#partitions = assigned
    this.#turns = [...assigned.values()]
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) this.#partition(each).isPaused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) this.#partition(each).isPaused = false
  }

  seek(position: PartitionOffset): void {
    const partition = this.#partition(position)
    partition.position = position.offset
    partition.buffered = undefined
    partition.error = undefined
    partition.generation++
  }

  position(partition: TopicPartition): number {
    return this.#partition(partition).position
  }

  wakeup(): void {
    this.#woken = true
    this.#announce()
  }

  async poll(waitMs: number): Promise<readonly FetchedBatch[]> {
    const endMs = performance.now() + waitMs
    for (;;) {
      if (this.#closed) throw new StreamsError('CLOSED', `consumer ${this.#options.clientId} is closed`)
      const batches = this.#take()
      this.#fetch()
      if (batches.length > 0) return batches
      this.#throwTrouble()
      const leftMs = endMs - performance.now()
      if (this.#woken || leftMs <= 0) {
        this.#woken = false
        // What arrived on sockets has its chance also with callers that never wait.
        if (waitMs <= 0) await new Promise((resolve) => setImmediate(resolve))
        return waitMs <= 0 ? this.#take() : []
      }
      await this.#waitForNews(Math.min(leftMs, this.#msToRetry()))
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#announce()
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }

  #partition(each: TopicPartition): Partition {
    const found = this.#partitions.get(nameOf(each))
    assert(found !== undefined, `partition ${nameOf(each)} is not assigned to consumer ${this.#options.clientId}`)
    return found
  }

  // Giving ---------------------------------------------------------------------------------------------------------

  /** What is buffered in turn, up to the limits of a poll; at least one record if there is one. */
  #take(): FetchedBatch[] {
    const taken: FetchedBatch[] = []
    let recordsLeft = this.#options.pollRecordsMax
    let bytesLeft = this.#options.pollBytesMax
    let isFirst = true
    for (let i = 0; i < this.#turns.length && recordsLeft > 0 && bytesLeft > 0; i++) {
      const partition = this.#turns[i] as Partition
      const { buffered } = partition
      if (buffered === undefined || partition.isPaused) continue
      const records = this.#read(partition, buffered, recordsLeft, bytesLeft, isFirst)
      if (records === undefined) continue
      // The first of the next partition would have been too much.
      if (records.length === 0 && !buffered.isAtEnd) break
      recordsLeft -= records.length
      bytesLeft -= buffered.bytesRead
      if (records.length > 0) isFirst = false
      taken.push(this.#batch(partition, buffered, records))
    }
    if (taken.length > 0) this.#rotate(taken)
    return taken
  }

  /** Undefined: what was fetched cannot be read; it is told by a poll that has nothing to give. */
  #read(
    partition: Partition,
    buffered: FetchedBatches,
    recordsMax: number,
    bytesMax: number,
    mayExceed: boolean,
  ): readonly LogRecord[] | undefined {
    try {
      return buffered.read(recordsMax, bytesMax, mayExceed)
    } catch (error) {
      partition.buffered = undefined
      partition.error = streamsError(error, 'fetching')
      return undefined
    }
  }

  #batch(partition: Partition, buffered: FetchedBatches, records: readonly LogRecord[]): FetchedBatch {
    partition.position = buffered.nextOffset
    if (buffered.isAtEnd) partition.buffered = undefined
    return {
      topic: partition.topic,
      partition: partition.partition,
      records,
      nextOffset: partition.position,
      endOffset: Math.max(partition.endOffset, partition.position),
    }
  }

  /** Those that gave something are last in the next poll. */
  #rotate(taken: readonly FetchedBatch[]): void {
    const given = new Set(taken.map(nameOf))
    const isGiven = (partition: Partition): boolean => given.has(partition.name)
    this.#turns = [...this.#turns.filter((each) => !isGiven(each)), ...this.#turns.filter(isGiven)]
  }

  // Fetching -------------------------------------------------------------------------------------------------------

  #fetch(): void {
    const nowMs = performance.now()
    let byLeader: Map<number, Partition[]> | undefined
    for (const partition of this.#turns) {
      if (partition.isPaused || partition.isFetching || partition.buffered !== undefined) continue
      if (partition.error !== undefined || partition.retryAtMs > nowMs) continue
      try {
        const leader = this.#cluster.leader(partition.topic, partition.partition)
        if (!this.#isFree(leader)) continue
        byLeader ??= new Map()
        const list = byLeader.get(leader)
        if (list === undefined) byLeader.set(leader, [partition])
        else list.push(partition)
      } catch (error) {
        this.#postpone([partition], error as KafkaError)
      }
    }
    if (byLeader === undefined) return
    for (const [leader, partitions] of byLeader) this.#fetchFrom(leader, partitions)
  }

  #isFree(leader: number): boolean {
    const lanes = this.#busy.get(leader)
    return lanes === undefined || lanes.includes(false)
  }

  /** Never rejects: what goes wrong is kept for the next poll. */
  async #fetchFrom(leader: number, partitions: readonly Partition[]): Promise<void> {
    let lanes = this.#busy.get(leader)
    if (lanes === undefined) {
      lanes = new Array<boolean>(LANES).fill(false)
      this.#busy.set(leader, lanes)
    }
    const lane = lanes.indexOf(false)
    lanes[lane] = true
    const { limits } = this.#cluster
    const asked = partitions.map((partition) => ({
      partition,
      generation: partition.generation,
      offset: partition.position,
    }))
    for (const partition of partitions) partition.isFetching = true
    try {
      const response = await (this.#lanes[lane] as Connections).call(this.#cluster.broker(leader), fetchV12, {
        waitMs: limits.fetchWaitMs,
        bytesMax: limits.fetchBytes,
        isReadCommitted: this.#options.isolation === 'read_committed',
        topics: byTopic(partitions, limits.fetchBytesPerPartition),
      })
      if (response.errorCode !== 0) throw kafkaError(response.errorCode, `fetching from broker ${leader}`)
      this.#silentSinceMs = undefined
      const found = new Map(response.partitions.map((each) => [nameOf(each), each]))
      for (const { partition, generation, offset } of asked) {
        const fetched = found.get(partition.name)
        if (fetched !== undefined && generation === partition.generation) this.#arrived(partition, offset, fetched)
      }
    } catch (error) {
      if (!this.#closed) this.#failed(partitions, error)
    } finally {
      for (const partition of partitions) partition.isFetching = false
      lanes[lane] = false
      this.#announce()
    }
  }

  #arrived(partition: Partition, offset: number, fetched: FetchedPartition): void {
    const { errorCode } = fetched
    if (errorCode !== KAFKA_ERROR.none) {
      if (canRetry(errorCode)) this.#postpone([partition], kafkaError(errorCode, `fetching ${partition.name}`))
      else partition.error = fetchError(partition, errorCode)
      return
    }
    partition.failingSinceMs = undefined
    const isReadCommitted = this.#options.isolation === 'read_committed'
    partition.endOffset = isReadCommitted ? fetched.lastStableOffset : fetched.highWatermark
    if (fetched.batches.length === 0) return
    const aborted = isReadCommitted ? fetched.aborted : undefined
    const buffered = new FetchedBatches(fetched.batches, offset, aborted, partition.name)
    if (!buffered.isAtEnd || buffered.nextOffset > offset) partition.buffered = buffered
  }

  #failed(partitions: readonly Partition[], error: unknown): void {
    if (error instanceof KafkaError && error.canRetry) this.#postpone(partitions, error)
    else {
      const failure = streamsError(error, 'fetching')
      for (const partition of partitions) partition.error = failure
    }
  }

  /** Leaders are asked for again; the partitions wait for another one, or longer each time. */
  #postpone(partitions: readonly Partition[], error: KafkaError): void {
    const { limits } = this.#cluster
    const nowMs = performance.now()
    this.#silentSinceMs ??= nowMs
    this.#lastTrouble = error
    for (const partition of partitions) {
      partition.failingSinceMs ??= nowMs
      partition.retryAtMs = nowMs + backoffMs(nowMs - partition.failingSinceMs, limits)
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
      this.#announce()
    })
  }

  async #refresh(): Promise<void> {
    const leadersBefore = new Map(this.#turns.map((partition) => [partition, this.#leaderOf(partition)]))
    try {
      await this.#cluster.refresh([...new Set(this.#turns.map(({ topic }) => topic))])
      for (const [partition, before] of leadersBefore) if (this.#leaderOf(partition) !== before) partition.retryAtMs = 0
    } catch (error) {
      if (!(error instanceof StreamsError) || error.code === 'LOG_UNAVAILABLE') return
      for (const partition of this.#turns) partition.error ??= error
    }
    await sleep(this.#cluster.limits.retryBackoffMs)
  }

  #msToRetry(): number {
    const nowMs = performance.now()
    let waitMs = Number.POSITIVE_INFINITY
    for (const { retryAtMs } of this.#turns) if (retryAtMs > nowMs) waitMs = Math.min(waitMs, retryAtMs - nowMs)
    return waitMs
  }

  #leaderOf({ topic, partition }: Partition): number | undefined {
    return this.#cluster.topic(topic)?.leaders[partition]
  }

  /** A position that is wrong stays wrong until it is sought, so it is said again at every poll. */
  #throwTrouble(): void {
    for (const partition of this.#turns) {
      if (partition.error === undefined || partition.isPaused) continue
      const { error } = partition
      partition.error = undefined
      throw error
    }
    const { retryTimeoutMs } = this.#cluster.limits
    if (this.#silentSinceMs === undefined || performance.now() - this.#silentSinceMs < retryTimeoutMs) return
    this.#silentSinceMs = undefined
    throw streamsError(this.#lastTrouble, `nothing could be fetched for ${retryTimeoutMs} ms`)
  }

  // Waiting --------------------------------------------------------------------------------------------------------

  #announce(): void {
    this.#news.resolve()
  }

  async #waitForNews(waitMs: number): Promise<void> {
    this.#news = Promise.withResolvers<void>()
    const timer = setTimeout(() => this.#announce(), waitMs)
    await this.#news.promise
    clearTimeout(timer)
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

function byTopic(partitions: readonly Partition[], bytesMax: number) {
  const topics = new Map<string, { partition: number; offset: number; bytesMax: number }[]>()
  for (const { topic, partition, position } of partitions) {
    const entry = { partition, offset: position, bytesMax }
    const list = topics.get(topic)
    if (list === undefined) topics.set(topic, [entry])
    else list.push(entry)
  }
  return [...topics].map(([name, list]) => ({ name, partitions: list }))
}

function fetchError(partition: Partition, errorCode: number): StreamsError {
  if (errorCode === KAFKA_ERROR.offsetOutOfRange) {
    return new StreamsError(
      'OFFSET_OUT_OF_RANGE',
      `position ${partition.position} is outside of partition ${partition.name}: its records were deleted, or never were`,
    )
  }
  return streamsError(kafkaError(errorCode, `fetching ${partition.name}`), `partition ${partition.name}`)
}
