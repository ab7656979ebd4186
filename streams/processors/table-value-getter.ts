import { assert } from '../base/assert.ts'
import type { SessionStoreSpec, ValueAndTimestamp, Windowed, WindowStore, WindowStoreSpec } from '../stores/types.ts'
import type { InternalProcessorContext, TableValueGetter, TableValueGetterSupplier } from '../topology/processor.ts'
import { openSessionValues, type SessionValues } from './stores-with-headers.ts'
import { openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

type AnyContext = InternalProcessorContext<unknown, unknown>

/** Of a table that is kept in a key-value or versioned store: sources, aggregations, anything materialized. */
export function storeValueGetter<K, V>(store: TableStoreSpec<K, V>): TableValueGetterSupplier<K, V> {
  return { get: () => new StoreValueGetter(store), storeNames: [store.name] }
}

/** Of a windowed aggregation: by key and window start. */
export function windowStoreValueGetter<K, V>(store: WindowStoreSpec<K, V>): TableValueGetterSupplier<Windowed<K>, V> {
  assert(store.timestamped, `store ${store.name} keeps a table, so its values must be timestamped`)
  return { get: () => new WindowStoreValueGetter(store.name), storeNames: [store.name] }
}

/** Of a session aggregation: by key, first and last time of the session; the value's time is the session's end. */
export function sessionStoreValueGetter<K, V>(store: SessionStoreSpec<K, V>): TableValueGetterSupplier<Windowed<K>, V> {
  return { get: () => new SessionStoreValueGetter(store), storeNames: [store.name] }
}

class StoreValueGetter<K, V> implements TableValueGetter<K, V> {
  readonly isVersioned: boolean
  readonly #spec: TableStoreSpec<K, V>
  #store!: TableStore<K, V>

  constructor(spec: TableStoreSpec<K, V>) {
    this.#spec = spec
    this.isVersioned = spec.kind === 'versioned'
  }

  init(context: AnyContext): void {
    this.#store = openTableStore(context, this.#spec)
  }

  get(key: K): ValueAndTimestamp<V> | undefined {
    return this.#store.get(key)
  }

  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<V> | undefined {
    return this.#store.getAsOf(key, asOfMs)
  }
}

class WindowStoreValueGetter<K, V> implements TableValueGetter<Windowed<K>, V> {
  readonly isVersioned = false
  readonly #storeName: string
  #store!: WindowStore<K, ValueAndTimestamp<V>>

  constructor(storeName: string) {
    this.#storeName = storeName
  }

  init(context: AnyContext): void {
    this.#store = context.storeByName(this.#storeName)
  }

  get({ key, window }: Windowed<K>): ValueAndTimestamp<V> | undefined {
    return this.#store.fetch(key, window.startMs)
  }
}

class SessionStoreValueGetter<K, V> implements TableValueGetter<Windowed<K>, V> {
  readonly isVersioned = false
  readonly #spec: SessionStoreSpec<K, V>
  #store!: SessionValues<K, V>

  constructor(spec: SessionStoreSpec<K, V>) {
    this.#spec = spec
  }

  init(context: AnyContext): void {
    this.#store = openSessionValues(context, this.#spec)
  }

  get({ key, window }: Windowed<K>): ValueAndTimestamp<V> | undefined {
    const value = this.#store.fetchSession(key, window.startMs, window.endMs)
    return value === undefined ? undefined : { value, timestampMs: window.endMs }
  }
}
