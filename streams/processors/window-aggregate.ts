import { assert } from '../base/assert.ts'
import type { ValueAndTimestamp, Windowed, WindowStore, WindowStoreSpec } from '../stores/types.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropLateRecord, dropRecord } from './dropped-record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import { type Aggregator, type Initializer, initializerFor, isNull } from './functions.ts'
import { forwardsOnFlush } from './table-store.ts'
import {
  type EmitRange,
  type FinalResult,
  type FinalResults,
  finalResultsFor,
  NO_TIME_MS,
  OperatorStreamTime,
} from './window-results.ts'
import {
  type CustomWindows,
  firstWindowStartMs,
  type TimeWindows,
  type UnlimitedWindows,
  WINDOW_END_MAX_MS,
} from './windows.ts'

export type WindowAggregateOptions<K, V, A> = {
  readonly windows: TimeWindows | UnlimitedWindows | CustomWindows
  /** Timestamped; `retentionMs` at least window size + grace. */
  readonly store: WindowStoreSpec<K, A>
  /** May make null for "nothing yet" (reductions). */
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  /** `on-window-close` only with time windows. */
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

/**
 * Folds the records of each key and window into an aggregate, in the windows that hold the record's time and are not
 * closed (end + grace > stream time), earliest first. Records with a null key, and those for closed windows, are
 * dropped; null values are aggregated, as in Java. Java: KStreamWindowAggregate.
 */
export function windowAggregate<K, V, A>(
  options: WindowAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  const { windows, store, emit } = options
  assert(store.timestamped, `store ${store.name} keeps an aggregation, so its values must be timestamped`)
  assert(
    emit.kind === 'on-window-update' || windows.kind === 'time',
    `windows of kind ${windows.kind} cannot be emitted on close`,
  )
  return { get: () => new WindowAggregateProcessor(options), stores: [store] }
}

class WindowAggregateProcessor<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #options: WindowAggregateOptions<K, V, A>
  readonly #windows: TimeWindows | UnlimitedWindows | CustomWindows
  readonly #graceMs: number
  #initializer: Initializer<A>
  readonly #aggregator: Aggregator<K, V, A>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<Windowed<K>, Change<A>>
  #store!: WindowStore<K, ValueAndTimestamp<A>>
  #streamTime!: OperatorStreamTime
  #finalResults: FinalResults<K, A> | undefined
  /** False where results leave another way: from the record cache or when the window closes. */
  #forwardsUpdates = true

  constructor(options: WindowAggregateOptions<K, V, A>) {
    this.#options = options
    this.#windows = options.windows
    this.#graceMs = options.windows.kind === 'unlimited' ? 0 : options.windows.graceMs
    this.#initializer = options.initializer
    this.#aggregator = options.aggregator
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store, emit } = this.#options
    this.#context = context as InternalProcessorContext<Windowed<K>, Change<A>>
    this.#initializer = initializerFor(this.#context, this.#options.initializer)
    this.#store = context.storeByName(store.name)
    this.#streamTime = new OperatorStreamTime(this.#context)
    this.#finalResults = this.#createFinalResults(emit)
    this.#forwardsUpdates =
      this.#finalResults === undefined && !forwardsOnFlush(this.#context, store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, V>): void {
    if (isNull(record.key)) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    const { timestampMs } = record
    const streamTimeMs = this.#streamTime.observe(timestampMs)
    const windows = this.#windows
    if (windows.kind === 'time') {
      const { sizeMs, advanceMs } = windows
      this.#finalResults?.beforeUpdate(streamTimeMs, streamTimeMs - this.#graceMs, record.headers)
      for (let startMs = firstWindowStartMs(windows, timestampMs); startMs <= timestampMs; startMs += advanceMs) {
        this.#update(record, startMs, startMs + sizeMs, streamTimeMs)
      }
      this.#finalResults?.emit(streamTimeMs - this.#graceMs, record.headers)
    } else if (windows.kind === 'unlimited') {
      if (timestampMs >= windows.startMs) this.#update(record, windows.startMs, WINDOW_END_MAX_MS, streamTimeMs)
    } else {
      for (const { startMs, endMs } of windows.windowsFor(timestampMs)) {
        this.#update(record, startMs, endMs, streamTimeMs)
      }
    }
  }

  #update(record: StreamRecord<K, V>, startMs: number, endMs: number, streamTimeMs: number): void {
    const windowCloseMs = streamTimeMs - this.#graceMs
    if (endMs <= windowCloseMs) {
      dropLateRecord(this.#context, record, { windowText: `[${startMs},${endMs})`, windowCloseMs, streamTimeMs })
      return
    }
    const { key, headers } = record
    const oldEntry = this.#store.fetch(key, startMs)
    let oldAggregate: A
    let timestampMs = record.timestampMs
    if (oldEntry === undefined) {
      const initializer = this.#initializer
      oldAggregate = initializer()
    } else {
      oldAggregate = oldEntry.value
      if (oldEntry.timestampMs > timestampMs) timestampMs = oldEntry.timestampMs
    }
    const aggregator = this.#aggregator
    const newAggregate = aggregator(key, record.value, oldAggregate) ?? null
    this.#store.put(key, newAggregate === null ? null : { value: newAggregate, timestampMs }, startMs)
    if (!this.#forwardsUpdates) return
    const value = change(newAggregate, this.#sendOldValues ? oldAggregate : null)
    this.#context.forward({ key: { key, window: { startMs, endMs } }, value, timestampMs, headers })
  }

  #createFinalResults(emit: EmitStrategy): FinalResults<K, A> | undefined {
    const windows = this.#windows
    if (windows.kind !== 'time') return undefined
    return finalResultsFor<K, A>(emit, {
      context: this.#context,
      storeName: this.#options.store.name,
      retentionMs: this.#options.store.retentionMs,
      spanMs: windows.sizeMs,
      rangeOf: (closeMs, lastCloseMs) => closedWindowStarts(windows, closeMs, lastCloseMs),
      collect: ({ fromMs, toMs }, results) => {
        for (const result of this.#store.fetchAll(fromMs, toMs)) results.push(result)
      },
      compare: byWindowStart,
    })
  }
}

/** Stable: keys of one window stay in the byte order in which the store gives them. Java's store is ordered so. */
export function byWindowStart(left: FinalResult<unknown, unknown>, right: FinalResult<unknown, unknown>): number {
  return left.key.window.startMs - right.key.window.startMs
}

/** Starts of the windows that closed since the last time: in (last close - size, close - size]. */
export function closedWindowStarts(windows: TimeWindows, closeMs: number, lastCloseMs: number): EmitRange | undefined {
  const toMs = closeMs - windows.sizeMs
  if (toMs < 0) return undefined
  if (lastCloseMs === NO_TIME_MS) return { fromMs: 0, toMs }
  const lastToMs = Math.max(0, lastCloseMs - windows.sizeMs)
  return hasSameWindows(windows, toMs, lastToMs) ? undefined : { fromMs: lastToMs + 1, toMs }
}

function hasSameWindows(windows: TimeWindows, leftMs: number, rightMs: number): boolean {
  const { advanceMs } = windows
  const hasSameLast = leftMs - (leftMs % advanceMs) === rightMs - (rightMs % advanceMs)
  return hasSameLast && firstWindowStartMs(windows, leftMs) === firstWindowStartMs(windows, rightMs)
}
