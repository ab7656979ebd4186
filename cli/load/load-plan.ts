import type { FeedPlan } from '../feed/feed-plan.ts'

export type LoadShape = {
  readonly seed: number
  readonly members: number
  /** Live records, for how long ago simulated time has to begin. */
  readonly records: number
  /** Steady traffic in real time instead of the calendar in accelerated time. */
  readonly realTime: { readonly recordsPerSecond: number } | undefined
  readonly nowMs: number
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** What a member makes on a quiet day: the fewer, the longer the run lasts by simulated time. */
const RECORDS_PER_MEMBER_AND_DAY = 2.4
/** Between the end of the run and now, by simulated time: receivers refuse what claims to be of the future. */
const SPARE_DAYS = 3
/** Real time is short: each family of fraud comes about twice a minute, and waits within a scenario are cut short. */
const REAL_TIME_SCENARIOS_PER_DAY = 2_880
const REAL_TIME_SCALE = 0.01

export function planLoad({ seed, members, records, realTime, nowMs }: LoadShape): FeedPlan {
  if (realTime !== undefined) {
    const options = {
      traffic: { kind: 'steady', recordsPerSecond: realTime.recordsPerSecond },
      scenarios: { fraudPerDay: REAL_TIME_SCENARIOS_PER_DAY, benignPerDay: REAL_TIME_SCENARIOS_PER_DAY },
      scenarioTimeScale: REAL_TIME_SCALE,
    } as const
    return { seed, members, startMs: nowMs, options }
  }
  const days = Math.ceil(records / (members * RECORDS_PER_MEMBER_AND_DAY)) + SPARE_DAYS
  // Eight in the morning in East Africa.
  const startMs = Math.floor(nowMs / DAY_MS - days) * DAY_MS + 5 * HOUR_MS
  return { seed, members, startMs, options: {} }
}
