import { createMemoryDatabase } from '#state-stores'
import { parseTaskId, type TaskId } from '#streams/base'
import {
  type Clock,
  type CommittedOffset,
  NO_METRICS,
  SILENT_LOGGER,
  type StateDatabase,
  type TopicPartition,
} from '#streams/ports'
import { POSITIONS_KEYSPACE, type RecordCollector, StreamTask } from '#streams/runtime'
import { createRecordCache, type ManagedStore, type StoreSpec } from '#streams/stores'
import type { FinishedRun } from './finished-run.ts'

/** Shows the time that it was set to. */
export class SetClock implements Clock {
  nowMs = 0
  wallClockMs(): number {
    return this.nowMs
  }
  monotonicMs(): number {
    return this.nowMs
  }
  sleep(): Promise<void> {
    return Promise.resolve()
  }
}

export const NO_COLLECTOR: RecordCollector = {
  send: () => {},
  partitionCount: () => undefined,
  producedOffset: () => undefined,
}

export type ScratchTask = {
  readonly task: StreamTask
  readonly database: StateDatabase
  readonly inputs: readonly TopicPartition[]
}

/** A task of the run's topology over an empty state of its own, at the start of its inputs. */
export function openScratchTask(
  { resolved, config }: FinishedRun,
  id: TaskId,
  parts: { readonly collector: RecordCollector; readonly clock: Clock; readonly globals: Globals },
): ScratchTask {
  const { subTopology, partition } = parseTaskId(id)
  const stores = storesOf(resolved, id)
  const named = (persistence: string): readonly string[] =>
    stores.filter((spec) => spec.persistence === persistence).map(({ name }) => name)
  const database = createMemoryDatabase(`${id}`, [POSITIONS_KEYSPACE, ...named('persistent')])
  const inputs = resolved.inputsOf({ subTopology, partition })
  const { cacheBytesMax } = config
  const task = new StreamTask({
    id,
    topology: resolved,
    // One record at a time is there, so there is nothing to wait for; and what is committed is looked at.
    config: { ...config, maxTaskIdleMs: -1, stateFlushIntervalMs: 0 },
    collector: parts.collector,
    clock: parts.clock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
    database,
    memoryDatabase: createMemoryDatabase(`${id}-memory`, [POSITIONS_KEYSPACE, ...named('memory')]),
    recordCache: cacheBytesMax > 0 ? createRecordCache({ bytesMax: cacheBytesMax }) : undefined,
    globalStores: parts.globals,
    positions: inputs.map((input): CommittedOffset => ({ ...input, offset: 0, metadata: '' })),
  })
  task.beginRestore()
  return { task, database, inputs }
}

export type Globals = ReadonlyMap<string, ManagedStore>

export function storesOf(resolved: FinishedRun['resolved'], id: TaskId): readonly StoreSpec[] {
  const { subTopology } = parseTaskId(id)
  const found = resolved.subTopologies.find((sub) => sub.id === subTopology)
  return (found?.stores ?? []).map(({ spec }) => spec)
}
