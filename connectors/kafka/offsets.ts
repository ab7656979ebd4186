import { offsetCommitV9, offsetFetchV9 } from '@platformatic/kafka'
import { StreamsError } from '#streams/base'
import type { CommittedOffset, CommittingMember, TopicPartition } from '#streams/ports'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { endDanglingTransactions } from './dangling-transactions.ts'
import { check, hasErrorCode, KAFKA_ERROR, type KafkaError } from './kafka-errors.ts'
import { offsetsPartition, releaseHeldBack } from './lost-markers.ts'
import { sleep } from './retry.ts'

const NO_MEMBER = ''
const NO_EPOCH = -1
const EPOCH_POLL_MS = 20
/** A dead owner's transaction is aborted within its time-out, and its offsets are not stable until then. */
const UNSTABLE_WAIT_FACTOR = 3

export function offsetsByTopic(offsets: readonly CommittedOffset[]) {
  return [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: NO_EPOCH,
      committedMetadata: metadata,
    })),
  }))
}

/** A member that hears at once that the group does not know it under this epoch. */
export type RefusableMember = CommittingMember & { refused?(): void }

/**
 * Commits in the name of a member. The coordinator may have a newer epoch of this member than it has been told by a
 * heartbeat: its tasks are still its own until it gives them up, so the commit is repeated when the epoch arrives.
 */
export async function withMemberEpoch(
  cluster: Cluster,
  member: RefusableMember | undefined,
  commit: (memberId: string, memberEpoch: number) => Promise<void>,
): Promise<void> {
  if (member === undefined) return commit(NO_MEMBER, NO_EPOCH)
  const endMs = performance.now() + cluster.limits.memberEpochWaitMs
  for (;;) {
    const { memberId, memberEpoch } = member
    try {
      return await commit(memberId, memberEpoch)
    } catch (error) {
      if (isRefusal(error)) member.refused?.()
      if (!isStaleEpoch(error)) throw error
      while (member.memberEpoch === memberEpoch) {
        if (performance.now() > endMs) throw error
        await sleep(EPOCH_POLL_MS)
      }
    }
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof StreamsError ? error.cause : error
}

function isStaleEpoch(error: unknown): boolean {
  return hasErrorCode(causeOf(error), KAFKA_ERROR.staleMemberEpoch, KAFKA_ERROR.illegalGeneration)
}

function isRefusal(error: unknown): boolean {
  return isStaleEpoch(error) || hasErrorCode(causeOf(error), KAFKA_ERROR.unknownMemberId, KAFKA_ERROR.fencedMemberEpoch)
}

export async function commitGroupOffsets(
  cluster: Cluster,
  connections: Connections,
  group: string,
  offsets: readonly CommittedOffset[],
  member?: CommittingMember,
): Promise<void> {
  if (offsets.length === 0) return
  const topics = offsetsByTopic(offsets)
  const what = `committing offsets of group ${group}`
  await withMemberEpoch(cluster, member, (memberId, memberEpoch) =>
    cluster.atCoordinator({ kind: 'group', key: group, what }, async (coordinator) => {
      const response = await connections.call(
        coordinator,
        offsetCommitV9.api,
        group,
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

/**
 * Committed offsets, and only those that nothing can change any more: while a transaction that has offsets of the group
 * is not ended, the answer is waited for. Reading on from before it would process its records twice. A member of the
 * group (`endsDangling`) ends what dead processes have left open; everybody else waits for its time-out.
 */
export async function fetchGroupOffsets(
  cluster: Cluster,
  group: string,
  partitions: readonly TopicPartition[] | undefined,
  endsDangling = false,
): Promise<readonly CommittedOffset[]> {
  const what = `reading the offsets of group ${group}`
  const topics =
    partitions === undefined
      ? null
      : [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
          name,
          partitionIndexes: list.map(({ partition }) => partition),
        }))
  const { transactionTimeoutMs, retryTimeoutMs } = cluster.limits
  const timeoutMs = Math.max(retryTimeoutMs, transactionTimeoutMs * UNSTABLE_WAIT_FACTOR)
  const isTimeToEnd = createUnstableWatch(cluster.limits.danglingTransactionMs)
  const beforeRetry = async (error: KafkaError): Promise<void> => {
    if (!endsDangling || !hasErrorCode(error, KAFKA_ERROR.unstableOffsetCommit) || !isTimeToEnd()) return
    await endDanglingTransactions(cluster, group)
    const place = await offsetsPartition(cluster, group)
    if (place !== undefined) await releaseHeldBack(cluster, undefined, place)
  }
  return cluster.atCoordinator({ kind: 'group', key: group, what, timeoutMs, beforeRetry }, async (coordinator) => {
    const asked = { groupId: group, memberId: null, memberEpoch: NO_EPOCH, topics }
    const { groups } = await cluster.connections.call(coordinator, offsetFetchV9.api, [asked], true)
    const found: CommittedOffset[] = []
    for (const { errorCode, topics: list } of groups) {
      if (errorCode === KAFKA_ERROR.groupIdNotFound) return []
      check(errorCode, what)
      for (const topic of list) {
        for (const each of topic.partitions) {
          check(each.errorCode, `${what}: ${topic.name}-${each.partitionIndex}`)
          if (each.committedOffset < 0n) continue
          const { partitionIndex, committedOffset, metadata } = each
          const offset = Number(committedOffset)
          found.push({ topic: topic.name, partition: partitionIndex, offset, metadata: metadata ?? '' })
        }
      }
    }
    return found
  })
}

/** True each time that offsets have been unstable for another `everyMs`. */
function createUnstableWatch(everyMs: number): () => boolean {
  let sinceMs: number | undefined
  return () => {
    const nowMs = performance.now()
    sinceMs ??= nowMs
    if (nowMs - sinceMs < everyMs) return false
    sinceMs = nowMs
    return true
  }
}
