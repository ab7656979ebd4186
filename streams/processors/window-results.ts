import { type Counter, type Headers, type Latency, NO_HEADERS } from '../ports/index.ts'
import type { AggregationWithHeaders, CachedStore, KeyValue, SessionStoreSpec, Windowed } from '../stores/types.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'
import { type Change, change } from '../topology/record.ts'
import type { EmitStrategy } from './emit-strategy.ts'

/**
 * What all windowed aggregations share: the stream time that the operator has seen, and the way its results go out.
 *
 * Stream time is per operator and over all keys, as in Java. Unlike Java's it is kept with the committed offsets, so
 * that a restart never reopens a window that was closed.
 */
type WindowContext<K, A> = InternalProcessorContext<Windowed<K>, Change<A>>

export class OperatorStreamTime {
  readonly #context: InternalProcessorContext<unknown, unknown>
  readonly #name: string
  #timeMs: number

  constructor(context: InternalProcessorContext<unknown, unknown>) {
    this.#context = context
    this.#name = `stream-time:${context.nodeName}`
    this.#timeMs = context.timeMetadata(this.#name) ?? NO_TIME_MS
  }

  /** Highest timestamp seen, this record's included. */
  observe(timestampMs: number): number {
    if (timestampMs > this.#timeMs) {
      this.#timeMs = timestampMs
      this.#context.setTimeMetadata(this.#name, timestampMs)
    }
    return this.#timeMs
  }
}

/** Java: ConsumerRecord.NO_TIMESTAMP. */
export const NO_TIME_MS = -1

const METRICS_GROUP = 'stream-processor-node-metrics'

/** The window starts (sessions: ends) of closed windows that have not been sent, both inclusive. */
export type EmitRange = { readonly fromMs: number; readonly toMs: number }

export type FinalResultsOptions<K, A> = {
  readonly context: WindowContext<K, A>
  readonly storeName: string
  /** Until when the store shows a window after its start (sessions: its end), by stream time. */
  readonly retentionMs: number
  /** From a window's start (sessions: its end) to its end. */
  readonly spanMs: number
  readonly intervalMs: number
  readonly isLossless: boolean
  /** Undefined: nothing can be closed. `lastCloseMs` is the close time up to which was sent, -1 at first. */
  readonly rangeOf: (closeMs: number, lastCloseMs: number) => EmitRange | undefined
  /** Adds the closed windows of the range to `results`, in any order that keeps keys of one window in byte order. */
  readonly collect: (range: EmitRange, results: FinalResult<K, A>[]) => void
  readonly compare: (left: FinalResult<K, A>, right: FinalResult<K, A>) => number
}
export type FinalResult<K, A> = KeyValue<Windowed<K>, { readonly value: A; readonly timestampMs: number }>

/**
 * Sends each window once, after its close (KIP-825): looked for when a record comes, at most once per interval of
 * wall-clock time. The close time up to which was sent is kept with the committed offsets under the store's name, as
 * in Java. Java: AbstractKStreamTimeWindowAggregateProcessor.maybeForwardFinalResult.
 */
export class FinalResults<K, A> {
  readonly #options: FinalResultsOptions<K, A>
  readonly #emitted: Counter
  readonly #latency: Latency
  readonly #results: FinalResult<K, A>[] = []
  #lastCloseMs: number
  #nextEmitMs = 0

  constructor(options: FinalResultsOptions<K, A>) {
    const { context } = options
    this.#options = options
    this.#lastCloseMs = context.timeMetadata(options.storeName) ?? NO_TIME_MS
    const name = 'window-aggregate-final-emit'
    this.#emitted = context.counter(METRICS_GROUP, `${name}-total`, 'Results sent when their window closed')
    this.#latency = context.latency(METRICS_GROUP, `${name}-latency`, 'Duration of sending results of closed windows')
  }

