import type { Serde } from '../ports/index.ts'
import type { KeyValueStoreSpec, StorePersistence, ValueAndTimestamp } from '../stores/types.ts'
import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { StreamPartitioner } from '../topology/topology.ts'
import type { CombinedKey, Subscription, SubscriptionResponse } from './foreign-key-formats.ts'
import type { InnerOrLeftJoiner } from './joins.ts'

export type ForeignKeyJoinOptions<K, V, KO, VO, R> = InnerOrLeftJoiner<V, VO, R, K> & {
  /** Null: no foreign key. */
  readonly foreignKey: (value: V, key: K) => KO | null
  readonly left: TableValueGetterSupplier<K, V>
  readonly right: TableValueGetterSupplier<KO, VO>
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly foreignKeySerde: Serde<KO>
  readonly foreignValueSerde: Serde<VO>
  /** True: out-of-order updates of that side are dropped (KIP-914). */
  readonly leftVersioned: boolean
  readonly rightVersioned: boolean
  /** Undecorated name of the subscription topic (Java: `…-subscription-registration-topic` or `KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-…-topic`). */
  readonly subscriptionTopic: string
  readonly subscriptionStoreName: string
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** Both tables must send old values (and so be materialized). */
export type ForeignKeyJoin<K, V, KO, VO, R> = {
  /** Child of the left table; its child is the sink of the subscription topic. The key may be null (left join). */
  readonly subscriptionSend: ProcessorSupplier<K, Change<V>, KO | null, Subscription<K>>
  /** Child of the source of the subscription topic, whose key serde must be nullable. Owns the subscription store. */
  readonly subscriptionReceive: ProcessorSupplier<
    KO | null,
    Subscription<K>,
    CombinedKey<KO | null, K>,
    Change<ValueAndTimestamp<Subscription<K>>>
  >
  /** Child of subscriptionReceive, connected to `right.storeNames`; its child is the sink of the response topic. */
  readonly subscriptionJoin: ProcessorSupplier<
    CombinedKey<KO | null, K>,
    Change<ValueAndTimestamp<Subscription<K>>>,
    K,
    SubscriptionResponse<VO>
  >
  /** Child of the right table, connected to the subscription store; its child is the same sink. */
  readonly foreignTableJoin: ProcessorSupplier<KO, Change<VO>, K, SubscriptionResponse<VO>>
  /** Child of the source of the response topic, connected to `left.storeNames`; a table source node follows. */
  readonly responseJoin: ProcessorSupplier<K, SubscriptionResponse<VO>, K, R | null>
  readonly subscriptionStore: KeyValueStoreSpec<CombinedKey<KO, K>, Subscription<K>>
  readonly subscriptionSerde: Serde<Subscription<K>>
  readonly responseSerde: Serde<SubscriptionResponse<VO>>
  /** Sends an answer back to the partition that asked. Java: DefaultForeignResponseSinkPartitioner. */
  readonly responsePartitioner: StreamPartitioner<K, SubscriptionResponse<VO>>
}

export function foreignKeyJoin<K, V, KO, VO, R>(
  options: ForeignKeyJoinOptions<K, V, KO, VO, R>,
): ForeignKeyJoin<K, V, KO, VO, R> {
  throw new Error(`foreign-key join (${options.kind}) is being written`)
}
