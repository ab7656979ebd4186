import type { KeyValueStore } from '../stores/types.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'
import type { LeftOrRight, OuterJoinKey } from './stream-stream-join-stores.ts'

export type OuterJoinStore<K, L, R> = KeyValueStore<OuterJoinKey<K>, readonly LeftOrRight<L, R>[]>

type AnyContext = InternalProcessorContext<never, never>

/** Later than every timestamp. */
export const NO_TIME_MS = Number.MAX_SAFE_INTEGER

/** A sum that has reached this is no longer exact. (Rises go with stream time: that is some 10^5 years of it.) */
const SUM_MAX = 2 ** 52

/**
 * What the two sides of a left or outer join know together, per task: the stream time over both, and from when on it
 * can pay to look for unmatched records. Java: KStreamImplJoin.TimeTracker, which forgets on restart. This one is kept
 * with the committed offsets: otherwise a restart would reopen closed windows, and unmatched results would come out at
 * other places than without it.
 */
export class JoinTimeTracker {
  #context!: AnyContext
  readonly #streamTimeName: string
  readonly #risesName: string
  readonly #fallsName: string
  #streamTimeMs = -1
  #scanFromMs = NO_TIME_MS
  /** `scanFromMs` doubled, plus 1 for "none": then the last time stays in it, so that the number moves little. */
  #kept = 0
  #rises = 0
  #falls = 0
  /** No record in the store is earlier than this. Saves looking up each joined record. */
  storedFromMs = NO_TIME_MS
  /** Wall clock. */
  nextEmitMs = 0

  constructor(storeName: string) {
    this.#streamTimeName = `${storeName}-stream-time`
    this.#risesName = `${storeName}-scan-rises`
    this.#fallsName = `${storeName}-scan-falls`
  }

  get streamTimeMs(): number {
    return this.#streamTimeMs
  }

  advanceStreamTime(timestampMs: number): void {
    if (timestampMs <= this.#streamTimeMs) return
    this.#streamTimeMs = timestampMs
    this.#context.setTimeMetadata(this.#streamTimeName, timestampMs)
  }

  /**
   * Where the last look for closed windows ended, or the earliest record kept since. Not always the earliest record of
   * the store: see KStreamKStreamJoin.emitNonJoinedOuterRecords, on which the place of each unmatched result depends.
   */
  get scanFromMs(): number {
    return this.#scanFromMs
  }

  /**
   * Metadata never falls, but this time does. So what is kept is the sum of its rises and the sum of its falls, from
   * which it comes back as their difference.
   */
  setScanFrom(timeMs: number): void {
    if (timeMs === this.#scanFromMs) return
    this.#scanFromMs = timeMs
    const keptBefore = this.#kept
    this.#kept = timeMs === NO_TIME_MS ? keptBefore + 1 - (keptBefore % 2) : timeMs * 2
    if (this.#kept > keptBefore) {
      this.#rises = Math.min(this.#rises + this.#kept - keptBefore, SUM_MAX)
      this.#context.setTimeMetadata(this.#risesName, this.#rises)
    } else {
      this.#falls = Math.min(this.#falls + keptBefore - this.#kept, SUM_MAX)
      this.#context.setTimeMetadata(this.#fallsName, this.#falls)
    }
  }

  /** As committed; where nothing was, as the store says. */
  restore(context: AnyContext, storedFromMs: number): void {
    this.#context = context
    this.#streamTimeMs = context.timeMetadata(this.#streamTimeName) ?? -1
    this.#rises = context.timeMetadata(this.#risesName) ?? 0
    this.#falls = context.timeMetadata(this.#fallsName) ?? 0
    this.#kept = this.#rises - this.#falls
    const isNone = this.#rises === 0 || this.#rises === SUM_MAX || this.#kept % 2 === 1
    this.#scanFromMs = isNone ? storedFromMs : this.#kept / 2
    this.storedFromMs = storedFromMs
    this.nextEmitMs = 0
  }
}

/**
 * One tracker per store object, that is per task: a topology is shared by all tasks of a process, and in simulations
 * by several instances that own the same task id one after the other.
 */
export class JoinTimeTrackers {
  readonly #trackers = new WeakMap<object, JoinTimeTracker>()

  /** Called by each side in its `init`, before any record: both then see the committed state. */
  open<K, L, R>(context: AnyContext, store: OuterJoinStore<K, L, R>, storeName: string): JoinTimeTracker {
    let tracker = this.#trackers.get(store)
    if (tracker === undefined) {
      tracker = new JoinTimeTracker(storeName)
      this.#trackers.set(store, tracker)
    }
    tracker.restore(context, earliestMs(store))
    return tracker
  }
}

function earliestMs<K, L, R>(store: OuterJoinStore<K, L, R>): number {
  for (const { key } of store.all()) return key.timestampMs
  return NO_TIME_MS
}
