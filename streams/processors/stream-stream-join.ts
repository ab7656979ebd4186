import { assert } from '../base/index.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import type { AnyJoiner, JoinWindows, ValueJoiner } from './joins.ts'
import { type JoinWindowValues, openJoinWindow } from './stores-with-headers.ts'
import {
  type JoinWindowStoreSpec,
  type LeftOrRight,
  type OuterJoinKey,
  type OuterJoinStoreSpec,
  outerJoinRangeStart,
} from './stream-stream-join-stores.ts'
import {
  type JoinTimeTracker,
  JoinTimeTrackers,
  NO_TIME_MS,
  type OuterJoinStore,
} from './stream-stream-join-tracker.ts'

/** Java's `__emit.interval.ms.kstreams.outer.join.spurious.results.fix__`. */
export const OUTER_JOIN_EMIT_INTERVAL_MS = 1000

export type StreamStreamJoinOptions<K, L, R, Out> = AnyJoiner<L, R, Out, K> & {
  readonly windows: JoinWindows
  readonly leftStore: JoinWindowStoreSpec<K, L>
  readonly rightStore: JoinWindowStoreSpec<K, R>
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
  const { kind, windows, leftStore, rightStore, emitIntervalMs = OUTER_JOIN_EMIT_INTERVAL_MS } = options
  assert(kind === 'inner' || options.outerStore !== undefined, `a ${kind} join of streams needs its outer-join store`)
  const outerStore = kind === 'inner' ? undefined : options.outerStore
  // The joiner is called with a missing side only where the kind of join allows it.
  const joiner = options.joiner as ValueJoiner<L | null, R | null, Out, K>
  const shared = { windows, outerStore, emitIntervalMs, trackers: new JoinTimeTrackers() }
  const leftSide: JoinSide<K, L, R, L, R, Out> = {
    ...shared,
    isLeft: true,
    emitsUnmatched: kind !== 'inner',
    join: joiner,
    otherStore: rightStore,
    rangeBeforeMs: windows.beforeMs,
    rangeAfterMs: windows.afterMs,
  }
  const rightSide: JoinSide<K, L, R, R, L, Out> = {
    ...shared,
    isLeft: false,
    emitsUnmatched: kind === 'outer',
    join: (right, left, key) => joiner(left, right, key),
    otherStore: leftStore,
    rangeBeforeMs: windows.afterMs,
    rangeAfterMs: windows.beforeMs,
  }
  const outerStores = outerStore === undefined ? [] : [outerStore]
  return {
    leftWindowed: joinWindowed(leftStore),
    rightWindowed: joinWindowed(rightStore),
    leftJoin: { get: () => new StreamStreamJoinProcessor(leftSide), stores: [rightStore, ...outerStores] },
    rightJoin: { get: () => new StreamStreamJoinProcessor(rightSide), stores: [leftStore, ...outerStores] },
  }
}

/** Forwards the record to the join, then stores it for records of the other side. Java: KStreamJoinWindow. */
export function joinWindowed<K, V>(store: JoinWindowStoreSpec<K, V>): ProcessorSupplier<K, V, K, V> {
  return { get: () => new JoinWindowedProcessor(store), stores: [store] }
}

class JoinWindowedProcessor<K, V> implements Processor<K, V, K, V> {
  readonly #spec: JoinWindowStoreSpec<K, V>
  #context!: ProcessorContext<K, V>
  #store!: JoinWindowValues<K, V>

  constructor(spec: JoinWindowStoreSpec<K, V>) {
    this.#spec = spec
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
    this.#store = openJoinWindow(context, this.#spec)
  }

  process(record: StreamRecord<K, V>): void {
    this.#context.forward(record)
    // A null key or value never joins. (Java's store also leaves out nulls where it keeps duplicates.)
    if (record.key === null || record.value === null) return
    this.#store.put(record.key, record.value, record.timestampMs, record.headers)
  }
}

