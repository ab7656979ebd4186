import type { TaskId } from '../base/ids.ts'
import type { CommittingMember, TopicPartition, TopicSpec } from './log.ts'

/**
 * Who runs which task. Embedded: one process hands its tasks out to its threads. Kafka: the broker does (KIP-1071).
 * The runtime polls; between polls the assignment does not change under it.
 *
 * Order that the runtime keeps on a change: commit and close the tasks that are revoked → `acknowledge` what is left →
 * only then another member is given the revoked ones. Tasks that are *lost* (fenced) are closed without a commit.
 */
export type TaskAssignment = {
  readonly active: readonly TaskId[]
  readonly standby: readonly TaskId[]
}

export type MembershipEvent =
  /** The target assignment; tasks that are not in it are to be revoked. */
  | { readonly kind: 'assigned'; readonly assignment: TaskAssignment }
  /** This member was fenced: everything is lost, nothing may be committed; it may `join` again. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** The group cannot work, in words for the user (missing source topic, wrong partition count, stale topology). */
  | { readonly kind: 'not-ready'; readonly reason: string }

/** `partitions` is 0 where the number follows from the inputs. */
export type InternalTopic = TopicSpec

export type SubTopologyDescription = {
  readonly subTopology: number
  readonly sourceTopics: readonly string[]
  readonly repartitionSourceTopics: readonly InternalTopic[]
  readonly repartitionSinkTopics: readonly string[]
  readonly changelogTopics: readonly InternalTopic[]
  /** Source and repartition topics that must have the same number of partitions. */
  readonly copartitionGroups: readonly (readonly string[])[]
  readonly taskCount: number
}

export type MemberDescription = {
  readonly memberId: string
  readonly subTopologies: readonly SubTopologyDescription[]
}

/** Where a task runs now, for interactive queries: by member. */
export type GroupMembership = {
  /**
   * True where the group makes the internal topics of its members. `join` then resolves when they are there, and nobody
   * else makes them.
   */
  readonly createsInternalTopics?: boolean
  /**
   * In whose name offsets are committed: given where the group decides who may commit. A producer that was fenced is
   * then replaced, since it was a time-out or a successor of its own; without it, it was another owner.
   */
  readonly committingMember?: CommittingMember
  join(member: MemberDescription): Promise<void>
  /** The newest event since the last call, or undefined. Cheap: called once per loop. */
  poll(): MembershipEvent | undefined
  /** Says what this member owns now, after it has closed what was revoked. */
  acknowledge(owned: TaskAssignment): void
  leave(): Promise<void>
}

export type GroupMembershipFactory = (threadName: string) => GroupMembership

/** Partitions of the sources of a task. */
export type TaskPartitions = { readonly taskId: TaskId; readonly partitions: readonly TopicPartition[] }
