import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  endTxnV4,
  initProducerIdV4,
  txnOffsetCommitV4,
} from '@platformatic/kafka'
import type { CommittedOffset, CommittingMember, TopicPartition } from '#streams/ports'
import type { ProducerIdentity } from './batch-encoder.ts'
import type { Cluster } from './cluster.ts'
import type { BrokerAddress, Connections } from './connections.ts'
import { check, KAFKA_ERROR } from './kafka-errors.ts'
import { completeOwnTransactions, offsetsPartition } from './lost-markers.ts'
import { offsetsByTopic, withMemberEpoch } from './offsets.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { withRetries } from './retry.ts'
import { endTransactionV5, txnOffsetCommitV5 } from './wire-records.ts'

const TRANSACTION_FEATURE = 'transaction.version'
const DESCRIBE_PRODUCERS = 61

/**
 * The producer's side of the transaction protocol. With `transaction.version` 2 (KIP-890) brokers add partitions and
 * groups to the transaction when they are first written, and every transaction has its own producer epoch. Before it,
 * partitions and groups are added by requests of their own, and the epoch stays.
 *
 * Requests of a transaction are answered for their own epoch only, so all of them may be repeated.
 */
export class Transactions {
  readonly #cluster: Cluster
  readonly #connections: Connections
  readonly #id: string | undefined
  #identity: ProducerIdentity = { producerId: -1n, producerEpoch: -1, isTransactional: false }
  #isImplicit = false
  /** Something was written since the last end. */
  #isTouched = false
  #hasNewEpoch = false
  /** Connections that had been lost when the markers of all transactions were known to be there. */
  #lossesSettled = 0
  /** What transactions have written to that ended since then, and the last one before. */
  readonly #ended = new Map<string, TopicPartition>()
  #endedGroup: string | undefined
  #settling: Promise<void> | undefined

  constructor(cluster: Cluster, connections: Connections, transactionalId: string | undefined) {
    this.#cluster = cluster
    this.#connections = connections
    this.#id = transactionalId
  }

  get identity(): ProducerIdentity {
    return this.#identity
  }

  get addsImplicitly(): boolean {
    return this.#isImplicit && this.#id !== undefined
  }

  touch(): void {
    this.#isTouched = true
  }

  /** Sequences begin at 0 again with a new epoch. */
  takeNewEpoch(): boolean {
    const hasNew = this.#hasNewEpoch
    this.#hasNewEpoch = false
    return hasNew
  }

  /** Gets the producer's id; with a transactional id that fences and aborts what earlier producers left open. */
  async begin(): Promise<void> {
    const { features } = await this.#cluster.features()
    this.#isImplicit = (features.get(TRANSACTION_FEATURE) ?? 0) >= 2
    const id = this.#id
    const { producerId, producerEpoch } =
      id === undefined ? await this.#idempotentIdentity() : await this.#transactionalIdentity(id)
    this.#identity = { producerId, producerEpoch, isTransactional: id !== undefined }
  }

