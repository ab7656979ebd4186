import { equalBytes } from '../base/bytes.ts'
import type { Counter } from '../ports/index.ts'
import type { ValueAndTimestamp } from '../stores/types.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type TableSourceOptions<K, V> = {
  /** Undefined: nobody needs the table's state, changes are only passed on. */
  readonly store: TableStoreSpec<K, V> | undefined
  readonly sendOldValues: boolean
  /**
   * Leaves out updates that change nothing (KIP-557): same bytes, timestamp not earlier. Java implemented this and
   * switched it off again (KAFKA-12508); default false. Not for versioned stores, where each version counts.
   */
  readonly emitOnChange?: boolean
}

/**
 * Reads a topic, or a stream (`toTable`), as a table: null values delete. Also the processor of global tables. A later
 * record wins also where its timestamp is earlier, unless the store is versioned. Java: KTableSource.
 */
export function tableSource<K, V>(options: TableSourceOptions<K, V>): ProcessorSupplier<K, V | null, K, Change<V>> {
  const { store } = options
  if (store === undefined) return { get: () => new UnmaterializedTableSourceProcessor() }
  return { get: () => new TableSourceProcessor({ ...options, store }), stores: [store] }
}

class UnmaterializedTableSourceProcessor<K, V> implements Processor<K, V | null, K, Change<V>> {
  #context!: InternalProcessorContext<K, Change<V>>

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
  }

  process(record: StreamRecord<K, V | null>): void {
    const { key, timestampMs, headers } = record
    if (key === null || key === undefined) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    this.#context.forward({ key, value: change(record.value ?? null, null), timestampMs, headers })
  }
}

class TableSourceProcessor<K, V> implements Processor<K, V | null, K, Change<V>> {
  readonly #spec: TableStoreSpec<K, V>
  readonly #sendOldValues: boolean
  readonly #emitOnChange: boolean
  #context!: InternalProcessorContext<K, Change<V>>
  #store!: TableStore<K, V>
  #isCached = false
  #skipped!: Counter

  constructor(options: TableSourceOptions<K, V> & { readonly store: TableStoreSpec<K, V> }) {
    this.#spec = options.store
    this.#sendOldValues = options.sendOldValues
    this.#emitOnChange = options.emitOnChange === true && options.store.kind === 'key-value'
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
    this.#store = openTableStore(this.#context, this.#spec)
    this.#isCached = forwardsOnFlush(this.#context, this.#spec.name, this.#sendOldValues)
    this.#skipped = this.#context.counter(
      'stream-processor-node-metrics',
      'idempotent-update-skip-total',
      'Updates of the table that changed nothing and were left out',
    )
  }

  process(record: StreamRecord<K, V | null>): void {
    const { key, timestampMs } = record
    if (key === null || key === undefined) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    const newValue = record.value ?? null
    const needsOld = this.#emitOnChange || (this.#sendOldValues && !this.#isCached)
    const oldEntry = needsOld ? this.#store.get(key) : undefined
    if (this.#emitOnChange && this.#changesNothing(oldEntry, newValue, timestampMs)) {
      this.#skipped.add(1)
      return
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

  /** An earlier timestamp is a change: the value was there sooner than known. */
  #changesNothing(oldEntry: ValueAndTimestamp<V> | undefined, newValue: V | null, timestampMs: number): boolean {
    if (oldEntry === undefined || newValue === null) return oldEntry === undefined && newValue === null
    if (timestampMs < oldEntry.timestampMs) return false
    if (oldEntry.value === newValue) return true
    const { valueSerde, name } = this.#spec
    return equalBytes(
      valueSerde.serialize(oldEntry.value as NonNullable<V>, name),
      valueSerde.serialize(newValue as NonNullable<V>, name),
    )
  }
}
