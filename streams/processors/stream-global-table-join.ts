import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'

type Joiner<K, V, GK, T, R> = (value: V, tableValue: T, key: K, tableKey: GK) => R

export type StreamGlobalTableJoinOptions<K, V, GK, T, R> = {
  readonly table: TableValueGetterSupplier<GK, T>
  /** The key to look up; null: nothing to look up. */
  readonly keySelector: (key: K, value: V) => GK | null
} & (
  | { readonly kind: 'inner'; readonly joiner: Joiner<K, V, GK, T, R> }
  | {
      readonly kind: 'left'
      readonly joiner: Joiner<K, V, GK | null, T | null, R>
    }
)

/** Java: KStreamGlobalKTableJoin. The key of the stream stays. Global stores need no connection. */
export function streamGlobalTableJoin<K, V, GK, T, R>(
  options: StreamGlobalTableJoinOptions<K, V, GK, T, R>,
): ProcessorSupplier<K, V, K, R> {
  throw new Error(`stream-global-table join (${options.kind}) is being written`)
}
