import { describeProducersV0, describeTransactionsV0, listTransactionsV1 } from '@platformatic/kafka'
import { StreamsError } from '#streams/base'
import type { TopicPartition } from '#streams/ports'
import { FetchedBatches } from './batch-decoder.ts'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { endDanglingTransactions, fence } from './dangling-transactions.ts'
import { check, KAFKA_ERROR, type KafkaError, kafkaError } from './kafka-errors.ts'
import { withRetries } from './retry.ts'
import { fetchV12 } from './wire-records.ts'
import {
  coordinatorPartition,
  type DecidedTransaction,
  decodeDecision,
  type Marker,
  OFFSETS_TOPIC,
  TRANSACTION_LOG,
  WRITE_TXN_MARKERS,
  writeTxnMarkersV1,
  writeTxnMarkersV2,
} from './wire-transactions.ts'

/**
 * Brokers can lose the markers that end a transaction: up to 4.3.1, a coordinator that is loaded while a partition has no
 * leader takes the partition for deleted, skips its marker, and forgets the transaction (KAFKA-20734). A cluster whose
 * only replica of something was killed while a transaction was just ending comes back so. The records then belong to a
 * transaction that nobody will ever end, and that hides all records behind it; or, worse, the next transaction of the
 * same producer ends it, in its own way.
 *
 * What was decided is still in the log of the coordinators. So a producer looks before it begins, and again when it has
 * lost a connection, whether all of its transactions are marked; and who cannot read on asks what is in the way. What is
 * missing is written as it was decided, and nothing else ever is.
 */

const ANY_DURATION = -1n
/** How far back a decision is looked for. */
const LOG_OFFSETS_MAX = 200_000
/**
 * With `transaction.version` 2 a marker has the epoch behind that of the records, or the one after that where the
 * producer was fenced. Before it, the epochs do not tell transactions apart, and nothing is mended.
 */
const EPOCHS_TO_MARKER_MAX = 2
const RECORDS_MAX = 10_000
const LOG_FETCH_BYTES = 8 * 1024 * 1024

/** A transaction that has records in a partition, and no marker yet. */
export type OpenTransaction = TopicPartition & {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly startOffset: number
}

export type TransactionOwner = {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
}

type Client = { readonly cluster: Cluster; readonly connections: Connections }

/**
 * Writes the markers of a producer's earlier transactions where they were lost. It must not have written anything yet
 * with the epoch that it has now into partitions where earlier records are open. Returns in words what was written.
 */
export async function completeOwnTransactions(
  client: Client,
  owner: TransactionOwner,
  partitions: readonly TopicPartition[],
): Promise<readonly string[]> {
  const { cluster } = client
  const { transactionalId, producerId, producerEpoch } = owner
  const what = `looking for the markers of the transactions of ${transactionalId}`
  const isEarlier = (open: OpenTransaction): boolean =>
    open.producerId === producerId && open.producerEpoch < producerEpoch
  return atLeaders(cluster, what, partitions, async () => {
    const suspects = (await openTransactions(client, partitions)).filter(isEarlier)
    if (suspects.length === 0) return []
    const found = await transactionOf(cluster, transactionalId)
    if (found?.transactionState.startsWith('Prepare') === true)
      throw kafkaError(KAFKA_ERROR.concurrentTransactions, `the transaction of ${transactionalId} is just ending`)
    // Markers may have come between the two questions.
    return writeLostMarkers(client, transactionalId, (await openTransactions(client, suspects)).filter(isEarlier))
  })
}

/**
 * What keeps readers of committed records from reading on in a partition, in words. Transactions that dead members of
 * `group` have left open are ended, and markers that were lost are written.
 */
export async function releaseHeldBack(
  cluster: Cluster,
  group: string | undefined,
  at: TopicPartition,
): Promise<string> {
  const client = { cluster, connections: cluster.connections }
  const what = `looking for open transactions in ${at.topic}-${at.partition}`
  return atLeaders(cluster, what, [at], async () => {
    const open = await openTransactions(client, [at])
    if (open.length === 0) return 'no transaction is open there'
    const ended = group === undefined ? [] : await endDanglingTransactions(cluster, group)
    const words = await Promise.all(open.map((each) => releaseOne(client, each)))
    return [...ended.map((id) => `the transaction that the dead ${id} had left open was ended`), ...words].join('; ')
  })
}

