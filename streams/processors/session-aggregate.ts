import { NO_HEADERS } from '../ports/index.ts'
import type { KeyValue, SessionStoreSpec, Window, Windowed } from '../stores/types.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropLateRecord, dropRecord } from './dropped-record.ts'
import type { EmitStrategy } from './emit-strategy.ts'
import { type Aggregator, type Initializer, initializerFor, isNull, type SessionMerger } from './functions.ts'
import { openSessionValues, type SessionValues } from './stores-with-headers.ts'
import {
  type EmitRange,
  type FinalResult,
  type FinalResults,
  finalResultsFor,
  OperatorStreamTime,
  sessionsForwardOnFlush,
} from './window-results.ts'
import type { SessionWindows } from './windows.ts'

export type SessionAggregateOptions<K, V, A> = {
  readonly windows: SessionWindows
  readonly store: SessionStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  /** Given the aggregate so far (at first the initial one) and that of one more session, earliest first. */
  readonly merger: SessionMerger<K, A>
  readonly emit: EmitStrategy
  readonly sendOldValues: boolean
}

/**
 * Folds the records of each key into sessions: a record joins every session within the inactivity gap of it, and makes
 * one of them. Sessions that were swallowed go out as tombstones before the new one. Dropped: null keys, and records
 * whose session (merged) ended before stream time - gap - grace. Java: KStreamSessionWindowAggregate.
 */
export function sessionAggregate<K, V, A>(
  options: SessionAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, Windowed<K>, Change<A>> {
  return { get: () => new SessionAggregateProcessor(options), stores: [options.store] }
}

class SessionAggregateProcessor<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #options: SessionAggregateOptions<K, V, A>
  readonly #gapMs: number
  readonly #closeDelayMs: number
  readonly #sendOldValues: boolean
  /** Sessions that the record joins; kept between records to save the array. */
  readonly #merged: KeyValue<Windowed<K>, A>[] = []
  #context!: InternalProcessorContext<Windowed<K>, Change<A>>
  #initializer!: Initializer<A>
  #store!: SessionValues<K, A>
  #streamTime!: OperatorStreamTime
  #finalResults: FinalResults<K, A> | undefined
  #forwardsUpdates = true

  constructor(options: SessionAggregateOptions<K, V, A>) {
    this.#options = options
    this.#gapMs = options.windows.inactivityGapMs
    this.#closeDelayMs = options.windows.graceMs + options.windows.inactivityGapMs
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store, emit } = this.#options
    this.#context = context as InternalProcessorContext<Windowed<K>, Change<A>>
    this.#initializer = initializerFor(this.#context, this.#options.initializer)
    this.#store = openSessionValues(context, store)
    this.#streamTime = new OperatorStreamTime(this.#context)
    this.#finalResults = finalResultsFor<K, A>(emit, {
      context: this.#context,
      storeName: store.name,
      retentionMs: store.retentionMs,
      spanMs: 0,
      rangeOf: closedSessionEnds,
      collect: (range, results) => this.#collectClosed(range, results),
      compare: bySessionEnd,
    })
    this.#forwardsUpdates =
      this.#finalResults === undefined && !sessionsForwardOnFlush(this.#context, store, this.#sendOldValues)
  }

  process(record: StreamRecord<K, V>): void {
    if (isNull(record.key)) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    const streamTimeMs = this.#streamTime.observe(record.timestampMs)
    const windowCloseMs = streamTimeMs - this.#closeDelayMs
    this.#finalResults?.beforeUpdate(streamTimeMs, windowCloseMs, record.headers)
    this.#merge(record, windowCloseMs, streamTimeMs)
    this.#finalResults?.emit(windowCloseMs, record.headers)
  }

  #merge(record: StreamRecord<K, V>, windowCloseMs: number, streamTimeMs: number): void {
    const { aggregator, merger } = this.#options
    const { key, timestampMs } = record
    const merged = this.#merged
    merged.length = 0
    let startMs = timestampMs
    let endMs = timestampMs
    let aggregate = this.#initializer()
    for (const session of this.#store.findSessions(key, timestampMs - this.#gapMs, timestampMs + this.#gapMs)) {
      merged.push(session)
      aggregate = merger(key, aggregate, session.value)
      const { window } = session.key
      if (window.startMs < startMs) startMs = window.startMs
      if (window.endMs > endMs) endMs = window.endMs
    }
    if (endMs < windowCloseMs) {
      dropLateRecord(this.#context, record, { windowText: `[${startMs},${endMs}]`, windowCloseMs, streamTimeMs })
      return
    }
    // A session of this one instant that is there already is only written over.
    if (startMs !== timestampMs || endMs !== timestampMs) this.#removeMerged()
    const newAggregate = aggregator(key, record.value, aggregate) ?? null
    const session: Windowed<K> = { key, window: { startMs, endMs } }
    this.#store.put(session, newAggregate)
    this.#forward(session, null, newAggregate)
  }

  #removeMerged(): void {
    const merged = this.#merged
    for (let i = 0; i < merged.length; i++) {
      const { key, value } = merged[i] as KeyValue<Windowed<K>, A>
      this.#store.remove(key)
      this.#forward(key, value, null)
    }
  }

  /** The time of a session's result is its end. As in Java, these records carry no headers: they stand for several. */
  #forward(key: Windowed<K>, oldAggregate: A | null, newAggregate: A | null): void {
    if (!this.#forwardsUpdates) return
    const value = change(newAggregate, this.#sendOldValues ? oldAggregate : null)
    this.#context.forward({ key, value, timestampMs: key.window.endMs, headers: NO_HEADERS })
  }

  #collectClosed({ fromMs, toMs }: EmitRange, results: FinalResult<K, A>[]): void {
    for (const { key, value } of this.#store.findSessionsKeyRange(undefined, undefined, fromMs, toMs)) {
      const { endMs } = key.window
      if (endMs <= toMs) results.push({ key, value: { value, timestampMs: endMs } })
    }
  }
}

/** Ends of the sessions that closed since the last time. Ends are inclusive: what ends at the close time is open. */
function closedSessionEnds(closeMs: number, lastCloseMs: number): EmitRange | undefined {
  const fromMs = Math.max(0, lastCloseMs)
  const toMs = closeMs - 1
  return toMs >= fromMs ? { fromMs, toMs } : undefined
}

/** Java's store is ordered by end, start, key; stable, so that keys stay in byte order. */
function bySessionEnd(left: FinalResult<unknown, unknown>, right: FinalResult<unknown, unknown>): number {
  return compareWindows(left.key.window, right.key.window)
}

function compareWindows(left: Window, right: Window): number {
  return left.endMs - right.endMs || left.startMs - right.startMs
}
