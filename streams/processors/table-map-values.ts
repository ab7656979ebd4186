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
import type { ValueMapper } from './functions.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type TableMapValuesOptions<K, V, VOut> = {
  /** Not called for tombstones. Null removes the row. */
  readonly mapper: ValueMapper<K, V, VOut | null>
  readonly store: TableStoreSpec<K, VOut> | undefined
  readonly sendOldValues: boolean
}

/** Java: KTableMapValues. */
export function tableMapValues<K, V, VOut>(
  options: TableMapValuesOptions<K, V, VOut>,
): ProcessorSupplier<K, Change<V>, K, Change<VOut>> {
  const get = () => new TableMapValuesProcessor(options)
  return options.store === undefined ? { get } : { get, stores: [options.store] }
}

/** Of mapped values that are not materialized: asks the parent and maps what it finds. */
export function mapValuesValueGetter<K, V, VOut>(
  parent: TableValueGetterSupplier<K, V>,
  mapper: ValueMapper<K, V, VOut | null>,
): TableValueGetterSupplier<K, VOut> {
  return { get: () => new MapValuesValueGetter(parent.get(), mapper), storeNames: parent.storeNames }
}

class TableMapValuesProcessor<K, V, VOut> implements Processor<K, Change<V>, K, Change<VOut>> {
  readonly #mapper: ValueMapper<K, V, VOut | null>
  readonly #spec: TableStoreSpec<K, VOut> | undefined
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<VOut>>
  #store: TableStore<K, VOut> | undefined
  #isCached = false

  constructor(options: TableMapValuesOptions<K, V, VOut>) {
    this.#mapper = options.mapper
    this.#spec = options.store
    this.#sendOldValues = options.sendOldValues
  }

  init(context: ProcessorContext<K, Change<VOut>>): void {
    this.#context = context as InternalProcessorContext<K, Change<VOut>>
    if (this.#spec === undefined) return
    this.#store = openTableStore(this.#context, this.#spec)
    this.#isCached = forwardsOnFlush(this.#context, this.#spec.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, timestampMs, headers } = record
    const store = this.#store
    const newValue = this.#mapped(key, record.value.newValue)
    const oldValue = this.#sendOldValues ? this.#oldValue(key, record.value.oldValue) : null
    let isLatest = record.value.isLatest
    if (store !== undefined) {
      const result = store.put(key, newValue, timestampMs)
      if (result === 'rejected' || this.#isCached) return
      isLatest = result === 'latest'
    }
    this.#context.forward({ key, value: change(newValue, oldValue, isLatest), timestampMs, headers })
  }

  #oldValue(key: K, parentOldValue: V | null): VOut | null {
    return this.#store === undefined ? this.#mapped(key, parentOldValue) : (this.#store.get(key)?.value ?? null)
  }

  #mapped(key: K, value: V | null): VOut | null {
    if (value === null) return null
    const mapper = this.#mapper
    return mapper(value, key) ?? null
  }
}

class MapValuesValueGetter<K, V, VOut> implements TableValueGetter<K, VOut> {
  readonly #parent: TableValueGetter<K, V>
  readonly #mapper: ValueMapper<K, V, VOut | null>

  constructor(parent: TableValueGetter<K, V>, mapper: ValueMapper<K, V, VOut | null>) {
    this.#parent = parent
    this.#mapper = mapper
  }

  get isVersioned(): boolean {
    return this.#parent.isVersioned
  }

  init(context: InternalProcessorContext<unknown, unknown>): void {
    this.#parent.init(context)
  }

  get(key: K): ValueAndTimestamp<VOut> | undefined {
    return this.#mapped(key, this.#parent.get(key))
  }

  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<VOut> | undefined {
    return this.#mapped(key, this.#parent.getAsOf?.(key, asOfMs))
  }

  #mapped(key: K, entry: ValueAndTimestamp<V | null> | undefined): ValueAndTimestamp<VOut> | undefined {
    if (entry === undefined || entry.value === null) return undefined
    const mapper = this.#mapper
    const value = mapper(entry.value, key) ?? null
    return value === null ? undefined : { value, timestampMs: entry.timestampMs }
  }
}
