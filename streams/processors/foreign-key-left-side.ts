import { type Bytes, equalBytes, parseTaskId } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'
import type { InternalProcessorContext, Processor, ProcessorContext, TableValueGetter } from '../topology/processor.ts'
import type { Change, StreamRecord } from '../topology/record.ts'
import {
  INSTRUCTION,
  type Instruction,
  partTopicsOf,
  type Subscription,
  type SubscriptionResponse,
} from './foreign-key-formats.ts'
import { dropJoinRecord } from './join-drops.ts'
import type { ValueJoiner } from './joins.ts'
import { murmur3 } from './murmur3.ts'

export type SubscriptionSendOptions<K, V, KO> = {
  readonly isLeft: boolean
  readonly foreignKey: (value: V, key: K) => KO | null
  readonly valueSerde: Serde<V>
  readonly foreignKeySerde: Serde<KO>
  readonly leftVersioned: boolean
  readonly subscriptionTopic: string
}

/**
 * Turns changes of the left table into subscriptions to foreign keys. It cannot know whether the old foreign key had
 * joined, so some of the tombstones that it asks for are not needed. Java: SubscriptionSendProcessorSupplier.
 */
export class SubscriptionSendProcessor<K, V, KO> implements Processor<K, Change<V>, KO | null, Subscription<K>> {
  readonly #options: SubscriptionSendOptions<K, V, KO>
  #context!: InternalProcessorContext<KO | null, Subscription<K>>
  #partition = 0
  #foreignKeyTopic = ''
  #valueHashTopic = ''

  constructor(options: SubscriptionSendOptions<K, V, KO>) {
    this.#options = options
  }

