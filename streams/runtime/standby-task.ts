import { hasCode, messageOf, StreamsError } from '../base/errors.ts'
import { parseTaskId, partitionName, type TaskId } from '../base/ids.ts'
import {
  type Clock,
  type Consumer,
  type Counter,
  type FetchedBatch,
  type Log,
  type Logger,
  type Metrics,
  NO_METRICS,
  type PartitionOffset,
  type StateDatabase,
  type StateEngine,
} from '../ports/index.ts'
import { keyspacesOf } from '../stores/index.ts'
import type { StreamsConfig } from './config.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { changelogRecords, createRestoreMetrics, type RestoreMetrics } from './restore-metrics.ts'
import { taskTags } from './task-metrics.ts'
import { offsetOf } from './task-opener.ts'
import { type Changelog, POSITIONS_KEYSPACE, TaskStores } from './task-stores.ts'
import { lagOf, type StoreLag } from './thread-metadata.ts'

export type StandbyOptions = {
  readonly log: Log
  readonly stateEngine: StateEngine
  readonly clock: Clock
  readonly logger: Logger
  readonly config: StreamsConfig
  readonly threadName: string
  readonly metrics?: Metrics
}

type Standby = {
  readonly id: TaskId
  readonly stores: TaskStores
  readonly changelogs: readonly Changelog[]
  readonly database: StateDatabase
  /** Changelog records applied. */
  readonly applied: Counter
  readonly hideRemaining: () => void
}
type Owner = { readonly standby: Standby; readonly changelog: Changelog }

/** Records of one turn: what runs must not wait for what only stands by. */
const TURN_RECORDS_MAX = 1000

/**
 * Copies of the state of tasks that run elsewhere, kept up to date from their changelogs. A task that becomes active
 * here is closed as a standby and opened again on the same database: what is left to restore is what its last owner
 * committed since the last turn. Java: StandbyTask.
 *
 * Not copied: stores that are kept in memory (they are restored at the promotion), and stores whose changelog is a
 * source topic, of which only what the group has committed is state.
 */
export class StandbyTasks {
  readonly #options: StandbyOptions
  readonly #standbys = new Map<TaskId, Standby>()
  /** End of each changelog as it was seen last. */
  readonly #ends = new Map<string, number>()
  readonly #owners = new Map<string, Owner>()
  #consumer: Consumer | undefined
  #isBusy = false
  readonly #metrics: RestoreMetrics

  constructor(options: StandbyOptions) {
    this.#options = options
    const { metrics = NO_METRICS, threadName } = options
    this.#metrics = createRestoreMetrics(metrics, threadName, 'standby-update', () => this.#standbys.size)
  }

  get ids(): readonly TaskId[] {
    return [...this.#standbys.keys()]
  }

  has(id: TaskId): boolean {
    return this.#standbys.has(id)
  }

  /** The last turn brought records: there may be more at once. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Stores that are kept in memory, or have no changelog of their own, have no copy. */
  hasStore(id: TaskId, store: string): boolean {
    return this.#standbys.get(id)?.changelogs.some(({ storeName }) => storeName === store) ?? false
  }

  storesOf(id: TaskId): TaskStores | undefined {
    return this.#standbys.get(id)?.stores
  }

  lags(): readonly StoreLag[] {
    return [...this.#owners].map(([name, { standby, changelog }]) => {
      const position = standby.stores.position(changelog.storeName) ?? 0
      return lagOf(changelog.storeName, changelog.partition, position, this.#ends.get(name) ?? position)
    })
  }

  /** DIRECTORY_LOCKED while another thread of this process still has the database. */
  async open(id: TaskId, topology: ResolvedTopology): Promise<void> {
    await this.#openOnce(id, topology)
    await this.#assign()
  }

  async #openOnce(id: TaskId, topology: ResolvedTopology, isSecondTry = false): Promise<void> {
    const { stateEngine, logger } = this.#options
    const { subTopology, partition } = parseTaskId(id)
    const definitions = topology
      .subTopology(subTopology)
      .stores.filter(
        ({ spec, changelog, changelogIsSource }) =>
          spec.persistence === 'persistent' && changelog !== undefined && !changelogIsSource,
      )
    if (definitions.length === 0) return
    const names = definitions.flatMap(({ spec }) => keyspacesOf(spec))
    const database = await stateEngine.open(id, [POSITIONS_KEYSPACE, ...names])
    try {
      const stores = new TaskStores({
        taskName: id,
        partition,
        definitions,
        topicName: topology.topicName,
        changelogName: topology.changelogName,
        database,
        memoryDatabase: database,
        recordContext: { topic: '', partition, offset: -1, timestampMs: -1, headers: [] },
        clock: this.#options.clock,
        recordCache: undefined,
        cleanEntriesMax: this.#options.config.cleanEntriesPerStoreMax,
        droppedRecord: () => {},
      })
      await this.#add({ id, stores, changelogs: stores.changelogs(), database })
    } catch (error) {
      await database.close()
      if (isSecondTry || !hasCode(error, 'STATE_CORRUPTED')) throw error
      logger.warn(`The state of standby task ${id} is wiped and copied anew: ${messageOf(error)}`, { task: id })
      await stateEngine.destroy(id)
      await this.#openOnce(id, topology, true)
    }
  }

