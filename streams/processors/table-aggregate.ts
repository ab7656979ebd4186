import { StreamsError } from '../base/errors.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { type Aggregator, type Initializer, initializerFor, isNull, type Reducer } from './functions.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type TableAggregateOptions<K, V, A> = {
  readonly store: TableStoreSpec<K, A>
  readonly initializer: Initializer<A>
  readonly adder: Aggregator<K, V, A>
  readonly subtractor: Aggregator<K, V, A>
  readonly sendOldValues: boolean
}
export type TableReduceOptions<K, V> = {
  readonly store: TableStoreSpec<K, V>
  readonly adder: Reducer<V>
  readonly subtractor: Reducer<V>
  readonly sendOldValues: boolean
}

/** Keeps an aggregate per group: takes the row's old value away, then adds its new one. Java: KTableAggregate. */
export function tableAggregate<K, V, A>(
  options: TableAggregateOptions<K, V, A>,
): ProcessorSupplier<K, Change<V>, K, Change<A>> {
  return { get: () => new TableAggregateProcessor(options), stores: [options.store] }
}

/** As `tableAggregate`, with the first value of a group as its first aggregate. Java: KTableReduce. */
export function tableReduce<K, V>(options: TableReduceOptions<K, V>): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  return { get: () => new TableReduceProcessor(options), stores: [options.store] }
}

function assertKeyed(key: unknown, nodeName: string): void {
  if (!isNull(key)) return
  throw new StreamsError(
    'PROCESSING_FAILED',
    `node ${nodeName} aggregates a table and was given a record without a key`,
  )
}

class TableAggregateProcessor<K, V, A> implements Processor<K, Change<V>, K, Change<A>> {
  readonly #options: TableAggregateOptions<K, V, A>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<A>>
  #initializer!: Initializer<A>
  #store!: TableStore<K, A>
  #isCached = false

  constructor(options: TableAggregateOptions<K, V, A>) {
    this.#options = options
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    this.#context = context as InternalProcessorContext<K, Change<A>>
    this.#initializer = initializerFor(this.#context, this.#options.initializer)
    this.#store = openTableStore(this.#context, this.#options.store)
    this.#isCached = forwardsOnFlush(this.#context, this.#options.store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, headers } = record
    assertKeyed(key, this.#context.nodeName)
    const { newValue, oldValue } = record.value
    const { adder, subtractor } = this.#options
    const oldEntry = this.#store.get(key)
    const oldAggregate = oldEntry === undefined ? null : oldEntry.value
    let aggregate: A | null = oldAggregate
    let timestampMs = record.timestampMs
    if (oldEntry !== undefined && (oldValue !== null || newValue !== null) && oldEntry.timestampMs > timestampMs) {
      timestampMs = oldEntry.timestampMs
    }
    if (oldValue !== null && aggregate !== null) aggregate = subtractor(key, oldValue, aggregate) ?? null
    if (newValue !== null)
      aggregate = adder(key, newValue, aggregate === null ? this.#initializer() : aggregate) ?? null
    const result = this.#store.put(key, aggregate, timestampMs)
    if (result === 'rejected' || this.#isCached) return
    const value = change(aggregate, this.#sendOldValues ? oldAggregate : null, result === 'latest')
    this.#context.forward({ key, value, timestampMs, headers })
  }
}

class TableReduceProcessor<K, V> implements Processor<K, Change<V>, K, Change<V>> {
  readonly #options: TableReduceOptions<K, V>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<V>>
  #store!: TableStore<K, V>
  #isCached = false

  constructor(options: TableReduceOptions<K, V>) {
    this.#options = options
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
    this.#store = openTableStore(this.#context, this.#options.store)
    this.#isCached = forwardsOnFlush(this.#context, this.#options.store.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, headers } = record
    assertKeyed(key, this.#context.nodeName)
    const { newValue, oldValue } = record.value
    const { adder, subtractor } = this.#options
    const oldEntry = this.#store.get(key)
    const oldAggregate = oldEntry === undefined ? null : oldEntry.value
    let aggregate: V | null = oldAggregate
    let keepsLatestTime = false
    if (oldValue !== null && aggregate !== null) {
      aggregate = subtractor(aggregate, oldValue) ?? null
      keepsLatestTime = true
    }
    if (newValue !== null) {
      keepsLatestTime ||= aggregate !== null
      aggregate = aggregate === null ? newValue : (adder(aggregate, newValue) ?? null)
    }
    let timestampMs = record.timestampMs
    if (keepsLatestTime && oldEntry !== undefined && oldEntry.timestampMs > timestampMs) {
      timestampMs = oldEntry.timestampMs
    }
    const result = this.#store.put(key, aggregate, timestampMs)
    if (result === 'rejected' || this.#isCached) return
    const value = change(aggregate, this.#sendOldValues ? oldAggregate : null, result === 'latest')
    this.#context.forward({ key, value, timestampMs, headers })
  }
}
