import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import { type LookupJoiner, StreamLookupJoinProcessor } from './stream-lookup-join.ts'

export type GlobalTableJoiner<K, V, GK, T, R> = (value: V, tableValue: T, key: K, tableKey: GK) => R

export type StreamGlobalTableJoinOptions<K, V, GK, T, R> = {
  readonly table: TableValueGetterSupplier<GK, T>
  /** The key to look up; null: nothing to look up. Called with null values too. */
  readonly keySelector: (key: K, value: V) => GK | null
} & (
  | { readonly kind: 'inner'; readonly joiner: GlobalTableJoiner<K, V, GK, T, R> }
  | { readonly kind: 'left'; readonly joiner: GlobalTableJoiner<K, V, GK | null, T | null, R> }
)

/** Java: KStreamGlobalKTableJoin. The key of the stream stays. Global stores need no connection. */
export function streamGlobalTableJoin<K, V, GK, T, R>(
  options: StreamGlobalTableJoinOptions<K, V, GK, T, R>,
): ProcessorSupplier<K, V, K, R> {
  // An inner join calls its joiner only with a key and a value that are there.
  const joiner = options.joiner as LookupJoiner<K, V, GK, T, R>
  const { table, keySelector } = options
  const isLeft = options.kind === 'left'
  return { get: () => new StreamLookupJoinProcessor(table.get(), keySelector, joiner, isLeft) }
}
