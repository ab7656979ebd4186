import { initProducerIdV4, listTransactionsV1 } from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'
import { check, KAFKA_ERROR } from './kafka-errors.ts'
import { streamsGroupDescribeV0 } from './wire-groups.ts'

export type ProducerIdAndEpoch = { readonly producerId: bigint; readonly producerEpoch: number }

const ANY_DURATION = -1n
/** `<process id>-<number of the thread>`, as Java Kafka Streams names them too. */
const PROCESS_AND_THREAD = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+$/i

/**
 * Ends the transactions that processes of a group have left open when they died: those whose process has no member in
 * the group any more. Such a process could not commit anyhow, since the group's coordinator refuses offsets of those who
 * are no members; but until its transaction times out (up to 20 s with the brokers' own intervals), neither its offsets
 * nor what was written behind its records can be read.
 *
 * A process that has just come back, and is not a member yet, is fenced by this at worst, and takes a new producer.
 * Returns the transactional ids that were ended.
 */
export async function endDanglingTransactions(cluster: Cluster, group: string): Promise<readonly string[]> {
  const open = (await ongoingTransactions(cluster)).flatMap((transactionalId) => {
    const process = transactionalId.startsWith(`${group}-`)
      ? PROCESS_AND_THREAD.exec(transactionalId.slice(group.length + 1))?.[1]
      : undefined
    return process === undefined ? [] : [{ transactionalId, process }]
  })
  if (open.length === 0) return []
  // Asked after the transactions: who has opened one as a member, and has left since, has ended it or is dead.
  const alive = await processesOf(cluster, group)
  if (alive === undefined) return []
  const dangling = open.filter(({ process }) => !alive.has(process))
  await Promise.all(
    dangling.map(({ transactionalId }) =>
      fence(cluster, transactionalId, `ending the transaction that ${transactionalId} left open`),
    ),
  )
  return dangling.map(({ transactionalId }) => transactionalId)
}

/** Each broker knows those that it coordinates. */
async function ongoingTransactions(cluster: Cluster): Promise<readonly string[]> {
  const what = 'listing transactions'
  const lists = await Promise.all(
    [...cluster.brokers.values()].map((broker) =>
      cluster.connections.call(broker, listTransactionsV1.api, ['Ongoing'], [], ANY_DURATION, null).then(
        (response) => {
          check(response.errorCode, what)
          return response.transactionStates.map(({ transactionalId }) => transactionalId)
        },
        // A broker that does not answer coordinates nothing now; who takes its place is asked the next time.
        () => [],
      ),
    ),
  )
  return lists.flat()
}

async function processesOf(cluster: Cluster, group: string): Promise<ReadonlySet<string> | undefined> {
  const what = `describing group ${group}`
  return cluster.atCoordinator({ kind: 'group', key: group, what }, async (coordinator) => {
    const [found] = await cluster.connections.call(coordinator, streamsGroupDescribeV0, [group])
    if (found === undefined || found.errorCode === KAFKA_ERROR.groupIdNotFound) return undefined
    check(found.errorCode, what, found.errorMessage)
    return new Set(found.members.map(({ processId }) => processId))
  })
}

/** A new producer of that id: aborts what an earlier one left open, and keeps that one from writing. */
export async function fence(cluster: Cluster, transactionalId: string, what: string): Promise<ProducerIdAndEpoch> {
  return cluster.atCoordinator({ kind: 'transaction', key: transactionalId, what }, async (coordinator) => {
    const { transactionTimeoutMs } = cluster.limits
    const response = await cluster.connections.call(
      coordinator,
      initProducerIdV4.api,
      transactionalId,
      transactionTimeoutMs,
    )
    check(response.errorCode, what)
    return { producerId: response.producerId, producerEpoch: response.producerEpoch }
  })
}
