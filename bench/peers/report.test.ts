import { describe, expect, it } from 'vitest'
import { type Comparison, changesSince, type Measured, type Metric, ratiosIn, tableOf } from './report.ts'
import type { ThroughputResult } from './throughput.ts'

type Result = { readonly rate: number; readonly cost?: number }
const metrics: readonly Metric<Result>[] = [
  { name: 'rate', title: 'events/s', decimals: 0, isRate: true, goal: 2, of: ({ rate }) => rate },
  { name: 'cost', title: 'CPU s', decimals: 1, isRate: false, goal: 0.5, of: ({ cost }) => cost },
]
const measured = (java: readonly Result[], mto: readonly Result[]): Measured<Result> => ({
  name: 'eos',
  title: 'exactly-once',
  rounds: { java, mto },
})

describe('table', () => {
  it('says both, the ratios, and whether the goal was met', () => {
    const java = [
      { rate: 1000, cost: 4 },
      { rate: 2000, cost: 2 },
    ]
    const mto = [
      { rate: 3000, cost: 3 },
      { rate: 5000, cost: 1 },
    ]
    expect(tableOf(measured(java, mto), metrics).split('\n').slice(-2)).toEqual([
      '| events/s | 1,000 / 1,500 / 2,000 | 3,000 / 4,000 / 5,000 | 2.50 / 2.75 / 3.00 | ≥ 2.00 met |',
      '| CPU s | 2.0 / 3.0 / 4.0 | 1.0 / 2.0 / 3.0 | 0.50 / 0.63 / 0.75 | ≤ 0.50 missed |',
    ])
  })

  it('has ratios of whole rounds where a comparison broke off', () => {
    const rate = metrics[0] as Metric<Result>
    expect(ratiosIn(measured([{ rate: 10 }, { rate: 20 }], [{ rate: 30 }]), rate)?.max).toBe(3)
  })

  it('leaves out what nobody measured, and has no ratio where one side is missing', () => {
    const table = tableOf(measured([], [{ rate: 10 }]), metrics)
    expect(table).toContain('| events/s |  | 10 / 10 / 10 |  | ≥ 2.00 |')
    expect(table).not.toContain('CPU s')
    expect(ratiosIn(measured([], [{ rate: 10 }]), metrics[0] as Metric<Result>)).toBeUndefined()
  })
})

describe('changes since a baseline', () => {
  const result = (rate: number, cpu: number): ThroughputResult => ({
    eventsPerSecondFromStart: rate,
    eventsPerSecondFromFirst: rate,
    secondsToFirst: 1,
    cpuSeconds: cpu,
    cpuSecondsPerMillion: cpu,
    coresUsed: 1,
    residentMiBMax: 100,
    outputs: { records: 1, allDigest: '', keys: 1, lastDigest: '' },
    states: [],
  })
  const comparison = (java: ThroughputResult, mto: ThroughputResult) =>
    ({
      throughput: [{ name: 'eos', title: 'exactly-once', rounds: { java: [java], mto: [mto] } }],
      latency: [],
    }) as unknown as Comparison

  it('are those of the ratios: a faster machine changes nothing', () => {
    const then = comparison(result(1000, 10), result(2000, 5))
    expect(changesSince(then, comparison(result(3000, 4), result(6000, 2)))).toEqual([])
  })

  it('are better or worse by what is good of a figure', () => {
    const then = comparison(result(1000, 10), result(2000, 5))
    expect(changesSince(then, comparison(result(1000, 10), result(1500, 4)))).toEqual([
      'WORSE: exactly-once: events/s from first record: Mto ÷ Java was 2.00, is 1.50',
      'better: exactly-once: CPU s per million events: Mto ÷ Java was 0.50, is 0.40',
    ])
  })
})