  #idempotentIdentity() {
    const what = 'asking for a producer id'
    return withRetries({ limits: this.#cluster.limits, what }, async () => {
      const response = await this.#connections.call(
        this.#cluster.anyBroker(),
        initProducerIdV4.api,
        null,
        this.#cluster.limits.transactionTimeoutMs,
      )
      check(response.errorCode, what)
      return response
    })
  }

  #transactionalIdentity(id: string) {
    const what = `starting the producer with transactional id ${id}`
    return this.#atCoordinator(what, async (coordinator) => {
      const { transactionTimeoutMs } = this.#cluster.limits
      const response = await this.#connections.call(coordinator, initProducerIdV4.api, id, transactionTimeoutMs)
      check(response.errorCode, what)
      return response
    })
  }

  /**
   * Before the first write after a connection was lost: broker and coordinator may have been restarted, and have lost the
   * markers of the last transaction. What is written now would end it in its own way.
   */
  settle(): Promise<void> | undefined {
    if (!this.addsImplicitly || this.#connections.losses === this.#lossesSettled) return undefined
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async #settle(): Promise<void> {
    const { losses } = this.#connections
    const group = this.#endedGroup === undefined ? undefined : await offsetsPartition(this.#cluster, this.#endedGroup)
    await this.completeEarlier([...this.#ended.values(), ...(group === undefined ? [] : [group])])
    this.#lossesSettled = losses
  }

  /** Before anything is written there: what earlier transactions of this id have written is marked. */
  async completeEarlier(partitions: readonly TopicPartition[]): Promise<void> {
    if (this.#id === undefined || partitions.length === 0) return
    const { versions } = await this.#cluster.features()
    if (!versions.has(DESCRIBE_PRODUCERS)) return
    const { producerId, producerEpoch } = this.#identity
    const client = { cluster: this.#cluster, connections: this.#connections }
    const owner = { transactionalId: this.#id, producerId, producerEpoch }
    for (const words of await completeOwnTransactions(client, owner, partitions)) this.#cluster.warn(words)
  }

  /** What the transaction that has ended just now has written to. */
  noteEnded(partitions: readonly TopicPartition[]): void {
    if (this.#connections.losses === this.#lossesSettled) this.#ended.clear()
    for (const { topic, partition } of partitions) this.#ended.set(`${topic}-${partition}`, { topic, partition })
  }

  /** Before `transaction.version` 2 the coordinator is told of a partition before the first batch goes there. */
  async addPartitions(queues: readonly PartitionQueue[]): Promise<void> {
    if (this.#id === undefined || this.#isImplicit) return
    const added = queues.filter(({ isInTransaction }) => !isInTransaction)
    if (added.length === 0) return
    const { producerId, producerEpoch } = this.#identity
    const transactionalId = this.#id
    const byTopic = Map.groupBy(added, ({ topic }) => topic)
    const topics = [...byTopic].map(([name, list]) => ({ name, partitions: list.map(({ partition }) => partition) }))
    const transaction = { transactionalId, producerId, producerEpoch, verifyOnly: false, topics }
    await this.#atCoordinator(`adding partitions to the transaction of ${transactionalId}`, async (coordinator) => {
      const response = await this.#connections.call(coordinator, addPartitionsToTxnV3.api, [transaction])
      const results = response.resultsByTransaction.flatMap(({ topicResults }) => topicResults)
      for (const { name, resultsByPartition } of results) {
        for (const { partitionIndex, partitionErrorCode } of resultsByPartition)
          check(partitionErrorCode, `adding ${name}-${partitionIndex} to the transaction`)
      }
    })
    for (const queue of added) queue.isInTransaction = true
  }

  async commit(
    group: string,
    offsets: readonly CommittedOffset[],
    member: CommittingMember | undefined,
  ): Promise<void> {
    await this.settle()
    if (offsets.length > 0) {
      this.#isTouched = true
      this.#endedGroup = group
      await this.#sendOffsets(group, offsets, member)
    }
    await this.#end(true)
  }

  async abort(): Promise<void> {
    await this.#end(false)
  }

  async #sendOffsets(
    group: string,
    offsets: readonly CommittedOffset[],
    member: CommittingMember | undefined,
  ): Promise<void> {
    const id = this.#id as string
    const { producerId, producerEpoch } = this.#identity
    const what = `committing offsets of group ${group} in the transaction of ${id}`
    if (!this.#isImplicit) {
      await this.#atCoordinator(what, async (coordinator) => {
        const added = await this.#connections.call(
          coordinator,
          addOffsetsToTxnV3.api,
          id,
          producerId,
          producerEpoch,
          group,
        )
        check(added.errorCode, what)
      })
    }
    const topics = offsetsByTopic(offsets)
    const api = this.#isImplicit ? txnOffsetCommitV5 : txnOffsetCommitV4.api
    await withMemberEpoch(this.#cluster, member, (memberId, memberEpoch) =>
      this.#cluster.atCoordinator({ kind: 'group', key: group, what }, async (coordinator) => {
        const response = await this.#connections.call(
          coordinator,
          api,
          id,
          group,
          producerId,
          producerEpoch,
          memberEpoch,
          memberId,
          null,
          topics,
        )
        for (const { name, partitions } of response.topics)
          for (const { partitionIndex, errorCode } of partitions) check(errorCode, `${what}: ${name}-${partitionIndex}`)
      }),
    )
  }

  async #end(commits: boolean): Promise<void> {
    if (!this.#isTouched || this.#id === undefined) return
    const id = this.#id
    const { producerId, producerEpoch } = this.#identity
    const what = `${commits ? 'committing' : 'aborting'} the transaction of ${id}`
    if (this.#isImplicit) {
      const ended = await this.#atCoordinator(what, async (coordinator) => {
        const response = await this.#connections.call(
          coordinator,
          endTransactionV5,
          id,
          producerId,
          producerEpoch,
          commits,
        )
        check(response.errorCode, what)
        return response
      })
      if (ended.producerId >= 0n) {
        this.#identity = { producerId: ended.producerId, producerEpoch: ended.producerEpoch, isTransactional: true }
        this.#hasNewEpoch = true
      }
    } else {
      await this.#endExplicit(what, id, commits)
    }
    this.#isTouched = false
  }

  /** An abort of a transaction that the coordinator never heard of has nothing to do. */
  async #endExplicit(what: string, id: string, commits: boolean): Promise<void> {
    const { producerId, producerEpoch } = this.#identity
    await this.#atCoordinator(what, async (coordinator) => {
      const ended = await this.#connections.call(coordinator, endTxnV4.api, id, producerId, producerEpoch, commits)
      if (!commits && ended.errorCode === KAFKA_ERROR.invalidTransactionState) return
      check(ended.errorCode, what)
    })
  }

  #atCoordinator<T>(what: string, request: (coordinator: BrokerAddress) => Promise<T>): Promise<T> {
    return this.#cluster.atCoordinator({ kind: 'transaction', key: this.#id as string, what }, request)
  }
}
