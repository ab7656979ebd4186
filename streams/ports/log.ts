import type { Bytes } from '../base/bytes.ts'
import type { Headers } from './headers.ts'

/**
 * The durable, partitioned log: topics, partitions, offsets, transactions, committed offsets of groups. Implemented by
 * the embedded log and by Apache Kafka; `log.contract.ts` is the suite that both pass.
 *
 * What every implementation promises:
 * - A partition is a sequence; the offset of a record never changes; offsets rise but may have gaps (aborted
 *   transactions, compaction, control records). A reader is done on *position*, never on "last record seen".
 * - What was acknowledged survives the death of the process; with the default settings also a power cut.
 * - Readers with `read_committed` see whole transactions or nothing of them.
 */
export type TopicPartition = { readonly topic: string; readonly partition: number }
export type PartitionOffset = TopicPartition & { readonly offset: number }

export type LogRecord = {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly headers: Headers
}

/** What a poll found in one partition. */
export type FetchedBatch = TopicPartition & {
  /** May be empty where only control or aborted records were passed. Valid until the consumer is closed. */
  readonly records: readonly LogRecord[]
  /** The position after this batch: where the next poll goes on. At least the last record's offset + 1. */
  readonly nextOffset: number
  /** End offset that this reader may see (last stable offset for read_committed), as known now: end - next = lag. */
  readonly endOffset: number
}

export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete'

export type TopicConfig = {
  readonly cleanupPolicy?: CleanupPolicy
  /** Age at which records may go, by record timestamp; -1 = never. Default 7 days as in Kafka. */
  readonly retentionMs?: number
  readonly retentionBytes?: number
  readonly segmentBytes?: number
  /** Compaction keeps at least what is younger than this. */
  readonly minCompactionLagMs?: number
  readonly deleteRetentionMs?: number
  readonly maxMessageBytes?: number
}
export type TopicSpec = {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor?: number
  readonly config?: TopicConfig
}
export type TopicDescription = { readonly name: string; readonly partitions: number; readonly config: TopicConfig }

export type CommittedOffset = PartitionOffset & {
  /** Free text beside the offset (≤ 4096 characters in Kafka's default): partition time, operator times. */
  readonly metadata: string
}

/**
 * The member of a group in whose name offsets are committed: a commit of a member that the group no longer has is
 * refused with TASK_MIGRATED. Its epoch changes while it lives, so it is read for every attempt.
 */
export type CommittingMember = { readonly memberId: string; readonly memberEpoch: number }

