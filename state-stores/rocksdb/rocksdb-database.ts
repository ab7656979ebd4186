import { assert, type Bytes, compareBytes, StreamsError } from '#streams/base'
import type { EngineIterator, KeyRange, Keyspace, StateDatabase, WriteBatch } from '#streams/ports'
import { diskErrorOf } from '../disk/disk-error.ts'
import type { BatchPool } from './batch-pool.ts'
import type {
  BatchHandle,
  ColumnHandle,
  DatabaseHandle,
  InColumn,
  IterateOptions,
  IteratorHandle,
  RocksDbBinding,
} from './binding.ts'
import type { OpenedColumns } from './rocksdb-engine.ts'

/** Rows of the first native read of an iterator; most range reads of windows and sessions want a few. */
const ROWS_FIRST = 4
const ROWS_MAX = 256
/** One native read of an iterator stops after this many bytes. */
const ROW_BYTES_MAX = 1024 * 1024
/** Keys are counted up to here; beyond, the count is extrapolated. */
const COUNTED_KEYS_MAX = 100_000

/**
 * Stands for every empty key: RocksDB asserts that a key has an address, and an empty array of its own has none, so
 * this one is a view into memory that exists.
 */
const EMPTY_KEY: Bytes = new Uint8Array(8).subarray(0, 0)

function addressable(key: Bytes): Bytes {
  return key.length === 0 ? EMPTY_KEY : key
}

export class RocksDbDatabase implements StateDatabase {
  readonly binding: RocksDbBinding
  readonly path: string
  readonly handle: DatabaseHandle
  readonly batchPool: BatchPool
  readonly #keyspaces = new Map<string, RocksDbKeyspace>()
  readonly #bytesInMemory: number
  readonly #release: () => void
  readonly #bytesOnDisk: () => number
  iteratorsOpen = 0
  /** Every native call on a closed database would end the process: each path asks first. */
  isClosed = false

  constructor(
    binding: RocksDbBinding,
    batchPool: BatchPool,
    path: string,
    opened: OpenedColumns,
    release: () => void,
    bytesOnDisk: () => number,
  ) {
    this.binding = binding
    this.batchPool = batchPool
    this.path = path
    this.handle = opened.handle
    this.#bytesInMemory = opened.bytesInMemory
    this.#release = release
    this.#bytesOnDisk = bytesOnDisk
    for (const [name, column] of opened.columns) this.#keyspaces.set(name, new RocksDbKeyspace(this, name, column))
  }

  keyspace(name: string): Keyspace {
    const keyspace = this.#keyspaces.get(name)
    assert(keyspace !== undefined, `keyspace ${name} was not named when ${this.path} was opened`)
    return keyspace
  }

  batch(): WriteBatch {
    this.requireOpen()
    return new RocksDbBatch(this)
  }

  /** In memory: the shares of the bounds that this database has, not what it fills of them. */
  stats(): { readonly bytesOnDisk: number; readonly bytesInMemory: number } {
    return {
      bytesOnDisk: this.#bytesOnDisk(),
      bytesInMemory: this.#bytesInMemory,
    }
  }

  property(name: string): number | undefined {
    if (this.isClosed) return undefined
    const text = this.binding.db_get_property(this.handle, name)
    return text === '' || text === undefined ? undefined : Number(text)
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    assert(this.iteratorsOpen === 0, `${this.path} is closed with ${this.iteratorsOpen} open iterators`)
    this.isClosed = true
    try {
      await new Promise<void>((resolve, reject) => {
        this.binding.db_close(this.handle, (error) => (error ? reject(error) : resolve()))
      })
    } catch (error) {
      throw this.errorOf(error, 'closing')
    } finally {
      this.#release()
    }
  }

  requireOpen(): void {
    if (this.isClosed) throw new StreamsError('CLOSED', `State database ${this.path} is closed.`)
  }

  errorOf(error: unknown, action: string): StreamsError {
    return diskErrorOf(error, 'rocksdb', action, this.path)
  }
}

