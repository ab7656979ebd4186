import { assert, type Bytes, compareBytes, StreamsError } from '../base/index.ts'
import type { EngineIterator, KeyRange, Keyspace, StateDatabase, WriteBatch } from '../ports/index.ts'
import { DirtyCursor, DirtyIndex } from './dirty-index.ts'
import { charactersOf } from './store-basics.ts'

/** What a waiting write costs beside its bytes, estimated. */
const PENDING_OVERHEAD_BYTES = 200

/** A committed write that the engine does not have yet; null: a deletion. */
class PendingWrite {
  readonly engineKey: Bytes
  value: Bytes | null

  constructor(engineKey: Bytes, value: Bytes | null) {
    this.engineKey = engineKey
    this.value = value
  }
}

/**
 * A database whose writes wait in memory until somebody asks for `writeThrough`: then all that waits goes to the engine
 * in one batch, each key once. Reads see what waits.
 *
 * Why: an engine's batch costs some tens of microseconds however little is in it, and a task that commits forty times a
 * second writes the same keys again and again. What waits is lost with the process; it is committed in the log, and the
 * position that is written in the same batch says from where the changelog has to be read again. So there is one rule
 * for who uses this: whatever is written with `write` must be found again in a changelog.
 *
 * Unlike other databases it keeps the bytes that it is given until they are written: they must not be changed.
 */
export class WriteBehindDatabase implements StateDatabase {
  readonly inner: StateDatabase
  readonly #keyspaces = new Map<string, PendingKeyspace>()
  pendingBytes = 0
  #isClosed = false

  constructor(inner: StateDatabase) {
    this.inner = inner
  }

  keyspace(name: string): PendingKeyspace {
    let keyspace = this.#keyspaces.get(name)
    if (keyspace === undefined) {
      keyspace = new PendingKeyspace(this, this.inner.keyspace(name))
      this.#keyspaces.set(name, keyspace)
    }
    return keyspace
  }

  batch(): WriteBehindBatch {
    return new WriteBehindBatch(this)
  }

  get iteratorsOpen(): number {
    return this.inner.iteratorsOpen
  }

  stats(): { readonly bytesOnDisk: number; readonly bytesInMemory: number } {
    const { bytesOnDisk, bytesInMemory } = this.inner.stats()
    return { bytesOnDisk, bytesInMemory: bytesInMemory + this.pendingBytes }
  }

  property(name: string): number | undefined {
    return this.inner.property?.(name)
  }

  /** What waits is given up, as by the death of the process: who wants to keep it writes it through before. */
  async close(): Promise<void> {
    await this.inner.close()
    this.#isClosed = true
    this.forgetPending()
  }

