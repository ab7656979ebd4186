import type { StoreSpec } from '../stores/types.ts'
import type { ProcessorContext, ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

/** Java: ValueTransformerWithKey. The context cannot forward. Also called for tombstones (value null). */
export type TableValueTransformer<K, V, VOut> = {
  init?(context: ProcessorContext<never, never>): void
  transform(key: K, value: V | null): VOut | null
  close?(): void
}
export type TableValueTransformerSupplier<K, V, VOut> = {
  get(): TableValueTransformer<K, V, VOut>
  readonly stores?: readonly StoreSpec[]
}

export type TableTransformValuesOptions<K, V, VOut> = {
  readonly transformer: TableValueTransformerSupplier<K, V, VOut>
  readonly store: TableStoreSpec<K, VOut> | undefined
  readonly sendOldValues: boolean
}

export function tableTransformValues<K, V, VOut>(
  _options: TableTransformValuesOptions<K, V, VOut>,
): ProcessorSupplier<K, Change<V>, K, Change<VOut>> {
  throw new Error('in work')
}

/** Of transformed values that are not materialized: transforms again at each read. */
export function transformValuesValueGetter<K, V, VOut>(
  _parent: TableValueGetterSupplier<K, V>,
  _transformer: TableValueTransformerSupplier<K, V, VOut>,
): TableValueGetterSupplier<K, VOut> {
  throw new Error('in work')
}
