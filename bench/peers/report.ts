import type { Peer } from './configurations.ts'
import type { LatencyResult } from './latency.ts'
import type { Machine, Versions } from './machine.ts'
import type { PeerOptions } from './options.ts'
import type { RestoreResult } from './restore.ts'
import { ratiosOf, type Spread, spreadOf } from './statistics.ts'
import type { ThroughputResult } from './throughput.ts'

/** What the peers did in the rounds of one configuration. */
export type Measured<Result> = {
  readonly name: string
  readonly title: string
  readonly rounds: Readonly<Record<Peer, readonly Result[]>>
}

/** Everything of one comparison: what is written to a file. */
export type Comparison = {
  readonly date: string
  readonly machine: Machine
  readonly versions: Versions
  readonly options: PeerOptions
  readonly throughput: readonly Measured<ThroughputResult>[]
  /** Missing in older files. */
  readonly restore?: readonly Measured<RestoreResult>[]
  readonly latency: readonly Measured<LatencyResult>[]
}

/** A line of the table: what is compared, and what Mto is to reach. */
export type Metric<Result> = {
  readonly name: string
  readonly title: string
  readonly decimals: number
  /** Is more better? */
  readonly isRate: boolean
  /** Mto divided by Java: at least, or at most. */
  readonly goal?: number
  /** Undefined where it was not measured. */
  readonly of: (result: Result) => number | undefined
}

export const throughputMetrics: readonly Metric<ThroughputResult>[] = [
  {
    name: 'from-start',
    title: 'events/s from start',
    decimals: 0,
    isRate: true,
    of: (result) => result.eventsPerSecondFromStart,
  },
  {
    name: 'from-first',
    title: 'events/s from first record',
    decimals: 0,
    isRate: true,
    goal: 2,
    of: (result) => result.eventsPerSecondFromFirst,
  },
  {
    name: 'to-first',
    title: 's from start to first record',
    decimals: 2,
    isRate: false,
    of: (result) => result.secondsToFirst,
  },
  {
    name: 'cpu',
    title: 'CPU s per million events',
    decimals: 1,
    isRate: false,
    goal: 0.5,
    of: (result) => result.cpuSecondsPerMillion,
  },
  { name: 'cores', title: 'CPU cores used', decimals: 2, isRate: false, of: (result) => result.coresUsed },
  {
    name: 'memory',
    title: 'resident MiB, peak',
    decimals: 0,
    isRate: false,
    goal: 0.5,
    of: (result) => result.residentMiBMax,
  },
  { name: 'outputs', title: 'output records', decimals: 0, isRate: true, of: (result) => result.outputs.records },
  {
    name: 'restore',
    title: 'restore: records/s',
    decimals: 0,
    isRate: true,
    goal: 1.5,
    of: (result) => result.restore?.recordsPerSecond,
  },
  {
    name: 'restore-ready',
    title: 'restore: s until all runs',
    decimals: 1,
    isRate: false,
    goal: 2 / 3,
    of: (result) => result.restore?.secondsToRunning,
  },
  {
    name: 'restored',
    title: 'restore: records',
    decimals: 0,
    isRate: false,
    of: (result) => result.restore?.records,
  },
]

export const restoreMetrics: readonly Metric<RestoreResult>[] = [
  { name: 'same-records', title: 'records', decimals: 0, isRate: true, of: (result) => result.records },
  { name: 'same-rate', title: 'records/s', decimals: 0, isRate: true, goal: 1.5, of: (each) => each.recordsPerSecond },
  { name: 'same-seconds', title: 's restoring', decimals: 2, isRate: false, of: (each) => each.secondsRestoring },
  {
    name: 'same-ready',
    title: 's from start until all runs',
    decimals: 2,
    isRate: false,
    goal: 2 / 3,
    of: (each) => each.secondsToRunning,
  },
  { name: 'same-cpu', title: 'CPU s until all runs', decimals: 1, isRate: false, of: (each) => each.cpuSeconds },
  { name: 'same-memory', title: 'resident MiB, peak', decimals: 0, isRate: false, of: (each) => each.residentMiBMax },
]

export const latencyMetrics: readonly Metric<LatencyResult>[] = [
  { name: 'p50', title: 'p50 ms', decimals: 0, isRate: false, of: (result) => result.p50 },
  { name: 'p95', title: 'p95 ms', decimals: 0, isRate: false, goal: 1 / 3, of: (result) => result.p95 },
  { name: 'p99', title: 'p99 ms', decimals: 0, isRate: false, of: (result) => result.p99 },
  { name: 'latency-cores', title: 'CPU cores used', decimals: 2, isRate: false, of: (result) => result.coresUsed },
  {
    name: 'latency-memory',
    title: 'resident MiB, peak',
    decimals: 0,
    isRate: false,
    of: (result) => result.residentMiBMax,
  },
  {
    name: 'late',
    title: 'producer late by ms, worst',
    decimals: 0,
    isRate: false,
    of: (result) => result.producerLateMsMax,
  },
]

