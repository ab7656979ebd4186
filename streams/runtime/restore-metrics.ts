import type { TaskId } from '../base/ids.ts'
import type { Counter, Latency, Metrics } from '../ports/index.ts'
import { taskTags } from './task-metrics.ts'

/**
 * Metrics of restores and of standby tasks, under the names of Java's DefaultStateUpdater. Java restores on a thread of
 * its own; here it is the stream thread between its steps, so the shares of time are of that thread.
 */
const THREAD_GROUP = 'stream-state-updater-metrics'
const TASK_GROUP = 'stream-task-metrics'

export type RestoreMetrics = {
  /** Changelog records applied to stores, over all tasks. */
  readonly records: Counter
  /** Batches of them. */
  readonly calls: Counter
  /** Time spent applying them. */
  readonly time: Latency
}

export function createRestoreMetrics(
  metrics: Metrics,
  threadName: string,
  kind: 'active-restore' | 'standby-update',
  tasks: () => number,
): RestoreMetrics {
  const tags = { 'thread-id': threadName }
  const isActive = kind === 'active-restore'
  const gaugeName = isActive ? 'active-restoring-tasks' : 'standby-updating-tasks'
  const description = isActive ? 'Tasks whose state is being restored' : 'Standby tasks that follow their changelogs'
  metrics.gauge({ group: THREAD_GROUP, name: gaugeName, description, tags }, tasks)
  const counter = (name: string, text: string): Counter =>
    metrics.counter({ group: THREAD_GROUP, name, description: text, tags })
  const time = {
    group: THREAD_GROUP,
    name: `${kind}-latency`,
    description: isActive ? 'Batches applied while restoring' : 'Batches applied to standby tasks',
    tags,
    hasRatio: true,
  }
  return {
    records: counter('restore-records-total', 'Changelog records applied, to active and standby tasks'),
    calls: counter('restore-call-total', 'Batches of changelog records applied'),
    time: metrics.latency(time),
  }
}

/** Of one task: counts the records, and says how many are left while `remaining` can be asked. */
export function changelogRecords(
  metrics: Metrics,
  threadName: string,
  id: TaskId,
  kind: 'restore' | 'update',
): { readonly applied: Counter; showRemaining(remaining: () => number): () => void } {
  const tags = taskTags(threadName, id)
  const what = kind === 'restore' ? 'Changelog records applied to stores' : 'Changelog records applied to the copy'
  return {
    applied: metrics.counter({ group: TASK_GROUP, name: `${kind}-total`, description: what, tags }),
    showRemaining: (remaining) =>
      metrics.gauge(
        {
          group: TASK_GROUP,
          name: `${kind}-remaining-records-total`,
          description: 'Changelog records still to be applied',
          tags,
        },
        remaining,
      ),
  }
}
