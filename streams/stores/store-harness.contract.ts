import type { Clock, LogRecord, StateDatabase, StateEngine } from '../ports/index.ts'
import { NO_HEADERS } from '../ports/index.ts'
import { createRecordCache, type RecordCache } from './record-cache.ts'
import type { ManagedStore, RecordContext, StoreEnvironment } from './types.ts'

const TASK = '0_0'
const KEYSPACE = 'store'
const clock: Clock = {
  wallClockMs: () => 0,
  monotonicMs: () => 0,
  sleep: async () => {},
}

export type HarnessOptions = {
  readonly cleanEntriesMax?: number
  readonly cacheBytesMax?: number
}

/** What a task does with a store: commits, aborts, crashes, restores. */
export class StoreHarness<S extends ManagedStore> {
  readonly context: RecordContext = { topic: 'in', partition: 0, offset: 0, timestampMs: 0, headers: NO_HEADERS }
  readonly dropped: string[] = []
  /** The committed changelog, and what the last commit added to it. */
  readonly changelog: LogRecord[] = []
  lastCommit: LogRecord[] = []
  readonly recordCache: RecordCache | undefined
  readonly #engine: StateEngine
  readonly #create: (environment: StoreEnvironment) => S
  readonly #cleanEntriesMax: number
  #database: StateDatabase | undefined
  #metadata: Readonly<Record<string, number>> = {}
  #store: S | undefined

  constructor(engine: StateEngine, create: (environment: StoreEnvironment) => S, options: HarnessOptions = {}) {
    this.#engine = engine
    this.#create = create
    this.#cleanEntriesMax = options.cleanEntriesMax ?? 100
    this.recordCache =
      options.cacheBytesMax === undefined ? undefined : createRecordCache({ bytesMax: options.cacheBytesMax })
  }

  get store(): S {
    return this.#store as S
  }

  get database(): StateDatabase {
    return this.#database as StateDatabase
  }

  async open(): Promise<this> {
    this.#database = await this.#engine.open(TASK, [KEYSPACE])
    this.#store = this.#create({
      keyspace: this.#database.keyspace(KEYSPACE),
      changelogTopic: 'app-store-changelog',
      recordContext: this.context,
      clock,
      recordCache: this.recordCache,
      cleanEntriesMax: this.#cleanEntriesMax,
      freezeValues: true,
      droppedRecord: (reason) => this.dropped.push(reason),
    })
    this.#store.loadMetadata(this.#metadata)
    return this
  }

  commit(): readonly LogRecord[] {
    const { store } = this
    store.flushCache()
    const batch = this.database.batch()
    this.lastCommit = []
    store.prepareCommit(batch, (key, value, timestampMs, headers) => {
      const offset = this.changelog.length + this.lastCommit.length
      this.lastCommit.push({ offset, key, value, timestampMs, headers })
    })
    this.changelog.push(...this.lastCommit)
    batch.write()
    this.#metadata = store.saveMetadata()
    store.committed()
    return this.lastCommit
  }

  abort(): void {
    this.store.aborted()
  }

  /** One of the ways to lose what was not committed. */
  async lose(how: 'abort' | 'crash' | 'restore'): Promise<void> {
    if (how === 'abort') this.abort()
    else if (how === 'crash') await this.crash()
    else await this.restore()
  }

  /** The process dies: what was not committed is gone. */
  async crash(): Promise<void> {
    this.store.aborted()
    this.store.close()
    await this.database.close()
    await this.open()
  }

  /** The machine dies: state is rebuilt from the changelog, so many records at a time. */
  async restore(recordsPerBatch = 7): Promise<void> {
    this.store.aborted()
    this.store.close()
    await this.database.close()
    await this.#engine.destroy(TASK)
    this.#metadata = {}
    await this.open()
    this.restoreInPlace(0, recordsPerBatch)
  }

  restoreInPlace(from: number, recordsPerBatch = 7): void {
    for (let i = from; i < this.changelog.length; i += recordsPerBatch) {
      const batch = this.database.batch()
      this.store.restoreBatch(this.changelog.slice(i, i + recordsPerBatch), batch)
      batch.write()
      this.#metadata = this.store.saveMetadata()
    }
  }

  async close(): Promise<void> {
    this.store.aborted()
    this.store.close()
    await this.database.close()
    await this.#engine.close()
  }
}
