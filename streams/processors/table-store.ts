import { assert } from '../base/assert.ts'
import type {
  CachedStore,
  KeyValueStoreSpec,
  TimestampedKeyValueStore,
  ValueAndTimestamp,
  VersionedKeyValueStore,
  VersionedStoreSpec,
} from '../stores/types.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'
import { type Change, change } from '../topology/record.ts'
import { isNull } from './functions.ts'

/** Stores that a table or an aggregation can be kept in: timestamped key-value, or versioned. */
export type TableStoreSpec<K, V> = KeyValueStoreSpec<K, V> | VersionedStoreSpec<K, V>

/**
 * What became of a put: `latest` is the newest version of its key, `older` was put behind a newer version (versioned
 * stores only), `rejected` is older than the history retention: nothing was stored and nothing may be forwarded.
 */
export type PutResult = 'latest' | 'older' | 'rejected'

/** One face for both kinds of store. Java: KeyValueStoreWrapper. */
export type TableStore<K, V> = {
  readonly isVersioned: boolean
  get(key: K): ValueAndTimestamp<V> | undefined
  /** Only where the store is versioned. */
  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<V> | undefined
  put(key: K, value: V | null, timestampMs: number): PutResult
}

export function openTableStore<K, V>(
  context: InternalProcessorContext<unknown, unknown>,
  spec: TableStoreSpec<K, V>,
): TableStore<K, V> {
  if (spec.kind === 'versioned') return new VersionedTableStore(context.storeByName(spec.name))
  assert(spec.timestamped, `store ${spec.name} keeps a table, so its values must be timestamped`)
  return new TimestampedTableStore(context.storeByName(spec.name))
}

class TimestampedTableStore<K, V> implements TableStore<K, V> {
  readonly isVersioned = false
  readonly #store: TimestampedKeyValueStore<K, V>

  constructor(store: TimestampedKeyValueStore<K, V>) {
    this.#store = store
  }

  get(key: K): ValueAndTimestamp<V> | undefined {
    return this.#store.get(key)
  }

  getAsOf(): never {
    assert(false, 'only versioned stores are read as of a time')
  }

  put(key: K, value: V | null, timestampMs: number): PutResult {
    this.#store.put(key, isNull(value) ? null : { value, timestampMs })
    return 'latest'
  }
}

class VersionedTableStore<K, V> implements TableStore<K, V> {
  readonly isVersioned = true
  readonly #store: VersionedKeyValueStore<K, V>

  constructor(store: VersionedKeyValueStore<K, V>) {
    this.#store = store
  }

  get(key: K): ValueAndTimestamp<V> | undefined {
    return this.#store.get(key)
  }

  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<V> | undefined {
    return this.#store.getAsOf(key, asOfMs)
  }

  put(key: K, value: V | null, timestampMs: number): PutResult {
    const validTo = this.#store.put(key, isNull(value) ? null : value, timestampMs)
    if (validTo === undefined) return 'latest'
    return validTo === 'expired' ? 'rejected' : 'older'
  }
}

/**
 * Where the store caches, changes go downstream when their key leaves the cache, with the time and headers of the
 * record that wrote them last; then this returns true and the operator must not forward by itself. Java:
 * TimestampedTupleForwarder with TimestampedCacheFlushListener.
 */
export function forwardsOnFlush<K, V>(
  context: InternalProcessorContext<K, Change<V>>,
  storeName: string,
  sendOldValues: boolean,
): boolean {
  const store = context.storeByName<Partial<CachedStore<K, ValueAndTimestamp<V>>>>(storeName)
  if (store.setFlushListener === undefined) return false
  return store.setFlushListener((key, newEntry, oldEntry, timestampMs) => {
    context.forward({
      key,
      value: change(newEntry === undefined ? null : newEntry.value, oldEntry === undefined ? null : oldEntry.value),
      timestampMs: newEntry === undefined ? timestampMs : newEntry.timestampMs,
      headers: context.recordHeaders,
    })
  }, sendOldValues)
}
