import type { WindowStoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { AnyJoiner, JoinWindows } from './joins.ts'
import type { OuterJoinStoreSpec } from './stream-stream-join-stores.ts'

/** Java's `__emit.interval.ms.kstreams.outer.join.spurious.results.fix__`. */
export const OUTER_JOIN_EMIT_INTERVAL_MS = 1000

export type StreamStreamJoinOptions<K, L, R, Out> = AnyJoiner<L, R, Out, K> & {
  readonly windows: JoinWindows
  readonly leftStore: WindowStoreSpec<K, L>
  readonly rightStore: WindowStoreSpec<K, R>
  /** Needed for left and outer joins, not used by inner ones. */
  readonly outerStore?: OuterJoinStoreSpec<K, L, R>
  /** Unmatched results are looked for at most this often, in wall-clock time; 0 = at each record. */
  readonly emitIntervalMs?: number
}

/** The four nodes of the join; the fifth, after `leftJoin` and `rightJoin`, only passes records on. */
export type StreamStreamJoin<K, L, R, Out> = {
  /** Forwards, then stores (Java: KStreamJoinWindow, `KSTREAM-WINDOWED-`). */
  readonly leftWindowed: ProcessorSupplier<K, L, K, L>
  readonly rightWindowed: ProcessorSupplier<K, R, K, R>
  /** Child of leftWindowed, reads the right store (`KSTREAM-JOINTHIS-` or `KSTREAM-OUTERTHIS-`). */
  readonly leftJoin: ProcessorSupplier<K, L, K, Out>
  /** Child of rightWindowed, reads the left store (`KSTREAM-JOINOTHER-` or `KSTREAM-OUTEROTHER-`). */
  readonly rightJoin: ProcessorSupplier<K, R, K, Out>
}

export function streamStreamJoin<K, L, R, Out>(
  options: StreamStreamJoinOptions<K, L, R, Out>,
): StreamStreamJoin<K, L, R, Out> {
  throw new Error(`stream-stream join (${options.kind}) is being written`)
}

export type StreamSelfJoinOptions<K, V, Out> = {
  readonly windows: JoinWindows
  readonly store: WindowStoreSpec<K, V>
  readonly joiner: (left: V, right: V, key: K) => Out
}

/**
 * An inner join of a stream with itself over one store. Java: KStreamKStreamSelfJoin; made by the optimiser, takes the
 * place of the merge node (`KSTREAM-MERGE-`), child of `windowed`.
 */
export function streamSelfJoin<K, V, Out>(
  options: StreamSelfJoinOptions<K, V, Out>,
): {
  readonly windowed: ProcessorSupplier<K, V, K, V>
  readonly selfJoin: ProcessorSupplier<K, V, K, Out>
} {
  throw new Error(`self join over ${options.store.name} is being written`)
}
