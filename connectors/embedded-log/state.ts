import { assert, type Bytes, partitionName, StreamsError } from '#streams/base'
import type { CommittedOffset, TopicConfig, TopicPartition } from '#streams/ports'
import { batchBaseOffset, batchNextOffset } from './batch-format.ts'
import { BatchQueue } from './batch-queue.ts'
import type { JournalEvent, StoredTopic } from './journal-format.ts'
import type { TopicMetadata } from './protocol.ts'
import type { Segment } from './segment.ts'

/**
 * All that the owner knows: topics with their partitions, committed offsets, producer epochs. Changed only here, by
 * what is in the journal: after the sync when running, from the file after a restart.
 */
export type LogState = {
  readonly topics: Map<string, Topic>
  readonly topicsById: Map<number, Topic>
  nextTopicId: number
  /** By group, then by `partitionName`. */
  readonly groups: Map<string, Map<string, CommittedOffset>>
  readonly producerEpochs: Map<string, number>
  readonly tail: TailCache
}

export type Topic = {
  readonly id: number
  readonly name: string
  readonly config: Required<TopicConfig>
  readonly partitions: readonly Partition[]
  readonly directory: string
}

export type Partition = {
  readonly topic: Topic
  readonly index: number
  readonly directory: string
  startOffset: number
  /** Readers see what is below. */
  endOffset: number
  /** Offsets below are given out; between `endOffset` and here lies what is being written to the journal. */
  stagedEndOffset: number
  /** Everything below is in segment files. */
  flushedOffset: number
  /** Compaction has seen everything below. */
  cleanedOffset: number
  segments: Segment[]
  readonly queue: BatchQueue
  /** Called (and emptied) when the end offset rises or the topic goes. */
  readonly waiters: Set<() => void>
  deleted: boolean
}

/** Over all partitions: the order in which batches came, for eviction, and the bytes they hold. */
export type TailCache = {
  readonly order: Partition[]
  head: number
  bytes: number
  unflushedBytes: number
}

export const TOPIC_CONFIG_DEFAULTS: Required<TopicConfig> = {
  cleanupPolicy: 'delete',
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  retentionBytes: -1,
  segmentBytes: 128 * 1024 * 1024,
  minCompactionLagMs: 0,
  deleteRetentionMs: 24 * 60 * 60 * 1000,
  maxMessageBytes: 1024 * 1024,
}

export function createState(): LogState {
  return {
    topics: new Map(),
    topicsById: new Map(),
    nextTopicId: 1,
    groups: new Map(),
    producerEpochs: new Map(),
    tail: { order: [], head: 0, bytes: 0, unflushedBytes: 0 },
  }
}

export function addTopic(state: LogState, stored: StoredTopic): Topic {
  const partitions: Partition[] = []
  // `~` is not allowed in names; the id keeps a topic apart from a deleted one with the same name.
  const directory = `topics/${stored.name}~${stored.id}`
  const topic: Topic = { id: stored.id, name: stored.name, config: stored.config, partitions, directory }
  for (let index = 0; index < stored.partitions; index++) {
    partitions.push({
      topic,
      index,
      directory: `${directory}/${index}`,
      startOffset: 0,
      endOffset: 0,
      stagedEndOffset: 0,
      flushedOffset: 0,
      cleanedOffset: 0,
      segments: [],
      queue: new BatchQueue(),
      waiters: new Set(),
      deleted: false,
    })
  }
  state.topics.set(topic.name, topic)
  state.topicsById.set(topic.id, topic)
  if (topic.id >= state.nextTopicId) state.nextTopicId = topic.id + 1
  return topic
}

