import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'
import type { TableStoreSpec } from './stream-aggregate.ts'

export type TableAggregateOptions<K, V, A> = {
  readonly store: TableStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly adder: Aggregator<K, V, A>
  readonly subtractor: Aggregator<K, V, A>
  readonly sendOldValues: boolean
}
export type TableReduceOptions<K, V> = {
  readonly store: TableStoreSpec<K, V>
  readonly adder: Reducer<V>
  readonly subtractor: Reducer<V>
  readonly sendOldValues: boolean
}

export function tableAggregate<K, V, A>(
  _options: TableAggregateOptions<K, V, A>,
): ProcessorSupplier<K, Change<V>, K, Change<A>> {
  throw new Error('in work')
}

export function tableReduce<K, V>(_options: TableReduceOptions<K, V>): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  throw new Error('in work')
}