async function releaseOne(client: Client, open: OpenTransaction): Promise<string> {
  const { cluster } = client
  const { producerId, producerEpoch, startOffset } = open
  const transactionalId = await transactionalIdOf(cluster, producerId)
  const place = `from offset ${startOffset} on, producer ${producerId} with epoch ${producerEpoch}`
  if (transactionalId === undefined)
    return `a transaction that no coordinator knows, or not yet, is open ${place}; if that stays so, end it with kafka-transactions.sh`
  const found = await transactionOf(cluster, transactionalId)
  const state = found?.transactionState ?? 'unknown'
  const isItself = found !== undefined && found.producerId === producerId && found.producerEpoch <= producerEpoch
  if (state.startsWith('Prepare') || (state === 'Ongoing' && isItself)) {
    const untilMs = Number(found?.transactionStartTimeMs ?? 0n) + (found?.transactionTimeoutMs ?? 0)
    return `the transaction of ${transactionalId} is open (${state}, until ${new Date(untilMs).toISOString()} at the latest, or when the brokers look next) ${place}`
  }
  // What is complete is marked: records that are open after that, and are older, are those of a lost marker.
  const isLost = (each: OpenTransaction): boolean =>
    each.producerId === found?.producerId && each.producerEpoch < found.producerEpoch
  if (!(await openTransactions(client, [open])).some(isLost)) return `the transaction of ${transactionalId} is ${state}`
  // Nobody else may write under this id meanwhile. An owner that is alive begins anew, and has lost nothing.
  const owner = { transactionalId, ...(await fence(cluster, transactionalId, `fencing ${transactionalId}`)) }
  const written = await completeOwnTransactions(client, owner, [open])
  return written.length === 0 ? `the transaction of ${transactionalId} has just ended` : written.join('; ')
}

// Questions ----------------------------------------------------------------------------------------------------------

/** Partitions that one may not look at (on a cluster with an authoriser) count as having none. */
async function openTransactions(
  { cluster, connections }: Client,
  partitions: readonly TopicPartition[],
): Promise<readonly OpenTransaction[]> {
  const byLeader = Map.groupBy(partitions, ({ topic, partition }) => cluster.leader(topic, partition))
  const lists = await Promise.all(
    [...byLeader].map(async ([leader, list]) => {
      const response = await connections.call(cluster.broker(leader), describeProducersV0.api, topicsOf(list))
      return response.topics.flatMap(({ name, partitions: described }) =>
        described.flatMap(({ partitionIndex, errorCode, errorMessage, activeProducers }) => {
          if (errorCode === KAFKA_ERROR.topicAuthorizationFailed) return []
          check(errorCode, `producers of ${name}-${partitionIndex}`, errorMessage)
          return activeProducers.flatMap((producer): OpenTransaction[] =>
            producer.currentTxnStartOffset < 0n
              ? []
              : [
                  {
                    topic: name,
                    partition: partitionIndex,
                    producerId: producer.producerId,
                    producerEpoch: producer.producerEpoch,
                    coordinatorEpoch: producer.coordinatorEpoch,
                    startOffset: Number(producer.currentTxnStartOffset),
                  },
                ],
          )
        }),
      )
    }),
  )
  return lists.flat()
}

async function transactionalIdOf(cluster: Cluster, producerId: bigint): Promise<string | undefined> {
  const lists = await Promise.all(
    [...cluster.brokers.values()].map(async (broker) => {
      const response = await cluster.connections.call(
        broker,
        listTransactionsV1.api,
        [],
        [producerId],
        ANY_DURATION,
        null,
      )
      check(response.errorCode, 'listing transactions')
      return response.transactionStates.map(({ transactionalId }) => transactionalId)
    }),
  )
  return lists.flat()[0]
}

async function transactionOf(cluster: Cluster, transactionalId: string) {
  const what = `describing the transaction of ${transactionalId}`
  return cluster.atCoordinator({ kind: 'transaction', key: transactionalId, what }, async (coordinator) => {
    const response = await cluster.connections.call(coordinator, describeTransactionsV0.api, [transactionalId])
    const found = response.transactionStates[0]
    if (found === undefined || found.errorCode === KAFKA_ERROR.transactionalIdNotFound) return undefined
    check(found.errorCode, what)
    return found
  })
}

// Markers ------------------------------------------------------------------------------------------------------------

async function writeLostMarkers(
  client: Client,
  transactionalId: string,
  lost: readonly OpenTransaction[],
): Promise<readonly string[]> {
  if (lost.length === 0) return []
  const { cluster } = client
  const decisions = await decisionsOf(client, transactionalId)
  const words: string[] = []
  const done = new Set<DecidedTransaction>()
  for (const open of lost) {
    const decision = decisions.findLast((each) => ends(each, open))
    if (decision === undefined) {
      throw new StreamsError(
        'LOG_UNAVAILABLE',
        `${open.topic}-${open.partition} has records of an earlier transaction of ${transactionalId} from offset ${open.startOffset} on that the brokers have lost the end of (KAFKA-20734), and their log does not say any more how it ended: end it with kafka-transactions.sh`,
      )
    }
    if (done.has(decision)) continue
    done.add(decision)
    await cluster.load([...new Set(decision.partitions.map(({ topic }) => topic))])
    const all = (await openTransactions(client, decision.partitions)).filter((each) => ends(decision, each))
    await writeMarkers(client, decision, all)
    const names = all.map(({ topic, partition }) => `${topic}-${partition}`).join(', ')
    words.push(
      `the transaction of ${transactionalId} was ${decision.commits ? 'committed' : 'aborted'}, but the brokers had lost the markers of it (KAFKA-20734) in ${names}: they were written again`,
    )
  }
  return words
}

