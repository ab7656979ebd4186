import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { ValueMapper } from './functions.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

export type TableMapValuesOptions<K, V, VOut> = {
  /** Not called for tombstones. Null removes the row. */
  readonly mapper: ValueMapper<K, V, VOut | null>
  readonly store: TableStoreSpec<K, VOut> | undefined
  readonly sendOldValues: boolean
}

export function tableMapValues<K, V, VOut>(
  _options: TableMapValuesOptions<K, V, VOut>,
): ProcessorSupplier<K, Change<V>, K, Change<VOut>> {
  throw new Error('in work')
}

/** Of mapped values that are not materialized. */
export function mapValuesValueGetter<K, V, VOut>(
  _parent: TableValueGetterSupplier<K, V>,
  _mapper: ValueMapper<K, V, VOut | null>,
): TableValueGetterSupplier<K, VOut> {
  throw new Error('in work')
}
