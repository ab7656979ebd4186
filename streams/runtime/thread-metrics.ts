import type { TaskId } from '../base/ids.ts'
import type { Counter, Latency, MetricName, Metrics } from '../ports/index.ts'
import type { ThreadState } from './stream-thread.ts'
import { taskTags } from './task-metrics.ts'

const GROUP = 'stream-thread-metrics'

export type ThreadMetrics = Readonly<
  Record<
    | 'poll'
    | 'process'
    | 'punctuate'
    | 'commit'
    | 'commitPrepare'
    | 'commitLog'
    | 'commitStores'
    | 'revoked'
    | 'assigned'
    | 'lost',
    Latency
  >
> & {
  readonly pollRecords: Latency
  readonly processRecords: Latency
  readonly tasksCreated: Counter
  readonly tasksClosed: Counter
  readonly blockedNs: Counter
}

/** The order of Java's StreamThread.State, which `thread-state` gives as a number. */
const stateNumbers: Readonly<Record<ThreadState, number>> = {
  created: 0,
  starting: 1,
  restoring: 3,
  running: 4,
  stopping: 5,
  dead: 6,
}

export function createThreadMetrics(
  metrics: Metrics,
  threadName: string,
  read: {
    readonly startedAtMs: number
    readonly state: () => ThreadState
    readonly restoreRemaining: () => number
  },
): ThreadMetrics {
  const tags = { 'thread-id': threadName }
  const latency = (name: string, description: string, hasRatio = false): Latency =>
    metrics.latency({ group: GROUP, name, description, tags, hasRatio })
  const counter = (name: string, description: string): Counter =>
    metrics.counter({ group: GROUP, name, description, tags })
  const gauge = (name: string, description: string, value: () => number): void =>
    void metrics.gauge({ group: GROUP, name, description, tags }, value)
  gauge('thread-start-time', 'When the thread was started', () => read.startedAtMs)
  gauge('thread-state', "What the thread is doing: the number of Java's state", () => stateNumbers[read.state()])
  gauge('restore-remaining-records-total', 'Changelog records still to be applied', read.restoreRemaining)
  return {
    poll: latency('poll-latency', 'Polls that brought records', true),
    process: latency('process-latency', 'Turns of processing', true),
    punctuate: latency('punctuate-latency', 'Turns of punctuation by the wall clock', true),
    commit: latency('commit-latency', 'Commits, whole', true),
    commitPrepare: latency('commit-prepare-latency', 'Commits: flushing caches and serialising stores'),
    commitLog: latency('commit-log-latency', 'Commits: the transaction of the log'),
    commitStores: latency('commit-stores-latency', 'Commits: batches of the stores'),
    revoked: latency('tasks-revoked-latency', 'Committing and closing tasks that go to another member'),
    lost: latency('tasks-lost-latency', 'Closing tasks that another member has already'),
    assigned: latency('tasks-assigned-latency', 'Opening tasks that were assigned'),
    pollRecords: latency('poll-records', 'Records of a poll'),
    processRecords: latency('process-records', 'Records of a turn of processing'),
    tasksCreated: counter('task-created-total', 'Tasks opened'),
    tasksClosed: counter('task-closed-total', 'Tasks closed'),
    blockedNs: counter('blocked-time-ns-total', 'Time spent waiting for the log, in nanoseconds'),
  }
}

/**
 * Of the time that the thread spends processing records, the share of this task since metrics were last collected. It
 * goes with the other metrics of the task.
 */
export function processRatioGauge(
  metrics: Metrics,
  threadName: string,
  task: { readonly id: TaskId; readonly processingMs: number },
  totalMs: () => number,
): void {
  let taskMs = task.processingMs
  let allMs = totalMs()
  let ratio = 0
  const metric: MetricName = {
    group: 'stream-task-metrics',
    name: 'active-process-ratio',
    description: 'Share of the task in the time that its thread spends processing records',
    tags: taskTags(threadName, task.id),
  }
  metrics.gauge(metric, () => {
    const spentMs = totalMs() - allMs
    if (spentMs > 0) ratio = Math.min(1, (task.processingMs - taskMs) / spentMs)
    taskMs = task.processingMs
    allMs = totalMs()
    return ratio
  })
}
