import type { Serde } from '../ports/index.ts'
import type { KeyValueStoreSpec, TimestampedKeyValueStore, ValueTimestampHeaders } from '../stores/types.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, TableValueGetter } from '../topology/processor.ts'
import type { Change, StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import { type CombinedKey, INSTRUCTION, type Subscription, type SubscriptionResponse } from './foreign-key-formats.ts'
import { dropJoinRecord } from './join-drops.ts'

export type SubscriptionStoreSpec<KO, K> = KeyValueStoreSpec<CombinedKey<KO, K>, Subscription<K>> & {
  readonly timestamped: true
}
type SubscriptionStore<KO, K> = TimestampedKeyValueStore<CombinedKey<KO, K>, Subscription<K>>

/** Stores or removes a subscription, and passes it on. Java: SubscriptionReceiveProcessorSupplier. */
export class SubscriptionReceiveProcessor<KO, K>
  implements Processor<KO | null, Subscription<K>, KO | null, Subscription<K>>
{
  readonly #storeName: string
  readonly #withHeaders: boolean
  #context!: InternalProcessorContext<KO | null, Subscription<K>>
  #store!: SubscriptionStore<KO, K>

  constructor({ name, withHeaders }: SubscriptionStoreSpec<KO, K>) {
    this.#storeName = name
    this.#withHeaders = withHeaders === true
  }

  init(context: ProcessorContext<KO | null, Subscription<K>>): void {
    this.#context = context as InternalProcessorContext<KO | null, Subscription<K>>
    this.#store = context.storeByName(this.#storeName)
  }

  process(record: StreamRecord<KO | null, Subscription<K>>): void {
    const { key: foreignKey, value: subscription, timestampMs } = record
    const { instruction, primaryKey } = subscription
    if (foreignKey !== null) {
      const isRemoval =
        instruction === INSTRUCTION.deleteKeyAndPropagate || instruction === INSTRUCTION.deleteKeyNoPropagate
      const combined = { foreignKey, primaryKey }
      if (isRemoval) this.#store.put(combined, null)
      else if (this.#withHeaders) this.#store.put(combined, withHeadersOf(record))
      else this.#store.put(combined, { value: subscription, timestampMs })
    } else if (instruction !== INSTRUCTION.propagateNullIfNoForeignValue) {
      dropJoinRecord(this.#context, 'null-foreign-key', record)
      return
    }
    this.#context.forward(record)
  }
}

function withHeadersOf<V>({ value, timestampMs, headers }: StreamRecord<unknown, V>): ValueTimestampHeaders<V> {
  return { value, timestampMs, headers }
}

/** Answers a subscription with the current foreign value. Java: SubscriptionJoinProcessorSupplier. */
export class SubscriptionJoinProcessor<KO, K, VO>
  implements Processor<KO | null, Subscription<K>, K, SubscriptionResponse<VO>>
{
  readonly #right: TableValueGetter<KO, VO>
  #context!: InternalProcessorContext<K, SubscriptionResponse<VO>>

  constructor(right: TableValueGetter<KO, VO>) {
    this.#right = right
  }

  init(context: ProcessorContext<K, SubscriptionResponse<VO>>): void {
    this.#context = context as InternalProcessorContext<K, SubscriptionResponse<VO>>
    this.#right.init(this.#context as InternalProcessorContext<unknown, unknown>)
  }

  process(record: StreamRecord<KO | null, Subscription<K>>): void {
    const { key: foreignKey, value: subscription } = record
    const { instruction } = subscription
    if (instruction === INSTRUCTION.deleteKeyNoPropagate) return
    const found = foreignKey === null ? undefined : this.#right.get(foreignKey)
    const foreignValue = found === undefined ? null : found.value
    if (instruction === INSTRUCTION.propagateOnlyIfForeignValue && foreignValue === null) return
    const foreignMs = found === undefined || foreignValue === null ? -1 : found.timestampMs
    this.#context.forward({
      key: subscription.primaryKey,
      value: responseTo(subscription, instruction === INSTRUCTION.deleteKeyAndPropagate ? null : foreignValue),
      timestampMs: Math.max(record.timestampMs, foreignMs),
      headers: record.headers,
    })
  }
}

/** Answers all subscriptions to a foreign key whose value has changed. Java: ForeignTableJoinProcessorSupplier. */
export class ForeignTableJoinProcessor<KO, K, VO> implements Processor<KO, Change<VO>, K, SubscriptionResponse<VO>> {
  readonly #storeName: string
  readonly #prefixSerde: Serde<KO>
  readonly #isVersioned: boolean
  #context!: InternalProcessorContext<K, SubscriptionResponse<VO>>
  #store!: SubscriptionStore<KO, K>

  constructor(storeName: string, prefixSerde: Serde<KO>, isVersioned: boolean) {
    this.#storeName = storeName
    this.#prefixSerde = prefixSerde
    this.#isVersioned = isVersioned
  }

  init(context: ProcessorContext<K, SubscriptionResponse<VO>>): void {
    this.#context = context as InternalProcessorContext<K, SubscriptionResponse<VO>>
    this.#store = context.storeByName(this.#storeName)
  }

  process(record: StreamRecord<KO, Change<VO>>): void {
    const { key: foreignKey, timestampMs, headers } = record
    if (foreignKey === null || foreignKey === undefined) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    if (this.#isVersioned && !record.value.isLatest) {
      dropJoinRecord(this.#context, 'out-of-order-version', record)
      return
    }
    const { newValue } = record.value
    for (const { key, value } of this.#store.prefixScan(foreignKey, this.#prefixSerde)) {
      this.#context.forward({ key: key.primaryKey, value: responseTo(value.value, newValue), timestampMs, headers })
    }
  }
}

function responseTo<K, VO>(subscription: Subscription<K>, foreignValue: VO | null): SubscriptionResponse<VO> {
  const { hash, primaryPartition } = subscription
  return { version: 0, hash, foreignValue, primaryPartition }
}