  requireOpen(): void {
    if (this.#isClosed) throw new StreamsError('CLOSED', 'This state database is closed.')
  }

  addPendingTo(batch: WriteBatch): void {
    for (const keyspace of this.#keyspaces.values()) keyspace.addPendingTo(batch)
  }

  forgetPending(): void {
    for (const keyspace of this.#keyspaces.values()) keyspace.forgetPending()
    this.pendingBytes = 0
  }
}

class PendingKeyspace implements Keyspace {
  readonly name: string
  readonly database: WriteBehindDatabase
  readonly inner: Keyspace
  readonly #pending = new Map<string, PendingWrite>()
  /** The same, in the order in which their keys came. */
  #order: PendingWrite[] = []
  readonly #index = new DirtyIndex<PendingWrite>((write) => write.engineKey)
  /** They show what was there when they were made, so they are told before anything changes. */
  readonly iterators = new Set<PendingIterator>()

  constructor(database: WriteBehindDatabase, inner: Keyspace) {
    this.name = inner.name
    this.database = database
    this.inner = inner
  }

  get(key: Bytes): Bytes | undefined {
    if (this.#order.length > 0) {
      const write = this.#pending.get(charactersOf(key))
      if (write !== undefined) return write.value ?? undefined
    }
    return this.inner.get(key)
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    if (this.#order.length === 0) return this.inner.getMany(keys)
    const waiting = keys.map((key) => this.#pending.get(charactersOf(key)))
    const found = this.inner.getMany(keys.filter((_, index) => waiting[index] === undefined))
    let next = 0
    return waiting.map((write) => (write === undefined ? found[next++] : (write.value ?? undefined)))
  }

  iterate(range: KeyRange): EngineIterator {
    if (this.#order.length === 0) return this.inner.iterate(range)
    this.#index.sync(this.#order)
    return new PendingIterator(this, range, this.#index)
  }

  approximateCount(): number {
    let count = this.inner.approximateCount()
    for (const { value } of this.#order) count += value === null ? 0 : 1
    return count
  }

  apply(key: Bytes, value: Bytes | null): void {
    if (this.iterators.size > 0) this.#settleIterators()
    const characters = charactersOf(key)
    const known = this.#pending.get(characters)
    const bytes = value === null ? 0 : value.length
    if (known !== undefined) {
      this.database.pendingBytes += bytes - (known.value === null ? 0 : known.value.length)
      known.value = value
      return
    }
    const write = new PendingWrite(key, value)
    this.#pending.set(characters, write)
    this.#order.push(write)
    this.database.pendingBytes += PENDING_OVERHEAD_BYTES + key.length + bytes
  }

  addPendingTo(batch: WriteBatch): void {
    for (const { engineKey, value } of this.#order) {
      if (value === null) batch.delete(this.inner, engineKey)
      else batch.put(this.inner, engineKey, value)
    }
  }

  forgetPending(): void {
    if (this.#order.length === 0) return
    this.#settleIterators()
    this.#pending.clear()
    this.#order = []
    this.#index.clear()
  }

  #settleIterators(): void {
    for (const iterator of this.iterators) iterator.settle()
    this.iterators.clear()
  }
}

type Operation = 'put' | 'delete' | 'delete-range'

export class WriteBehindBatch implements WriteBatch {
  readonly #database: WriteBehindDatabase
  #operations: Operation[] = []
  #keyspaces: PendingKeyspace[] = []
  #keys: Bytes[] = []
  #values: (Bytes | null | undefined)[] = []
  #hasRange = false

  constructor(database: WriteBehindDatabase) {
    this.#database = database
  }

  put(keyspace: Keyspace, key: Bytes, value: Bytes): void {
    this.#add('put', keyspace, key, value)
  }

  delete(keyspace: Keyspace, key: Bytes): void {
    this.#add('delete', keyspace, key, null)
  }

  deleteRange(keyspace: Keyspace, from: Bytes, to: Bytes | undefined): void {
    this.#hasRange = true
    this.#add('delete-range', keyspace, from, to)
  }

  get operationCount(): number {
    return this.#operations.length
  }

  /** Ranges are deleted by the engine alone: such a batch cannot wait. Who keeps positions adds them before. */
  get mustWriteThrough(): boolean {
    return this.#hasRange
  }

  /** Makes the writes visible; the engine is given them later, by some batch's `writeThrough`. */
  write(): void {
    if (this.#hasRange) {
      this.writeThrough()
      return
    }
    this.#database.requireOpen()
    const { length } = this.#operations
    for (let i = 0; i < length; i++)
      (this.#keyspaces[i] as PendingKeyspace).apply(this.#keys[i] as Bytes, this.#values[i] as Bytes | null)
    this.#clear()
  }

  /** Gives the engine everything that waits, and this batch, in one batch of its own: all of it or nothing. */
  writeThrough(): void {
    const batch = this.#database.inner.batch()
    this.#database.addPendingTo(batch)
    for (let i = 0; i < this.#operations.length; i++) {
      const { inner } = this.#keyspaces[i] as PendingKeyspace
      const key = this.#keys[i] as Bytes
      const operation = this.#operations[i] as Operation
      if (operation === 'put') batch.put(inner, key, this.#values[i] as Bytes)
      else if (operation === 'delete') batch.delete(inner, key)
      else batch.deleteRange(inner, key, this.#values[i] as Bytes | undefined)
    }
    batch.write()
    this.#database.forgetPending()
    this.#clear()
  }

  #add(operation: Operation, keyspace: Keyspace, key: Bytes, value: Bytes | null | undefined): void {
    if (!(keyspace instanceof PendingKeyspace && keyspace.database === this.#database))
      throw new TypeError(`keyspace ${keyspace.name} is of another database than the batch`)
    this.#operations.push(operation)
    this.#keyspaces.push(keyspace)
    this.#keys.push(key)
    this.#values.push(value)
  }

  #clear(): void {
    this.#operations = []
    this.#keyspaces = []
    this.#keys = []
    this.#values = []
    this.#hasRange = false
  }
}

/** What waits merged with the engine, in byte order. */
class PendingIterator implements EngineIterator {
  readonly #keyspace: PendingKeyspace
  readonly #range: KeyRange
  readonly #engine: EngineIterator
  #cursor: DirtyCursor<PendingWrite> | undefined
  /** What was left of the waiting writes when they were about to change. */
  #settled: { readonly key: Bytes; readonly value: Bytes | null }[] = []
  #settledNext = 0
  #engineKey: Bytes | undefined
  #lastKey: Bytes | undefined
  #isClosed = false
  key!: Bytes
  value!: Bytes

  constructor(keyspace: PendingKeyspace, range: KeyRange, index: DirtyIndex<PendingWrite>) {
    this.#keyspace = keyspace
    this.#range = range
    this.#engine = keyspace.inner.iterate(range)
    const { from, to } = range
    const isEmpty = from !== undefined && to !== undefined && compareBytes(from, to) >= 0
    this.#cursor = isEmpty ? undefined : new DirtyCursor(index, range.reverse === true)
    if (!isEmpty) keyspace.iterators.add(this)
    this.#moveEngine()
  }

  next(): boolean {
    assert(!this.#isClosed, 'an iterator is moved after it was closed')
    for (;;) {
      const pendingKey = this.#peekKey()
      const engineKey = this.#engineKey
      if (pendingKey === undefined && engineKey === undefined) return false
      const order = this.#compare(pendingKey, engineKey)
      if (order > 0) {
        this.#lastKey = this.key = engineKey as Bytes
        this.value = this.#engine.value
        this.#moveEngine()
        return true
      }
      const value = this.#takePending()
      this.#lastKey = this.key = pendingKey as Bytes
      if (order === 0) this.#moveEngine()
      if (value === null) continue
      this.value = value
      return true
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#keyspace.iterators.delete(this)
    this.#engine.close()
  }

  /** The waiting writes are about to change: takes along what is left of them. */
  settle(): void {
    if (this.#isClosed) return
    const settled: { key: Bytes; value: Bytes | null }[] = []
    for (let key = this.#peekKey(); key !== undefined; key = this.#peekKey()) {
      settled.push({ key, value: this.#takePending() })
      this.#lastKey = key
    }
    this.#settled = settled
    this.#cursor = undefined
  }

  /** < 0: what waits comes first; > 0: the engine's; 0: what waits replaces the engine's. */
  #compare(pendingKey: Bytes | undefined, engineKey: Bytes | undefined): number {
    if (pendingKey === undefined) return 1
    if (engineKey === undefined) return -1
    const order = compareBytes(pendingKey, engineKey)
    return this.#range.reverse === true ? -order : order
  }

  #moveEngine(): void {
    this.#engineKey = this.#engine.next() ? this.#engine.key : undefined
  }

  #peekKey(): Bytes | undefined {
    if (this.#cursor === undefined) return this.#settled[this.#settledNext]?.key
    const { from, to, reverse } = this.#range
    const lastKey = this.#lastKey
    const write = this.#cursor.peek(lastKey ?? (reverse ? to : from), lastKey !== undefined)
    if (write === undefined) return undefined
    const key = write.engineKey
    if (reverse) return from !== undefined && compareBytes(key, from) < 0 ? undefined : key
    return to !== undefined && compareBytes(key, to) >= 0 ? undefined : key
  }

  #takePending(): Bytes | null {
    if (this.#cursor === undefined) return (this.#settled[this.#settledNext++] as { value: Bytes | null }).value
    const write = this.#cursor.peek(undefined, false) as PendingWrite
    this.#cursor.move()
    return write.value
  }
}
