import { assert } from '../base/assert.ts'
import type { ValueAndTimestamp, Windowed, WindowStore, WindowStoreSpec } from '../stores/types.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropLateRecord, dropRecord } from './dropped-record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import { type Aggregator, type Initializer, initializerFor, isNull } from './functions.ts'
import { forwardsOnFlush } from './table-store.ts'
import { byWindowStart } from './window-aggregate.ts'
import { type EmitRange, type FinalResults, finalResultsFor, NO_TIME_MS, OperatorStreamTime } from './window-results.ts'
import type { SlidingWindows } from './windows.ts'

export type SlidingWindowAggregateOptions<K, V, A> = {
  readonly windows: SlidingWindows
  /** Timestamped; `retentionMs` at least 2 × timeDifference + grace. */
  readonly store: WindowStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

/**
 * Folds the records of each key into sliding windows (KIP-450). Of all windows of this size only those are kept that
 * differ in what they hold: a record at time t has a left window, [t - difference, t], and as soon as a later record
 * falls in it, a right window, [t + 1, t + 1 + difference]. Null keys and values and records whose left window is
 * closed are dropped. Java: KStreamSlidingWindowAggregate.
 */
export function slidingWindowAggregate<K, V, A>(
  options: SlidingWindowAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  const { store } = options
  assert(store.timestamped, `store ${store.name} keeps an aggregation, so its values must be timestamped`)
  return { get: () => new SlidingWindowAggregateProcessor(options), stores: [store] }
}

/** What the scan of the windows around a record found. One object per processor, reset for each record. */
type Found<A> = {
  /** Aggregate of the latest window that holds the record: what its right window starts from. */
  rightAggregate: ValueAndTimestamp<A> | undefined
  /** Aggregate of the latest window that ends before the record. */
  leftAggregate: ValueAndTimestamp<A> | undefined
  hasLeftWindow: boolean
  hasRightWindow: boolean
  /** Time of the latest record before this one, -1 where none is in reach. */
  previousTimestampMs: number
}

class SlidingWindowAggregateProcessor<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #options: SlidingWindowAggregateOptions<K, V, A>
  readonly #differenceMs: number
  readonly #graceMs: number
  readonly #sendOldValues: boolean
  readonly #found: Found<A> = {
    rightAggregate: undefined,
    leftAggregate: undefined,
    hasLeftWindow: false,
    hasRightWindow: false,
    previousTimestampMs: NO_TIME_MS,
  }
  /** Starts of the windows that the scan passed. */
  readonly #starts: number[] = []
  #streamTimeMs = NO_TIME_MS
  #context!: InternalProcessorContext<Windowed<K>, Change<A>>
  #initializer!: Initializer<A>
  #store!: WindowStore<K, ValueAndTimestamp<A>>
  #streamTime!: OperatorStreamTime
  #finalResults: FinalResults<K, A> | undefined
  #forwardsUpdates = true

  constructor(options: SlidingWindowAggregateOptions<K, V, A>) {
    this.#options = options
    this.#differenceMs = options.windows.timeDifferenceMs
    this.#graceMs = options.windows.graceMs
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store, emit } = this.#options
    this.#context = context as InternalProcessorContext<Windowed<K>, Change<A>>
    this.#initializer = initializerFor(this.#context, this.#options.initializer)
    this.#store = context.storeByName(store.name)
    this.#streamTime = new OperatorStreamTime(this.#context)
    this.#finalResults = finalResultsFor<K, A>(emit, {
      context: this.#context,
      storeName: store.name,
      retentionMs: store.retentionMs,
      spanMs: this.#differenceMs,
      rangeOf: (closeMs, lastCloseMs) => closedSlidingStarts(this.#differenceMs, closeMs, lastCloseMs),
      collect: ({ fromMs, toMs }, results) => {
        for (const result of this.#store.fetchAll(fromMs, toMs)) results.push(result)
      },
      compare: byWindowStart,
    })
    this.#forwardsUpdates =
      this.#finalResults === undefined && !forwardsOnFlush(this.#context, store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, V>): void {
    if (isNull(record.key) || isNull(record.value)) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    const { timestampMs } = record
    this.#streamTimeMs = this.#streamTime.observe(timestampMs)
    const windowCloseMs = this.#streamTimeMs - this.#graceMs
    const endMs = timestampMs + this.#differenceMs
    if (endMs < windowCloseMs) {
      this.#dropLate(record, timestampMs, endMs)
      return
    }
    this.#finalResults?.beforeUpdate(this.#streamTimeMs, windowCloseMs, record.headers)
    this.#resetFound()
    if (timestampMs < this.#differenceMs) {
      // As in Java, these records do not look for closed windows.
      this.#processEarly(record)
      return
    }
    if (this.#updateExisting(record)) this.#createWindows(record)
    this.#finalResults?.emit(windowCloseMs, record.headers)
  }

  #resetFound(): void {
    const found = this.#found
    found.rightAggregate = undefined
    found.leftAggregate = undefined
    found.hasLeftWindow = false
    found.hasRightWindow = false
    found.previousTimestampMs = NO_TIME_MS
    this.#starts.length = 0
  }

  /**
   * Adds the record to every window that holds it, latest first, and notes in `found` what is needed to create the
   * missing ones. False where none can be missing: another record of the same time was there.
   */
  #updateExisting(record: StreamRecord<K, V>): boolean {
    const { key, timestampMs } = record
    const found = this.#found
    const fromMs = Math.max(0, timestampMs - 2 * this.#differenceMs)
    // One beyond the record's time, to see its right window if it is there.
    for (const { startMs, value } of this.#store.fetchRangeBackward(key, fromMs, timestampMs + 1)) {
      this.#starts.push(startMs)
      const endMs = startMs + this.#differenceMs
      if (startMs === timestampMs + 1) {
        found.hasRightWindow = true
      } else if (endMs > timestampMs) {
        found.rightAggregate ??= value
        this.#updateWindow(record, startMs, value)
      } else if (endMs === timestampMs) {
        found.hasLeftWindow = true
        this.#updateWindow(record, startMs, value)
        if (value.timestampMs >= timestampMs) return false
        found.previousTimestampMs = value.timestampMs
      } else {
        found.leftAggregate = value
        found.previousTimestampMs = value.timestampMs
        break
      }
    }
    return true
  }

  #createWindows(record: StreamRecord<K, V>): void {
    const { timestampMs } = record
    const { previousTimestampMs, leftAggregate, hasLeftWindow } = this.#found
    const hasPrevious = previousTimestampMs !== NO_TIME_MS
    const previousRightStartMs = previousTimestampMs + 1
    if (
      hasPrevious &&
      !this.#starts.includes(previousRightStartMs) &&
      previousRightStartMs + this.#differenceMs >= timestampMs
    ) {
      this.#updateWindow(record, previousRightStartMs, undefined)
    }
    if (!hasLeftWindow) {
      const startMs = timestampMs - this.#differenceMs
      const isPreviousInside = hasPrevious && startMs <= previousTimestampMs
      this.#updateWindow(record, startMs, isPreviousInside ? leftAggregate : undefined)
    }
    this.#createRightWindow(record)
  }

  /**
   * Records before the first full window: windows do not start before 0, so [0, difference] stands for the left window
   * of all of them.
   */
  #processEarly(record: StreamRecord<K, V>): void {
    const { key, timestampMs } = record
    const found = this.#found
    assert(timestampMs >= 0, `sliding windows were given a record at ${timestampMs}, before the epoch`)
    let combined: ValueAndTimestamp<A> | undefined
    for (const { startMs, value } of this.#store.fetchRange(key, 0, timestampMs + 1)) {
      this.#starts.push(startMs)
      if (startMs === 0) {
        combined = value
        if (value.timestampMs < timestampMs) found.previousTimestampMs = value.timestampMs
      } else if (startMs <= timestampMs) {
        found.rightAggregate = value
        this.#updateWindow(record, startMs, value)
      } else {
        found.hasRightWindow = true
      }
    }
    // What the combined window holds is all later than this record, or a right window would have been found.
    if (found.rightAggregate === undefined && combined !== undefined && combined.timestampMs > timestampMs) {
      found.rightAggregate = combined
    }
    this.#createRightWindow(record)
    const { previousTimestampMs } = found
    if (previousTimestampMs !== NO_TIME_MS && !this.#starts.includes(previousTimestampMs + 1)) {
      this.#updateWindow(record, previousTimestampMs + 1, undefined)
    }
    this.#updateWindow(record, 0, combined)
  }

  /** The record itself is not in its right window; what is later than it is. */
  #createRightWindow(record: StreamRecord<K, V>): void {
    const { rightAggregate, hasRightWindow } = this.#found
    if (hasRightWindow || rightAggregate === undefined || rightAggregate.timestampMs <= record.timestampMs) return
    const startMs = record.timestampMs + 1
    this.#store.put(record.key, rightAggregate, startMs)
    this.#forward(
      record,
      startMs,
      { oldAggregate: null, newAggregate: rightAggregate.value },
      rightAggregate.timestampMs,
    )
  }

  /** Adds the record to a window that is there (`oldEntry`), or starts from another's aggregate, or from nothing. */
  #updateWindow(record: StreamRecord<K, V>, startMs: number, oldEntry: ValueAndTimestamp<A> | undefined): void {
    const endMs = startMs + this.#differenceMs
    if (endMs < this.#streamTimeMs - this.#graceMs) {
      this.#dropLate(record, startMs, endMs)
      return
    }
    const { aggregator } = this.#options
    const { key } = record
    const oldAggregate = oldEntry === undefined ? this.#initializer() : oldEntry.value
    const newAggregate = aggregator(key, record.value, oldAggregate) ?? null
    const timestampMs = oldEntry === undefined ? record.timestampMs : Math.max(record.timestampMs, oldEntry.timestampMs)
    this.#store.put(key, newAggregate === null ? null : { value: newAggregate, timestampMs }, startMs)
    this.#forward(record, startMs, { oldAggregate, newAggregate }, timestampMs)
  }

  #forward(
    { key, headers }: StreamRecord<K, V>,
    startMs: number,
    { oldAggregate, newAggregate }: { readonly oldAggregate: A | null; readonly newAggregate: A | null },
    timestampMs: number,
  ): void {
    if (!this.#forwardsUpdates) return
    const window = { startMs, endMs: startMs + this.#differenceMs }
    const value = change(newAggregate, this.#sendOldValues ? oldAggregate : null)
    this.#context.forward({ key: { key, window }, value, timestampMs, headers })
  }

  #dropLate(record: StreamRecord<K, V>, startMs: number, endMs: number): void {
    const streamTimeMs = this.#streamTimeMs
    const windowCloseMs = streamTimeMs - this.#graceMs
    dropLateRecord(this.#context, record, { windowText: `[${startMs},${endMs}]`, windowCloseMs, streamTimeMs })
  }
}

/** Starts of the windows that closed since the last time. Ends are inclusive: what ends at the close time is open. */
function closedSlidingStarts(differenceMs: number, closeMs: number, lastCloseMs: number): EmitRange | undefined {
  const toMs = closeMs - differenceMs - 1
  if (toMs < 0) return undefined
  return { fromMs: lastCloseMs === NO_TIME_MS ? 0 : Math.max(0, lastCloseMs - differenceMs), toMs }
}
