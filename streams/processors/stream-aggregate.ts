import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import { type Aggregator, type Initializer, initializerFor, isNull, type Reducer } from './functions.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type StreamAggregateOptions<K, V, A> = {
  readonly store: TableStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly aggregator: Aggregator<K, V, A>
  /** True where somebody downstream needs the old value. */
  readonly sendOldValues: boolean
}
export type StreamReduceOptions<K, V> = {
  readonly store: TableStoreSpec<K, V>
  readonly reducer: Reducer<V>
  readonly sendOldValues: boolean
}

/**
 * Folds the records of each key into an aggregate; the result's time is the largest of the records in it. Records with
 * null key or value are dropped. Several of these may share one store (cogroup). Java: KStreamAggregate.
 */
export function streamAggregate<K, V, A>(
  options: StreamAggregateOptions<K, V, A>,
): ProcessorSupplier<K, V, K, Change<A>> {
  return { get: () => new StreamAggregateProcessor(options), stores: [options.store] }
}

/** As `streamAggregate`, with the first value of a key as its first aggregate. Java: KStreamReduce. */
export function streamReduce<K, V>(options: StreamReduceOptions<K, V>): ProcessorSupplier<K, V, K, Change<V>> {
  return { get: () => new StreamReduceProcessor(options), stores: [options.store] }
}

class StreamAggregateProcessor<K, V, A> implements Processor<K, V, K, Change<A>> {
  readonly #options: StreamAggregateOptions<K, V, A>
  #initializer: Initializer<A>
  readonly #aggregator: Aggregator<K, V, A>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<A>>
  #store!: TableStore<K, A>
  #isCached = false

  constructor(options: StreamAggregateOptions<K, V, A>) {
    this.#options = options
    this.#initializer = options.initializer
    this.#aggregator = options.aggregator
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    this.#context = context as InternalProcessorContext<K, Change<A>>
    this.#initializer = initializerFor(this.#context, this.#options.initializer)
    this.#store = openTableStore(this.#context, this.#options.store)
    this.#isCached = forwardsOnFlush(this.#context, this.#options.store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, V>): void {
    const { key, value } = record
    if (isNull(key) || isNull(value)) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    const oldEntry = this.#store.get(key)
    let oldAggregate: A
    let timestampMs = record.timestampMs
    if (oldEntry === undefined) {
      // As in Java, the old value of the first change is the initial aggregate, not null.
      const initializer = this.#initializer
      oldAggregate = initializer()
    } else {
      oldAggregate = oldEntry.value
      if (oldEntry.timestampMs > timestampMs) timestampMs = oldEntry.timestampMs
    }
    const aggregator = this.#aggregator
    const newAggregate = aggregator(key, value, oldAggregate) ?? null
    const result = this.#store.put(key, newAggregate, timestampMs)
    if (result === 'rejected' || this.#isCached) return
    const aggregate = change(newAggregate, this.#sendOldValues ? oldAggregate : null, result === 'latest')
    this.#context.forward({ key, value: aggregate, timestampMs, headers: record.headers })
  }
}

class StreamReduceProcessor<K, V> implements Processor<K, V, K, Change<V>> {
  readonly #options: StreamReduceOptions<K, V>
  readonly #reducer: Reducer<V>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<V>>
  #store!: TableStore<K, V>
  #isCached = false

  constructor(options: StreamReduceOptions<K, V>) {
    this.#options = options
    this.#reducer = options.reducer
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
    this.#store = openTableStore(this.#context, this.#options.store)
    this.#isCached = forwardsOnFlush(this.#context, this.#options.store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, V>): void {
    const { key, value } = record
    if (isNull(key) || isNull(value)) {
      dropRecord(this.#context, 'null-key-or-value', record)
      return
    }
    const oldEntry = this.#store.get(key)
    let newValue: V | null = value
    let timestampMs = record.timestampMs
    if (oldEntry !== undefined) {
      const reducer = this.#reducer
      newValue = reducer(oldEntry.value, value) ?? null
      if (oldEntry.timestampMs > timestampMs) timestampMs = oldEntry.timestampMs
    }
    const result = this.#store.put(key, newValue, timestampMs)
    if (result === 'rejected' || this.#isCached) return
    const oldValue = this.#sendOldValues && oldEntry !== undefined ? oldEntry.value : null
    this.#context.forward({
      key,
      value: change(newValue, oldValue, result === 'latest'),
      timestampMs,
      headers: record.headers,
    })
  }
}