class RocksDbKeyspace implements Keyspace {
  readonly name: string
  readonly database: RocksDbDatabase
  readonly inColumn: InColumn
  readonly #binding: RocksDbBinding
  readonly #handle: DatabaseHandle
  /** Reused by every `get`: the native call reads it before it returns. */
  readonly #oneKey: Bytes[] = new Array(1)
  readonly #iterateOptions: IterateOptions
  #count = 0
  #countedAtSequence = -1

  constructor(database: RocksDbDatabase, name: string, column: ColumnHandle) {
    this.database = database
    this.name = name
    this.inColumn = { column }
    this.#binding = database.binding
    this.#handle = database.handle
    this.#iterateOptions = {
      column,
      gte: undefined,
      lt: undefined,
      reverse: false,
      values: true,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      fillCache: true,
      highWaterMarkBytes: ROW_BYTES_MAX,
    }
  }

  get(key: Bytes): Bytes | undefined {
    if (this.database.isClosed) this.database.requireOpen()
    this.#oneKey[0] = addressable(key)
    let value: Bytes | undefined | null
    try {
      value = this.#binding.db_get_many_sync(this.#handle, this.#oneKey, this.inColumn)[0]
    } catch (error) {
      throw this.database.errorOf(error, 'reading')
    }
    if (value === null) throw this.#tooLarge()
    return value
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    if (this.database.isClosed) this.database.requireOpen()
    let values: (Bytes | undefined | null)[]
    const hasEmptyKey = keys.some((key) => key.length === 0)
    try {
      const asked = hasEmptyKey ? keys.map(addressable) : keys
      values = this.#binding.db_get_many_sync(this.#handle, asked, this.inColumn)
    } catch (error) {
      throw this.database.errorOf(error, 'reading')
    }
    for (let i = 0; i < values.length; i++) if (values[i] === null) throw this.#tooLarge()
    return values as (Bytes | undefined)[]
  }

  iterate(range: KeyRange): EngineIterator {
    return this.#iterate(range, true)
  }

  #iterate(range: KeyRange, values: boolean): RocksDbIterator {
    this.database.requireOpen()
    const { from, to } = range
    if (to !== undefined && compareBytes(from ?? EMPTY_KEY, to) >= 0) {
      return new RocksDbIterator(this.database, undefined)
    }
    const options = this.#iterateOptions
    options.gte = from?.length === 0 ? undefined : from
    options.lt = to
    options.reverse = range.reverse === true
    options.values = values
    try {
      return new RocksDbIterator(this.database, this.#binding.iterator_init(this.#handle, options))
    } catch (error) {
      throw this.database.errorOf(error, 'reading')
    } finally {
      options.gte = undefined
      options.lt = undefined
    }
  }

  /** Keys of a range as of now. */
  *keysIn(from: Bytes, to: Bytes | undefined): Generator<Bytes> {
    const iterator = this.#iterate({ from, to }, false)
    try {
      while (iterator.next()) yield iterator.key
    } finally {
      iterator.close()
    }
  }

  /**
   * Exact up to 100,000 keys. The binding has no estimate per column family, so beyond that the size of the counted
   * ones is set against the size of the database: too high where several large stores share it.
   */
  approximateCount(): number {
    this.database.requireOpen()
    const sequence = this.#binding.db_get_latest_sequence(this.#handle)
    if (sequence === this.#countedAtSequence) return this.#count
    const iterator = this.iterate({})
    let counted = 0
    let bytes = 0
    try {
      while (counted < COUNTED_KEYS_MAX && iterator.next()) {
        counted++
        bytes += iterator.key.length + iterator.value.length
      }
    } finally {
      iterator.close()
    }
    const ratio = this.database.stats().bytesOnDisk / bytes
    this.#count = counted < COUNTED_KEYS_MAX ? counted : Math.round(counted * Math.max(1, ratio))
    this.#countedAtSequence = sequence
    return this.#count
  }

  #tooLarge(): StreamsError {
    return new StreamsError(
      'LIMIT_EXCEEDED',
      `Values of one read from store ${this.name} in ${this.database.path} are over 2 GiB together. Ask for fewer keys.`,
    )
  }
}

const NO_ROWS: readonly Bytes[] = []

