import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { Predicate } from './functions.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

export type TableFilterOptions<K, V> = {
  readonly predicate: Predicate<K, V>
  /** True for filterNot. */
  readonly negated: boolean
  /** Undefined: not materialized. */
  readonly store: TableStoreSpec<K, V> | undefined
  /** True where the parent sends old values: saves tombstones for rows that were not in the table. */
  readonly sendOldValues: boolean
  /** True where the parent is versioned and a version-aware join follows: tombstones are never left out (KIP-914). */
  readonly versionedSemantics: boolean
}

export function tableFilter<K, V>(_options: TableFilterOptions<K, V>): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  throw new Error('in work')
}

/** Of a filter that is not materialized. */
export function filterValueGetter<K, V>(
  _parent: TableValueGetterSupplier<K, V>,
  _options: Pick<TableFilterOptions<K, V>, 'predicate' | 'negated'>,
): TableValueGetterSupplier<K, V> {
  throw new Error('in work')
}