  init(context: ProcessorContext<KO | null, Subscription<K>>): void {
    this.#context = context as InternalProcessorContext<KO | null, Subscription<K>>
    const topics = partTopicsOf(`${context.applicationId}-`, this.#options.subscriptionTopic)
    this.#foreignKeyTopic = topics.foreignKey
    this.#valueHashTopic = topics.valueHash
    // All inputs of a task have its partition.
    this.#partition = parseTaskId(context.taskId).partition
  }

  process(record: StreamRecord<K, Change<V>>): void {
    if (this.#options.leftVersioned && !record.value.isLatest) {
      dropJoinRecord(this.#context, 'out-of-order-version', record)
      return
    }
    const { newValue, oldValue } = record.value
    const newForeignKey = newValue === null ? null : this.#foreignKeyOf(newValue, record.key)
    const oldForeignKey = oldValue === null ? null : this.#foreignKeyOf(oldValue, record.key)
    if (this.#options.isLeft) this.#sendLeft(record, newForeignKey, oldForeignKey)
    else this.#sendInner(record, newForeignKey, oldForeignKey)
  }

  #foreignKeyOf(value: V, key: K): KO | null {
    const { foreignKey } = this.#options
    return foreignKey(value, key) ?? null
  }

  /** Each change needs an answer. A deleted row subscribes to the null key, which is not stored, only answered. */
  #sendLeft(record: StreamRecord<K, Change<V>>, newForeignKey: KO | null, oldForeignKey: KO | null): void {
    if (record.value.oldValue === null && record.value.newValue === null) return
    const hash = this.#hash(record)
    if (oldForeignKey !== null && this.#isChanged(record, newForeignKey, oldForeignKey)) {
      this.#send(record, oldForeignKey, INSTRUCTION.deleteKeyNoPropagate, hash)
    }
    this.#send(record, newForeignKey, INSTRUCTION.propagateNullIfNoForeignValue, hash)
  }

  #sendInner(record: StreamRecord<K, Change<V>>, newForeignKey: KO | null, oldForeignKey: KO | null): void {
    if (newForeignKey === null) {
      if (record.value.newValue !== null) dropJoinRecord(this.#context, 'null-foreign-key', record)
      if (oldForeignKey !== null) {
        this.#send(record, oldForeignKey, INSTRUCTION.deleteKeyAndPropagate, this.#hash(record))
      }
      return
    }
    const hash = this.#hash(record)
    if (oldForeignKey !== null && this.#isChanged(record, newForeignKey, oldForeignKey)) {
      // The answer to the new subscription also takes the old result away.
      this.#send(record, oldForeignKey, INSTRUCTION.deleteKeyNoPropagate, hash)
      this.#send(record, newForeignKey, INSTRUCTION.propagateNullIfNoForeignValue, hash)
    } else {
      // A row without an old foreign key, or with the same one, has no result that would have to go.
      this.#send(record, newForeignKey, INSTRUCTION.propagateOnlyIfForeignValue, hash)
    }
  }

  #isChanged({ headers }: StreamRecord<K, Change<V>>, newForeignKey: KO | null, oldForeignKey: KO): boolean {
    if (newForeignKey === null) return true
    const { foreignKeySerde } = this.#options
    return !equalBytes(
      foreignKeySerde.serialize(newForeignKey as NonNullable<KO>, this.#foreignKeyTopic, headers),
      foreignKeySerde.serialize(oldForeignKey as NonNullable<KO>, this.#foreignKeyTopic, headers),
    )
  }

  #hash({ value, headers }: StreamRecord<K, Change<V>>): Bytes | null {
    if (value.newValue === null) return null
    const { valueSerde } = this.#options
    return murmur3(valueSerde.serialize(value.newValue as NonNullable<V>, this.#valueHashTopic, headers))
  }

  #send(
    { key, timestampMs, headers }: StreamRecord<K, Change<V>>,
    foreignKey: KO | null,
    instruction: Instruction,
    hash: Bytes | null,
  ): void {
    this.#context.forward({
      key: foreignKey,
      value: { version: 1, hash, instruction, primaryKey: key, primaryPartition: this.#partition },
      timestampMs,
      headers,
    })
  }
}

export type ResponseJoinOptions<K, V, VO, R> = {
  readonly left: TableValueGetter<K, V>
  readonly valueSerde: Serde<V>
  readonly subscriptionTopic: string
  readonly joiner: ValueJoiner<V, VO | null, R | null, K>
  readonly isLeft: boolean
}

/** Joins an answer with the left value, if that is still the one that asked. Java: ResponseJoinProcessorSupplier. */
export class ResponseJoinProcessor<K, V, VO, R> implements Processor<K, SubscriptionResponse<VO>, K, R | null> {
  readonly #options: ResponseJoinOptions<K, V, VO, R>
  #context!: InternalProcessorContext<K, R | null>
  #valueHashTopic = ''

  constructor(options: ResponseJoinOptions<K, V, VO, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, R | null>): void {
    this.#context = context as InternalProcessorContext<K, R | null>
    this.#options.left.init(this.#context as InternalProcessorContext<unknown, unknown>)
    this.#valueHashTopic = partTopicsOf(`${context.applicationId}-`, this.#options.subscriptionTopic).valueHash
  }

  process(record: StreamRecord<K, SubscriptionResponse<VO>>): void {
    const { key, timestampMs, headers } = record
    const { left, joiner, isLeft } = this.#options
    const { hash, foreignValue } = record.value
    const current = left.get(key)
    const value = current === undefined ? null : current.value
    if (!this.#isCurrent(hash, value, record)) {
      dropJoinRecord(this.#context, 'stale-response', record)
      return
    }
    const isGone = value === null || (foreignValue === null && !isLeft)
    this.#context.forward({ key, value: isGone ? null : joiner(value, foreignValue, key), timestampMs, headers })
  }

  #isCurrent(hash: Bytes | null, value: V | null, { headers }: StreamRecord<K, unknown>): boolean {
    if (hash === null || value === null) return hash === null && value === null
    const { valueSerde } = this.#options
    return equalBytes(hash, murmur3(valueSerde.serialize(value as NonNullable<V>, this.#valueHashTopic, headers)))
  }
}
