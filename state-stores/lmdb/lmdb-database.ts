import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, RangeOptions, RootDatabase, Transaction } from 'lmdb'
import { assert, type Bytes, compareBytes, EMPTY_BYTES, StreamsError, utf8Encode } from '#streams/base'
import type { EngineIterator, KeyRange, Keyspace, StateDatabase, WriteBatch } from '#streams/ports'
import { diskErrorOf } from '../disk/disk-error.ts'
import {
  type BucketEntry,
  bucketKeyOf,
  findEntry,
  isBucketKey,
  isLongKey,
  readBucket,
  withEntry,
  writeBucket,
} from './long-keys.ts'

type Store = Database<Bytes, Bytes>

/** Holds the value of the empty key per keyspace: LMDB itself has no empty keys. */
const EMPTY_KEYS_STORE = 'empty-keys'
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const

export class LmdbDatabase implements StateDatabase {
  readonly path: string
  readonly root: RootDatabase
  readonly emptyKeys: Store
  readonly #keyspaces = new Map<string, LmdbKeyspace>()
  readonly #release: () => void
  readonly #mapBytesMax: number
  readonly #file: string
  iteratorsOpen = 0
  isClosed = false

  constructor(
    root: RootDatabase,
    path: string,
    keyspaces: readonly string[],
    mapBytesMax: number,
    release: () => void,
  ) {
    this.root = root
    this.path = path
    this.#release = release
    this.#mapBytesMax = mapBytesMax
    this.#file = join(path, 'data.mdb')
    this.emptyKeys = root.openDB<Bytes, Bytes>(EMPTY_KEYS_STORE, BINARY)
    for (const name of keyspaces) {
      this.#keyspaces.set(name, new LmdbKeyspace(this, name, root.openDB<Bytes, Bytes>(`store-${name}`, BINARY)))
    }
  }

  keyspace(name: string): Keyspace {
    const keyspace = this.#keyspaces.get(name)
    assert(keyspace !== undefined, `keyspace ${name} was not named when ${this.path} was opened`)
    return keyspace
  }

  batch(): WriteBatch {
    this.requireOpen()
    return new LmdbBatch(this)
  }

  /** In memory it has nothing of its own: the page cache is the operating system's. */
  stats(): { readonly bytesOnDisk: number; readonly bytesInMemory: number } {
    return { bytesOnDisk: this.#fileBytes(), bytesInMemory: 0 }
  }

  #fileBytes(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
  }

