import { describe, expect, test } from 'vitest'
import type { Clock } from '#streams/ports'
import { createPacer, type Schedule } from './pacer.ts'
import type { LoadRecord } from './records.ts'
import { createRestamper } from './restamp.ts'
import { takeSample } from './testing/sample.ts'

/** A clock that stands still but for sleeps, each of which takes `oversleepMs` too long, and for `pass`. */
function createVirtualClock(oversleepMs = 0) {
  let nowMs = 1_000
  const clock: Clock = {
    wallClockMs: () => 1_700_000_000_000 + nowMs,
    monotonicMs: () => nowMs,
    async sleep(durationMs) {
      nowMs += durationMs + oversleepMs
    },
  }
  const pass = (durationMs: number): void => {
    nowMs += durationMs
  }
  return { clock, pass, nowMs: () => nowMs - 1_000 }
}

function* numbered(count: number): Generator<LoadRecord, undefined> {
  for (let n = 0; n < count; n++) yield { publishAtMs: 5_000 + n * 10, timestampMs: n } as LoadRecord
}

async function run(schedule: Schedule, count: number, oversleepMs = 0, sendMs = 0) {
  const time = createVirtualClock(oversleepMs)
  const pacer = createPacer({ clock: time.clock, schedule, tickMs: 5 })
  const sizes: number[] = []
  const sent: { readonly dueMs: number; readonly atMs: number }[] = []
  for await (const batch of pacer.batches(numbered(count))) {
    sizes.push(batch.records.length)
    for (const dueAtMs of batch.dueAtMs) sent.push({ dueMs: dueAtMs - 1_700_000_001_000, atMs: time.nowMs() })
    time.pass(sendMs)
  }
  return { sizes, sent, stats: pacer.stats() }
}

describe('pacer', () => {
  test.each([
    ['exact sleeps', 0],
    ['sleeps that are too long', 3.7],
  ])('keeps the rate without drift over a minute: %s', async (_, oversleepMs) => {
    const { stats, sent } = await run({ kind: 'rate', recordsPerSecond: 10_000 }, 600_000, oversleepMs)
    expect(stats.records).toBe(600_000)
    expect(Math.abs(stats.elapsedMs - 60_000)).toBeLessThan(10)
    expect(stats.recordsPerSecond).toBeCloseTo(10_000, -1)
    expect(sent.every(({ dueMs, atMs }) => dueMs <= atMs + 0.001 && atMs - dueMs < 10)).toBe(true)
    expect(sent[25_000]?.dueMs).toBe(2_500)
  })
  test('a slow rate sends one by one, on time', async () => {
    const { sizes, sent } = await run({ kind: 'rate', recordsPerSecond: 20 }, 100)
    expect(sizes.every((size) => size === 1)).toBe(true)
    expect(sent.every(({ dueMs, atMs }) => atMs - dueMs < 0.001)).toBe(true)
  })
  test('a receiver that is too slow shows as lag, and batches stay bounded', async () => {
    // A thousand records take 200 ms to send: half the rate that is asked for.
    const { sizes, stats } = await run({ kind: 'rate', recordsPerSecond: 10_000 }, 100_000, 0, 200)
    expect(Math.max(...sizes)).toBe(1_000)
    expect(stats.lagMaxMs).toBeGreaterThan(8_000)
    expect(stats.recordsPerSecond).toBeLessThan(5_500)
  })
  test('a pause is made up for, and then the lag is gone', async () => {
    const time = createVirtualClock()
    const pacer = createPacer({ clock: time.clock, schedule: { kind: 'rate', recordsPerSecond: 1_000 } })
    let batches = 0
    for await (const _ of pacer.batches(numbered(10_000))) if (++batches === 10) time.pass(2_000)
    expect(pacer.stats().lagMaxMs).toBeGreaterThan(1_900)
    expect(pacer.stats().lagMs).toBeLessThan(10)
    expect(pacer.stats().elapsedMs).toBeLessThan(10_010)
  })
  test('speed follows simulated time', async () => {
    const { sent, stats } = await run({ kind: 'speed', factor: 4, startMs: 6_000 }, 1_000)
    expect(sent[0]?.dueMs).toBe(0)
    expect(sent[100]?.dueMs).toBe(0)
    expect(sent[200]?.dueMs).toBe(250)
    expect(stats.elapsedMs).toBeCloseTo((5_000 + 9_990 - 6_000) / 4, -1)
  })
  test('unpaced hands over full batches without waiting', async () => {
    const { sizes, stats } = await run({ kind: 'unpaced' }, 2_500)
    expect(sizes).toEqual([1_000, 1_000, 500])
    expect(stats.elapsedMs).toBe(0)
  })
  test('stops when it is told to', async () => {
    const time = createVirtualClock()
    const stop = new AbortController()
    const pacer = createPacer({
      clock: time.clock,
      schedule: { kind: 'rate', recordsPerSecond: 1_000 },
      signal: stop.signal,
    })
    for await (const _ of pacer.batches(numbered(10_000))) if (pacer.stats().records > 500) stop.abort()
    expect(pacer.stats().records).toBeLessThan(600)
  })
})

test('restamping keeps lateness, and duplicates equal to their originals', () => {
  const { records } = takeSample({ seed: 2, members: 300, days: 2, flaws: { late: 0.05, duplicate: 0.05 } })
  const restamp = createRestamper()
  const texts = new Map<string, string>()
  let nowMs = 1_800_000_000_000
  for (const record of records) {
    const stamped = restamp(record, nowMs++)
    expect(Date.parse(stamped.event.timestamp)).toBe(stamped.timestampMs)
    expect(stamped.event.data).toBe(record.event.data)
    if (record.kind === 'late') expect(stamped.timestampMs).toBe(nowMs - 1 - (record.publishAtMs - record.timestampMs))
    if (record.kind === 'duplicate' && texts.has(record.event.event_id)) {
      expect(stamped.event.timestamp).toBe(texts.get(record.event.event_id))
    }
    texts.set(record.event.event_id, stamped.event.timestamp)
  }
})