/** The figures of a peer's rounds; undefined where any is missing. */
function figuresOf<Result>(rounds: readonly Result[], metric: Metric<Result>): readonly number[] | undefined {
  const figures = rounds.map((result) => metric.of(result)).filter((figure) => figure !== undefined)
  return figures.length === 0 || figures.length < rounds.length ? undefined : figures
}

/** Mto divided by Java, round by round; undefined where one of them is missing. A round that broke off has no ratio. */
export function ratiosIn<Result>({ rounds }: Measured<Result>, metric: Metric<Result>): Spread | undefined {
  const java = figuresOf(rounds.java, metric)
  const mto = figuresOf(rounds.mto, metric)
  if (java === undefined || mto === undefined) return undefined
  if (java.includes(0)) return undefined
  const whole = Math.min(java.length, mto.length)
  return ratiosOf(mto.slice(0, whole), java.slice(0, whole))
}

/** Markdown, as it goes into documents. */
export function tableOf<Result>(measured: Measured<Result>, metrics: readonly Metric<Result>[]): string {
  const lines = [
    `**${measured.title}**`,
    '',
    '| min / median / max | Java | Mto | Mto ÷ Java | goal |',
    '|---|---|---|---|---|',
  ]
  for (const metric of metrics) {
    const cells = (['java', 'mto'] as const).map((peer) => {
      const figures = figuresOf(measured.rounds[peer], metric)
      return figures === undefined ? '' : spreadText(spreadOf(figures), metric.decimals)
    })
    if (cells.every((cell) => cell === '')) continue
    const ratios = ratiosIn(measured, metric)
    const ratio = ratios === undefined ? '' : spreadText(ratios, 2)
    lines.push(`| ${[metric.title, ...cells, ratio, goalText(metric, ratios)].join(' | ')} |`)
  }
  return lines.join('\n')
}

function goalText<Result>({ goal, isRate }: Metric<Result>, ratios: Spread | undefined): string {
  if (goal === undefined) return ''
  const text = `${isRate ? '≥' : '≤'} ${goal.toFixed(2)}`
  if (ratios === undefined) return text
  const isMet = isRate ? ratios.median >= goal : ratios.median <= goal
  return `${text} ${isMet ? 'met' : 'missed'}`
}

function spreadText({ min, median, max }: Spread, decimals: number): string {
  return [min, median, max].map((figure) => numberText(figure, decimals)).join(' / ')
}

function numberText(figure: number, decimals: number): string {
  return figure.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

export function headingOf({ date, machine, versions, options }: Omit<Comparison, 'throughput' | 'latency'>): string {
  const events = options.events.toLocaleString('en')
  return [
    `${date}, ${machine.cores} × ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, load before ${machine.loadBefore.toFixed(2)}`,
    `Mto ${versions.mto} on Node ${versions.node}; Java Kafka Streams ${versions.kafkaStreams} on Java ${versions.java} (-Xmx1g, group protocol ${options.groupProtocol}); broker ${versions.broker}`,
    `${events} events, ${options.rounds} round(s) in turns, ${options.threads} stream threads each`,
  ].join('\n')
}

/** Smaller changes are the machine's mood. */
const CHANGE_MIN = 0.1

/** What became better or worse since the baseline, by the middle ratios of what both measured. */
export function changesSince(baseline: Comparison, now: Comparison): readonly string[] {
  return [
    ...changesIn(baseline.throughput, now.throughput, throughputMetrics),
    ...changesIn(baseline.restore ?? [], now.restore ?? [], restoreMetrics),
    ...changesIn(baseline.latency, now.latency, latencyMetrics),
  ]
}

function changesIn<Result>(
  before: readonly Measured<Result>[],
  now: readonly Measured<Result>[],
  metrics: readonly Metric<Result>[],
): readonly string[] {
  return now.flatMap((measured) => {
    const known = before.find(({ name }) => name === measured.name)
    if (known === undefined) return []
    return metrics.flatMap((metric) => {
      const then = metric.goal === undefined ? undefined : ratiosIn(known, metric)?.median
      const ratio = ratiosIn(measured, metric)?.median
      if (then === undefined || ratio === undefined) return []
      const change = ratio / then - 1
      if (Math.abs(change) < CHANGE_MIN) return []
      const word = change > 0 === metric.isRate ? 'better' : 'WORSE'
      return [`${word}: ${measured.title}: ${metric.title}: Mto ÷ Java was ${then.toFixed(2)}, is ${ratio.toFixed(2)}`]
    })
  })
}
