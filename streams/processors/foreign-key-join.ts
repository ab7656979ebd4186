import type { Serde } from '../ports/index.ts'
import type { KeyValueStoreSpec, StorePersistence } from '../stores/types.ts'
import type { ProcessorSupplier, TableValueGetterSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { StreamPartitioner } from '../topology/topology.ts'
import {
  type CombinedKey,
  combinedKeyPrefixSerde,
  combinedKeySerde,
  type Subscription,
  type SubscriptionResponse,
  subscriptionResponseSerde,
  subscriptionSerde,
} from './foreign-key-formats.ts'
import { ResponseJoinProcessor, SubscriptionSendProcessor } from './foreign-key-left-side.ts'
import {
  ForeignTableJoinProcessor,
  SubscriptionJoinProcessor,
  SubscriptionReceiveProcessor,
  type SubscriptionStoreSpec,
} from './foreign-key-right-side.ts'
import type { InnerOrLeftJoiner, ValueJoiner } from './joins.ts'

export type ForeignKeyJoinOptions<K, V, KO, VO, R> = InnerOrLeftJoiner<V, VO, R | null, K> & {
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
  /** Undecorated (Java: `KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-…-topic` or `<name>-subscription-registration-topic`). */
  readonly subscriptionTopic: string
  readonly subscriptionStoreName: string
  readonly persistence: StorePersistence
  readonly withHeaders?: boolean
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/**
 * The left table must send old values and be materialized, the right one be materialized. Java: KTableImpl
 * .doJoinOnForeignKey (KIP-213): the left side subscribes to its foreign keys through a topic; the right side keeps the
 * subscriptions and answers, to each subscription and at each of its own changes, through another topic; the left side
 * joins the answers whose hash says that they belong to its current value.
 */
export type ForeignKeyJoin<K, V, KO, VO, R> = {
  /** Child of the left table; its child is the sink of the subscription topic. The key may be null (left join). */
  readonly subscriptionSend: ProcessorSupplier<K, Change<V>, KO | null, Subscription<K>>
  /** Child of the source of the subscription topic, whose key serde must be nullable. Owns the subscription store. */
  readonly subscriptionReceive: ProcessorSupplier<KO | null, Subscription<K>, KO | null, Subscription<K>>
  /** Child of subscriptionReceive, connected to `right.storeNames`; its child is the sink of the response topic. */
  readonly subscriptionJoin: ProcessorSupplier<KO | null, Subscription<K>, K, SubscriptionResponse<VO>>
  /** Child of the right table, connected to the subscription store; its child is the same sink. */
  readonly foreignTableJoin: ProcessorSupplier<KO, Change<VO>, K, SubscriptionResponse<VO>>
  /** Child of the source of the response topic, connected to `left.storeNames`; a table source node follows. */
  readonly responseJoin: ProcessorSupplier<K, SubscriptionResponse<VO>, K, R | null>
  readonly subscriptionStore: KeyValueStoreSpec<CombinedKey<KO, K>, Subscription<K>> & { readonly timestamped: true }
  readonly subscriptionSerde: Serde<Subscription<K>>
  readonly responseSerde: Serde<SubscriptionResponse<VO>>
  /** Sends an answer back to the partition that asked. Java: DefaultForeignResponseSinkPartitioner (KIP-775). */
  readonly responsePartitioner: StreamPartitioner<K, SubscriptionResponse<VO>>
}

export function foreignKeyJoin<K, V, KO, VO, R>(
  options: ForeignKeyJoinOptions<K, V, KO, VO, R>,
): ForeignKeyJoin<K, V, KO, VO, R> {
  const { subscriptionTopic, foreignKeySerde, keySerde, left, right } = options
  const names = { subscriptionTopic, storeName: options.subscriptionStoreName }
  const wireSerde = subscriptionSerde(keySerde, names)
  const store: SubscriptionStoreSpec<KO, K> = {
    kind: 'key-value',
    name: names.storeName,
    keySerde: combinedKeySerde(foreignKeySerde, keySerde, names),
    valueSerde: subscriptionSerde(keySerde, names),
    persistence: options.persistence,
    logging: options.logging,
    caching: false,
    timestamped: true,
    withHeaders: options.withHeaders === true,
  }
  const prefixSerde = combinedKeyPrefixSerde(foreignKeySerde, names)
  const isLeft = options.kind === 'left'
  // An inner join calls its joiner only with a foreign value that is there.
  const joiner = options.joiner as ValueJoiner<V, VO | null, R | null, K>
  return {
    subscriptionSend: { get: () => new SubscriptionSendProcessor({ ...options, isLeft }) },
    subscriptionReceive: { get: () => new SubscriptionReceiveProcessor(store), stores: [store] },
    subscriptionJoin: { get: () => new SubscriptionJoinProcessor(right.get()) },
    foreignTableJoin: {
      get: () => new ForeignTableJoinProcessor(store.name, prefixSerde, options.rightVersioned),
      stores: [store],
    },
    responseJoin: {
      get: () =>
        new ResponseJoinProcessor({
          left: left.get(),
          valueSerde: options.valueSerde,
          subscriptionTopic,
          joiner,
          isLeft,
        }),
    },
    subscriptionStore: store,
    subscriptionSerde: wireSerde,
    responseSerde: subscriptionResponseSerde(options.foreignValueSerde),
    responsePartitioner: (_topic, _key, response) => response.primaryPartition ?? undefined,
  }
}
