import type { Bytes } from '../base/bytes.ts'

/**
 * An ordered byte store with atomic batches: RocksDB, LMDB or memory. One database per task, one keyspace (RocksDB:
 * column family) per store. All reads and the batch write are synchronous, since a step never awaits. It knows nothing
 * of keys, windows, changelogs or caches: those are layers in `streams/stores`.
 *
 * `state-engine.contract.ts` is the suite that every engine passes.
 */
export type StateEngine = {
  /** `rocksdb`, `lmdb` or `memory`: the start-up line says which one runs. */
  readonly name: string
  /** True if data is there again after the process died. */
  readonly persistent: boolean
  /**
   * Opens the database of `name` (a task id, used as directory name), creating it if needed. Keyspaces that exist but
   * are not named stay untouched. DIRECTORY_LOCKED if it is open already, here or in another process, DISK_* if the disk
   * refuses, STATE_CORRUPTED if the files are damaged or another engine's, LIMIT_EXCEEDED if the memory for it is used up.
   */
  open(name: string, keyspaces: readonly string[]): Promise<StateDatabase>
  /** Names of databases on disk. */
  list(): Promise<readonly string[]>
  /** Removes a database that is not open. */
  destroy(name: string): Promise<void>
  close(): Promise<void>
}

export type StateDatabase = {
  keyspace(name: string): Keyspace
  batch(): WriteBatch
  /** Number of iterators that were opened and not closed: a leak is an error in tests and a metric in production. */
  readonly iteratorsOpen: number
  /** Approximate bytes on disk and in memory, for metrics and limits. */
  stats(): { readonly bytesOnDisk: number; readonly bytesInMemory: number }
  /** A number that the engine knows of itself, by its own name, for metrics; absent where it knows none. */
  property?(name: string): number | undefined
  /** Closes; open iterators are an assertion error. */
  close(): Promise<void>
}

export type Keyspace = {
  readonly name: string
  /** Returned bytes do not change, whatever is written later; the caller does not change them either. */
  get(key: Bytes): Bytes | undefined
  /** In the order of the keys. */
  getMany(keys: readonly Bytes[]): (Bytes | undefined)[]
  /** In byte order. A consistent view as of this call; must be closed. */
  iterate(range: KeyRange): EngineIterator
  /** Roughly how many keys: an estimate. */
  approximateCount(): number
}

/** `from` inclusive, `to` exclusive; undefined = open. */
export type KeyRange = {
  readonly from?: Bytes | undefined
  readonly to?: Bytes | undefined
  readonly reverse?: boolean
}

/** Pull style, without an object per entry: `next()` moves, `key` and `value` are those of the current entry. */
export type EngineIterator = {
  /** Moves to the next entry; false at the end. */
  next(): boolean
  readonly key: Bytes
  readonly value: Bytes
  close(): void
}

/**
 * Collects writes to any keyspaces of one database; `write` applies all of them or none, synchronously. A database has
 * one writer: batches are written one after the other, in the order in which they were filled.
 *
 * Keys have 0 bytes to 2 GiB (RocksDB and memory); on LMDB a key of over 1,976 bytes works too but costs a read. The
 * bytes that are handed over must stay as they are until `write` has returned; then the caller may use them again.
 */
export type WriteBatch = {
  put(keyspace: Keyspace, key: Bytes, value: Bytes): void
  delete(keyspace: Keyspace, key: Bytes): void
  /** Removes [from, to); to undefined = to the end. Applies to what was in the database or batch before this call. */
  deleteRange(keyspace: Keyspace, from: Bytes, to: Bytes | undefined): void
  /**
   * Writes and empties the batch. Throws DISK_FULL, DISK_READ_ONLY, DISK_FAILED or LIMIT_EXCEEDED; then nothing was
   * applied and the batch keeps its content.
   */
  write(): void
}
