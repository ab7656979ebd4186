import type { KafkaApplication } from '#host'
import { SACCO_STORES } from '#topologies/sacco'
import { formatCount, formatMs, formatTable } from '../console/format.ts'
import type { FeedProgress, LatencyReport } from '../feed/feed-messages.ts'
import type { LatencySummary } from '../feed/latency.ts'

/** What a load test has shown. Times are in milliseconds, counts in records. */
export type LoadReport = {
  readonly plan: { readonly seed: number; readonly members: number; readonly from: string }
  readonly openingRecords: number
  readonly openingSeconds: number
  readonly liveRecords: number
  readonly asked: { readonly kind: string; readonly recordsPerSecond: number | null }
  readonly sentPerSecond: number
  /** Records over the time until the last of them was processed and committed. */
  readonly processedPerSecond: number
  /** Of the whole process: threads, log, API, the feeder itself. What is left of it when others use the machine too. */
  readonly cpuMicrosecondsPerRecord: number
  /** From the last record sent until nothing was left to process. */
  readonly catchUpSeconds: number
  readonly caughtUp: boolean
  readonly scheduleLagMaxMs: number
  readonly latency: LatencyReport
  readonly outcomes: Readonly<Record<string, number>>
  readonly unreadable: number
  readonly simulatedUntil: string
  readonly missedTargets: readonly string[]
}

export type Targets = { readonly p95MaxMs: number | undefined; readonly rate: number | undefined }

/** A rate counts as kept from this share of it on: the last batch may end a little after the second. */
const RATE_KEPT = 0.99
const CATCH_UP_MAX_SECONDS = 10

export function missedTargets(report: Omit<LoadReport, 'missedTargets'>, targets: Targets): readonly string[] {
  const missed: string[] = []
  const { p95MaxMs, rate } = targets
  if (rate !== undefined && report.sentPerSecond < rate * RATE_KEPT) {
    missed.push(`${formatCount(report.sentPerSecond)} records/s were sent, ${formatCount(rate)} were asked for`)
  }
  if (!report.caughtUp) missed.push('the platform did not catch up')
  if (p95MaxMs === undefined) return missed
  if (report.catchUpSeconds > CATCH_UP_MAX_SECONDS) {
    missed.push(`lag was back to 0 after ${report.catchUpSeconds.toFixed(1)} s, ${CATCH_UP_MAX_SECONDS} s allowed`)
  }
  for (const [what, summary] of kindsOf(report.latency)) {
    if (summary.count === 0) missed.push(`${what}: nothing was measured`)
    else if (summary.p95Ms >= p95MaxMs) {
      missed.push(`${what}: p95 is ${formatMs(summary.p95Ms)}, below ${formatMs(p95MaxMs)} was asked for`)
    }
  }
  if (report.latency.apiFailures > 0) missed.push(`${report.latency.apiFailures} samples never appeared in the API`)
  return missed
}

export function kindsOf(latency: LatencyReport): readonly (readonly [what: string, summary: LatencySummary])[] {
  return [
    ['balance committed, all', latency.balance],
    ['balance in the API, samples', latency.api],
    ['flag committed, all', latency.flag],
    ['flag in a live feed, all', latency.live],
  ]
}

/** How the inputs ended, as the intake has counted them: `processed`, `duplicate`, `late`, `dead-lettered`. */
export async function readOutcomes(application: KafkaApplication): Promise<Readonly<Record<string, number>>> {
  const answer = await application.query({ store: SACCO_STORES.inputAccounting.name, kind: 'range', limit: 10_000 })
  const outcomes: Record<string, number> = {}
  for (const { key, value } of answer.entries) {
    const [, outcome = ''] = String(key).split('|')
    outcomes[outcome] = (outcomes[outcome] ?? 0) + Number(value)
  }
  return outcomes
}

export function secondLine(second: number, fed: FeedProgress, perSecond: number, lagRecords: number): string {
  const { latency } = fed
  const three = ({ count, p50Ms, p95Ms, p99Ms }: LatencySummary): string =>
    count === 0 ? '-' : `${Math.round(p50Ms)}/${Math.round(p95Ms)}/${Math.round(p99Ms)}`
  const parts = [
    `${String(second).padStart(4)} s`,
    `${formatCount(perSecond).padStart(7)}/s`,
    `sent ${formatCount(fed.liveRecords)}`,
    `lag ${formatCount(lagRecords)}`,
  ]
  if (fed.lagMs > 50) parts.push(`sender late by ${formatMs(fed.lagMs)}`)
  if (latency !== undefined) {
    parts.push(
      `p50/p95/p99 ms: balance ${three(latency.balance)}, API ${three(latency.api)}, flag ${three(latency.flag)}`,
    )
  }
  return parts.join('  ')
}

const right = 'right' as const

export function formatReport(report: LoadReport): string {
  const { outcomes } = report
  const facts = [
    ['opening', `${formatCount(report.openingRecords)} records in ${report.openingSeconds.toFixed(1)} s`],
    ['live', `${formatCount(report.liveRecords)} records, ${formatCount(report.sentPerSecond)}/s sent`],
    ['processed', `${formatCount(report.processedPerSecond)}/s until the last one was committed`],
    ['lag back to 0', `${report.catchUpSeconds.toFixed(2)} s after the last record`],
    ['processor time', `${Math.round(report.cpuMicrosecondsPerRecord)} µs a record, feeder and API included`],
    ['simulated time', `${report.plan.from.slice(0, 10)} to ${report.simulatedUntil.slice(0, 10)}`],
    ...Object.entries(outcomes).map(([outcome, count]) => [outcome, formatCount(count)]),
    ['unreadable', formatCount(report.unreadable)],
  ]
  const latencies = kindsOf(report.latency).map(([what, summary]) => [
    what,
    formatCount(summary.count),
    ...[summary.minMs, summary.p50Ms, summary.p95Ms, summary.p99Ms, summary.maxMs].map((ms) =>
      summary.count === 0 ? '-' : formatMs(ms),
    ),
  ])
  const columns = ['count', 'min', 'p50', 'p95', 'p99', 'max'].map((title) => ({ title, align: right }))
  const table = formatTable([{ title: 'from the creation of an event to …' }, ...columns], latencies)
  const verdict =
    report.missedTargets.length === 0
      ? ''
      : `\nmissed:\n${report.missedTargets.map((text) => `  ${text}`).join('\n')}\n`
  return `${formatTable([{ title: 'load' }, { title: '' }], facts as string[][])}\n${table}${verdict}`
}
