import type { Bytes } from '../base/bytes.ts'
import type { Serde } from '../ports/index.ts'

/** What the right side must answer to a subscription. The numbers are those on the wire. */
export const INSTRUCTION = {
  /** Unsubscribe, no answer. */
  deleteKeyNoPropagate: 0,
  /** Unsubscribe, answer null. */
  deleteKeyAndPropagate: 1,
  /** Subscribe, answer the foreign value, or null where there is none. */
  propagateNullIfNoForeignValue: 2,
  /** Subscribe, answer only where there is a foreign value. */
  propagateOnlyIfForeignValue: 3,
} as const
export type Instruction = (typeof INSTRUCTION)[keyof typeof INSTRUCTION]

/** Java: SubscriptionWrapper. */
export type Subscription<K> = {
  /** 0 (Kafka Streams before 3.4) has no primaryPartition. */
  readonly version: 0 | 1
  /** murmur3 (128 bits, 16 bytes) of the left value's bytes; null where the left value is null. */
  readonly hash: Bytes | null
  readonly instruction: Instruction
  readonly primaryKey: K
  readonly primaryPartition: number | null
}

/** Java: SubscriptionResponseWrapper. `primaryPartition` is not written: it only chooses the partition. */
export type SubscriptionResponse<VO> = {
  readonly version: 0
  readonly hash: Bytes | null
  readonly foreignValue: VO | null
  readonly primaryPartition: number | null
}

export type CombinedKey<KO, K> = {
  readonly foreignKey: KO
  readonly primaryKey: K
}

/** Value of the subscription topic and (timestamped) of the subscription store. */
export function subscriptionSerde<K>(options: {
  /** Undecorated, ends in `-topic`. */
  readonly subscriptionTopic: string
  readonly storeName: string
  readonly primaryKeySerde: Serde<K>
}): Serde<Subscription<K>> {
  throw new Error(`subscription serde of ${options.subscriptionTopic} is being written`)
}

/** Value of the response topic. */
export function subscriptionResponseSerde<VO>(foreignValueSerde: Serde<VO>): Serde<SubscriptionResponse<VO>> {
  throw new Error(`subscription response serde over ${foreignValueSerde.name} is being written`)
}