class RocksDbIterator implements EngineIterator {
  readonly #database: RocksDbDatabase
  #handle: IteratorHandle | undefined
  #rows = NO_ROWS
  #position = 0
  #rowsNext = ROWS_FIRST
  #isFinished: boolean
  #isClosed = false
  key!: Bytes
  value!: Bytes

  constructor(database: RocksDbDatabase, handle: IteratorHandle | undefined) {
    this.#database = database
    this.#handle = handle
    this.#isFinished = handle === undefined
    database.iteratorsOpen++
  }

  next(): boolean {
    if (this.#position === this.#rows.length && !this.#read()) return false
    this.key = this.#rows[this.#position] as Bytes
    this.value = this.#rows[this.#position + 1] as Bytes
    this.#position += 2
    return true
  }

  #read(): boolean {
    assert(!this.#isClosed, 'an iterator is moved after it was closed')
    this.#rows = NO_ROWS
    this.#position = 0
    if (this.#isFinished) return false
    try {
      const read = this.#database.binding.iterator_nextv_sync(this.#handle as IteratorHandle, this.#rowsNext)
      this.#rows = read.rows
      this.#isFinished = read.finished
    } catch (error) {
      throw this.#database.errorOf(error, 'reading')
    }
    this.#rowsNext = Math.min(this.#rowsNext * 4, ROWS_MAX)
    return this.#rows.length > 0
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isFinished = true
    this.#rows = NO_ROWS
    this.#position = 0
    this.#database.iteratorsOpen--
    if (this.#handle !== undefined) this.#database.binding.iterator_close(this.#handle)
    this.#handle = undefined
  }
}

/** One RocksDB WriteBatch: written to its log and memtables as a whole. */
class RocksDbBatch implements WriteBatch {
  readonly #database: RocksDbDatabase
  readonly #binding: RocksDbBinding
  /** Taken from the pool by the first operation, given back by the write. */
  #batch: BatchHandle | undefined

  constructor(database: RocksDbDatabase) {
    this.#database = database
    this.#binding = database.binding
  }

  put(keyspace: Keyspace, key: Bytes, value: Bytes): void {
    this.#binding.batch_put(this.#native(), addressable(key), value, this.#own(keyspace).inColumn)
  }

  delete(keyspace: Keyspace, key: Bytes): void {
    this.#binding.batch_del(this.#native(), addressable(key), this.#own(keyspace).inColumn)
  }

  /**
   * The binding has no range deletion within a batch (its `clear` writes at once, which would not be atomic with the
   * rest), so this deletes key by key: those of the database, and those that this batch has put before.
   */
  deleteRange(keyspace: Keyspace, from: Bytes, to: Bytes | undefined): void {
    this.#database.requireOpen()
    const own = this.#own(keyspace)
    const batch = this.#native()
    const options = {
      column: own.inColumn.column,
      values: false,
      data: false,
      keyEncoding: 'buffer',
    } as const
    const operations = this.#binding.batch_iterate(this.#database.handle, batch, options)
    for (let i = 0; i < operations.length; i += 4) {
      const key = operations[i + 1] as Bytes
      if (operations[i] !== 'put' || compareBytes(key, from) < 0) continue
      if (to === undefined || compareBytes(key, to) < 0) this.#binding.batch_del(batch, addressable(key), own.inColumn)
    }
    for (const key of own.keysIn(from, to)) this.#binding.batch_del(batch, addressable(key), own.inColumn)
  }

  write(): void {
    this.#database.requireOpen()
    if (this.#batch === undefined) return
    try {
      this.#binding.batch_write(this.#database.handle, this.#batch, undefined)
    } catch (error) {
      throw this.#database.errorOf(error, 'writing')
    }
    this.#database.batchPool.give(this.#batch)
    this.#batch = undefined
  }

  #native(): BatchHandle {
    this.#batch ??= this.#database.batchPool.take()
    return this.#batch
  }

  #own(keyspace: Keyspace): RocksDbKeyspace {
    if (keyspace instanceof RocksDbKeyspace && keyspace.database === this.#database) return keyspace
    throw new TypeError(`keyspace ${keyspace.name} is of another database than the batch of ${this.#database.path}`)
  }
}
