import { present } from '../base/assert.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import { parseTaskId, type TaskId } from '../base/ids.ts'
import type { StreamTask, StreamThread } from '../runtime/index.ts'
import type { ManagedStore, StoreSpec } from '../stores/index.ts'
import { lackOf, lackOfAny, type Position } from './position.ts'
import { readStore } from './read-store.ts'
import type { FailureReason, PartitionResult, StateQueryRequest, StateQueryResult } from './state-query.ts'

const ENTRIES_MAX = 10_000

/**
 * Answers for the partitions that this thread has, between two steps. STORE_UNKNOWN where the topology has no such
 * store; STATE_UNAVAILABLE while the thread is starting. Everything else is said by partition.
 */
export function executeStateQuery(thread: StreamThread, request: StateQueryRequest): StateQueryResult {
  const { topology } = thread
  if (topology === undefined) throw new StreamsError('STATE_UNAVAILABLE', 'the thread is starting; ask again shortly')
  const global = topology.globalStores.find(({ store }) => store.storeName === request.store)
  if (global !== undefined) return { partitions: {}, global: answerGlobal(thread, global.store.spec, request) }
  const sub = topology.subTopologies.find(({ stores }) => stores.some(({ spec }) => spec.name === request.store))
  const spec = sub?.stores.find((candidate) => candidate.spec.name === request.store)?.spec
  if (sub === undefined || spec === undefined) {
    const known = topology.subTopologies.flatMap(({ stores }) => stores.map((store) => store.spec.name))
    throw new StreamsError('STORE_UNKNOWN', `there is no store ${request.store}; stores: ${known.join(', ') || 'none'}`)
  }
  const partitions: Record<number, PartitionResult> = {}
  const isAsked = (partition: number): boolean => request.partitions?.includes(partition) ?? true
  for (const { taskId, state } of thread.metadata().tasks) {
    const { subTopology, partition } = parseTaskId(taskId)
    if (subTopology !== sub.id || !isAsked(partition)) continue
    const task = thread.tasks.get(taskId)
    partitions[partition] =
      task === undefined
        ? failure(
            request.requireActive === true ? 'NOT_ACTIVE' : 'NOT_PRESENT',
            `task ${taskId} is ${state} on thread ${thread.name}, its state is not complete`,
          )
        : answerTask(thread.name, task, spec, request)
  }
  if (request.requireActive !== true) {
    for (const id of thread.standbys.ids) {
      const { subTopology, partition } = parseTaskId(id)
      if (subTopology !== sub.id || !isAsked(partition) || !thread.standbys.hasStore(id, request.store)) continue
      partitions[partition] ??= answerStandby(thread, id, spec, request)
    }
  }
  for (const partition of request.partitions ?? [])
    if (partition >= sub.partitionCount)
      partitions[partition] = failure('DOES_NOT_EXIST', `store ${request.store} has ${sub.partitionCount} partitions`)
  return { partitions }
}

/** Of several threads or processes; partitions that were asked for and that nobody has are NOT_PRESENT. */
export function mergeStateResults(request: StateQueryRequest, results: readonly StateQueryResult[]): StateQueryResult {
  const partitions: Record<number, PartitionResult> = {}
  for (const result of results) {
    for (const [partition, answer] of Object.entries(result.partitions)) {
      const known = partitions[Number(partition)]
      if (known === undefined || rankOf(answer) > rankOf(known)) partitions[Number(partition)] = answer
    }
  }
  for (const partition of request.partitions ?? [])
    partitions[partition] ??= failure('NOT_PRESENT', `partition ${partition} of store ${request.store} is not here`)
  const globals = results.flatMap((result) => result.global ?? [])
  const global = globals.find((result) => result.isSuccess) ?? globals[0]
  return global === undefined ? { partitions } : { partitions, global }
}

/** Who runs a task knows more than its standbys; any answer is better than none. */
function rankOf(result: PartitionResult): number {
  if (!result.isSuccess) return 0
  return result.isStandby === true ? 1 : 2
}

/** What a standby knows is committed; how far that is in its inputs, it does not know, so no bound is kept. */
function answerStandby(thread: StreamThread, id: TaskId, spec: StoreSpec, request: StateQueryRequest): PartitionResult {
  const executionInfo = infoOf(request, `thread ${thread.name}, standby of task ${id}`)
  const info = { taskId: id, position: {}, executionInfo, isStandby: true as const }
  const { partition } = parseTaskId(id)
  const lack = request.positionBound === undefined ? undefined : lackOf({}, request.positionBound, partition)
  if (lack !== undefined) return { ...failure('NOT_UP_TO_BOUND', lack), ...info }
  const committed = present(thread.standbys.storesOf(id), `standby ${id} has no stores`).openCommitted(request.store)
  try {
    return answer(committed, spec, request, { ...info, streamTimeMs: -1 })
  } finally {
    committed.close()
  }
}

