import type { TaskId } from '#streams/base'
import type { Attempt } from '../registry.ts'
import type { FinishedRun } from './finished-run.ts'

/** Stream time never falls, not over a crash or a move either: a task begins at least where its last commit was. */
export function checkStreamTime({ world }: FinishedRun, committed: readonly Attempt[]): void {
  const reached = new Map<TaskId, { readonly streamTimeMs: number; readonly life: number }>()
  for (const { work } of committed) {
    for (const { task, life, streamTimeMs, streamTimeAtStartMs } of work) {
      const before = reached.get(task)
      if (before !== undefined && before.life !== life && streamTimeAtStartMs < before.streamTimeMs) {
        world.violation(
          'stream-time',
          `task ${task} had committed stream time ${before.streamTimeMs}, and began again at ${streamTimeAtStartMs}`,
        )
      }
      reached.set(task, { streamTimeMs, life })
    }
  }
}