  /**
   * Called before the record that moved stream time is put: sends what the store would hide after that. Results do not
   * change by it: what is closed takes no record any more.
   */
  beforeUpdate(streamTimeMs: number, closeMs: number, headers: Headers): void {
    const { isLossless, retentionMs, spanMs } = this.#options
    if (!isLossless || this.#lastCloseMs >= closeMs) return
    if (this.#lastCloseMs - spanMs <= streamTimeMs - retentionMs) this.#emitUpTo(closeMs, headers)
  }

  /** `closeMs`: windows that end up to here are closed. Results carry the headers of the record that closed them. */
  emit(closeMs: number, headers: Headers): void {
    const { context, intervalMs } = this.#options
    const nowMs = context.currentSystemTimeMs()
    const leftMs = this.#nextEmitMs - nowMs
    // More than an interval is left when the clock was set back: results do not wait until it is there again.
    if (leftMs > 0 && leftMs <= intervalMs) return
    this.#nextEmitMs = nowMs + intervalMs
    if (this.#lastCloseMs === NO_TIME_MS || this.#lastCloseMs < closeMs) this.#emitUpTo(closeMs, headers)
  }

  #emitUpTo(closeMs: number, headers: Headers): void {
    const { context, rangeOf, storeName } = this.#options
    const range = rangeOf(closeMs, this.#lastCloseMs)
    if (range === undefined) return
    const startedMs = context.currentSystemTimeMs()
    this.#send(range, headers)
    this.#latency.record(context.currentSystemTimeMs() - startedMs)
    this.#lastCloseMs = closeMs
    context.setTimeMetadata(storeName, closeMs)
  }

  #send(range: EmitRange, headers: Headers): void {
    const { context, collect, compare } = this.#options
    const results = this.#results
    results.length = 0
    collect(range, results)
    results.sort(compare)
    for (const { key, value } of results) {
      context.forward({ key, value: change<A>(value.value, null), timestampMs: value.timestampMs, headers })
    }
    this.#emitted.add(results.length)
    results.length = 0
  }
}

/** Undefined where every update goes out. */
export function finalResultsFor<K, A>(
  emit: EmitStrategy,
  options: Omit<FinalResultsOptions<K, A>, 'intervalMs' | 'isLossless'>,
): FinalResults<K, A> | undefined {
  if (emit.kind === 'on-window-update') return undefined
  return new FinalResults({ ...options, intervalMs: emit.intervalMs, isLossless: emit.lossless === true })
}

/** As `forwardsOnFlush`, for session stores, whose values carry no time: results have the end of their session. */
export function sessionsForwardOnFlush<K, A>(
  context: WindowContext<K, A>,
  spec: SessionStoreSpec<K, A>,
  sendOldValues: boolean,
): boolean {
  if (spec.withHeaders === true) return sessionsWithHeadersForwardOnFlush(context, spec.name, sendOldValues)
  const store = context.storeByName<Partial<CachedStore<Windowed<K>, A>>>(spec.name)
  if (store.setFlushListener === undefined) return false
  return store.setFlushListener((key, newValue, oldValue) => {
    context.forward({
      key,
      value: change(newValue ?? null, oldValue ?? null),
      timestampMs: key.window.endMs,
      headers: context.recordHeaders,
    })
  }, sendOldValues)
}

/** Results have the headers that the store keeps. Java: SessionCacheFlushListenerWithHeader. */
function sessionsWithHeadersForwardOnFlush<K, A>(
  context: WindowContext<K, A>,
  storeName: string,
  sendOldValues: boolean,
): boolean {
  const store = context.storeByName<Partial<CachedStore<Windowed<K>, AggregationWithHeaders<A>>>>(storeName)
  if (store.setFlushListener === undefined) return false
  return store.setFlushListener((key, newEntry, oldEntry) => {
    context.forward({
      key,
      value: change<A>(newEntry?.aggregation ?? null, oldEntry?.aggregation ?? null),
      timestampMs: key.window.endMs,
      headers: newEntry?.headers ?? NO_HEADERS,
    })
  }, sendOldValues)
}