export type LogAdmin = {
  /** Creates those that do not exist; resolves when they can be used. TOPIC_MISMATCH if one has other partitions. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>
  deleteTopics(names: readonly string[]): Promise<void>
  /** Topics that do not exist are absent from the answer. */
  describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>>
  listTopics(): Promise<readonly string[]>
  startOffsets(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>
  /**
   * Where a reader with this isolation ends now; by default read_committed, whose end is the last stable offset. That
   * of read_uncommitted is behind everything acknowledged, also what belongs to transactions whose end is still on its
   * way into the partition: whoever must have read all that was committed goes on up to there.
   */
  endOffsets(partitions: readonly TopicPartition[], isolation?: IsolationLevel): Promise<readonly PartitionOffset[]>
  /** The first offset whose record has at least this timestamp; the end offset where there is none. */
  offsetsForTimes(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
  ): Promise<readonly PartitionOffset[]>
  /** Records below the offset may be removed (repartition topics after commit). */
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>
  listGroups(): Promise<readonly string[]>
  /**
   * All committed offsets of a group, or those of `partitions`; partitions without a commit are absent. Where partitions
   * are given, transactions that are just ending are waited for; the list of all may be behind them by a moment.
   */
  committedOffsets(group: string, partitions?: readonly TopicPartition[]): Promise<readonly CommittedOffset[]>
  /** Sets offsets of a group that has no running member (reset tool). */
  alterCommittedOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void>
  deleteGroup(group: string): Promise<void>
  /**
   * Asked when a reader of committed records gets no further in a partition: ends the transactions there that nobody else
   * would end, and says in words what is still in the way. Absent where nothing can be.
   */
  releaseHeldBack?(partition: TopicPartition): Promise<string>
}

export type IsolationLevel = 'read_committed' | 'read_uncommitted'

export type ConsumerOptions = {
  /** For messages and metrics. */
  readonly clientId: string
  readonly isolation: IsolationLevel
  /** A poll returns at most so many records and (key + value) bytes in all, but at least one record if there is one. */
  readonly pollRecordsMax: number
  readonly pollBytesMax: number
}

/** Reads assigned partitions. Not for concurrent use: one poll at a time. */
export type Consumer = {
  /** Replaces the assignment; partitions that stay keep nothing: positions are as given. */
  assign(positions: readonly PartitionOffset[]): void
  /** A paused partition is not fetched; its position stays. Unknown partitions are an assertion error. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(position: PartitionOffset): void
  /**
   * Waits up to `waitMs` until at least one unpaused partition has something new. Partitions take turns, so that none
   * starves. Rejects with OFFSET_OUT_OF_RANGE (naming the partition) or LOG_UNAVAILABLE; positions then are as before.
   */
  poll(waitMs: number): Promise<readonly FetchedBatch[]>
  /** Makes a waiting poll return at once, empty. */
  wakeup(): void
  position(partition: TopicPartition): number
  close(): Promise<void>
}

export type ProducerOptions = {
  readonly clientId: string
  /**
   * Given: writes are in transactions, and creating the producer fences every earlier one with this id (its next
   * commit fails with FENCED) and aborts what it left open.
   */
  readonly transactionalId?: string
  /** `send` accepts up to so many bytes before `flush` or a commit must be awaited; see `bytesBuffered`. */
  readonly bufferBytesMax: number
}

/**
 * Writes records. `send` is synchronous (it is called in a step); everything that takes time is in `flush` and
 * `commitTransaction`. Not for concurrent use.
 */
export type Producer = {
  /**
   * Buffers one record. Bytes are not changed afterwards by the caller. Throws RECORD_TOO_LARGE, TOPIC_MISSING or
   * OFFSET_OUT_OF_RANGE (no such partition) for this record alone; nothing else is affected.
   * With a transactional id, the first send or `sendOffsets` after a commit or abort begins a transaction.
   */
  send(
    topic: string,
    partition: number,
    key: Bytes | null,
    value: Bytes | null,
    timestampMs: number,
    headers: Headers,
  ): void
  /** Bytes accepted but not yet acknowledged. The runtime awaits `flush` (or commits early) at its bound. */
  readonly bytesBuffered: number
  /** How many partitions a topic has, for partitioning in the step; `undefined` until `prepareTopics` was awaited. */
  partitionCount(topic: string): number | undefined
  /** Loads the metadata of topics that will be written. TOPIC_MISSING names those that do not exist. */
  prepareTopics(topics: readonly string[]): Promise<void>
  /** Resolves when everything sent so far is acknowledged (in a transaction: written, not yet visible). */
  flush(): Promise<void>
  /**
   * Atomic over all partitions written and the group's offsets: after a crash all of it is there or nothing.
   * FENCED: another producer owns the id; TASK_MIGRATED: `group` has no such member; nothing was committed.
   * Any other error: the outcome may be unknown; the caller must close this producer, and read back committed offsets.
   */
  commitTransaction(group: string, offsets: readonly CommittedOffset[], member?: CommittingMember): Promise<void>
  abortTransaction(): Promise<void>
  /** Commits offsets without a transaction (at-least-once), after a flush. */
  commitOffsets(group: string, offsets: readonly CommittedOffset[], member?: CommittingMember): Promise<void>
  /**
   * The offset after the last acknowledged (or committed) record of this producer in that partition: the position of
   * a changelog after a commit. Undefined if it wrote nothing there.
   */
  producedOffset(topic: string, partition: number): number | undefined
  close(): Promise<void>
}

export type Log = {
  readonly admin: LogAdmin
  createConsumer(options: ConsumerOptions): Promise<Consumer>
  createProducer(options: ProducerOptions): Promise<Producer>
  close(): Promise<void>
}
