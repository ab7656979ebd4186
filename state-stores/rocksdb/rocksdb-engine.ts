import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { assert, messageOf } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { destroyDatabase, listDatabases, type OwnedDirectory, ownDirectory } from '../disk/database-directory.ts'
import { diskErrorOf } from '../disk/disk-error.ts'
import { createBatchPool } from './batch-pool.ts'
import {
  type ColumnHandle,
  type ColumnOptions,
  type DatabaseHandle,
  loadRocksDbBinding,
  type OpenOptions,
  type RocksDbBinding,
} from './binding.ts'
import { createMemoryBudget, type MemoryBudget } from './memory-budget.ts'
import { RocksDbDatabase } from './rocksdb-database.ts'

export const ROCKSDB = 'rocksdb'

export type RocksDbEngineOptions = {
  /** Each database is a directory in here. */
  readonly directory: string
  /** Block caches of all open databases together, index and filter blocks included. */
  readonly cacheBytesMax: number
  /** Memtables of all open databases together. */
  readonly memtableBytesMax: number
  /** Among how many open databases the two bounds are shared out evenly; more may be open, with smaller shares. */
  readonly databasesExpected: number
  /** Threads for flushes and compactions, for all databases of the process. */
  readonly backgroundThreads: number
  /** ZSTD: a smaller disk for slower reads. Off, as in Kafka Streams. */
  readonly compression: boolean
  /** Replaced in tests of what happens where the library does not load. */
  readonly loadBinding?: () => RocksDbBinding
}

export const ROCKSDB_DEFAULTS = {
  cacheBytesMax: 256 * 1024 * 1024,
  memtableBytesMax: 256 * 1024 * 1024,
  databasesExpected: 16,
  backgroundThreads: 2,
  compression: false,
} as const satisfies Omit<RocksDbEngineOptions, 'directory'>

/** Below this RocksDB rounds up by itself: six write buffers of 64 KiB. */
const MEMTABLE_BYTES_PER_COLUMN_MIN = 6 * 64 * 1024
const CACHE_BYTES_PER_COLUMN_MIN = 256 * 1024
/** The binding takes 32 bits. */
const BYTES_PER_COLUMN_MAX = 2 ** 32 - 1
/** RocksDB wants this column family to exist; no store is in it. */
const DEFAULT_COLUMN = 'default'

/**
 * RocksDB: a database per name, a column family per keyspace. An engine belongs to one thread; where a process runs
 * several, its composition root divides the two bounds among their engines.
 */
export function createRocksDbEngine(options: RocksDbEngineOptions): StateEngine {
  const binding = (options.loadBinding ?? loadRocksDbBinding)()
  const { databasesExpected } = options
  const budgets: Budgets = {
    cache: createMemoryBudget({
      name: 'cacheBytesMax',
      bytesMax: options.cacheBytesMax,
      bytesPerColumnMin: CACHE_BYTES_PER_COLUMN_MIN,
      bytesPerColumnMax: BYTES_PER_COLUMN_MAX,
      databasesExpected,
    }),
    memtables: createMemoryBudget({
      name: 'memtableBytesMax',
      bytesMax: options.memtableBytesMax,
      bytesPerColumnMin: MEMTABLE_BYTES_PER_COLUMN_MIN,
      bytesPerColumnMax: BYTES_PER_COLUMN_MAX,
      databasesExpected,
    }),
  }
  const batchPool = createBatchPool(binding)
  const open = new Set<string>()
  return {
    name: ROCKSDB,
    persistent: true,
    async open(name, keyspaces) {
      const owned = await ownDirectory(ROCKSDB, options.directory, name)
      try {
        const opened = await openWithAllColumns(binding, owned, keyspaces, budgets, options)
        open.add(name)
        const release = (): void => {
          open.delete(name)
          opened.release()
          owned.release()
        }
        return new RocksDbDatabase(binding, batchPool, owned.path, opened, release, measuredNowAndThen(owned.path))
      } catch (error) {
        owned.release()
        throw diskErrorOf(error, ROCKSDB, 'opening', owned.path)
      }
    },
    list: () => listDatabases(ROCKSDB, options.directory),
    destroy: (name) => destroyDatabase(ROCKSDB, options.directory, name),
    async close() {
      assert(open.size === 0, `the RocksDB engine is closed while ${[...open].join(', ')} is open`)
    },
  }
}

type Budgets = {
  readonly cache: MemoryBudget
  readonly memtables: MemoryBudget
}

