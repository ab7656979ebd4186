import { assert, type Bytes, compareBytes } from '../base/index.ts'
import type { EngineIterator, KeyRange, Keyspace, WriteBatch } from '../ports/index.ts'

/**
 * A keyspace that is changing its layout while it is used: what is written goes into the new one, what was there is
 * converted when it is read, and leaves the old one when its key is written again. So a store is ready at once, however
 * large it is. Java: RocksDBStore's DualColumnFamilyAccessor.
 */
export class UpgradedKeyspace implements Keyspace {
  readonly name: string
  readonly #old: Keyspace
  readonly #new: Keyspace
  readonly #convert: (stored: Bytes) => Bytes

  constructor(oldKeyspace: Keyspace, newKeyspace: Keyspace, convert: (stored: Bytes) => Bytes) {
    this.name = newKeyspace.name
    this.#old = oldKeyspace
    this.#new = newKeyspace
    this.#convert = convert
  }

  get(key: Bytes): Bytes | undefined {
    const found = this.#new.get(key)
    if (found !== undefined) return found
    const old = this.#old.get(key)
    return old === undefined ? undefined : this.#convert(old)
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    const found = this.#new.getMany(keys)
    const old = this.#old.getMany(keys)
    return found.map((value, index) => {
      const converted = old[index]
      return value ?? (converted === undefined ? undefined : this.#convert(converted))
    })
  }

  iterate(range: KeyRange): EngineIterator {
    return new MergedIterator(this.#new.iterate(range), this.#old.iterate(range), range.reverse === true, this.#convert)
  }

  approximateCount(): number {
    return this.#old.approximateCount() + this.#new.approximateCount()
  }

  /** Of the same database: takes writes to this keyspace, and passes on all others. */
  batch(batch: WriteBatch): WriteBatch {
    return {
      put: (keyspace, key, value) => {
        if (keyspace === this) batch.delete(this.#old, key)
        batch.put(keyspace === this ? this.#new : keyspace, key, value)
      },
      delete: (keyspace, key) => {
        if (keyspace === this) batch.delete(this.#old, key)
        batch.delete(keyspace === this ? this.#new : keyspace, key)
      },
      deleteRange: (keyspace, from, to) => {
        if (keyspace === this) batch.deleteRange(this.#old, from, to)
        batch.deleteRange(keyspace === this ? this.#new : keyspace, from, to)
      },
      write: () => assert(false, 'the owner of the batch writes it'),
    }
  }
}

/** A key is in one of the two only. */
class MergedIterator implements EngineIterator {
  readonly #new: EngineIterator
  readonly #old: EngineIterator
  readonly #direction: 1 | -1
  readonly #convert: (stored: Bytes) => Bytes
  #hasNew: boolean
  #hasOld: boolean
  #isStarted = false
  #isOld = false

  constructor(newOnes: EngineIterator, oldOnes: EngineIterator, reverse: boolean, convert: (stored: Bytes) => Bytes) {
    this.#new = newOnes
    this.#old = oldOnes
    this.#direction = reverse ? -1 : 1
    this.#convert = convert
    this.#hasNew = true
    this.#hasOld = true
  }

  next(): boolean {
    if (!this.#isStarted || !this.#isOld) this.#hasNew = this.#hasNew && this.#new.next()
    if (!this.#isStarted || this.#isOld) this.#hasOld = this.#hasOld && this.#old.next()
    this.#isStarted = true
    this.#isOld = this.#hasOld && (!this.#hasNew || compareBytes(this.#old.key, this.#new.key) * this.#direction < 0)
    return this.#hasOld || this.#hasNew
  }

  get key(): Bytes {
    return this.#isOld ? this.#old.key : this.#new.key
  }

  get value(): Bytes {
    return this.#isOld ? this.#convert(this.#old.value) : this.#new.value
  }

  close(): void {
    this.#new.close()
    this.#old.close()
  }
}
