import { assert, present } from '../base/assert.ts'
import { utf8Encode } from '../base/bytes.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import type { Clock, Keyspace, LogRecord, Serde, StateDatabase, WriteBatch } from '../ports/index.ts'
import {
  type ChangelogSink,
  createStore,
  layoutUpgrade,
  type ManagedStore,
  type RecordCache,
  type RecordContext,
  type StoreEnvironment,
  storeLayout,
  UpgradedKeyspace,
  upgradedKeyspaceName,
  WriteBehindBatch,
  WriteBehindDatabase,
} from '../stores/index.ts'
import type { StoreDefinition } from '../topology/topology.ts'
import { prepareRecords } from './prepare-records.ts'
import type { RecordCollector } from './record-collector.ts'
import { decodePosition, encodePosition, type SavedPosition } from './saved-position.ts'
import { explainChangelogFailure } from './send-failure.ts'

/** The keyspace of a task's database that holds, per store, how much of the changelog the data contains. */
export const POSITIONS_KEYSPACE = '.positions'

/** A changelog that a store is restored from and writes to. */
export type Changelog = {
  readonly topic: string
  readonly partition: number
  /** True where the changelog is a source topic that others write: restored from, never written. */
  readonly isSource: boolean
  readonly storeName: string
  readonly persistent: boolean
}

type Entry = {
  readonly store: ManagedStore
  readonly place: Place
  readonly definition: StoreDefinition
  readonly changelog: Changelog | undefined
  readonly database: StateDatabase
  /** Offset up to which the changelog is in the store's data; undefined = nothing yet. */
  position: number | undefined
  /** What the store knew beside its data at the last commit. */
  metadata: Readonly<Record<string, number>>
}

/** Where the entries of a store are. */
type Place = {
  readonly keyspace: Keyspace
  /** While there are entries of an earlier layout. */
  readonly upgrade: UpgradedKeyspace | undefined
  readonly upgradedFrom: string | undefined
}

/** A commit with more writes than this goes to the engine at once: there the fixed cost of a batch is nothing. */
const WAITING_BATCH_MAX = 512
/** What waits of one task, at most. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024

const NO_PREPARE: Pick<Serde<unknown>, 'prepare'> = {}

export type TaskStoresOptions = {
  readonly taskName: string
  readonly partition: number
  /** In topological order of the processors that use them: caches are flushed in this order. */
  readonly definitions: readonly StoreDefinition[]
  readonly topicName: (undecorated: string, internal: boolean) => string
  /** Name of the changelog that serdes are given also where a store has none. */
  readonly changelogName: (storeName: string) => string
  readonly database: StateDatabase
  /** For stores that are kept in memory; restored whole at every start. */
  readonly memoryDatabase: StateDatabase
  readonly recordContext: RecordContext
  readonly clock: Clock
  readonly recordCache: RecordCache | undefined
  readonly cleanEntriesMax: number
  /** How long committed writes may wait in memory; 0 or undefined: each commit is written at once. */
  readonly flushIntervalMs?: number
  readonly freezeValues?: boolean
  readonly droppedRecord: (reason: string) => void
}

/**
 * The stores of one task with their positions: data and position are always written in one batch, so that whatever
 * survives a crash is some commit, whole, and says which.
 *
 * Small commits wait in memory, for `flushIntervalMs` at most, and are then written together. A crash loses what waits,
 * and the changelogs have it: the stores on disk are a commit of a moment ago.
 */
export class TaskStores {
  readonly #entries = new Map<string, Entry>()
  readonly #options: TaskStoresOptions
  readonly #persistent: WriteBehindDatabase
  /**
   * False where a persistent store has no changelog, or a source topic that may be purged of what is committed: what is
   * committed there is on disk at once, or lost.
   */
  readonly #mayWait: boolean
  #flushedMs: number
  /** A commit could not be written, and the positions speak of it already: nothing may be written after it. */
  #isTorn = false
  #batches: { readonly batch: WriteBatch; readonly database: StateDatabase }[] = []

  constructor(options: TaskStoresOptions) {
    this.#options = options
    this.#persistent = new WriteBehindDatabase(options.database)
    for (const definition of options.definitions) this.#open(definition)
    this.#flushedMs = options.clock.monotonicMs()
    this.#mayWait =
      (options.flushIntervalMs ?? 0) > 0 &&
      options.definitions.every(
        ({ spec, changelog, changelogIsSource }) =>
          spec.persistence === 'memory' || (changelog !== undefined && !changelogIsSource),
      )
  }

