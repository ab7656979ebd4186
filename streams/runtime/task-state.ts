import { StreamsError } from '../base/errors.ts'

/** The life of a task. Drawn from this table in docs/ARCHITECTURE.md. Java: Task.State. */
export const taskTransitions = {
  created: ['restoring', 'closed'],
  restoring: ['running', 'closed'],
  running: ['closed'],
  closed: [],
} as const satisfies Record<string, readonly string[]>

export type TaskState = keyof typeof taskTransitions

export function nextTaskState(id: string, from: TaskState, to: TaskState): TaskState {
  const allowed: readonly string[] = taskTransitions[from]
  if (!allowed.includes(to)) throw new StreamsError('TASK_MIGRATED', `task ${id} cannot go from ${from} to ${to}`)
  return to
}
