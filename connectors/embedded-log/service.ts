import { assert, type Bytes, partitionName, StreamsError } from '#streams/base'
import type { CommittedOffset, PartitionOffset, TopicConfig, TopicPartition, TopicSpec } from '#streams/ports'
import {
  assignBaseOffset,
  BATCH_FORMAT,
  BATCH_HEADER_BYTES,
  batchLength,
  batchOffsetSpan,
  batchRecordCount,
} from './batch-format.ts'
import type { Committer, StagedUnit, Unit } from './committer.ts'
import type { Fetcher } from './fetcher.ts'
import type { JournalEvent } from './journal-format.ts'
import type { LogService, SubmitRequest, SubmitResponse } from './protocol.ts'
import {
  appendBatch,
  applyEvent,
  findPartition,
  findTopic,
  type LogState,
  type Partition,
  TOPIC_CONFIG_DEFAULTS,
  type Topic,
  topicMetadata,
  wakeWaiters,
} from './state.ts'

const PARTITIONS_MAX = 10_000
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/
const NO_BYTES: Bytes = new Uint8Array(0)

export type ServiceParts = {
  readonly state: LogState
  readonly committer: Committer
  readonly fetcher: Fetcher
  readonly offsetForTime: (partition: Partition, timestampMs: number) => Promise<number>
}

/** The owner's side of one connection: answers the calls of one client. */
export function createService({ state, committer, fetcher, offsetForTime }: ServiceParts): LogService {
  /** Decides at its turn in the journal, when everything before it is applied. */
  const change = (decide: () => readonly JournalEvent[]): Promise<undefined> =>
    committer.submit(eventUnit(state, decide))
  const partitionsOf = (partitions: readonly TopicPartition[]): readonly Partition[] =>
    partitions.map((partition) => findPartition(state, partition))
  return {
    submit: (request) => committer.submit(submissionUnit(state, request)),
    fetch: (request) => fetcher.fetch(request),
    async cancelFetch({ consumer, closed }) {
      fetcher.cancel(consumer)
      if (closed === true) fetcher.forget(consumer)
      return undefined
    },
    async openProducer({ transactionalId }) {
      let epoch = 0
      await change(() => {
        epoch = (state.producerEpochs.get(transactionalId) ?? -1) + 1
        return [{ kind: 'producer', transactionalId, epoch }]
      })
      return { epoch }
    },
    async topics({ names }) {
      const found = names.map((name) => state.topics.get(name)).filter((topic) => topic !== undefined) as Topic[]
      return found.map(topicMetadata)
    },
    createTopics: (specs) => change(() => createTopicEvents(state, specs)),
    deleteTopics: (names) =>
      change(() => names.map((name) => ({ kind: 'topic-deleted', topicId: findTopic(state, name).id, name }) as const)),
    listTopics: async () => [...state.topics.keys()].sort(),
    startOffsets: async (partitions) =>
      partitionsOf(partitions).map((each) => ({
        topic: each.topic.name,
        partition: each.index,
        offset: each.startOffset,
      })),
    endOffsets: async (partitions) =>
      partitionsOf(partitions).map((each) => ({
        topic: each.topic.name,
        partition: each.index,
        offset: each.endOffset,
      })),
    async offsetsForTimes(questions) {
      const answers: PartitionOffset[] = []
      for (const { topic, partition, timestampMs } of questions) {
        const offset = await offsetForTime(findPartition(state, { topic, partition }), timestampMs)
        answers.push({ topic, partition, offset })
      }
      return answers
    },
    deleteRecords: (before) => change(() => deleteRecordsEvents(state, before)),
    listGroups: async () => [...state.groups.keys()].sort(),
    committedOffsets: async ({ group, partitions }) => committedOffsets(state, group, partitions),
    alterCommittedOffsets: ({ group, offsets }) => change(() => offsetsEvents(state, group, offsets)),
    deleteGroup: ({ group }) => change(() => (state.groups.has(group) ? [{ kind: 'group-deleted', group }] : [])),
  }
}

function eventUnit(state: LogState, decide: () => readonly JournalEvent[]): Unit<undefined> {
  return {
    bytes: 0,
    alone: true,
    stage: () => {
      const events = decide()
      return {
        batches: [],
        data: NO_BYTES,
        events,
        apply() {
          for (const event of events) applyEvent(state, event)
          return undefined
        },
        unstage: () => {},
      }
    },
  }
}

/** A produce or a whole transaction: checked, given offsets, written as one frame, then made visible at once. */
function submissionUnit(state: LogState, request: SubmitRequest): Unit<SubmitResponse> {
  return {
    bytes: request.bytes.length,
    alone: false,
    stage: () => stageSubmission(state, request),
  }
}

