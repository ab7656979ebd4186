import type { SessionStoreSpec, Windowed, WindowStoreSpec } from '../stores/types.ts'
import type { TableValueGetterSupplier } from '../topology/processor.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

/** Of a table that is kept in a key-value or versioned store: sources, aggregations, anything materialized. */
export function storeValueGetter<K, V>(_store: TableStoreSpec<K, V>): TableValueGetterSupplier<K, V> {
  throw new Error('in work')
}

/** Of a windowed aggregation. */
export function windowStoreValueGetter<K, V>(_store: WindowStoreSpec<K, V>): TableValueGetterSupplier<Windowed<K>, V> {
  throw new Error('in work')
}

export function sessionStoreValueGetter<K, V>(
  _store: SessionStoreSpec<K, V>,
): TableValueGetterSupplier<Windowed<K>, V> {
  throw new Error('in work')
}
