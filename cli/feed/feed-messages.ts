import type { FeedLog } from '../platform/feed-log.ts'
import type { Prepared } from '../platform/sacco-module.ts'
import type { FeedPlan } from './feed-plan.ts'
import type { LatencySummary } from './latency.ts'

export type FeedSchedule =
  /** As fast as the platform takes them, until so many live records are sent. */
  | { readonly kind: 'unpaced'; readonly records: number }
  | { readonly kind: 'rate'; readonly recordsPerSecond: number; readonly seconds: number }
  /** Simulated time runs `factor` times as fast as the clock, without end; it never overtakes the clock. */
  | { readonly kind: 'accelerated'; readonly factor: number }

/** What the worker thread of the feeder is started with. */
export type FeedStart = {
  readonly log: FeedLog
  readonly prepared: Prepared
  readonly plan: FeedPlan
  readonly schedule: FeedSchedule
  readonly applicationId: string
  /** Inputs of the application, for the bound on what it may be behind. */
  readonly inputTopics: readonly string[]
  readonly labelsFile: string | undefined
  /** Measures latency: changelogs are read as they grow, and the API is asked at this address. */
  readonly measure: { readonly apiUrl: string | undefined } | undefined
}

export type FeedRequest = { readonly kind: 'go' } | { readonly kind: 'stop' } | { readonly kind: 'finish' }

export type FeedProgress = {
  readonly phase: 'skipping' | 'opening' | 'live'
  /** Records that are in the log. */
  readonly records: number
  readonly liveRecords: number
  readonly publishedMs: number
  /** How late the last record was against its schedule. */
  readonly lagMs: number
  readonly latency: LatencyReport | undefined
}

/** From the due time of an event until … */
export type LatencyReport = {
  /** … its balance is committed and readable in the changelog of balances (all events that move money). */
  readonly balance: LatencySummary
  /** … a flag that it raised is in the store of flags (all flags with a triggering event). */
  readonly flag: LatencySummary
  /** … the movement is in the answer of the query API, over a socket (samples). */
  readonly api: LatencySummary
  /** … the flag has arrived as a server-sent event. */
  readonly live: LatencySummary
  readonly apiFailures: number
}

export type FeedReport =
  | { readonly kind: 'progress'; readonly progress: FeedProgress }
  | { readonly kind: 'opening-done'; readonly records: number }
  | {
      readonly kind: 'live-done'
      readonly progress: FeedProgress
      readonly elapsedMs: number
      readonly sentPerSecond: number
    }
  | { readonly kind: 'finished'; readonly progress: FeedProgress }
  | {
      readonly kind: 'failed'
      readonly code: string | undefined
      readonly message: string
      readonly stack: string | undefined
    }