  /** STATE_CORRUPTED where the copy does not fit the changelog: ahead of it, or so old that the part between is gone. */
  async #add(opened: Pick<Standby, 'id' | 'stores' | 'changelogs' | 'database'>): Promise<void> {
    const { log, metrics = NO_METRICS, threadName } = this.#options
    const { id, stores, changelogs } = opened
    const [starts, ends] = await Promise.all([
      log.admin.startOffsets(changelogs),
      log.admin.endOffsets(changelogs, 'read_uncommitted'),
    ])
    for (const changelog of changelogs) {
      const position = stores.position(changelog.storeName)
      const start = offsetOf(starts, changelog)
      const end = offsetOf(ends, changelog)
      if (position !== undefined && (position < start || position > end)) {
        throw new StreamsError(
          'STATE_CORRUPTED',
          `store ${changelog.storeName} is at position ${position} of ${nameOf(changelog)}, which now has ${start} to ${end}`,
        )
      }
      if (position === undefined) stores.restore(changelog.storeName, [], start)
      this.#ends.set(nameOf(changelog), end)
    }
    const { applied, showRemaining } = changelogRecords(metrics, threadName, id, 'update')
    const standby = { ...opened, applied, hideRemaining: showRemaining(() => this.#remaining(opened)) }
    this.#standbys.set(id, standby)
    for (const changelog of changelogs) this.#owners.set(nameOf(changelog), { standby, changelog })
  }

  /** One turn: applies what has come. Records that are gone make the copy worthless: it begins again. */
  async update(topology: ResolvedTopology): Promise<void> {
    this.#isBusy = false
    if (this.#owners.size === 0 || this.#consumer === undefined) return
    try {
      for (const batch of await this.#consumer.poll(0)) {
        const name = partitionName(batch.topic, batch.partition)
        const owner = this.#owners.get(name)
        if (owner === undefined) continue
        await owner.standby.stores.prepareRestore(owner.changelog.storeName, batch.records)
        this.#apply(owner, batch)
        this.#ends.set(name, batch.endOffset)
        if (batch.records.length > 0) this.#isBusy = true
      }
    } catch (error) {
      if (!hasCode(error, 'OFFSET_OUT_OF_RANGE')) {
        // The consumer is past what could not be applied: it goes on where the copies are.
        await this.#assign()
        throw error
      }
      for (const id of this.ids) {
        await this.close(id)
        await this.open(id, topology)
      }
    }
  }

  #apply({ standby, changelog }: Owner, { records, nextOffset }: FetchedBatch): void {
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    standby.stores.restore(changelog.storeName, records, nextOffset)
    if (records.length === 0) return
    standby.applied.add(records.length)
    this.#metrics.records.add(records.length)
    this.#metrics.calls.add(1)
    this.#metrics.time.record(clock.monotonicMs() - startedMs)
  }

  /** Changelog records that the copy does not have yet. */
  #remaining({ stores, changelogs }: Pick<Standby, 'stores' | 'changelogs'>): number {
    let records = 0
    for (const changelog of changelogs) {
      const end = this.#ends.get(nameOf(changelog)) ?? 0
      records += Math.max(0, end - (stores.position(changelog.storeName) ?? 0))
    }
    return records
  }

  /** The database is free when this resolves. */
  async close(id: TaskId): Promise<void> {
    const standby = this.#standbys.get(id)
    if (standby === undefined) return
    this.#standbys.delete(id)
    for (const changelog of standby.changelogs) {
      this.#owners.delete(nameOf(changelog))
      this.#ends.delete(nameOf(changelog))
    }
    await this.#assign()
    standby.hideRemaining()
    this.#options.metrics?.remove?.(taskTags(this.#options.threadName, id))
    standby.stores.close((message) => this.#options.logger.warn(message, { task: id }))
    await standby.database.close()
  }

  async closeAll(): Promise<void> {
    for (const id of this.ids) await this.close(id)
    await this.#consumer?.close()
    this.#consumer = undefined
  }

  async #assign(): Promise<void> {
    const { log, threadName, config } = this.#options
    if (this.#owners.size === 0 && this.#consumer === undefined) return
    this.#consumer ??= await log.createConsumer({
      clientId: `${threadName}-standby`,
      isolation: 'read_committed',
      pollRecordsMax: TURN_RECORDS_MAX,
      pollBytesMax: config.pollBytesMax,
    })
    const positions = [...this.#owners.values()].map(
      ({ standby, changelog: { topic, partition, storeName } }): PartitionOffset => ({
        topic,
        partition,
        offset: standby.stores.position(storeName) ?? 0,
      }),
    )
    this.#consumer.assign(positions)
  }
}

function nameOf({ topic, partition }: Changelog): string {
  return partitionName(topic, partition)
}
