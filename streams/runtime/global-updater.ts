import { StreamsError } from '../base/errors.ts'
import { partitionName } from '../base/ids.ts'
import type {
  Clock,
  Consumer,
  Log,
  Logger,
  Metrics,
  StateDatabase,
  StateEngine,
  TopicPartition,
} from '../ports/index.ts'
import type { ManagedStore } from '../stores/index.ts'
import type { StreamsConfig } from './config.ts'
import { GlobalTask } from './global-task.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { offsetOf } from './task-opener.ts'
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

/**
 * Reads the topics of the global stores: to the end before the first task starts, so that no join misses what was
 * there, then a poll in each turn of the loop. Each thread keeps its own copy, since a step reads it synchronously.
 */
export class GlobalUpdater {
  readonly #task: GlobalTask
  readonly #consumer: Consumer
  readonly #database: StateDatabase

  private constructor(task: GlobalTask, consumer: Consumer, database: StateDatabase) {
    this.#task = task
    this.#consumer = consumer
    this.#database = database
  }

  /** Undefined where the topology has no global store. */
  static async start(options: GlobalUpdaterOptions): Promise<GlobalUpdater | undefined> {
    const { topology, log, stateEngine, config, threadName } = options
    if (topology.globalStores.length === 0) return undefined
    const names = topology.globalStores.map(({ store }) => store.storeName)
    const database = await stateEngine.open(`global-${threadName}`, [POSITIONS_KEYSPACE, ...names])
    const task = new GlobalTask({ ...options, database })
    const consumer = await log.createConsumer({
      clientId: `${threadName}-global`,
      isolation: 'read_committed',
      pollRecordsMax: config.pollRecordsMax,
      pollBytesMax: config.pollBytesMax,
    })
    const updater = new GlobalUpdater(task, consumer, database)
    await updater.#readToEnd(options)
    return updater
  }

  get stores(): ReadonlyMap<string, ManagedStore> {
    return this.#task.globalStores
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
    const positions = partitions.map((partition) => {
      const start = offsetOf(starts, partition)
      return {
        ...partition,
        offset: Math.max(this.#task.position(partition) ?? start, start),
      }
    })
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
        this.#task.update({ ...batch, offset: batch.nextOffset }, batch.records)
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

  async update(): Promise<void> {
    for (const batch of await this.#consumer.poll(0))
      this.#task.update({ ...batch, offset: batch.nextOffset }, batch.records)
  }

  async close(): Promise<void> {
    this.#task.close()
    await this.#consumer.close()
    await this.#database.close()
  }
}