  #open(definition: StoreDefinition): void {
    const { spec, changelog } = definition
    const options = this.#options
    const database = spec.persistence === 'memory' ? options.memoryDatabase : this.#persistent
    const topic = changelog === undefined ? undefined : options.topicName(changelog.name, changelog.internal)
    const saved = readPosition(database.keyspace(POSITIONS_KEYSPACE), spec.name, options.taskName)
    const place = placeOf(definition, database, saved, options.taskName)
    const store: ManagedStore = createStore(spec, this.#environment(definition, place.keyspace))
    if (saved !== undefined) store.loadMetadata(saved.metadata)
    this.#entries.set(spec.name, {
      store,
      place,
      definition,
      database,
      changelog:
        topic === undefined
          ? undefined
          : {
              topic,
              partition: options.partition,
              isSource: definition.changelogIsSource,
              storeName: spec.name,
              persistent: spec.persistence === 'persistent',
            },
      position: saved?.offset ?? undefined,
      metadata: store.saveMetadata(),
    })
  }

  #environment({ spec, changelog }: StoreDefinition, keyspace: Keyspace): StoreEnvironment {
    const options = this.#options
    const topic = changelog === undefined ? undefined : options.topicName(changelog.name, changelog.internal)
    return {
      keyspace,
      changelogTopic: topic ?? options.changelogName(spec.name),
      recordContext: options.recordContext,
      clock: options.clock,
      recordCache: spec.caching ? options.recordCache : undefined,
      cleanEntriesMax: cleanEntriesOf(spec) ?? options.cleanEntriesMax,
      freezeValues: options.freezeValues,
      droppedRecord: options.droppedRecord,
    }
  }

  get(name: string): ManagedStore | undefined {
    return this.#entries.get(name)?.store
  }

  /** A second view of a store, for reading what is committed and nothing else; the caller closes it. */
  openCommitted(name: string): ManagedStore {
    const { definition, place, metadata } = this.#entry(name)
    const { recordContext } = this.#options
    const environment = this.#environment(definition, place.keyspace)
    // Its own context: what it reads is not of the record in process.
    const store: ManagedStore = createStore(definition.spec, {
      ...environment,
      recordContext: { ...recordContext },
      recordCache: undefined,
      cleanEntriesMax: 0,
    })
    store.loadMetadata(metadata)
    return store
  }

  all(): readonly ManagedStore[] {
    return [...this.#entries.values()].map(({ store }) => store)
  }

  names(): readonly string[] {
    return [...this.#entries.keys()]
  }

  changelogs(): readonly Changelog[] {
    return [...this.#entries.values()].flatMap((entry) => entry.changelog ?? [])
  }

  position(storeName: string): number | undefined {
    return this.#entry(storeName).position
  }

  dirtyBytes(): number {
    let bytes = 0
    for (const entry of this.#entries.values()) bytes += entry.store.dirtyBytes
    return bytes
  }

  iteratorsOpen(): number {
    let count = 0
    for (const entry of this.#entries.values()) count += entry.store.iteratorsOpen
    return count
  }

  /**
   * Loads what reading these changelog records from the store will need (schemas): stores read synchronously, so it is
   * now or never. Undefined if nothing is missing. Keys of windows hold more than the serde's bytes; custom stores have
   * formats of their own.
   */
  prepareRestore(storeName: string, records: readonly LogRecord[]): Promise<void> | undefined {
    const { changelog, definition } = this.#entry(storeName)
    const { spec } = definition
    if (changelog === undefined || spec.kind === 'custom') return undefined
    const hasPlainKeys = spec.kind === 'key-value' || spec.kind === 'versioned'
    return prepareRecords(changelog.topic, records, hasPlainKeys ? spec.keySerde : NO_PREPARE, spec.valueSerde)
  }

  /** Applies changelog records, with the position behind them, in one batch. */
  restore(storeName: string, records: readonly LogRecord[], nextOffset: number): void {
    const entry = this.#entry(storeName)
    assert(entry.store.dirtyEntries === 0, `store ${storeName} has uncommitted writes while it is restored`)
    const batch = entry.database.batch()
    entry.store.restoreBatch(records, writesOf(entry, batch))
    entry.metadata = entry.store.saveMetadata()
    savePosition(batch, entry, nextOffset)
    writeNow(batch)
    entry.position = nextOffset
  }

  flushCaches(): void {
    for (const entry of this.#entries.values()) entry.store.flushCache()
  }

  /** Serialises what is dirty into the changelogs (through the collector) and into batches that wait for `committed`. */
  prepareCommit(collector: RecordCollector): void {
    assert(this.#batches.length === 0, 'a commit was prepared while another one waits')
    const batches = new Map<StateDatabase, WriteBatch>()
    for (const entry of this.#entries.values()) {
      if (entry.store.dirtyEntries === 0) continue
      let batch = batches.get(entry.database)
      if (batch === undefined) {
        batch = entry.database.batch()
        batches.set(entry.database, batch)
      }
      const sink = this.#changelogSink(entry, collector)
      entry.store.prepareCommit(writesOf(entry, batch), sink)
    }
    this.#batches = [...batches].map(([database, batch]) => ({
      batch,
      database,
    }))
  }

  #changelogSink({ changelog, store }: Entry, collector: RecordCollector): ChangelogSink | undefined {
    if (changelog === undefined || changelog.isSource) return undefined
    return (key, value, timestampMs, headers) => {
      try {
        collector.send(changelog.topic, changelog.partition, key, value, timestampMs, headers)
      } catch (error) {
        throw explainChangelogFailure(error, store.name, this.#options.taskName, key, value)
      }
    }
  }

  /**
   * The log has committed: takes over the data and, with it, the positions. `sourceOffset` gives the position of stores
   * whose changelog is a source topic.
   */
  committed(collector: RecordCollector, sourceOffset: (topic: string) => number | undefined): void {
    this.#isTorn = true
    for (const { batch, database } of this.#batches) {
      for (const entry of this.#entries.values()) {
        if (entry.database !== database) continue
        const reached = positionAfterCommit(entry, collector, sourceOffset)
        if (reached !== undefined) entry.position = Math.max(reached, entry.position ?? 0)
        entry.metadata = entry.store.saveMetadata()
      }
      if (this.#isToWait(batch)) batch.write()
      else this.#writeWithPositions(batch, database)
    }
    this.#batches = []
    this.#isTorn = false
    for (const entry of this.#entries.values()) if (entry.store.dirtyEntries > 0) entry.store.committed()
  }

  #isToWait(batch: WriteBatch): boolean {
    if (!this.#mayWait || !(batch instanceof WriteBehindBatch)) return false
    if (batch.mustWriteThrough || batch.operationCount > WAITING_BATCH_MAX) return false
    return this.#persistent.pendingBytes < WAITING_BYTES_MAX
  }

  /** What is only in memory goes with the task, and needs no position. */
  #writeWithPositions(batch: WriteBatch, database: StateDatabase): void {
    if (database !== this.#persistent) {
      batch.write()
      return
    }
    for (const entry of this.#entries.values())
      if (entry.database === database) savePosition(batch, entry, entry.position)
    writeNow(batch)
    this.#flushedMs = this.#options.clock.monotonicMs()
  }

  /** Between commits, now and then: writes what has waited for long enough. True if it wrote. */
  flushWaiting(nowMs: number): boolean {
    if (this.#persistent.pendingBytes === 0) return false
    assert(!this.#isTorn, `task ${this.#options.taskName} goes on after a commit that could not be written`)
    if (nowMs - this.#flushedMs < (this.#options.flushIntervalMs ?? 0)) return false
    this.#writeWithPositions(this.#persistent.batch(), this.#persistent)
    return true
  }

  /** Drops what was not committed. */
  aborted(): void {
    this.#batches = []
    for (const entry of this.#entries.values()) entry.store.aborted()
  }

  /** As the death of the process would: what is committed and was not written yet is in the changelogs alone. */
  loseWaiting(): void {
    this.#persistent.forgetPending()
  }

  /**
   * Writes what waits. Never throws: what goes wrong, and iterators that were left open, are told to `warn`; what could
   * not be written will be restored from the changelogs.
   */
  close(warn: (message: string) => void): void {
    const { taskName } = this.#options
    try {
      if (this.#persistent.pendingBytes > 0 && !this.#isTorn)
        this.#writeWithPositions(this.#persistent.batch(), this.#persistent)
    } catch (error) {
      warn(`Committed state of task ${taskName} could not be written, and is restored later: ${messageOf(error)}`)
    }
    for (const [name, { store }] of this.#entries) {
      const leaked = store.iteratorsOpen
      if (leaked > 0)
        warn(
          `Store ${name} of task ${taskName} had ${leaked} open iterators when it was closed. ` +
            'Run each one to its end, or close it: for…of does so, and so does using',
        )
      try {
        store.close()
      } catch (error) {
        warn(`Store ${name} of task ${taskName} could not be closed: ${messageOf(error)}`)
      }
    }
  }

  #entry(storeName: string): Entry {
    return present(this.#entries.get(storeName), `task ${this.#options.taskName} has no store ${storeName}`)
  }
}

function cleanEntriesOf(spec: StoreDefinition['spec']): number | undefined {
  return spec.kind === 'custom' ? undefined : spec.cleanEntriesMax
}

function writeNow(batch: WriteBatch): void {
  if (batch instanceof WriteBehindBatch) batch.writeThrough()
  else batch.write()
}

function positionAfterCommit(
  { changelog }: Entry,
  collector: RecordCollector,
  sourceOffset: (topic: string) => number | undefined,
): number | undefined {
  if (changelog === undefined) return undefined
  if (changelog.isSource) return sourceOffset(changelog.topic)
  return collector.producedOffset(changelog.topic, changelog.partition)
}

function readPosition(keyspace: Keyspace, storeName: string, taskName: string): SavedPosition | undefined {
  const bytes = keyspace.get(utf8Encode(storeName))
  if (bytes === undefined) return undefined
  try {
    return decodePosition(bytes)
  } catch (cause) {
    throw new StreamsError('STATE_CORRUPTED', `the position of store ${storeName} in task ${taskName} cannot be read`, {
      cause,
    })
  }
}

function writesOf({ place }: Entry, batch: WriteBatch): WriteBatch {
  return place.upgrade === undefined ? batch : place.upgrade.batch(batch)
}

function placeOf(
  definition: StoreDefinition,
  database: StateDatabase,
  saved: SavedPosition | undefined,
  taskName: string,
): Place {
  const { spec } = definition
  const own = database.keyspace(spec.name)
  if (saved?.layout === undefined) return { keyspace: own, upgrade: undefined, upgradedFrom: undefined }
  const upgradedFrom = saved.upgradedFrom ?? earlierLayout(definition, saved.layout, taskName)
  if (upgradedFrom === undefined) return { keyspace: own, upgrade: undefined, upgradedFrom }
  const convert = layoutUpgrade(upgradedFrom, spec)
  // The store has lost its headers again: what is in either keyspace is of no use to it.
  if (convert === undefined) throw layoutMismatch(definition, saved.layout, taskName)
  const beside = database.keyspace(upgradedKeyspaceName(spec))
  if (isEmpty(own)) return { keyspace: beside, upgrade: undefined, upgradedFrom }
  const upgrade = new UpgradedKeyspace(own, beside, convert)
  return { keyspace: upgrade, upgrade, upgradedFrom }
}

function isEmpty(keyspace: Keyspace): boolean {
  const iterator = keyspace.iterate({})
  try {
    return !iterator.next()
  } finally {
    iterator.close()
  }
}

/** The layout in which the entries were written, where it is not this one's but can be read; undefined if it is. */
function earlierLayout(definition: StoreDefinition, layout: string, taskName: string): string | undefined {
  if (layout === storeLayout(definition.spec)) return undefined
  if (layoutUpgrade(layout, definition.spec) !== undefined) return layout
  throw layoutMismatch(definition, layout, taskName)
}

/** A topology that changed (another grace period, say) must not look past what an earlier one has written. */
function layoutMismatch({ spec, changelog }: StoreDefinition, layout: string, taskName: string): StreamsError {
  const wanted = storeLayout(spec)
  const what = `store ${spec.name} of task ${taskName} was written as '${layout}' and is now '${wanted}'`
  if (changelog !== undefined) return new StreamsError('STATE_CORRUPTED', what)
  return new StreamsError(
    'TOPOLOGY_INVALID',
    `${what}; it has no changelog from which it could be rebuilt. Give the store another name, or remove its state`,
  )
}

function savePosition(batch: WriteBatch, entry: Entry, offset: number | undefined): void {
  const saved: SavedPosition = {
    offset: offset ?? null,
    layout: storeLayout(entry.definition.spec),
    ...(entry.place.upgradedFrom === undefined ? {} : { upgradedFrom: entry.place.upgradedFrom }),
    metadata: entry.metadata,
  }
  const keyspace = entry.database.keyspace(POSITIONS_KEYSPACE)
  batch.put(keyspace, utf8Encode(entry.definition.spec.name), encodePosition(saved))
}