/** One side of the join: `This` comes in, `Other` is looked up. */
type JoinSide<K, L, R, This, Other, Out> = {
  readonly isLeft: boolean
  /** True: a record of this side that joins with nothing goes out alone when its window closes. */
  readonly emitsUnmatched: boolean
  readonly join: ValueJoiner<This | null, Other | null, Out, K>
  readonly otherStore: JoinWindowStoreSpec<K, Other>
  /** Other records join when they are in [this - before, this + after]. */
  readonly rangeBeforeMs: number
  readonly rangeAfterMs: number
  readonly windows: JoinWindows
  readonly outerStore: OuterJoinStoreSpec<K, L, R> | undefined
  readonly emitIntervalMs: number
  readonly trackers: JoinTimeTrackers
}

/** Java: KStreamKStreamJoin with its left and right sides. */
class StreamStreamJoinProcessor<K, L, R, This, Other, Out> implements Processor<K, This, K, Out> {
  readonly #side: JoinSide<K, L, R, This, Other, Out>
  #context!: InternalProcessorContext<K, Out>
  #otherStore!: JoinWindowValues<K, Other>
  #outerStore: OuterJoinStore<K, L, R> | undefined
  #tracker!: JoinTimeTracker

  constructor(side: JoinSide<K, L, R, This, Other, Out>) {
    this.#side = side
  }

  init(context: ProcessorContext<K, Out>): void {
    const side = this.#side
    this.#context = context as InternalProcessorContext<K, Out>
    this.#otherStore = openJoinWindow(context, side.otherStore)
    if (side.outerStore === undefined) return
    this.#outerStore = context.storeByName<OuterJoinStore<K, L, R>>(side.outerStore.name)
    this.#tracker = side.trackers.open(this.#context, this.#outerStore, side.outerStore.name)
  }

  process(record: StreamRecord<K, This>): void {
    if (this.#outerStore === undefined) this.#processInner(record)
    else this.#processOuter(record, this.#outerStore)
  }

  #processInner(record: StreamRecord<K, This>): void {
    if (record.key === null || record.value === null) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    const side = this.#side
    const fromMs = Math.max(0, record.timestampMs - side.rangeBeforeMs)
    const toMs = Math.max(0, record.timestampMs + side.rangeAfterMs)
    for (const other of this.#otherStore.fetchRange(record.key, fromMs, toMs)) {
      this.#forwardJoined(record, other.value, other.startMs)
    }
  }

