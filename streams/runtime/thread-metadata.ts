import type { TaskId } from '../base/ids.ts'
import type { TopicPartition } from '../ports/index.ts'
import type { StreamTask } from './task.ts'
import type { TaskState } from './task-state.ts'

/** One input of a task. Java: TaskMetadata's committed and end offsets. */
export type InputMetadata = TopicPartition & {
  /** Offset of the next record to process; what is committed is at most this. */
  readonly position: number
  /** End of the partition as far as this thread has heard; undefined = not yet. */
  readonly endOffset: number | undefined
}

/** Java: TaskMetadata. */
export type TaskMetadata = {
  readonly taskId: TaskId
  readonly state: TaskState
  readonly streamTimeMs: number
  readonly inputs: readonly InputMetadata[]
}

/** Plain data, for people and health checks. Java: ThreadMetadata, LagInfo. */
export type ThreadMetadata = {
  readonly name: string
  readonly state: string
  readonly isPaused: boolean
  readonly tasks: readonly TaskMetadata[]
  readonly storeLags: readonly StoreLag[]
}

/** How far a store on this thread is behind its changelog: 0 for a task that runs, which is its only writer. */
export type StoreLag = {
  readonly store: string
  readonly partition: number
  readonly position: number
  readonly endOffset: number
  readonly lag: number
}

export function taskMetadata(task: StreamTask): TaskMetadata {
  return {
    taskId: task.id,
    state: task.state,
    streamTimeMs: task.streamTimeMs,
    inputs: task.group.queues.map(({ topic, partition, committableOffset, endOffset }) => ({
      topic,
      partition,
      position: committableOffset,
      endOffset,
    })),
  }
}

export function lagOf(store: string, partition: number, position: number, endOffset: number): StoreLag {
  return { store, partition, position, endOffset, lag: Math.max(0, endOffset - position) }
}
