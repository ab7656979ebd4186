import { assert, StreamsError } from '../base/index.ts'
import type { Headers } from '../ports/index.ts'
import type { ManagedStore, RecordContext } from './types.ts'

/**
 * Kafka Streams' record cache (ThreadCache, NamedCache): updates of a key collapse before they go downstream. One per
 * stream thread, bounded in bytes over all stores of its tasks.
 *
 * It holds no values: a cached update is an entry of the store's write buffer that has not gone downstream yet, so
 * reads and iterations need no second look. What is kept here is what the buffer does not know: the value downstream
 * knows (the old one), the record with which the update came, and the order.
 *
 * Order, as in NamedCache: updates leave in the order of the last put of their key. When the bound is reached, the
 * store that put last flushes all its updates (Java evicts its least recently used entry, and a dirty one takes all
 * dirty entries of that store with it). Clean entries are not held here, so they take no room from the bound.
 */
export type RecordCache = {
  readonly bytesMax: number
  /** Estimated bytes of the updates held back. */
  readonly bytes: number
  readonly updates: number
  /** A part for one store of one task. */
  open<E extends CacheableEntry>(flushOne: FlushUpdate<E>, context: RecordContext): StoreCache<E>
}

export type CacheableEntry = { value: unknown; update: CachedUpdate<CacheableEntry> | undefined }

/** Marks an old value that nobody has read yet: whoever flushes reads it from the engine if it is wanted. */
export const OLD_VALUE_UNKNOWN: unique symbol = Symbol('old value unknown')

/** One update that was put but has not gone downstream. */
export class CachedUpdate<E extends CacheableEntry> {
  readonly entry: E
  /** The value before the first update since the last flush. */
  readonly oldValue: unknown
  newValue: unknown = undefined
  bytes = 0
  previous: CachedUpdate<E> | undefined = undefined
  next: CachedUpdate<E> | undefined = undefined
  topic = ''
  partition = 0
  offset = 0
  timestampMs = 0
  headers: Headers

  constructor(entry: E, oldValue: unknown, headers: Headers) {
    this.entry = entry
    this.oldValue = oldValue
    this.headers = headers
  }
}

/** Sends one update downstream; the record context is that of the update while it runs. */
export type FlushUpdate<E extends CacheableEntry> = (update: CachedUpdate<E>) => void

/** What all stores of a thread share. */
class CacheTotals {
  readonly bytesMax: number
  bytes = 0
  updates = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }
}

export class StoreCache<E extends CacheableEntry> {
  readonly #totals: CacheTotals
  readonly #flushOne: FlushUpdate<E>
  readonly #context: RecordContext
  #first: CachedUpdate<E> | undefined
  #last: CachedUpdate<E> | undefined
  updates = 0
  bytes = 0

  constructor(totals: CacheTotals, flushOne: FlushUpdate<E>, context: RecordContext) {
    this.#totals = totals
    this.#flushOne = flushOne
    this.#context = context
  }

  /** Called before the entry takes its new value; `oldValue` counts only if no update of the entry is held. */
  hold(entry: E, oldValue: unknown, bytes: number): void {
    const context = this.#context
    let update = entry.update as CachedUpdate<E> | undefined
    if (update === undefined) {
      update = new CachedUpdate(entry, oldValue, context.headers)
      entry.update = update as unknown as CachedUpdate<CacheableEntry>
      this.updates++
      this.#totals.updates++
    } else {
      this.#unlink(update)
      this.#totals.bytes -= update.bytes
      this.bytes -= update.bytes
    }
    update.bytes = bytes
    update.topic = context.topic
    update.partition = context.partition
    update.offset = context.offset
    update.timestampMs = context.timestampMs
    update.headers = context.headers
    this.#append(update)
    this.#totals.bytes += bytes
    this.bytes += bytes
  }

  /** Called after the entry has its new value: flushes this store if all stores together hold too much. */
  keepBound(): void {
    if (this.#totals.bytes > this.#totals.bytesMax) this.flush()
  }

  /** Sends every update downstream. What is put meanwhile is held for the next flush. */
  flush(): void {
    if (this.#first === undefined) return
    const held = this.#takeAll()
    const context = this.#context
    const { topic, partition, offset, timestampMs, headers } = context
    try {
      for (const update of held) {
        context.topic = update.topic
        context.partition = update.partition
        context.offset = update.offset
        context.timestampMs = update.timestampMs
        context.headers = update.headers
        this.#flushOne(update)
      }
    } finally {
      context.topic = topic
      context.partition = partition
      context.offset = offset
      context.timestampMs = timestampMs
      context.headers = headers
    }
  }

  /** Forgets every update: after an abort, or when the store is closed. */
  drop(): void {
    if (this.#first !== undefined) this.#takeAll()
  }

  #takeAll(): CachedUpdate<E>[] {
    const held: CachedUpdate<E>[] = []
    for (let update = this.#first; update !== undefined; update = update.next) {
      update.newValue = update.entry.value
      update.entry.update = undefined
      this.#totals.bytes -= update.bytes
      held.push(update)
    }
    this.#totals.updates -= held.length
    assert(this.updates === held.length && this.#totals.updates >= 0, 'each update is counted once')
    this.updates = 0
    this.bytes = 0
    this.#first = undefined
    this.#last = undefined
    return held
  }

  #append(update: CachedUpdate<E>): void {
    update.previous = this.#last
    update.next = undefined
    if (this.#last === undefined) this.#first = update
    else this.#last.next = update
    this.#last = update
  }

  #unlink(update: CachedUpdate<E>): void {
    if (update.previous === undefined) this.#first = update.next
    else update.previous.next = update.next
    if (update.next === undefined) this.#last = update.previous
    else update.next.previous = update.previous
  }
}

export function createRecordCache({ bytesMax }: { readonly bytesMax: number }): RecordCache {
  const totals = new CacheTotals(bytesMax)
  return {
    bytesMax,
    get bytes() {
      return totals.bytes
    },
    get updates() {
      return totals.updates
    },
    open: (flushOne, context) => new StoreCache(totals, flushOne, context),
  }
}

/** Flushes that put into stores which were flushed before them are followed up to this depth. */
const FLUSH_ROUNDS_MAX = 100

/**
 * Flushes the stores of a task, in the order given (topological, so that one round usually does), until none holds an
 * update back: what a flush sends downstream may put into a store that was flushed before.
 */
export function flushCaches(stores: Iterable<ManagedStore>): void {
  for (let round = 0; round < FLUSH_ROUNDS_MAX; round++) {
    let held = 0
    for (const store of stores) store.flushCache()
    for (const store of stores) held += store.heldUpdates ?? 0
    if (held === 0) return
  }
  throw new StreamsError(
    'LIMIT_EXCEEDED',
    `record caches still hold updates after ${FLUSH_ROUNDS_MAX} flushes in a row: each flush puts into a caching store ` +
      'of the same task again; switch caching off for the stores of that loop, or break the loop',
  )
}