function stageSubmission(state: LogState, request: SubmitRequest): StagedUnit<SubmitResponse> {
  const { producer, batches, bytes, group, offsets } = request
  if (producer !== undefined) checkEpoch(state, producer)
  const events = group === undefined || offsets === undefined ? [] : offsetsEvents(state, group, offsets)
  const partitions: Partition[] = []
  for (let i = 0; i < batches.length; i += 4) partitions.push(partitionOfBatch(state, request, i))
  const nextOffsets: number[] = []
  for (let i = 0; i < partitions.length; i++) {
    const partition = partitions[i] as Partition
    const at = batches[i * 4 + 2] as number
    assignBaseOffset(bytes, at, partition.stagedEndOffset)
    partition.stagedEndOffset += batchOffsetSpan(bytes, at)
    nextOffsets.push(partition.stagedEndOffset)
  }
  return {
    batches,
    data: bytes,
    events,
    apply() {
      // All batches first, then the readers: woken ones must find the whole transaction.
      for (let i = 0; i < partitions.length; i++) {
        const at = batches[i * 4 + 2] as number
        appendBatch(state, partitions[i] as Partition, bytes.subarray(at, at + (batches[i * 4 + 3] as number)))
      }
      for (const event of events) applyEvent(state, event)
      for (const partition of partitions) wakeWaiters(partition)
      return { nextOffsets }
    },
    unstage() {
      for (const partition of partitions) partition.stagedEndOffset = partition.endOffset
    },
  }
}

function partitionOfBatch(state: LogState, { batches, bytes }: SubmitRequest, i: number): Partition {
  const partition = state.topicsById.get(batches[i] as number)?.partitions[batches[i + 1] as number]
  if (partition === undefined) {
    throw new StreamsError(
      'TOPIC_MISSING',
      'A topic that was written to has been deleted since the producer loaded its metadata; nothing was written. ' +
        'Create the topic again and start a new producer.',
    )
  }
  const at = batches[i + 2] as number
  const length = batches[i + 3] as number
  assert(
    length >= BATCH_HEADER_BYTES &&
      at + length <= bytes.length &&
      batchLength(bytes, at) === length &&
      bytes[at + 20] === BATCH_FORMAT &&
      batchRecordCount(bytes, at) > 0,
    'a client submits whole batches',
  )
  return partition
}

function checkEpoch(state: LogState, { transactionalId, epoch }: { transactionalId: string; epoch: number }): void {
  const current = state.producerEpochs.get(transactionalId)
  if (current === epoch) return
  throw new StreamsError(
    'FENCED',
    `The producer ${transactionalId} of epoch ${epoch} was replaced by a newer one of epoch ${current}; ` +
      'its transaction was not committed. Close it; the newer one goes on.',
  )
}

function offsetsEvents(state: LogState, group: string, offsets: readonly CommittedOffset[]): JournalEvent[] {
  for (const offset of offsets) {
    findPartition(state, offset)
    assert(Number.isSafeInteger(offset.offset) && offset.offset >= 0, 'a committed offset is an offset')
  }
  return offsets.length === 0 ? [] : [{ kind: 'offsets', group, offsets }]
}

function createTopicEvents(state: LogState, specs: readonly TopicSpec[]): JournalEvent[] {
  const events: JournalEvent[] = []
  const named = new Set<string>()
  let id = state.nextTopicId
  for (const { name, partitions, config } of specs) {
    if (!TOPIC_NAME.test(name) || name === '.' || name === '..') {
      throw new StreamsError(
        'CONFIG_INVALID',
        `"${name}" is no topic name: 1 to 249 letters, digits, dots, dashes and underscores are allowed.`,
      )
    }
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
      throw new StreamsError(
        'CONFIG_INVALID',
        `Topic ${name} cannot have ${partitions} partitions: 1 to ${PARTITIONS_MAX} are allowed.`,
      )
    }
    const existing = state.topics.get(name)
    if (existing !== undefined && existing.partitions.length !== partitions) {
      throw new StreamsError(
        'TOPIC_MISMATCH',
        `Topic ${name} exists with ${existing.partitions.length} partitions, not ${partitions}. ` +
          'Use that number, or choose another topic: keys would move between partitions.',
      )
    }
    if (existing !== undefined || named.has(name)) continue
    named.add(name)
    events.push({ kind: 'topic-created', topic: { id: id++, name, partitions, config: fullConfig(config) } })
  }
  return events
}

function fullConfig(config: TopicConfig | undefined): Required<TopicConfig> {
  const full: Record<string, unknown> = { ...TOPIC_CONFIG_DEFAULTS }
  for (const [name, value] of Object.entries(config ?? {})) if (value !== undefined) full[name] = value
  return full as Required<TopicConfig>
}

function deleteRecordsEvents(state: LogState, before: readonly PartitionOffset[]): JournalEvent[] {
  return before.map((position) => {
    const partition = findPartition(state, position)
    if (position.offset > partition.endOffset) {
      throw new StreamsError(
        'OFFSET_OUT_OF_RANGE',
        `Records of ${partitionName(position.topic, position.partition)} below ${position.offset} cannot be deleted: ` +
          `the partition ends at ${partition.endOffset}.`,
      )
    }
    return { kind: 'start-offset', topicId: partition.topic.id, partition: partition.index, offset: position.offset }
  })
}

function committedOffsets(
  state: LogState,
  group: string,
  partitions: readonly TopicPartition[] | undefined,
): readonly CommittedOffset[] {
  const offsets = state.groups.get(group)
  if (offsets === undefined) return []
  if (partitions === undefined) return [...offsets.values()]
  return partitions
    .map(({ topic, partition }) => offsets.get(partitionName(topic, partition)))
    .filter((offset) => offset !== undefined) as CommittedOffset[]
}
