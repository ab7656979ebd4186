import { StreamsError } from '../base/errors.ts'
import type { StoreSpec, ValueAndTimestamp } from '../stores/types.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  TableValueGetter,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

/** Java: ValueTransformerWithKey. The context cannot forward. Also called for tombstones (value null). */
export type TableValueTransformer<K, V, VOut> = {
  init?(context: ProcessorContext<never, never>): void
  transform(key: K, value: V | null): VOut | null
  close?(): void
}
export type TableValueTransformerSupplier<K, V, VOut> = {
  get(): TableValueTransformer<K, V, VOut>
  readonly stores?: readonly StoreSpec[]
}

export type TableTransformValuesOptions<K, V, VOut> = {
  readonly transformer: TableValueTransformerSupplier<K, V, VOut>
  readonly store: TableStoreSpec<K, VOut> | undefined
  readonly sendOldValues: boolean
}

/** Java: KTableTransformValues. */
export function tableTransformValues<K, V, VOut>(
  options: TableTransformValuesOptions<K, V, VOut>,
): ProcessorSupplier<K, Change<V>, K, Change<VOut>> {
  const stores = [...(options.transformer.stores ?? []), ...(options.store === undefined ? [] : [options.store])]
  return { get: () => new TableTransformValuesProcessor(options), stores }
}

/** Of transformed values that are not materialized: transforms again at each read, with a transformer of its own. */
export function transformValuesValueGetter<K, V, VOut>(
  parent: TableValueGetterSupplier<K, V>,
  transformer: TableValueTransformerSupplier<K, V, VOut>,
): TableValueGetterSupplier<K, VOut> {
  const storeNames = [...parent.storeNames, ...(transformer.stores ?? []).map((spec) => spec.name)]
  return { get: () => new TransformValuesValueGetter(parent.get(), transformer.get()), storeNames }
}

type AnyContext = InternalProcessorContext<unknown, unknown>

/** What a transformer sees: everything but `forward`, and no record where it runs for a reader. */
function contextWithoutForward(context: AnyContext, isReader: boolean): ProcessorContext<never, never> {
  return {
    applicationId: context.applicationId,
    taskId: context.taskId,
    nodeName: context.nodeName,
    logger: context.logger,
    metrics: context.metrics,
    store: (spec) => context.store(spec),
    storeByName: (name) => context.storeByName(name),
    schedule: (schedule, punctuator) => context.schedule(schedule, punctuator),
    requestCommit: () => context.requestCommit(),
    recordMetadata: () => (isReader ? undefined : context.recordMetadata()),
    currentStreamTimeMs: () => context.currentStreamTimeMs(),
    currentSystemTimeMs: () => context.currentSystemTimeMs(),
    forward() {
      const message = `the value transformer of node ${context.nodeName} forwards, but it may only return a value`
      throw new StreamsError('TOPOLOGY_INVALID', message)
    },
  }
}

class TableTransformValuesProcessor<K, V, VOut> implements Processor<K, Change<V>, K, Change<VOut>> {
  readonly #transformer: TableValueTransformer<K, V, VOut>
  readonly #spec: TableStoreSpec<K, VOut> | undefined
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<VOut>>
  #store: TableStore<K, VOut> | undefined
  #isCached = false

  constructor({ transformer, store, sendOldValues }: TableTransformValuesOptions<K, V, VOut>) {
    this.#transformer = transformer.get()
    this.#spec = store
    this.#sendOldValues = sendOldValues
  }

  init(context: ProcessorContext<K, Change<VOut>>): void {
    this.#context = context as InternalProcessorContext<K, Change<VOut>>
    this.#transformer.init?.(contextWithoutForward(this.#context as AnyContext, false))
    if (this.#spec === undefined) return
    this.#store = openTableStore(this.#context, this.#spec)
    this.#isCached = forwardsOnFlush(this.#context, this.#spec.name, this.#sendOldValues)
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, timestampMs, headers } = record
    const store = this.#store
    const newValue = this.#transformer.transform(key, record.value.newValue) ?? null
    const oldValue = this.#sendOldValues ? this.#oldValue(key, record.value.oldValue) : null
    let isLatest = record.value.isLatest
    if (store !== undefined) {
      const result = store.put(key, newValue, timestampMs)
      if (result === 'rejected' || this.#isCached) return
      isLatest = result === 'latest'
    }
    this.#context.forward({ key, value: change(newValue, oldValue, isLatest), timestampMs, headers })
  }

  close(): void {
    this.#transformer.close?.()
  }

  #oldValue(key: K, parentOldValue: V | null): VOut | null {
    const store = this.#store
    return (store === undefined ? this.#transformer.transform(key, parentOldValue) : store.get(key)?.value) ?? null
  }
}

const TIMESTAMP_UNKNOWN_MS = -1

class TransformValuesValueGetter<K, V, VOut> implements TableValueGetter<K, VOut> {
  readonly #parent: TableValueGetter<K, V>
  readonly #transformer: TableValueTransformer<K, V, VOut>

  constructor(parent: TableValueGetter<K, V>, transformer: TableValueTransformer<K, V, VOut>) {
    this.#parent = parent
    this.#transformer = transformer
  }

  get isVersioned(): boolean {
    return this.#parent.isVersioned
  }

  init(context: AnyContext): void {
    this.#parent.init(context)
    this.#transformer.init?.(contextWithoutForward(context, true))
  }

  get(key: K): ValueAndTimestamp<VOut> | undefined {
    return this.#transformed(key, this.#parent.get(key))
  }

  getAsOf(key: K, asOfMs: number): ValueAndTimestamp<VOut> | undefined {
    return this.#transformed(key, this.#parent.getAsOf?.(key, asOfMs))
  }

  /** As in Java the transformer is also asked where the parent has no row: it may make one, of unknown time. */
  #transformed(key: K, entry: ValueAndTimestamp<V | null> | undefined): ValueAndTimestamp<VOut> | undefined {
    const value = this.#transformer.transform(key, entry === undefined ? null : entry.value) ?? null
    if (value === null) return undefined
    return { value, timestampMs: entry === undefined ? TIMESTAMP_UNKNOWN_MS : entry.timestampMs }
  }
}
