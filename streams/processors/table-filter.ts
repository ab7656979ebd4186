import type { ValueAndTimestamp } from '../stores/types.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  TableValueGetter,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import type { Predicate } from './functions.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type TableFilterOptions<K, V> = {
  readonly predicate: Predicate<K, V>
  /** True for filterNot. */
  readonly negated: boolean
  /** Undefined: not materialized. */
  readonly store: TableStoreSpec<K, V> | undefined
  /** True where the parent sends old values: saves tombstones for rows that were not in the table. */
  readonly sendOldValues: boolean
  /** True where the parent is versioned: tombstones are never left out, each version counts (KIP-914). */
  readonly versionedSemantics: boolean
}

/** Rows that fail go out as tombstones. Java: KTableFilter. */
export function tableFilter<K, V>(options: TableFilterOptions<K, V>): ProcessorSupplier<K, Change<V>, K, Change<V>> {
  const get = () => new TableFilterProcessor(options)
  return options.store === undefined ? { get } : { get, stores: [options.store] }
}

/** Of a filter that is not materialized: asks the parent and applies the predicate. */
export function filterValueGetter<K, V>(
  parent: TableValueGetterSupplier<K, V>,
  { predicate, negated }: Pick<TableFilterOptions<K, V>, 'predicate' | 'negated'>,
): TableValueGetterSupplier<K, V> {
  return { get: () => new FilterValueGetter(parent.get(), predicate, !negated), storeNames: parent.storeNames }
}

class TableFilterProcessor<K, V> implements Processor<K, Change<V>, K, Change<V>> {
  readonly #predicate: Predicate<K, V>
  readonly #wanted: boolean
  readonly #spec: TableStoreSpec<K, V> | undefined
  readonly #sendOldValues: boolean
  readonly #skipsUnknownTombstones: boolean
  #context!: InternalProcessorContext<K, Change<V>>
  #store: TableStore<K, V> | undefined
  #isCached = false

  constructor(options: TableFilterOptions<K, V>) {
    this.#predicate = options.predicate
    this.#wanted = !options.negated
    this.#spec = options.store
    this.#sendOldValues = options.sendOldValues
    this.#skipsUnknownTombstones = options.sendOldValues && !options.versionedSemantics
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context as InternalProcessorContext<K, Change<V>>
    if (this.#spec === undefined) return
    this.#store = openTableStore(this.#context, this.#spec)
    this.#isCached = forwardsOnFlush(this.#context, this.#spec.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, timestampMs, headers } = record
    const store = this.#store
    const newValue = this.#filtered(key, record.value.newValue)
    const oldValue = this.#sendOldValues ? this.#oldValue(key, record.value.oldValue) : null
    if (this.#skipsUnknownTombstones && oldValue === null && newValue === null) return
    let isLatest = record.value.isLatest
    if (store !== undefined) {
      const result = store.put(key, newValue, timestampMs)
      if (result === 'rejected' || this.#isCached) return
      isLatest = result === 'latest'
    }
    this.#context.forward({ key, value: change(newValue, oldValue, isLatest), timestampMs, headers })
  }

  #oldValue(key: K, parentOldValue: V | null): V | null {
    return this.#store === undefined ? this.#filtered(key, parentOldValue) : (this.#store.get(key)?.value ?? null)
  }

  #filtered(key: K, value: V | null): V | null {
    if (value === null) return null
    const predicate = this.#predicate
    return predicate(key, value) === this.#wanted ? value : null
  }
}

class FilterValueGetter<K, V> implements TableValueGetter<K, V> {
  readonly #parent: TableValueGetter<K, V>
  readonly #predicate: Predicate<K, V>
  readonly #wanted: boolean

  constructor(parent: TableValueGetter<K, V>, predicate: Predicate<K, V>, wanted: boolean) {
    this.#parent = parent
    this.#predicate = predicate
    this.#wanted = wanted
  }

  get isVersioned(): boolean {
    return this.#parent.isVersioned
  }

  init(context: InternalProcessorContext<unknown, unknown>): void {
    this.#parent.init(context)
  }

  get(key: K): ValueAndTimestamp<V | null> | undefined {
    return this.#filtered(key, this.#parent.get(key))
  }

  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<V | null> | undefined {
    return this.#filtered(key, this.#parent.getAsOf?.(key, asOfMs))
  }

  #filtered(key: K, entry: ValueAndTimestamp<V | null> | undefined): ValueAndTimestamp<V | null> | undefined {
    if (entry === undefined || entry.value === null) return undefined
    const predicate = this.#predicate
    return predicate(key, entry.value) === this.#wanted ? entry : undefined
  }
}
