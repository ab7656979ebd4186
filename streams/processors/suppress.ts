import { StreamsError } from '../base/errors.ts'
import type { Counter } from '../ports/index.ts'
import type { CustomStoreSpec, RecordContext, ValueAndTimestamp, Windowed } from '../stores/types.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  TableValueGetter,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import type { SuppressBuffer } from './suppress-buffer.ts'
import { NO_TIME_MS, OperatorStreamTime } from './window-results.ts'

export { type SuppressBuffer, type SuppressBufferOptions, suppressBufferStore } from './suppress-buffer.ts'

/** `Infinity` = no bound. Bytes are counted as Java counts them. */
export type SuppressBufferLimits = {
  readonly recordsMax: number
  readonly bytesMax: number
  readonly whenFull: 'emit-early' | 'shut-down'
}
/** Java: BufferConfig.unbounded(). */
export const UNBOUNDED: SuppressBufferLimits = {
  recordsMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  whenFull: 'shut-down',
}

export type SuppressOptions<K, V> = {
  readonly store: CustomStoreSpec<SuppressBuffer<K, V>>
  readonly limits: SuppressBufferLimits
}

/**
 * Holds back the changes of each key until `waitMs` of stream time after the first of them, then sends the latest. The
 * parent must send old values. Java: Suppressed.untilTimeLimit.
 */
export function suppressUntilTimeLimit<K, V>(
  options: SuppressOptions<K, V> & { readonly waitMs: number },
): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  const { store, limits, waitMs } = options
  const settings: Settings<K> = { limits, waitMs, timeOf: (record) => record.timestampMs, dropsTombstones: false }
  return { get: () => new SuppressProcessor(store.name, settings), stores: [store] }
}

/**
 * Sends only the last result of each window, once, when stream time has passed its end and grace. `graceMs`: as of the
 * windows upstream; for sessions gap + grace. Limits must not emit early: results would not be final. Java:
 * Suppressed.untilWindowCloses.
 */
export function suppressUntilWindowCloses<K, V>(
  options: SuppressOptions<Windowed<K>, V> & { readonly graceMs: number },
): ProcessorSupplier<Windowed<K>, Change<V>, Windowed<K>, Change<V>> {
  const { store, limits, graceMs } = options
  if (limits.whenFull === 'emit-early') {
    const message = `suppression ${store.name} waits until windows close, so its buffer cannot emit early; let it shut down when full`
    throw new StreamsError('TOPOLOGY_INVALID', message)
  }
  const timeOf = (record: StreamRecord<Windowed<K>, unknown>) => record.key.window.endMs
  const settings: Settings<Windowed<K>> = { limits, waitMs: graceMs, timeOf, dropsTombstones: true }
  return { get: () => new SuppressProcessor(store.name, settings), stores: [store] }
}

/** Of a suppressed table: what was last sent. Where nothing is held back that is what the parent has. */
export function suppressValueGetter<K, V>(
  store: CustomStoreSpec<SuppressBuffer<K, V>>,
  parent: TableValueGetterSupplier<K, V>,
): TableValueGetterSupplier<K, V> {
  return {
    get: () => new SuppressValueGetter(store.name, parent.get()),
    storeNames: [store.name, ...parent.storeNames],
  }
}

type Settings<K> = {
  readonly limits: SuppressBufferLimits
  readonly waitMs: number
  /** Time from which a change waits. */
  readonly timeOf: (record: StreamRecord<K, unknown>) => number
  /** A window that came and went before it closed (a merged session) was never sent, so nobody needs its tombstone. */
  readonly dropsTombstones: boolean
}

class SuppressProcessor<K, V> implements Processor<K, Change<V>, K, Change<V>> {
  readonly #storeName: string
  readonly #settings: Settings<K>
  #context!: InternalProcessorContext<K, Change<V>>
  #buffer!: SuppressBuffer<K, V>
  #streamTime!: OperatorStreamTime
  #emitted!: Counter

  constructor(storeName: string, settings: Settings<K>) {
    this.#storeName = storeName
    this.#settings = settings
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
    this.#buffer = context.storeByName(this.#storeName)
    if (this.#settings.limits.bytesMax !== Number.POSITIVE_INFINITY) this.#buffer.measureBytes()
    this.#streamTime = new OperatorStreamTime(this.#context)
    this.#emitted = this.#context.counter(
      'stream-processor-node-metrics',
      'suppression-emit-total',
      'Changes that left the suppression buffer',
    )
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { timeOf, waitMs, limits } = this.#settings
    const expiryMs = this.#streamTime.observe(record.timestampMs) - waitMs
    const buffer = this.#buffer
    buffer.put(timeOf(record), record)
    while (buffer.minTimestampMs <= expiryMs) buffer.evictFirst(this.#emit)
    if (!this.#isFull()) return
    if (limits.whenFull === 'shut-down') throw this.#fullError()
    while (this.#isFull()) buffer.evictFirst(this.#emit)
  }

  #isFull(): boolean {
    const { recordsMax, bytesMax } = this.#settings.limits
    return this.#buffer.recordsBuffered > recordsMax || this.#buffer.bytesBuffered > bytesMax
  }

  readonly #emit = (key: K, latest: V | null, old: V | null, context: Readonly<RecordContext>): void => {
    if (latest === null && this.#settings.dropsTombstones) return
    const { timestampMs, headers } = context
    this.#context.forward({ key, value: change(latest, old), timestampMs, headers })
    this.#emitted.add(1)
  }

  #fullError(): StreamsError {
    const { recordsMax, bytesMax } = this.#settings.limits
    const { recordsBuffered, bytesBuffered } = this.#buffer
    return new StreamsError(
      'LIMIT_EXCEEDED',
      `the suppression buffer ${this.#storeName} of node ${this.#context.nodeName} is full: ${recordsBuffered} records ` +
        `(at most ${recordsMax}), ${bytesBuffered} bytes (at most ${bytesMax}); give it more room, or, where early ` +
        'results do no harm, let it emit early when full',
    )
  }
}

class SuppressValueGetter<K, V> implements TableValueGetter<K, V> {
  readonly isVersioned = false
  readonly #storeName: string
  readonly #parent: TableValueGetter<K, V>
  #buffer!: SuppressBuffer<K, V>

  constructor(storeName: string, parent: TableValueGetter<K, V>) {
    this.#storeName = storeName
    this.#parent = parent
  }

  init(context: InternalProcessorContext<unknown, unknown>): void {
    this.#parent.init(context)
    this.#buffer = context.storeByName(this.#storeName)
  }

  get(key: K): ValueAndTimestamp<V | null> | undefined {
    const prior = this.#buffer.priorValue(key)
    if (prior === undefined) return this.#parent.get(key)
    // The time of what was sent is not kept, as in Java.
    return prior.value === null ? undefined : { value: prior.value, timestampMs: NO_TIME_MS }
  }
}
