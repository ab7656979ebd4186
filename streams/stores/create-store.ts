import { createKeyValueStore } from './key-value-store.ts'
import { createSessionStore } from './session-store.ts'
import type {
  AggregationWithHeaders,
  CachedStore,
  CustomStoreSpec,
  KeyValueStoreSpec,
  ManagedStore,
  SessionStoreSpec,
  StoreEnvironment,
  StoreOf,
  StoreSpec,
  ValueAndTimestamp,
  ValueTimestampHeaders,
  Windowed,
  WindowStoreSpec,
} from './types.ts'
import { createVersionedStore } from './versioned-store.ts'
import { createWindowStore } from './window-store.ts'

type StoredOf<S, V> = S extends { readonly withHeaders: true }
  ? ValueTimestampHeaders<V>
  : S extends { readonly timestamped: true }
    ? ValueAndTimestamp<V>
    : V

/** What a caching store calls back with, by spec. */
export type CachedStoreOf<S> = S extends CustomStoreSpec
  ? unknown
  : S extends KeyValueStoreSpec<infer K, infer V>
    ? CachedStore<K, StoredOf<S, V>>
    : S extends WindowStoreSpec<infer K, infer V>
      ? CachedStore<Windowed<K>, StoredOf<S, V>>
      : S extends SessionStoreSpec<infer K, infer V>
        ? CachedStore<Windowed<K>, S extends { readonly withHeaders: true } ? AggregationWithHeaders<V> : V>
        : unknown

export type OpenStore<S> = ManagedStore & StoreOf<S> & CachedStoreOf<S>

/** Opens the store of a spec over its keyspace, for the task that owns it. */
export function createStore<S extends StoreSpec>(spec: S, environment: StoreEnvironment): OpenStore<S> {
  return open(spec, environment) as OpenStore<S>
}

function open(spec: StoreSpec, environment: StoreEnvironment): ManagedStore {
  switch (spec.kind) {
    case 'key-value':
      return createKeyValueStore(spec, environment)
    case 'window':
      return createWindowStore(spec, environment)
    case 'session':
      return createSessionStore(spec, environment)
    case 'versioned':
      return createVersionedStore(spec, environment)
    case 'custom':
      return spec.create(environment) as ManagedStore
    default:
      return spec satisfies never
  }
}