export type OpenedColumns = {
  readonly handle: DatabaseHandle
  /** By keyspace name. */
  readonly columns: ReadonlyMap<string, ColumnHandle>
  readonly bytesInMemory: number
}

/**
 * RocksDB opens a database only with all of its column families named, and the binding cannot list them; but the
 * refusal names those that are missing, and the second attempt names them too. They get the least memory.
 */
async function openWithAllColumns(
  binding: RocksDbBinding,
  owned: OwnedDirectory,
  keyspaces: readonly string[],
  budgets: Budgets,
  options: RocksDbEngineOptions,
): Promise<OpenedColumns & { release(): void }> {
  const cache = budgets.cache.take(Math.max(1, keyspaces.length))
  let memtables: ReturnType<MemoryBudget['take']> | undefined
  const release = (): void => {
    cache.release()
    memtables?.release()
  }
  try {
    memtables = budgets.memtables.take(Math.max(1, keyspaces.length))
    const used = columnOptions(options, cache.bytesPerColumn, memtables.bytesPerColumn)
    const unused = columnOptions(options, CACHE_BYTES_PER_COLUMN_MIN, MEMTABLE_BYTES_PER_COLUMN_MIN)
    const columns: Record<string, ColumnOptions> = { [DEFAULT_COLUMN]: unused }
    for (const keyspace of keyspaces) columns[columnNameOf(keyspace)] = used
    const { handle, handles } = await openOrAddColumns(binding, owned.path, options, columns, unused)
    const named = new Map(keyspaces.map((name) => [name, handles[columnNameOf(name)] as ColumnHandle]))
    const bytesInMemory = (cache.bytesPerColumn + memtables.bytesPerColumn) * keyspaces.length
    return { handle, columns: named, bytesInMemory, release }
  } catch (error) {
    release()
    throw error
  }
}

async function openOrAddColumns(
  binding: RocksDbBinding,
  path: string,
  options: RocksDbEngineOptions,
  columns: Record<string, ColumnOptions>,
  unused: ColumnOptions,
): Promise<{
  readonly handle: DatabaseHandle
  readonly handles: Record<string, ColumnHandle>
}> {
  const openOptions = {
    ...unused,
    createIfMissing: true,
    parallelism: options.backgroundThreads,
    walCompression: false,
  }
  try {
    return await openDatabase(binding, path, { ...openOptions, columns })
  } catch (error) {
    const missing = /Column families not opened: (.*)$/.exec(messageOf(error))?.[1]
    if (missing === undefined) throw error
    for (const name of missing.split(', ')) columns[name] = unused
    return openDatabase(binding, path, { ...openOptions, columns })
  }
}

function openDatabase(
  binding: RocksDbBinding,
  path: string,
  options: OpenOptions,
): Promise<{
  readonly handle: DatabaseHandle
  readonly handles: Record<string, ColumnHandle>
}> {
  return new Promise((resolve, reject) => {
    const handle = binding.db_init(path)
    binding.db_open(handle, options, (error, handles) => {
      if (error) reject(error)
      else resolve({ handle, handles })
    })
  })
}

/** Percent-encoded, so that the list in the refusal (separated by commas) can be taken apart; never `default`. */
function columnNameOf(keyspace: string): string {
  return `store-${encodeURIComponent(keyspace)}`
}

function columnOptions(options: RocksDbEngineOptions, cacheBytes: number, memtableBytes: number): ColumnOptions {
  return {
    // The binding's write buffers are a quarter of this, and six of them may exist.
    memtableMemoryBudget: Math.floor(memtableBytes / 1.5),
    cacheSize: cacheBytes,
    // Else index and filter blocks of every open file would come on top of the bound.
    cacheIndexAndFilterBlocks: true,
    // As Kafka Streams' RocksDBStore: state is overwritten all the time, and this style writes least.
    compaction: 'universal',
    compression: options.compression,
  }
}

/** Metrics ask several times a second, of every task; each look at a directory holds up the thread that processes. */
const MEASURE_INTERVAL_MS = 10_000

function measuredNowAndThen(path: string): () => number {
  let bytes = 0
  let measuredMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = performance.now()
    if (nowMs - measuredMs >= MEASURE_INTERVAL_MS) {
      measuredMs = nowMs
      bytes = bytesInDirectory(path)
    }
    return bytes
  }
}

function bytesInDirectory(path: string): number {
  let bytes = 0
  for (const file of readdirSync(path)) {
    bytes += statSync(join(path, file), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}