function ends(decision: DecidedTransaction, open: OpenTransaction): boolean {
  const epochs = decision.producerEpoch - open.producerEpoch
  return (
    decision.producerId === open.producerId &&
    epochs >= 1 &&
    epochs <= EPOCHS_TO_MARKER_MAX &&
    decision.partitions.some(({ topic, partition }) => topic === open.topic && partition === open.partition)
  )
}

async function writeMarkers(
  { cluster, connections }: Client,
  decision: DecidedTransaction,
  open: readonly OpenTransaction[],
): Promise<void> {
  const byLeader = Map.groupBy(open, ({ topic, partition }) => cluster.leader(topic, partition))
  const { producerId, producerEpoch, commits } = decision
  const { versions } = await cluster.features()
  const api = (versions.get(WRITE_TXN_MARKERS) ?? 1) >= 2 ? writeTxnMarkersV2 : writeTxnMarkersV1
  await Promise.all(
    [...byLeader].map(async ([leader, list]) => {
      const topics = topicsOf(list).map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes }))
      const coordinatorEpoch = Math.max(0, ...list.map((each) => each.coordinatorEpoch))
      const marker: Marker = { producerId, producerEpoch, commits, coordinatorEpoch, topics }
      const results = await connections.call(cluster.broker(leader), api, [marker])
      for (const { topic, partition, errorCode } of results)
        check(errorCode, `writing the lost marker of ${decision.transactionalId} into ${topic}-${partition}`)
    }),
  )
}

/** The decisions about the transactions of an id, in their order. */
async function decisionsOf(
  { cluster, connections }: Client,
  transactionalId: string,
): Promise<readonly DecidedTransaction[]> {
  await cluster.load([TRANSACTION_LOG])
  const partitions = cluster.topic(TRANSACTION_LOG)?.leaders.length ?? 0
  if (partitions === 0) throw kafkaError(KAFKA_ERROR.unknownTopicOrPartition, TRANSACTION_LOG)
  const partition = coordinatorPartition(transactionalId, partitions)
  const broker = cluster.broker(cluster.leader(TRANSACTION_LOG, partition))
  const found: DecidedTransaction[] = []
  const read = async (offset: number) => {
    const topics = [{ name: TRANSACTION_LOG, partitions: [{ partition, offset, bytesMax: LOG_FETCH_BYTES }] }]
    const request = { waitMs: 0, bytesMax: LOG_FETCH_BYTES, isReadCommitted: false, topics }
    const response = await connections.call(broker, fetchV12, request)
    check(response.errorCode, `reading ${TRANSACTION_LOG}-${partition}`)
    const [fetched] = response.partitions
    if (fetched === undefined) throw kafkaError(KAFKA_ERROR.leaderNotAvailable, `${TRANSACTION_LOG}-${partition}`)
    return fetched
  }
  const { highWatermark } = await read(0)
  let offset = Math.max(0, highWatermark - LOG_OFFSETS_MAX)
  while (offset < highWatermark) {
    const fetched = await read(offset)
    check(fetched.errorCode, `reading ${TRANSACTION_LOG}-${partition}`)
    const batches = new FetchedBatches(fetched.batches, offset, undefined, `${TRANSACTION_LOG}-${partition}`)
    while (!batches.isAtEnd) {
      for (const { key, value } of batches.read(RECORDS_MAX, LOG_FETCH_BYTES, true)) {
        if (key === null || value === null) continue
        const decision = decodeDecision(key, value)
        if (decision?.transactionalId === transactionalId) found.push(decision)
      }
    }
    if (batches.nextOffset <= offset) break
    offset = batches.nextOffset
  }
  return found
}

// Places -------------------------------------------------------------------------------------------------------------

/** Where the offsets of a group are kept; undefined where one may not know. */
export async function offsetsPartition(cluster: Cluster, group: string): Promise<TopicPartition | undefined> {
  const missing = await cluster.load([OFFSETS_TOPIC]).catch(() => [OFFSETS_TOPIC])
  const partitions = cluster.topic(OFFSETS_TOPIC)?.leaders.length ?? 0
  if (missing.length > 0 || partitions === 0) return undefined
  return { topic: OFFSETS_TOPIC, partition: coordinatorPartition(group, partitions) }
}

function topicsOf(partitions: readonly TopicPartition[]) {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitionIndexes: list.map(({ partition }) => partition),
  }))
}

/** Repeated with leaders that are asked for again. */
async function atLeaders<T>(
  cluster: Cluster,
  what: string,
  partitions: readonly TopicPartition[],
  attempt: () => Promise<T>,
): Promise<T> {
  const names = [...new Set(partitions.map(({ topic }) => topic))]
  await cluster.load(names)
  const beforeRetry = async (error: KafkaError): Promise<void> => {
    if (error.errorCode !== KAFKA_ERROR.concurrentTransactions) await cluster.refresh(names)
  }
  return withRetries({ limits: cluster.limits, what, beforeRetry }, attempt)
}
