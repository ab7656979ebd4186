import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Bytes } from '#streams/base'

/**
 * The native functions of `@nxtedition/rocksdb`, called without its JavaScript layer: that layer is abstract-level's,
 * whose reads are asynchronous and whose wrappers allocate per call. What is declared here is what its binding.cc does
 * in the version that package.json pins; docs/adr/0001-rocksdb-binding.md says why this binding.
 */
declare const opaque: unique symbol
type Opaque<Name extends string> = { readonly [opaque]: Name }
export type DatabaseHandle = Opaque<'database'>
export type ColumnHandle = Opaque<'column'>
export type IteratorHandle = Opaque<'iterator'>
export type BatchHandle = Opaque<'batch'>

export type ColumnOptions = {
  /** One write buffer is a quarter of this and at most six exist: memtables take up to one and a half times this. */
  readonly memtableMemoryBudget: number
  /** Capacity of the block cache that this column has for itself: the binding shares none. */
  readonly cacheSize: number
  readonly cacheIndexAndFilterBlocks: boolean
  readonly compaction: 'universal' | 'level'
  readonly compression: boolean
}

export type OpenOptions = ColumnOptions & {
  readonly createIfMissing: boolean
  readonly parallelism: number
  readonly walCompression: boolean
  readonly columns: Readonly<Record<string, ColumnOptions>>
}

export type IterateOptions = {
  column: ColumnHandle
  gte: Bytes | undefined
  lt: Bytes | undefined
  reverse: boolean
  values: boolean
  keyEncoding: 'buffer'
  valueEncoding: 'buffer'
  fillCache: boolean
  highWaterMarkBytes: number
}

export type InColumn = { readonly column: ColumnHandle }
type Callback<T> = (error: Error | null, value: T) => void

export type RocksDbBinding = {
  db_init(path: string): DatabaseHandle
  db_open(database: DatabaseHandle, options: OpenOptions, callback: Callback<Record<string, ColumnHandle>>): void
  db_close(database: DatabaseHandle, callback: Callback<undefined>): void
  /** null stands for an entry past the byte limit of one call (2 GiB). */
  db_get_many_sync(database: DatabaseHandle, keys: readonly Bytes[], options: InColumn): (Bytes | undefined | null)[]
  /** Of the database or of its first column; '' where there is no such property. */
  db_get_property(database: DatabaseHandle, name: string): string | undefined
  db_get_latest_sequence(database: DatabaseHandle): number
  iterator_init(database: DatabaseHandle, options: IterateOptions): IteratorHandle
  /** Keys and values by turns. */
  iterator_nextv_sync(iterator: IteratorHandle, count: number): { readonly rows: Bytes[]; readonly finished: boolean }
  iterator_close(iterator: IteratorHandle): void
  batch_init(): BatchHandle
  batch_put(batch: BatchHandle, key: Bytes, value: Bytes, options: InColumn): void
  batch_del(batch: BatchHandle, key: Bytes, options: InColumn): void
  batch_clear(batch: BatchHandle): void
  batch_write(database: DatabaseHandle, batch: BatchHandle, options: undefined): void
  /** Four elements per operation: its kind, key, value, null. */
  batch_iterate(
    database: DatabaseHandle,
    batch: BatchHandle,
    options: InColumn & {
      readonly values: boolean
      readonly data: boolean
      readonly keyEncoding: 'buffer'
    },
  ): (string | Bytes | null)[]
}

/** The prebuilt library uses AVX2 and BMI2; on an older processor it would kill the process instead of throwing. */
const CPU_FLAGS_NEEDED = ['avx2', 'bmi2']

/** Throws, with the reason, where the binding does not run. */
export function loadRocksDbBinding(): RocksDbBinding {
  if (process.platform === 'linux' && process.arch === 'x64') requireCpuFlags(readFileSync('/proc/cpuinfo', 'utf8'))
  return createRequire(import.meta.url)('rocksdb/binding.js') as RocksDbBinding
}

export function requireCpuFlags(cpuInfo: string): void {
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/)
  if (flags === undefined) return
  const missing = CPU_FLAGS_NEEDED.filter((flag) => !flags.includes(flag))
  if (missing.length > 0) throw new Error(`this processor lacks ${missing.join(' and ')}`)
}
