import type { KeyValueStoreSpec, VersionedStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { AnyJoiner } from './joins.ts'

export type TableTableJoinOptions<K, L, R, Out> = AnyJoiner<L, R, Out, K> & {
  readonly left: TableValueGetterSupplier<K, L>
  readonly right: TableValueGetterSupplier<K, R>
  /** True: updates of that side that are out of order are dropped (KIP-914). */
  readonly leftVersioned: boolean
  readonly rightVersioned: boolean
  /** Set when somebody downstream needs old values; then both inputs must send them. */
  readonly sendOldValues: boolean
  /** Where the result is materialized. */
  readonly store?: KeyValueStoreSpec<K, Out> | VersionedStoreSpec<K, Out>
}

export type TableTableJoin<K, L, R, Out> = {
  /** Child of the left table, must be connected to `right.storeNames` (`KTABLE-JOINTHIS-`). */
  readonly leftJoin: ProcessorSupplier<K, Change<L>, K, Change<Out>>
  /** Child of the right table, must be connected to `left.storeNames` (`KTABLE-JOINOTHER-`). */
  readonly rightJoin: ProcessorSupplier<K, Change<R>, K, Change<Out>>
  /** Child of both (`KTABLE-MERGE-`); writes the store where there is one. */
  readonly merge: ProcessorSupplier<K, Change<Out>, K, Change<Out>>
  /** Computes the result from both tables. Only for results that are not materialized: else read the store. */
  readonly view: TableValueGetterSupplier<K, Out>
}

export function tableTableJoin<K, L, R, Out>(
  options: TableTableJoinOptions<K, L, R, Out>,
): TableTableJoin<K, L, R, Out> {
  throw new Error(`table-table join (${options.kind}) is being written`)
}
