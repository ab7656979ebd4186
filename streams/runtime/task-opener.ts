import { hasCode, StreamsError } from '../base/errors.ts'
import { parseTaskId, partitionName, type TaskId } from '../base/ids.ts'
import type {
  Clock,
  CommittedOffset,
  Log,
  Logger,
  Metrics,
  PartitionOffset,
  StateDatabase,
  StateEngine,
  TopicPartition,
} from '../ports/index.ts'
import { keyspacesOf, type ManagedStore, type RecordCache } from '../stores/index.ts'
import type { AutoOffsetReset } from '../topology/topology.ts'
import type { StreamsConfig } from './config.ts'
import type { RecordCollector } from './record-collector.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { StreamTask } from './task.ts'
import { POSITIONS_KEYSPACE } from './task-stores.ts'

export type TaskOpenerOptions = {
  readonly topology: ResolvedTopology
  readonly config: StreamsConfig
  readonly log: Log
  readonly stateEngine: StateEngine
  readonly memoryEngine: StateEngine
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly recordCache: RecordCache | undefined
  readonly globalStores: ReadonlyMap<string, ManagedStore>
  readonly threadName: string
}

/** A task with what must be closed after it. */
export type OpenTask = {
  readonly task: StreamTask
  /** Inputs and where to read on. */
  readonly positions: readonly CommittedOffset[]
  closeDatabases(): Promise<void>
}

/** Opens the database of a task, finds its committed offsets and makes the task. */
export async function openTask(id: TaskId, collector: RecordCollector, options: TaskOpenerOptions): Promise<OpenTask> {
  const { topology, config, log, stateEngine, memoryEngine } = options
  const { subTopology, partition } = parseTaskId(id)
  const inputs = topology.inputsOf({ subTopology, partition })
  const positions = await findPositions(log, config, inputs, (topic) => resetOf(topology, subTopology, topic), options)
  const { stores } = topology.subTopology(subTopology)
  const named = (persistence: string): readonly string[] =>
    stores.filter(({ spec }) => spec.persistence === persistence).flatMap(({ spec }) => keyspacesOf(spec))
  const database = await stateEngine.open(id, [POSITIONS_KEYSPACE, ...named('persistent')])
  let memoryDatabase: StateDatabase | undefined
  try {
    memoryDatabase = await memoryEngine.open(id, [POSITIONS_KEYSPACE, ...named('memory')])
    const task = new StreamTask({
      ...options,
      id,
      collector,
      database,
      memoryDatabase,
      positions,
    })
    return {
      task,
      positions,
      closeDatabases: () => closeBoth(id, database, memoryDatabase, memoryEngine),
    }
  } catch (error) {
    await closeBoth(id, database, memoryDatabase, memoryEngine)
    throw error
  }
}

/** What is only in memory is given up with the task, and restored whole when it is opened again. */
async function closeBoth(
  id: TaskId,
  database: StateDatabase,
  memoryDatabase: StateDatabase | undefined,
  memoryEngine: StateEngine,
): Promise<void> {
  await database.close()
  if (memoryDatabase === undefined) return
  await memoryDatabase.close()
  await memoryEngine.destroy(id)
}

function resetOf(topology: ResolvedTopology, subTopology: number, topic: string): AutoOffsetReset {
  const { sources } = topology.subTopology(subTopology)
  const source = sources.find(({ topics }) => topics.some(({ name }) => name === topic))
  return source?.node.autoOffsetReset ?? { kind: 'earliest' }
}

/**
 * Committed offsets, or where the source's reset policy says. A committed offset that the partition no longer has is
 * never passed over in silence: below the start, the loss is logged with its size; past the end is an error.
 */
async function findPositions(
  log: Log,
  config: StreamsConfig,
  inputs: readonly TopicPartition[],
  resetFor: (topic: string) => AutoOffsetReset,
  { clock, logger }: Pick<TaskOpenerOptions, 'clock' | 'logger'>,
): Promise<readonly CommittedOffset[]> {
  // One after the other: an end that was read before the commit of another owner would seem to lie before its offset.
  const committed = await log.admin.committedOffsets(config.applicationId, inputs)
  const [starts, ends] = await Promise.all([log.admin.startOffsets(inputs), log.admin.endOffsets(inputs)])
  return Promise.all(
    inputs.map(async (input) => {
      const start = offsetOf(starts, input)
      const end = offsetOf(ends, input)
      const found = committed.find((candidate) => isSame(candidate, input))
      if (found === undefined) {
        const offset = await resetPosition(log, input, resetFor(input.topic), start, end, clock)
        return { ...input, offset, metadata: '' }
      }
      if (found.offset > end) {
        throw new StreamsError(
          'OFFSET_OUT_OF_RANGE',
          `application ${config.applicationId} has committed offset ${found.offset} of ${partitionName(input.topic, input.partition)}, but the partition ends at ${end}: the topic was recreated or has lost records. Reset the application's offsets, or restore the topic`,
        )
      }
      if (found.offset >= start) return found
      logger.warn(
        `Records were deleted before they were processed: ${partitionName(input.topic, input.partition)} now starts at ${start}, the committed offset is ${found.offset}. Going on at ${start}; raise the topic's retention to keep what is not processed yet`,
        {
          topic: input.topic,
          partition: input.partition,
          recordsLost: start - found.offset,
        },
      )
      return { ...found, offset: start }
    }),
  )
}

async function resetPosition(
  log: Log,
  input: TopicPartition,
  reset: AutoOffsetReset,
  start: number,
  end: number,
  clock: Clock,
): Promise<number> {
  switch (reset.kind) {
    case 'earliest':
      return start
    case 'latest':
      return end
    case 'none':
      throw new StreamsError(
        'OFFSET_OUT_OF_RANGE',
        `there is no committed offset for ${partitionName(input.topic, input.partition)}, and its source says autoOffsetReset none; commit offsets first, or choose earliest or latest`,
      )
    case 'by-duration': {
      const found = await log.admin.offsetsForTimes([{ ...input, timestampMs: clock.wallClockMs() - reset.durationMs }])
      return found[0]?.offset ?? end
    }
    default:
      return reset satisfies never
  }
}

function isSame(left: TopicPartition, right: TopicPartition): boolean {
  return left.topic === right.topic && left.partition === right.partition
}

export function offsetOf(offsets: readonly PartitionOffset[], partition: TopicPartition): number {
  const found = offsets.find((candidate) => isSame(candidate, partition))
  if (found === undefined) {
    throw new StreamsError(
      'TOPIC_MISSING',
      `the log knows no partition ${partitionName(partition.topic, partition.partition)}`,
    )
  }
  return found.offset
}

/** True for what a wipe and a full restore can mend. */
export function isMendedByRestore(error: unknown): boolean {
  return hasCode(error, 'STATE_CORRUPTED')
}
