import { messageOf, StreamsError } from '../base/errors.ts'
import { partitionName } from '../base/ids.ts'
import type {
  Clock,
  Consumer,
  FetchedBatch,
  Log,
  Logger,
  LogRecord,
  Metrics,
  StateDatabase,
  StateEngine,
  TopicPartition,
} from '../ports/index.ts'
import type { ManagedStore } from '../stores/index.ts'
import type { StreamsConfig } from './config.ts'
import { type GlobalPosition, GlobalTask } from './global-task.ts'
import { prepareRecords } from './prepare-records.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { isMendedByRestore, offsetOf } from './task-opener.ts'
import { POSITIONS_KEYSPACE } from './task-stores.ts'

export type GlobalUpdaterOptions = {
  readonly topology: ResolvedTopology
  readonly config: StreamsConfig
  readonly log: Log
  readonly stateEngine: StateEngine
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly threadName: string
}

const PROGRESS_INTERVAL_MS = 5000
const POLL_MS = 1000

type Arrived = { readonly batches: FetchedBatch[] } | { readonly error: unknown }

/**
 * Reads the topics of the global stores: to the end before the first task starts, so that no join misses what was
 * there, then beside the loop of the thread. Each thread keeps its own copy, since a step reads it synchronously.
 */
export class GlobalUpdater {
  readonly #task: GlobalTask
  readonly #consumer: Consumer
  readonly #database: StateDatabase
  readonly #topology: ResolvedTopology
  #isPolling = false
  /** Of the last poll, for the next turn. */
  #arrived: Arrived | undefined

  private constructor(task: GlobalTask, consumer: Consumer, database: StateDatabase, topology: ResolvedTopology) {
    this.#task = task
    this.#consumer = consumer
    this.#database = database
    this.#topology = topology
  }

  /** Undefined where the topology has no global store. A state that does not fit its topics is wiped once. */
  static async start(options: GlobalUpdaterOptions, isSecondTry = false): Promise<GlobalUpdater | undefined> {
    const { topology, stateEngine, threadName, logger } = options
    if (topology.globalStores.length === 0) return undefined
    const updater = await GlobalUpdater.#open(options)
    try {
      await updater.#readToEnd(options)
      return updater
    } catch (error) {
      await updater.close()
      if (isSecondTry || !isMendedByRestore(error)) throw error
      logger.warn(`Global tables are wiped and read anew from their topics: ${messageOf(error)}`, {
        thread: threadName,
      })
      await stateEngine.destroy(databaseName(options))
      return GlobalUpdater.start(options, true)
    }
  }

