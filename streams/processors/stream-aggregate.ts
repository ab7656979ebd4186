import type { KeyValueStoreSpec, VersionedStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'

export type TableStoreSpec<K, V> = KeyValueStoreSpec<K, V> | VersionedStoreSpec<K, V>

export type StreamAggregateOptions<K, V, A> = {
  /** Timestamped key-value, or versioned. */
  readonly store: TableStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  /** True where somebody downstream needs the old value. */
  readonly sendOldValues: boolean
}
export type StreamReduceOptions<K, V> = {
  readonly store: TableStoreSpec<K, V>
  readonly reducer: Reducer<V>
  readonly sendOldValues: boolean
}

export function streamAggregate<K, V, A>(
  _options: StreamAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, K, Change<A>> {
  throw new Error('in work')
}

export function streamReduce<K, V>(_options: StreamReduceOptions<K, V>): ProcessorSupplier<K, V, K, Change<V>> {
  throw new Error('in work')
}