function answerTask(
  threadName: string,
  task: StreamTask,
  spec: StoreSpec,
  request: StateQueryRequest,
): PartitionResult {
  const isCommitted = request.isolation === 'read-committed' || request.skipCache === true
  const position = positionOf(task, isCommitted)
  const info = { taskId: task.id, position, executionInfo: infoOf(request, `thread ${threadName}, task ${task.id}`) }
  const lack = request.positionBound === undefined ? undefined : lackOf(position, request.positionBound, task.partition)
  if (lack !== undefined) return { ...failure('NOT_UP_TO_BOUND', lack), ...info }
  if (!isCommitted)
    return answer(task.store(request.store), spec, request, { ...info, streamTimeMs: task.streamTimeMs })
  const committed = task.stores.openCommitted(request.store)
  try {
    return answer(committed, spec, request, { ...info, streamTimeMs: task.streamTimeMs })
  } finally {
    committed.close()
  }
}

function answerGlobal(thread: StreamThread, spec: StoreSpec, request: StateQueryRequest): PartitionResult {
  const store = thread.globalStores.get(request.store)
  if (store === undefined) return failure('NOT_PRESENT', `global store ${request.store} is being read`)
  const position = positionOfGlobal(thread, request.store)
  const executionInfo = infoOf(request, `thread ${thread.name}, global`)
  const info = { taskId: undefined, position, executionInfo }
  // It has every partition, so it must be as far in each that the bound names. What is read is committed.
  const lack = request.positionBound === undefined ? undefined : lackOfAny(position, request.positionBound)
  if (lack !== undefined) return { ...failure('NOT_UP_TO_BOUND', lack), ...info }
  return answer(store, spec, request, { ...info, streamTimeMs: -1 })
}

export function positionOfGlobal(thread: StreamThread, store: string): Position {
  const read = thread.globalPosition(store)
  if (read === undefined) return {}
  const offsets = [...read.offsets].map(([partition, next]) => [partition, next - 1] as const)
  return { [read.topic]: Object.fromEntries(offsets.filter(([, offset]) => offset >= 0)) }
}

type Surroundings = Pick<PartitionResult, 'taskId' | 'position' | 'executionInfo' | 'isStandby'> & {
  readonly streamTimeMs: number
}

function answer(
  store: ManagedStore,
  spec: StoreSpec,
  { store: name, query, limit = ENTRIES_MAX }: StateQueryRequest,
  surroundings: Surroundings,
): PartitionResult {
  try {
    const read = readStore(store, spec, query, limit)
    if (read !== undefined) return { isSuccess: true, ...read, ...surroundings }
    return {
      ...failure('UNKNOWN_QUERY_TYPE', `store ${name} is ${kindOf(spec)}, it knows no ${query.kind} query`),
      ...surroundings,
    }
  } catch (error) {
    return { ...failure('STORE_EXCEPTION', messageOf(error)), ...surroundings }
  }
}

function kindOf(spec: StoreSpec): string {
  const isTimestamped = 'timestamped' in spec && spec.timestamped
  const headers = 'withHeaders' in spec && spec.withHeaders === true ? ' with headers' : ''
  return `${isTimestamped ? 'timestamped ' : ''}${spec.kind}${headers}`
}

/** Offsets of the last records that are in the state: all that was processed, or all that was committed. */
function positionOf(task: StreamTask, isCommitted: boolean): Position {
  const position: Record<string, Record<number, number>> = {}
  for (const queue of task.group.queues) {
    const next = isCommitted ? task.committedOffset(queue) : queue.committableOffset
    if (next > 0) position[queue.topic] = { ...position[queue.topic], [queue.partition]: next - 1 }
  }
  return position
}

function infoOf({ executionInfo, query, isolation }: StateQueryRequest, who: string): readonly string[] {
  return executionInfo === true ? [`${query.kind} query answered by ${who}, ${isolation ?? 'read-uncommitted'}`] : []
}

function failure(reason: FailureReason, message: string): PartitionResult & { readonly isSuccess: false } {
  return { isSuccess: false, reason, message, taskId: undefined, position: {}, executionInfo: [] }
}