  static async #open(options: GlobalUpdaterOptions): Promise<GlobalUpdater> {
    const { topology, log, stateEngine, config, threadName } = options
    const names = topology.globalStores.map(({ store }) => store.storeName)
    const database = await stateEngine.open(databaseName(options), [POSITIONS_KEYSPACE, ...names])
    try {
      const task = new GlobalTask({ ...options, database })
      const consumer = await log.createConsumer({
        clientId: `${threadName}-global`,
        isolation: 'read_committed',
        pollRecordsMax: config.pollRecordsMax,
        pollBytesMax: config.pollBytesMax,
      })
      return new GlobalUpdater(task, consumer, database, topology)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  get stores(): ReadonlyMap<string, ManagedStore> {
    return this.#task.globalStores
  }

  position(storeName: string): GlobalPosition | undefined {
    return this.#task.storePosition(storeName)
  }

  async #readToEnd({ log, clock, logger }: GlobalUpdaterOptions): Promise<void> {
    const startedMs = clock.monotonicMs()
    const described = await log.admin.describeTopics(this.#task.topics)
    const partitions = this.#task.topics.flatMap((topic): readonly TopicPartition[] => {
      const description = described.get(topic)
      if (description === undefined) {
        throw new StreamsError(
          'TOPIC_MISSING',
          `a global table reads topic ${topic}, which does not exist; create it before the application starts`,
        )
      }
      return Array.from({ length: description.partitions }, (_, partition) => ({ topic, partition }))
    })
    const [starts, ends] = await Promise.all([log.admin.startOffsets(partitions), log.admin.endOffsets(partitions)])
    const positions = partitions.map((partition) => ({
      ...partition,
      offset: startPosition(
        partition,
        this.#task.position(partition),
        offsetOf(starts, partition),
        offsetOf(ends, partition),
      ),
    }))
    this.#consumer.assign(positions)
    let records = 0
    let loggedMs = startedMs
    const behind = new Map(
      positions
        .filter((position) => position.offset < offsetOf(ends, position))
        .map((position) => [partitionName(position.topic, position.partition), offsetOf(ends, position)]),
    )
    while (behind.size > 0) {
      for (const batch of await this.#consumer.poll(100)) {
        await this.#apply(batch)
        records += batch.records.length
        const name = partitionName(batch.topic, batch.partition)
        if (batch.nextOffset >= (behind.get(name) ?? 0)) behind.delete(name)
      }
      if (clock.monotonicMs() - loggedMs < PROGRESS_INTERVAL_MS) continue
      loggedMs = clock.monotonicMs()
      logger.info(`Reading global tables: ${records} records so far, ${behind.size} partitions to go`, { records })
    }
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    logger.info(`Global tables are complete: ${records} records in ${durationMs} ms`, { records, durationMs })
  }

  /**
   * Applies what has come. The topics are polled beside the loop of the thread: they seldom have anything, and asking
   * them in each turn would cost every turn a round trip.
   */
  async update(): Promise<void> {
    const arrived = this.#arrived
    if (arrived !== undefined && 'error' in arrived) {
      this.#arrived = undefined
      throw arrived.error
    }
    if (arrived !== undefined) {
      // The consumer is past them: a batch that cannot be applied now is the first of the next turn.
      for (let batch = arrived.batches[0]; batch !== undefined; batch = arrived.batches[0]) {
        await this.#apply(batch)
        arrived.batches.shift()
      }
      this.#arrived = undefined
    }
    if (this.#isPolling || this.#arrived !== undefined) return
    this.#isPolling = true
    this.#consumer.poll(POLL_MS).then(
      (batches) => {
        this.#isPolling = false
        if (batches.length > 0) this.#arrived = { batches: [...batches] }
      },
      (error: unknown) => {
        this.#isPolling = false
        this.#arrived = { error }
      },
    )
  }

  async #apply({ topic, partition, records, nextOffset }: FetchedBatch): Promise<void> {
    const preparation = this.#prepare(topic, records)
    if (preparation !== undefined) await preparation
    this.#task.update({ topic, partition, offset: nextOffset }, records)
  }

  #prepare(topic: string, records: readonly LogRecord[]): Promise<void> | undefined {
    const global = this.#topology.globalStores.find((candidate) => candidate.topic === topic)
    if (global === undefined) return undefined
    const { keySerde, valueSerde } = global.store.source
    return prepareRecords(topic, records, keySerde, valueSerde)
  }

  async close(): Promise<void> {
    this.#task.close()
    await this.#consumer.close()
    await this.#database.close()
  }
}

function databaseName({ threadName }: GlobalUpdaterOptions): string {
  return `global-${threadName}`
}

/** As for a task's store and its changelog: STATE_CORRUPTED where the state is of another log, or too old for this one. */
function startPosition(partition: TopicPartition, saved: number | undefined, start: number, end: number): number {
  if (saved === undefined) return start
  if (saved >= start && saved <= end) return saved
  const name = partitionName(partition.topic, partition.partition)
  throw new StreamsError(
    'STATE_CORRUPTED',
    saved > end
      ? `a global table is at position ${saved} of ${name}, which ends at ${end}: the state belongs to another log`
      : `a global table is at position ${saved} of ${name}, which now starts at ${start}: deletions in between are gone`,
  )
}
