import { commitInterval } from './commit-interval.ts'
import { keys } from './keys.ts'
import { partitions } from './partitions.ts'
import { processes } from './processes.ts'
import { query } from './query.ts'
import { restart } from './restart.ts'
import type { Scenario } from './scenario.ts'
import { stages } from './stages.ts'
import { state } from './state.ts'
import { threads } from './threads.ts'
import { throughput } from './throughput.ts'

/** In the order in which they are run. */
export const scenarios: readonly Scenario[] = [
  throughput,
  stages,
  threads,
  partitions,
  keys,
  state,
  commitInterval,
  query,
  restart,
  processes,
]
