import { describe, expect, test } from 'vitest'
import { createSacco, events, type LoadRecord } from '#load'
import { createPrng } from '#streams/base'
import { createDueTimes } from './due-times.ts'
import { reconcilePlans } from './feed-plan.ts'
import { createLatencyHistogram } from './latency.ts'
import { createRecordSource } from './record-source.ts'
import { createSentTimes } from './sent-times.ts'

describe('latency histogram', () => {
  test('percentiles are right to two percent, extremes exactly', () => {
    const histogram = createLatencyHistogram()
    const random = createPrng(1)
    const values = Array.from({ length: 20_000 }, () => 0.5 + 2_000 * random.next() ** 4)
    for (const value of values) histogram.add(value)
    const sorted = [...values].sort((left, right) => left - right)
    const exact = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] as number
    const { count, minMs, maxMs, p50Ms, p95Ms, p99Ms } = histogram.summary()
    expect({ count, minMs, maxMs }).toEqual({ count: 20_000, minMs: sorted[0], maxMs: sorted.at(-1) })
    for (const [got, share] of [
      [p50Ms, 0.5],
      [p95Ms, 0.95],
      [p99Ms, 0.99],
    ] as const) {
      expect(got).toBeGreaterThanOrEqual(exact(share))
      expect(got).toBeLessThan(exact(share) * 1.021)
    }
  })

  test('nothing measured is all zero, negative counts as none', () => {
    const histogram = createLatencyHistogram()
    expect(histogram.summary()).toMatchObject({ count: 0, p95Ms: 0 })
    histogram.add(-3)
    expect(histogram.summary()).toMatchObject({ count: 1, minMs: 0, maxMs: 0 })
  })
})

test('due times are given once for a balance, and forgotten after two generations', () => {
  const due = createDueTimes()
  due.set('a', 1_000)
  expect([due.takeForBalance('a'), due.takeForBalance('a'), due.get('a')]).toEqual([1_000, undefined, 1_000])
  due.set('b', 62_000)
  expect(due.get('a')).toBe(1_000)
  due.set('c', 123_000)
  expect([due.get('a'), due.get('b'), due.get('c')]).toEqual([undefined, 62_000, 123_000])
})

test('a source looks ahead without losing a record', () => {
  const make = () => events(createSacco({ seed: 3, members: 100, startMs: Date.parse('2026-02-20T00:00:00Z') }))
  const stream = make()
  const expected = Array.from({ length: 30 }, () => stream.next().value?.event.event_id)
  const source = createRecordSource(make())
  const taken = [...source.takeWhile(10, () => true)]
  expect(source.takeWhile(10, () => false)).toEqual([])
  expect(source.peek()).toBe(source.peek())
  const limited = source.first(5)
  for (let next = limited.next(); next.done !== true; next = limited.next()) taken.push(next.value)
  taken.push(...source.takeWhile(15, () => true))
  expect(taken.map(({ event }) => event.event_id)).toEqual(expected)
})

test('sent times say how much simulated time the last records span', () => {
  const sent = createSentTimes()
  expect(sent.spanOfLast(5)).toBe(0)
  const batch = (...times: number[]) => sent.add(times.map((publishAtMs) => ({ publishAtMs }) as LoadRecord))
  batch(100, 150)
  batch()
  batch(200, 290)
  batch(300, 1_000)
  // Batches are the unit: the oldest one that holds one of the last records counts from its start.
  expect([0, 1, 2, 3, 4, 6, 99].map(sent.spanOfLast)).toEqual([0, 700, 700, 800, 800, 900, 900])
})

describe('plans', () => {
  const plan = { seed: 7, members: 500, startMs: 1, options: {} }
  test('the directory has the say', () => {
    const wanted = { ...plan, startMs: 99 }
    expect(reconcilePlans(undefined, wanted, {})).toBe(wanted)
    expect(reconcilePlans(plan, wanted, {})).toBe(plan)
    expect(reconcilePlans(plan, wanted, { seed: 7, members: 500 })).toBe(plan)
  })
  test('another SACCO in the same directory is refused', () => {
    expect(() => reconcilePlans(plan, plan, { members: 501 })).toThrow('members 500, not 501')
  })
})
