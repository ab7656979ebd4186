import { assert } from '../base/index.ts'
import type { ManagedStore, StoreIterator } from './types.ts'

/** Where an iterator gets its entries; `undefined` is the end. */
export type EntrySource<T> = { next(): T | undefined; close(): void }

/** The iterators of a store that are open: a list through the iterators themselves, which costs no allocation. */
export class IteratorCount {
  open = 0
  newest: CountedIterator<unknown> | undefined = undefined

  /** For a store that is closed: whoever leaked them has no use for them any more. */
  closeAll(): void {
    while (this.newest !== undefined) this.newest.close()
  }
}

/** The iterator that stores hand out: counted, and closed by its end, `return`, `close` or `using`. */
export class CountedIterator<T> implements StoreIterator<T> {
  readonly #count: IteratorCount
  #source: EntrySource<T> | undefined
  #older: CountedIterator<unknown> | undefined
  #newer: CountedIterator<unknown> | undefined = undefined

  constructor(count: IteratorCount, source: EntrySource<T>) {
    this.#count = count
    this.#source = source
    count.open++
    this.#older = count.newest
    if (count.newest !== undefined) count.newest.#newer = this as CountedIterator<unknown>
    count.newest = this as CountedIterator<unknown>
  }

  next(): IteratorResult<T, undefined> {
    const source = this.#source
    if (source === undefined) return { done: true, value: undefined }
    const value = this.#advance(source)
    if (value !== undefined) return { done: false, value }
    this.close()
    return { done: true, value: undefined }
  }

  return(): IteratorResult<T, undefined> {
    this.close()
    return { done: true, value: undefined }
  }

  close(): void {
    const source = this.#source
    if (source === undefined) return
    this.#source = undefined
    this.#unlink()
    source.close()
  }

  [Symbol.iterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #unlink(): void {
    const count = this.#count
    const older = this.#older
    const newer = this.#newer
    if (older !== undefined) older.#newer = newer
    if (newer !== undefined) newer.#older = older
    else count.newest = older
    this.#older = undefined
    this.#newer = undefined
    count.open--
    assert(count.open >= 0, 'an iterator is closed once')
  }

  /** An error while reading ends the iterator: nobody could close it after `for…of` has thrown from `next`. */
  #advance(source: EntrySource<T>): T | undefined {
    try {
      return source.next()
    } catch (error) {
      this.close()
      throw error
    }
  }
}

/** Entries of an array, for what is wholly in memory. */
export class ArraySource<T> implements EntrySource<T> {
  readonly #entries: readonly T[]
  #position = 0

  constructor(entries: readonly T[]) {
    this.#entries = entries
  }

  next(): T | undefined {
    return this.#position < this.#entries.length ? this.#entries[this.#position++] : undefined
  }

  close(): void {
    this.#position = this.#entries.length
  }
}

/** How many iterators of these stores are open: a leak if none is in use. */
export function storeIteratorsOpen(stores: Iterable<ManagedStore>): number {
  let open = 0
  for (const store of stores) open += store.iteratorsOpen
  return open
}
