import type { ThreadState } from '#streams/runtime'

export type ApplicationState =
  | 'created'
  | 'starting'
  | 'restoring'
  | 'running'
  | 'stopping'
  | 'failing'
  | 'stopped'
  | 'failed'

/** The names of Java's KafkaStreams.State, for dashboards and alerts that know those. */
export const clientStates: Readonly<Record<ApplicationState, string>> = {
  created: 'CREATED',
  starting: 'REBALANCING',
  restoring: 'REBALANCING',
  running: 'RUNNING',
  stopping: 'PENDING_SHUTDOWN',
  failing: 'PENDING_ERROR',
  stopped: 'NOT_RUNNING',
  failed: 'ERROR',
}

/** What all threads together are doing: the least advanced one says. */
export function applicationState(facts: {
  readonly ended: 'stopped' | 'failed' | undefined
  readonly isStopping: boolean
  readonly hasFailed: boolean
  readonly threads: readonly ThreadState[]
}): ApplicationState {
  const { ended, isStopping, hasFailed, threads } = facts
  if (ended !== undefined) return ended
  if (hasFailed) return 'failing'
  if (isStopping) return 'stopping'
  const has = (state: ThreadState): boolean => threads.includes(state)
  if (threads.length === 0 || has('created') || has('starting')) return 'starting'
  return has('restoring') ? 'restoring' : 'running'
}

/** Java's order, whose numbers its `client-state` metric gives. */
export const clientStateOrder: readonly string[] = [
  'CREATED',
  'REBALANCING',
  'RUNNING',
  'PENDING_SHUTDOWN',
  'NOT_RUNNING',
  'PENDING_ERROR',
  'ERROR',
]