  requireRoom(): void {
    const bytes = this.#fileBytes()
    if (bytes <= this.#mapBytesMax) return
    throw new StreamsError(
      'LIMIT_EXCEEDED',
      `lmdb: ${this.#file} has ${bytes} bytes, over mapBytesMax = ${this.#mapBytesMax}. ` +
        'Raise mapBytesMax, shorten the retention of its stores, or spread the input over more partitions.',
    )
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    assert(this.iteratorsOpen === 0, `${this.path} is closed with ${this.iteratorsOpen} open iterators`)
    this.isClosed = true
    try {
      await this.root.close()
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
    return diskErrorOf(error, 'lmdb', action, this.path)
  }
}

class LmdbKeyspace implements Keyspace {
  readonly name: string
  readonly database: LmdbDatabase
  readonly store: Store
  /** Where the value of the empty key lies in `emptyKeys`. */
  readonly emptyKey: Bytes

  constructor(database: LmdbDatabase, name: string, store: Store) {
    this.database = database
    this.name = name
    this.store = store
    this.emptyKey = utf8Encode(`store-${name}`)
  }

  get(key: Bytes): Bytes | undefined {
    if (this.database.isClosed) this.database.requireOpen()
    try {
      if (key.length === 0) return this.database.emptyKeys.getBinary(this.emptyKey)
      if (isLongKey(key)) return findEntry(readBucket(this.store.getBinary(bucketKeyOf(key))), key)
      return this.store.getBinary(key)
    } catch (error) {
      throw this.database.errorOf(error, 'reading')
    }
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    const values: (Bytes | undefined)[] = new Array(keys.length)
    for (let i = 0; i < keys.length; i++) values[i] = this.get(keys[i] as Bytes)
    return values
  }

  iterate(range: KeyRange): EngineIterator {
    this.database.requireOpen()
    try {
      return new LmdbIterator(this, range)
    } catch (error) {
      throw this.database.errorOf(error, 'reading')
    }
  }

  /** A bucket of long keys counts as one. */
  approximateCount(): number {
    this.database.requireOpen()
    const { entryCount } = this.store.getStats() as {
      readonly entryCount: number
    }
    return entryCount + (this.get(EMPTY_BYTES) === undefined ? 0 : 1)
  }

  // The following are called within a write transaction.

  put(key: Bytes, value: Bytes): void {
    if (key.length === 0) this.database.emptyKeys.putSync(this.emptyKey, value)
    else if (isLongKey(key)) this.#changeBucket(key, value)
    else this.store.putSync(key, value)
  }

  delete(key: Bytes): void {
    if (key.length === 0) this.database.emptyKeys.removeSync(this.emptyKey)
    else if (isLongKey(key)) this.#changeBucket(key, undefined)
    else this.store.removeSync(key)
  }

  #changeBucket(key: Bytes, value: Bytes | undefined): void {
    const bucketKey = bucketKeyOf(key)
    const entries = withEntry(readBucket(this.store.getBinary(bucketKey)), key, value)
    if (entries.length === 0) this.store.removeSync(bucketKey)
    else this.store.putSync(bucketKey, writeBucket(entries))
  }

  deleteRange(from: Bytes, to: Bytes | undefined): void {
    const keys: Bytes[] = []
    if (from.length === 0 && to?.length !== 0) this.delete(EMPTY_BYTES)
    for (const stored of this.store.getKeys(storedRange({ from, to }) as RangeOptions)) {
      if (!isBucketKey(stored)) keys.push(stored)
      else for (const entry of readBucket(this.store.getBinary(stored))) keys.push(entry.key)
    }
    for (const key of keys) {
      if (compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0)) this.delete(key)
    }
  }
}

type StoredRange = {
  reverse: boolean
  start: Bytes | undefined
  end: Bytes | undefined
  inclusiveEnd: boolean
}

/**
 * The range of LMDB keys that holds all of [from, to), and up to one entry too many at each end: those of a bucket, and
 * the one at `to`, are told apart by whoever reads. An `end` of undefined is written down, since the library puts a
 * lowest key of its own in the place of a missing one.
 */
function storedRange(range: KeyRange): StoredRange {
  const from = storedBound(range.from)
  const to = storedBound(range.to)
  return range.reverse === true
    ? { reverse: true, start: to, end: from, inclusiveEnd: true }
    : {
        reverse: false,
        start: from ?? SMALLEST_KEY,
        end: to,
        inclusiveEnd: true,
      }
}

const SMALLEST_KEY: Bytes = new Uint8Array(1)

function storedBound(bound: Bytes | undefined): Bytes | undefined {
  if (bound === undefined || bound.length === 0) return undefined
  return isLongKey(bound) ? bucketKeyOf(bound) : bound
}

type Entry = { readonly key: Bytes; readonly value: Bytes }

/** Holds a read transaction: a snapshot that LMDB keeps pages for until the iterator is closed. */
class LmdbIterator implements EngineIterator {
  readonly #keyspace: LmdbKeyspace
  readonly #from: Bytes | undefined
  readonly #to: Bytes | undefined
  readonly #isReverse: boolean
  readonly #transaction: Transaction
  readonly #entries: Iterator<Entry>
  /** The rest of the bucket that the walk is in, the next one last. */
  #bucket: BucketEntry[] = []
  #emptyKeyValue: Bytes | undefined
  #isFinished: boolean
  #isClosed = false
  key!: Bytes
  value!: Bytes