  #processOuter(record: StreamRecord<K, This>, outerStore: OuterJoinStore<K, L, R>): void {
    const tracker = this.#tracker
    const { timestampMs } = record
    tracker.advanceStreamTime(timestampMs)
    if (record.value === null || (record.key === null && !this.#side.emitsUnmatched)) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    if (record.key === null) {
      this.#forwardAlone(record)
      return
    }
    if (timestampMs === tracker.streamTimeMs) this.#emitUnmatched(record, outerStore)
    if (this.#joinAll(record, outerStore) || !this.#side.emitsUnmatched) return
    // Its window is behind stream time already: nothing that could join is still to come in order.
    if (Math.max(0, timestampMs + this.#side.rangeAfterMs) < tracker.streamTimeMs) this.#forwardAlone(record)
    else this.#keepUnmatched(record, outerStore)
  }

  /** False if there was nothing to join with. What joins is no longer unmatched. */
  #joinAll(record: StreamRecord<K, This>, outerStore: OuterJoinStore<K, L, R>): boolean {
    const side = this.#side
    const fromMs = Math.max(0, record.timestampMs - side.rangeBeforeMs)
    const toMs = Math.max(0, record.timestampMs + side.rangeAfterMs)
    let isMatched = false
    for (const other of this.#otherStore.fetchRange(record.key, fromMs, toMs)) {
      isMatched = true
      if (other.startMs >= this.#tracker.storedFromMs) {
        const otherKey = { timestampMs: other.startMs, isLeft: !side.isLeft, key: record.key }
        // Read first: a blind delete would write a tombstone for each joined pair.
        if (outerStore.get(otherKey) !== undefined) outerStore.put(otherKey, null)
      }
      this.#forwardJoined(record, other.value, other.startMs)
    }
    return isMatched
  }

  #forwardJoined(record: StreamRecord<K, This>, otherValue: Other, otherMs: number): void {
    const { join } = this.#side
    this.#context.forward({
      key: record.key,
      value: join(record.value, otherValue, record.key),
      timestampMs: Math.max(otherMs, record.timestampMs),
      headers: record.headers,
    })
  }

  #forwardAlone(record: StreamRecord<K, This>): void {
    const { join } = this.#side
    const value = join(record.value, null, record.key)
    this.#context.forward({ key: record.key, value, timestampMs: record.timestampMs, headers: record.headers })
  }

  #keepUnmatched(record: StreamRecord<K, This>, outerStore: OuterJoinStore<K, L, R>): void {
    const tracker = this.#tracker
    const { isLeft } = this.#side
    const { timestampMs } = record
    if (timestampMs < tracker.scanFromMs) tracker.setScanFrom(timestampMs)
    tracker.storedFromMs = Math.min(tracker.storedFromMs, timestampMs)
    const key: OuterJoinKey<K> = { timestampMs, isLeft, key: record.key }
    const entry = (isLeft ? { left: record.value, right: null } : { left: null, right: record.value }) as LeftOrRight<
      L,
      R
    >
    const entries = outerStore.get(key)
    outerStore.put(key, entries === undefined ? [entry] : [...entries, entry])
  }

  /** Sends out the unmatched records whose windows have closed, in the order of time, right before left, key. */
  #emitUnmatched(record: StreamRecord<K, This>, outerStore: OuterJoinStore<K, L, R>): void {
    const { rangeAfterMs, windows, emitIntervalMs } = this.#side
    const tracker = this.#tracker
    if (tracker.scanFromMs + rangeAfterMs + windows.graceMs >= tracker.streamTimeMs) return
    const nowMs = this.#context.currentSystemTimeMs()
    const leftMs = tracker.nextEmitMs - nowMs
    // More than an interval is left when the clock was set back: results do not wait until it is there again.
    if (leftMs > 0 && leftMs <= emitIntervalMs) return
    tracker.nextEmitMs = nowMs + emitIntervalMs
    if (tracker.storedFromMs === NO_TIME_MS) {
      tracker.setScanFrom(NO_TIME_MS)
      return
    }
    let scanFromMs = NO_TIME_MS
    let storedFromMs = NO_TIME_MS
    let isLeftOpen = false
    let isRightOpen = false
    // From the first entry on: what was removed before it would have to be passed by each time.
    for (const { key, value } of outerStore.range(outerJoinRangeStart(tracker.storedFromMs), undefined)) {
      scanFromMs = key.timestampMs
      if (isLeftOpen && isRightOpen) break
      const lookBackMs = key.isLeft ? windows.afterMs : windows.beforeMs
      if (key.timestampMs + lookBackMs + windows.graceMs >= tracker.streamTimeMs) {
        if (storedFromMs === NO_TIME_MS) storedFromMs = key.timestampMs
        if (key.isLeft) isLeftOpen = true
        else isRightOpen = true
        continue
      }
      this.#forwardUnmatched(record, key, value)
      outerStore.put(key, null)
    }
    tracker.storedFromMs = storedFromMs
    tracker.setScanFrom(scanFromMs)
  }

  #forwardUnmatched(
    record: StreamRecord<K, This>,
    { key, timestampMs }: OuterJoinKey<K>,
    entries: readonly LeftOrRight<L, R>[],
  ): void {
    const { join, isLeft } = this.#side
    for (const { left, right } of entries) {
      const value = isLeft
        ? join(left as This | null, right as Other | null, key)
        : join(right as This | null, left as Other | null, key)
      this.#context.forward({ key, value, timestampMs, headers: record.headers })
    }
  }
}
