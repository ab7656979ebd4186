import { assert, present } from '../base/assert.ts'
import { utf8Decode, utf8Encode } from '../base/bytes.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import type { Clock, Keyspace, LogRecord, Serde, StateDatabase, WriteBatch } from '../ports/index.ts'
import {
  type ChangelogSink,
  createStore,
  type ManagedStore,
  type RecordCache,
  type RecordContext,
  type StoreEnvironment,
  storeLayout,
} from '../stores/index.ts'
import type { StoreDefinition } from '../topology/topology.ts'
import { prepareRecords } from './prepare-records.ts'
import type { RecordCollector } from './record-collector.ts'
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
  readonly definition: StoreDefinition
  readonly changelog: Changelog | undefined
  readonly database: StateDatabase
  /** Offset up to which the changelog is in the store's data; undefined = nothing yet. */
  position: number | undefined
}

type SavedPosition = {
  readonly offset: number | null
  /** See `storeLayout`. */
  readonly layout?: string
  readonly metadata: Readonly<Record<string, number>>
}

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
  readonly freezeValues?: boolean
  readonly droppedRecord: (reason: string) => void
}

/**
 * The stores of one task with their positions: data and position are always written in one batch, so that whatever
 * survives a crash is some commit, whole, and says which.
 */
export class TaskStores {
  readonly #entries = new Map<string, Entry>()
  readonly #options: TaskStoresOptions
  #batches: { readonly batch: WriteBatch; readonly database: StateDatabase }[] = []

  constructor(options: TaskStoresOptions) {
    this.#options = options
    for (const definition of options.definitions) this.#open(definition)
  }

  #open(definition: StoreDefinition): void {
    const { spec, changelog } = definition
    const options = this.#options
    const database = spec.persistence === 'memory' ? options.memoryDatabase : options.database
    const topic = changelog === undefined ? undefined : options.topicName(changelog.name, changelog.internal)
    const environment = this.#environment(definition, database)
    const store: ManagedStore = createStore(spec, environment)
    const saved = readPosition(database.keyspace(POSITIONS_KEYSPACE), spec.name, options.taskName)
    if (saved !== undefined) {
      checkLayout(definition, saved, options.taskName)
      store.loadMetadata(saved.metadata)
    }
    this.#entries.set(spec.name, {
      store,
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
    })
  }

  #environment({ spec, changelog }: StoreDefinition, database: StateDatabase): StoreEnvironment {
    const options = this.#options
    const topic = changelog === undefined ? undefined : options.topicName(changelog.name, changelog.internal)
    return {
      keyspace: database.keyspace(spec.name),
      changelogTopic: topic ?? options.changelogName(spec.name),
      recordContext: options.recordContext,
      clock: options.clock,
      recordCache: spec.caching ? options.recordCache : undefined,
      cleanEntriesMax: options.cleanEntriesMax,
      freezeValues: options.freezeValues,
      droppedRecord: options.droppedRecord,
    }
  }

  get(name: string): ManagedStore | undefined {
    return this.#entries.get(name)?.store
  }

  /** A second view of a store, for reading what is committed and nothing else; the caller closes it. */
  openCommitted(name: string): ManagedStore {
    const { definition, database } = this.#entry(name)
    const { taskName, recordContext } = this.#options
    const environment = this.#environment(definition, database)
    // Its own context: what it reads is not of the record in process.
    const store: ManagedStore = createStore(definition.spec, {
      ...environment,
      recordContext: { ...recordContext },
      recordCache: undefined,
      cleanEntriesMax: 0,
    })
    const saved = readPosition(database.keyspace(POSITIONS_KEYSPACE), name, taskName)
    if (saved !== undefined) store.loadMetadata(saved.metadata)
    return store
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
    entry.store.restoreBatch(records, batch)
    savePosition(batch, entry, nextOffset)
    batch.write()
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
      entry.store.prepareCommit(batch, sink)
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
   * The log has committed: writes data and positions, each database in one batch. `sourceOffset` gives the position of
   * stores whose changelog is a source topic.
   */
  committed(collector: RecordCollector, sourceOffset: (topic: string) => number | undefined): void {
    for (const { batch, database } of this.#batches) {
      for (const entry of this.#entries.values()) {
        if (entry.database !== database) continue
        const reached = positionAfterCommit(entry, collector, sourceOffset)
        if (reached !== undefined) entry.position = Math.max(reached, entry.position ?? 0)
        savePosition(batch, entry, entry.position)
      }
      batch.write()
    }
    this.#batches = []
    for (const entry of this.#entries.values()) if (entry.store.dirtyEntries > 0) entry.store.committed()
  }

  /** Drops what was not committed. */
  aborted(): void {
    this.#batches = []
    for (const entry of this.#entries.values()) entry.store.aborted()
  }

  /** Never throws: what goes wrong, and iterators that were left open, are told to `warn`. */
  close(warn: (message: string) => void): void {
    const { taskName } = this.#options
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
    return JSON.parse(utf8Decode(bytes)) as SavedPosition
  } catch (cause) {
    throw new StreamsError('STATE_CORRUPTED', `the position of store ${storeName} in task ${taskName} cannot be read`, {
      cause,
    })
  }
}

/** A topology that changed (another grace period, say) must not look past what an earlier one has written. */
function checkLayout({ spec, changelog }: StoreDefinition, { layout }: SavedPosition, taskName: string): void {
  const wanted = storeLayout(spec)
  if (layout === undefined || layout === wanted) return
  const what = `store ${spec.name} of task ${taskName} was written as '${layout}' and is now '${wanted}'`
  if (changelog !== undefined) throw new StreamsError('STATE_CORRUPTED', what)
  throw new StreamsError(
    'TOPOLOGY_INVALID',
    `${what}; it has no changelog from which it could be rebuilt. Give the store another name, or remove its state`,
  )
}

function savePosition(batch: WriteBatch, entry: Entry, offset: number | undefined): void {
  const saved: SavedPosition = {
    offset: offset ?? null,
    layout: storeLayout(entry.definition.spec),
    metadata: entry.store.saveMetadata(),
  }
  const keyspace = entry.database.keyspace(POSITIONS_KEYSPACE)
  batch.put(keyspace, utf8Encode(entry.definition.spec.name), utf8Encode(JSON.stringify(saved)))
}
