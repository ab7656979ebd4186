import { assert, type Bytes } from '../base/index.ts'
import type { Keyspace } from '../ports/index.ts'
import { DirtyIndex } from './dirty-index.ts'
import type { ScannedEntry, ScanSource } from './merged-scan.ts'
import type { CacheableEntry, CachedUpdate } from './record-cache.ts'
import { ENTRY_OVERHEAD_BYTES, SizeEstimate } from './store-basics.ts'

/** Of the writes to entries that are dirty already, one in so many is weighed: values may grow between two commits. */
const REWRITE_INTERVAL = 64

/** An entry that can be uncommitted. `dirtySequence` 0 = clean; else it rises in the order of becoming dirty. */
export type BufferedEntry = Omit<ScannedEntry, 'dirtySequence'> & {
  dirtySequence: number
  update: CachedUpdate<CacheableEntry> | undefined
}

/** The uncommitted entries of a store: in the order in which they became dirty, and indexed once somebody iterates. */
export class WriteBuffer<E extends BufferedEntry> implements ScanSource<E> {
  readonly keyspace: Keyspace
  readonly index: DirtyIndex<E>
  epoch = 0
  dirtySequence = 0
  entries: E[] = []
  readonly #size = new SizeEstimate()
  readonly #measure: (entry: E) => number
  #preparedCount = 0
  #rewrites = 0
  /** Estimated bytes by which dirty entries grew, or shrank, since they became dirty. */
  #growthBytes = 0

  /** `measure` gives the serialized bytes of an entry; it is asked rarely. */
  constructor(keyspace: Keyspace, engineKeyOf: (entry: E) => Bytes, measure: (entry: E) => number) {
    this.keyspace = keyspace
    this.index = new DirtyIndex(engineKeyOf)
    this.#measure = measure
  }

  /** The entry has just taken its first uncommitted value. */
  add(entry: E): void {
    entry.dirtySequence = ++this.dirtySequence
    const count = this.entries.push(entry)
    if (this.#size.wants(count)) this.#size.sample(this.#measure(entry))
  }

  /**
   * Before a dirty entry takes another value: its bytes, if this write is to be weighed; else undefined. Weighing what
   * changes, and not what is there, keeps a large value that is often written from counting for all the others.
   */
  weighBefore(entry: E): number | undefined {
    return (++this.#rewrites & (REWRITE_INTERVAL - 1)) === 0 ? this.#measure(entry) : undefined
  }

  weighAfter(entry: E, bytesBefore: number): void {
    this.#growthBytes += REWRITE_INTERVAL * (this.#measure(entry) - bytesBefore)
  }

  /** Estimated bytes of one entry in memory. */
  get entryBytes(): number {
    return this.#size.averageBytes + ENTRY_OVERHEAD_BYTES
  }

  get dirtyBytes(): number {
    const count = this.entries.length
    return Math.max(count * this.entryBytes + this.#growthBytes, count * ENTRY_OVERHEAD_BYTES)
  }

  syncIndex(): void {
    this.index.sync(this.entries)
  }

  /** All entries were serialized into a batch, which took so many bytes. */
  prepared(bytes: number): void {
    this.#size.measured(bytes, this.entries.length)
    this.#preparedCount = this.entries.length
  }

  checkPrepared(): void {
    const isPrepared = this.#preparedCount === this.entries.length
    assert(isPrepared, 'nothing is put between the preparation of a commit and its end')
  }

  forget(): void {
    this.entries = []
    this.#preparedCount = 0
    this.#growthBytes = 0
    this.index.clear()
    this.epoch++
  }

  /** What is in the engine changes by another way than a commit. */
  engineChanges(): void {
    assert(this.entries.length === 0, 'a store is restored only where nothing is uncommitted')
    this.epoch++
  }
}