export function applyEvent(state: LogState, event: JournalEvent): void {
  switch (event.kind) {
    case 'topic-created':
      // Known already, or known to be deleted: this event is older than the state.
      if (event.topic.id >= state.nextTopicId) addTopic(state, event.topic)
      return
    case 'topic-deleted':
      deleteTopic(state, event.topicId)
      // Also where the topic is not known any more: the manifest's topics may be newer than its groups.
      for (const offsets of state.groups.values()) {
        for (const [name, offset] of offsets) if (offset.topic === event.name) offsets.delete(name)
      }
      return
    case 'start-offset': {
      const partition = state.topicsById.get(event.topicId)?.partitions[event.partition]
      if (partition !== undefined && event.offset > partition.startOffset) partition.startOffset = event.offset
      return
    }
    case 'producer':
      state.producerEpochs.set(event.transactionalId, event.epoch)
      return
    case 'offsets': {
      const group = state.groups.get(event.group) ?? new Map<string, CommittedOffset>()
      state.groups.set(event.group, group)
      for (const offset of event.offsets) group.set(partitionName(offset.topic, offset.partition), offset)
      return
    }
    case 'group-deleted':
      state.groups.delete(event.group)
      return
    default:
      event satisfies never
  }
}

function deleteTopic(state: LogState, topicId: number): void {
  const topic = state.topicsById.get(topicId)
  if (topic === undefined) return
  state.topicsById.delete(topicId)
  state.topics.delete(topic.name)
  for (const partition of topic.partitions) {
    partition.deleted = true
    for (const segment of partition.segments) segment.discarded = true
    const { queue } = partition
    for (let i = 0; i < queue.count; i++) {
      const bytes = queue.at(i).bytes.length
      state.tail.bytes -= bytes
      if (i >= queue.flushedCount) state.tail.unflushedBytes -= bytes
    }
    wakeWaiters(partition)
  }
}

/** Makes a batch visible that is durable in the journal. Its base offset is assigned. */
export function appendBatch(state: LogState, partition: Partition, bytes: Bytes): void {
  const baseOffset = batchBaseOffset(bytes, 0)
  assert(baseOffset >= partition.endOffset, 'offsets rise')
  const nextOffset = batchNextOffset(bytes, 0)
  partition.queue.push({ bytes, baseOffset, nextOffset })
  partition.endOffset = nextOffset
  if (partition.stagedEndOffset < nextOffset) partition.stagedEndOffset = nextOffset
  const { tail } = state
  tail.order.push(partition)
  tail.bytes += bytes.length
  tail.unflushedBytes += bytes.length
}

export function wakeWaiters(partition: Partition): void {
  if (partition.waiters.size === 0) return
  const waiters = [...partition.waiters]
  partition.waiters.clear()
  for (const wake of waiters) wake()
}

/** Forgets the oldest cached batches that are in segment files, down to `bytesMax`. */
export function evictTail({ tail }: LogState, bytesMax: number): void {
  while (tail.bytes > bytesMax && tail.head < tail.order.length) {
    const partition = tail.order[tail.head] as Partition
    if (!partition.deleted) {
      if (partition.queue.flushedCount === 0) break
      tail.bytes -= partition.queue.evict().bytes.length
    }
    tail.head++
  }
  if (tail.head > 4096 && tail.head * 2 > tail.order.length) {
    tail.order.splice(0, tail.head)
    tail.head = 0
  }
}

export function findTopic(state: LogState, name: string): Topic {
  const topic = state.topics.get(name)
  if (topic === undefined) {
    throw new StreamsError('TOPIC_MISSING', `There is no topic ${name} in this log. Create it first.`)
  }
  return topic
}

export function findPartition(state: LogState, { topic: name, partition: index }: TopicPartition): Partition {
  const topic = findTopic(state, name)
  const partition = topic.partitions[index]
  if (partition === undefined) {
    throw new StreamsError(
      'OFFSET_OUT_OF_RANGE',
      `Topic ${name} has no partition ${index}: its partitions are 0 to ${topic.partitions.length - 1}.`,
    )
  }
  return partition
}

export function topicMetadata({ id, name, config, partitions }: Topic): TopicMetadata {
  return { id, name, partitions: partitions.length, config, maxMessageBytes: config.maxMessageBytes }
}
