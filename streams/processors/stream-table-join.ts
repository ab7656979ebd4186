import type { KeyValueStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { InnerOrLeftJoiner } from './joins.ts'
import { type LookupJoiner, StreamLookupJoinProcessor } from './stream-lookup-join.ts'
import type { GraceBufferKey, GraceBufferValue } from './stream-table-join-buffer.ts'

export type StreamTableJoinOptions<K, V, T, R> = InnerOrLeftJoiner<V, T, R, K> & {
  readonly table: TableValueGetterSupplier<K, T>
  /**
   * KIP-923: stream records wait until stream time is `graceMs` past them and are then joined in the order of time,
   * as of their time. Only where the table is versioned. `buffer` is made by `graceBufferSpec`.
   */
  readonly grace?: {
    readonly graceMs: number
    readonly buffer: KeyValueStoreSpec<GraceBufferKey<K>, GraceBufferValue<V>>
  }
}

/** Java: KStreamKTableJoin. The node must be connected to `options.table.storeNames`. */
export function streamTableJoin<K, V, T, R>(
  options: StreamTableJoinOptions<K, V, T, R>,
): ProcessorSupplier<K, V, K, R> {
  // An inner join calls its joiner only with a value that is there.
  const joiner = options.joiner as LookupJoiner<K, V, K, T, R>
  const { table } = options
  const isLeft = options.kind === 'left'
  if (options.grace !== undefined) throw new Error('the grace period of stream-table joins is being written')
  return { get: () => new StreamLookupJoinProcessor(table.get(), undefined, joiner, isLeft) }
}