  constructor(keyspace: LmdbKeyspace, range: KeyRange) {
    const { from, to } = range
    this.#keyspace = keyspace
    this.#from = from
    this.#to = to
    this.#isReverse = range.reverse === true
    this.#isFinished = to !== undefined && compareBytes(from ?? EMPTY_BYTES, to) >= 0
    const hasEmptyKey = from === undefined || from.length === 0
    this.#emptyKeyValue = hasEmptyKey && !this.#isFinished ? keyspace.get(EMPTY_BYTES) : undefined
    this.#transaction = keyspace.store.useReadTransaction()
    const options = { ...storedRange(range), transaction: this.#transaction }
    // The library's types know keys of `start` and `end` only as present.
    const entries = keyspace.store.getRange(options as RangeOptions)
    this.#entries = entries[Symbol.iterator]() as Iterator<Entry>
    keyspace.database.iteratorsOpen++
  }

  next(): boolean {
    assert(!this.#isClosed, 'an iterator is moved after it was closed')
    if (!this.#isReverse && this.#takeEmptyKey()) return true
    while (!this.#isFinished) {
      const entry = this.#bucket.pop() ?? this.#readOrEnterBucket()
      if (entry === undefined) break
      if (this.#from !== undefined && compareBytes(entry.key, this.#from) < 0) {
        if (this.#isReverse) break
        continue
      }
      if (this.#to !== undefined && compareBytes(entry.key, this.#to) >= 0) {
        if (!this.#isReverse) break
        continue
      }
      this.key = entry.key
      this.value = entry.value
      return true
    }
    this.#isFinished = true
    return this.#isReverse && this.#takeEmptyKey()
  }

  #takeEmptyKey(): boolean {
    if (this.#emptyKeyValue === undefined) return false
    this.key = EMPTY_BYTES
    this.value = this.#emptyKeyValue
    this.#emptyKeyValue = undefined
    return true
  }

  #readOrEnterBucket(): Entry | undefined {
    const entry = this.#read()
    if (entry === undefined || !isBucketKey(entry.key)) return entry
    this.#bucket = readBucket(entry.value)
    if (!this.#isReverse) this.#bucket.reverse()
    return this.#bucket.pop()
  }

  #read(): Entry | undefined {
    try {
      const read = this.#entries.next()
      return read.done === true ? undefined : read.value
    } catch (error) {
      throw this.#keyspace.database.errorOf(error, 'reading')
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#keyspace.database.iteratorsOpen--
    this.#entries.return?.()
    this.#transaction.done()
  }
}

type Operation = 'put' | 'delete' | 'delete-range'

/** One LMDB write transaction, made when the batch is written. */
class LmdbBatch implements WriteBatch {
  readonly #database: LmdbDatabase
  #operations: Operation[] = []
  #keyspaces: LmdbKeyspace[] = []
  #keys: Bytes[] = []
  #values: (Bytes | undefined)[] = []

  constructor(database: LmdbDatabase) {
    this.#database = database
  }

  put(keyspace: Keyspace, key: Bytes, value: Bytes): void {
    this.#add('put', keyspace, key, value)
  }

  delete(keyspace: Keyspace, key: Bytes): void {
    this.#add('delete', keyspace, key, undefined)
  }

  deleteRange(keyspace: Keyspace, from: Bytes, to: Bytes | undefined): void {
    this.#add('delete-range', keyspace, from, to)
  }

  #add(operation: Operation, keyspace: Keyspace, key: Bytes, value: Bytes | undefined): void {
    assert(
      keyspace instanceof LmdbKeyspace && keyspace.database === this.#database,
      `keyspace ${keyspace.name} is of another database than the batch`,
    )
    this.#operations.push(operation)
    this.#keyspaces.push(keyspace)
    this.#keys.push(key)
    this.#values.push(value)
  }

  write(): void {
    this.#database.requireOpen()
    this.#database.requireRoom()
    try {
      this.#database.root.transactionSync(() => this.#apply())
    } catch (error) {
      throw this.#database.errorOf(error, 'writing')
    }
    this.#operations = []
    this.#keyspaces = []
    this.#keys = []
    this.#values = []
  }

  #apply(): void {
    for (let i = 0; i < this.#operations.length; i++) {
      const keyspace = this.#keyspaces[i] as LmdbKeyspace
      const key = this.#keys[i] as Bytes
      switch (this.#operations[i] as Operation) {
        case 'put':
          keyspace.put(key, this.#values[i] as Bytes)
          break
        case 'delete':
          keyspace.delete(key)
          break
        case 'delete-range':
          keyspace.deleteRange(key, this.#values[i])
      }
    }
  }
}
