import type { KeyValueStore } from '../stores/types.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'
import type { LeftOrRight, OuterJoinKey } from './stream-stream-join-stores.ts'

export type OuterJoinStore<K, L, R> = KeyValueStore<OuterJoinKey<K>, readonly LeftOrRight<L, R>[]>

/** Later than every timestamp. */
export const NO_TIME_MS = Number.MAX_SAFE_INTEGER

/**
 * What the two sides of a left or outer join know together, per task: the stream time over both, and from when on it
 * can pay to look for unmatched records. Java: KStreamImplJoin.TimeTracker, which forgets on restart; this one does
 * not, or a restart would reopen closed windows and hold back results.
 */
export class JoinTimeTracker {
  streamTimeMs = -1
  /**
   * Where the last look for closed windows ended, or the earliest record put since. Not always the earliest record of
   * the store: see `KStreamKStreamJoin.emitNonJoinedOuterRecords`, whose order of results depends on it.
   */
  scanFromMs = NO_TIME_MS
  /** No record in the store is earlier than this. Saves looking up each joined record. */
  storedFromMs = NO_TIME_MS
  /** Wall clock. */
  nextEmitMs = 0
}

/**
 * One tracker per store object, that is per task: a topology is shared by all tasks of a process, and in simulations
 * by several instances that own the same task id one after the other.
 */
export class JoinTimeTrackers {
  readonly #trackers = new WeakMap<object, JoinTimeTracker>()

  /** Called by each side in its `init`, before any record: both then see the committed state. */
  open<K, L, R>(
    context: InternalProcessorContext<never, never>,
    store: OuterJoinStore<K, L, R>,
    storeName: string,
  ): JoinTimeTracker {
    let tracker = this.#trackers.get(store)
    if (tracker === undefined) {
      tracker = new JoinTimeTracker()
      this.#trackers.set(store, tracker)
    }
    tracker.streamTimeMs = context.timeMetadata(`${storeName}-stream-time`) ?? -1
    tracker.storedFromMs = earliestMs(store)
    tracker.scanFromMs = tracker.storedFromMs
    tracker.nextEmitMs = 0
    return tracker
  }
}

function earliestMs<K, L, R>(store: OuterJoinStore<K, L, R>): number {
  for (const { key } of store.all()) return key.timestampMs
  return NO_TIME_MS
}
