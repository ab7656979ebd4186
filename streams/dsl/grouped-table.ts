import type { Aggregator, Initializer, Reducer } from '../processors/functions.ts'
import type { KTable } from './ktable.ts'
import type { Named, SerdeFor, TableStoreOptions } from './types.ts'

type Stored = Named & { readonly store?: string | TableStoreOptions }

/** A table whose rows are grouped: an aggregate follows rows that come into its group and rows that leave it. */
export interface KGroupedTable<K, V> {
  readonly kind: 'grouped-table'
  count(options?: Stored): KTable<K, number>
  reduce(adder: Reducer<V>, subtractor: Reducer<V>, options?: Stored): KTable<K, V>
  aggregate<A>(
    initializer: Initializer<A>,
    adder: Aggregator<K, V, NoInfer<A>>,
    subtractor: Aggregator<K, V, NoInfer<A>>,
    options: Stored & { readonly value: SerdeFor<A> },
  ): KTable<K, A>
}
