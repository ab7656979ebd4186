import { expect, test } from 'vitest'
import { createStreamsBuilder, hoppingWindows, serdes, sessionWindows } from '#streams'
import { createPrng } from '#streams/base'
import { createTestDriver } from '#testing'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../shared/time.ts'
import { createSaccoDriver, PARTITIONS, START_MS } from '../testing/sacco-driver.ts'
import { HOPPING_ADVANCE_MS, HOPPING_SIZE_MS, NO_TOTALS, SESSION_GAP_MS, type VelocityTotals } from './stores.ts'
import { add, hoppingWindowsOf, merge } from './velocity.ts'

type WindowLike = {
  fetchAll(from: number, to: number): Iterable<{ key: { window: { startMs: number } }; value: VelocityTotals }>
}
type SessionLike = {
  fetch(key: string): Iterable<{ key: { window: { startMs: number; endMs: number } }; value: VelocityTotals }>
}

function payInAndOut() {
  const sacco = createSaccoDriver()
  sacco.join('M1')
  const data = (amount: number) => ({ member_id: 'M1', account_id: 'M1-F', amount_minor: amount }) as never
  const at = (minutes: number) => ({ atMs: START_MS + minutes * MINUTE_MS })
  sacco.send('deposit.completed', data(100), at(0))
  sacco.send('deposit.completed', data(200), at(0.5))
  sacco.send('withdrawal.processed', data(50), at(10))
  sacco.send('deposit.completed', data(400), at(70))
  return sacco
}

test.each([
  [
    'velocity-1m',
    MINUTE_MS,
    [
      [0, 2, 300, 0],
      [10, 0, 0, 50],
      [70, 1, 400, 0],
    ],
  ],
  [
    'velocity-1h',
    HOUR_MS,
    [
      [0, 2, 300, 50],
      [60, 1, 400, 0],
    ],
  ],
] as const)('%s counts in its windows', (name, _size, expected) => {
  using sacco = payInAndOut()
  const found: (readonly number[])[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { key, value } of sacco.store<WindowLike>(name, 'M1', partition).fetchAll(0, START_MS * 2)) {
      found.push([(key.window.startMs - START_MS) / MINUTE_MS, value.in_count, value.in_minor, value.out_minor])
    }
  }
  expect(found.sort((left, right) => (left[0] as number) - (right[0] as number))).toEqual(expected)
})

test('a session ends after half an hour of silence', () => {
  using sacco = payInAndOut()
  const sessions: (readonly number[])[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { key, value } of sacco.store<SessionLike>('velocity-sessions', 'M1', partition).fetch('M1')) {
      sessions.push([(key.window.endMs - key.window.startMs) / MINUTE_MS, value.in_count + value.out_count])
    }
  }
  expect(sessions).toEqual([
    [10, 3],
    [0, 1],
  ])
})

test('the receiver of a transfer counts it too', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  sacco.join('M2')
  sacco.send('transfer.executed', {
    member_id: 'M1',
    account_id: 'M1-F',
    to_member_id: 'M2',
    to_account_id: 'M2-F',
    amount_minor: 40,
  } as never)
  const totals: VelocityTotals[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { value } of sacco.store<WindowLike>('velocity-24h', 'M2', partition).fetchAll(0, START_MS * 2))
      totals.push(value)
  }
  expect(totals.map(({ in_minor, out_minor }) => in_minor - out_minor).sort()).toEqual([-40, 40])
})

test("hopping windows from panes are the engine's own hopping windows", () => {
  const builder = createStreamsBuilder()
  builder
    .stream('amounts', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .windowedBy(
      hoppingWindows({ sizeMs: HOPPING_SIZE_MS, advanceMs: HOPPING_ADVANCE_MS, graceMs: HOPPING_SIZE_MS * 48 }),
    )
    .aggregate(
      () => NO_TOTALS,
      (_key, amount, totals) => add(totals, amount),
      { store: 'windows', value: serdes.json<VelocityTotals>() },
    )
  using driver = createTestDriver(builder.build())
  const input = driver.inputTopic('amounts', { key: serdes.string, value: serdes.int64 })
  const prng = createPrng(7)
  const panes = new Map<number, VelocityTotals>()
  for (let i = 0; i < 200; i++) {
    const timeMs = START_MS + prng.below(6 * HOUR_MS)
    const amount = prng.below(2_000) - 1_000
    input.pipe('M1', amount, timeMs)
    const pane = timeMs - (timeMs % MINUTE_MS)
    panes.set(pane, add(panes.get(pane) ?? NO_TOTALS, amount))
  }
  const expected: [number, VelocityTotals][] = []
  type Timestamped = { readonly value: VelocityTotals }
  const store = driver.store<{
    fetchRange(key: string, from: number, to: number): Iterable<{ startMs: number; value: Timestamped }>
  }>('windows')
  for (const { startMs, value } of store.fetchRange('M1', 0, START_MS * 2)) expected.push([startMs, value.value])
  const sorted = [...panes].sort(([left], [right]) => left - right).map(([startMs, totals]) => ({ startMs, totals }))
  const found = hoppingWindowsOf(sorted, 0, START_MS * 2).map(({ startMs, totals }) => [startMs, totals])
  expect(found).toEqual(expected)
})

test("sessions are the engine's own sessions, whatever order movements come in", () => {
  const builder = createStreamsBuilder()
  builder
    .stream('amounts', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .windowedBy(sessionWindows({ inactivityGapMs: SESSION_GAP_MS, graceMs: DAY_MS }))
    .aggregate(
      () => NO_TOTALS,
      (_key, amount, totals) => add(totals, amount),
      (_key, left, right) => merge(left, right),
      { store: 'sessions', value: serdes.json<VelocityTotals>() },
    )
  using expected = createTestDriver(builder.build())
  using sacco = createSaccoDriver()
  sacco.join('M1')
  const input = expected.inputTopic('amounts', { key: serdes.string, value: serdes.int64 })
  const prng = createPrng(11)
  for (let i = 0; i < 120; i++) {
    const atMs = START_MS + prng.below(24) * HOUR_MS + prng.below(50) * MINUTE_MS
    const amount = 1 + prng.below(1_000)
    input.pipe('M1', amount, atMs)
    sacco.send('deposit.completed', { member_id: 'M1', account_id: 'M1-F', amount_minor: amount } as never, { atMs })
  }
  const sessionsIn = (store: SessionLike) =>
    [...store.fetch('M1')].map(({ key, value }) => [key.window.startMs, key.window.endMs, value])
  const found = Array.from({ length: PARTITIONS }, (_, partition) =>
    sessionsIn(sacco.store('velocity-sessions', 'M1', partition)),
  )
  expect(found.flat()).toEqual(sessionsIn(expected.store('sessions')))
  expect(found.flat().length).toBeGreaterThan(5)
})

test('a late movement first after a crash: what was counted before it still counts', () => {
  const countAll = (crashes: boolean) => {
    using sacco = createSaccoDriver()
    sacco.join('M1')
    const pay = (hours: number) =>
      sacco.send('deposit.completed', { member_id: 'M1', account_id: 'M1-F', amount_minor: 100 } as never, {
        atMs: START_MS + hours * HOUR_MS,
      })
    pay(10)
    pay(10.1)
    if (crashes) sacco.driver.crash()
    for (const hours of [9.3, 10.2, 10.3]) pay(hours)
    const counts: (readonly [string, number, number])[] = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (const name of ['velocity-1m', 'velocity-1h', 'velocity-24h'])
        for (const { key, value } of sacco.store<WindowLike>(name, 'M1', partition).fetchAll(0, START_MS * 2))
          counts.push([name, key.window.startMs, value.in_count])
      for (const { key, value } of sacco.store<SessionLike>('velocity-sessions', 'M1', partition).fetch('M1'))
        counts.push(['velocity-sessions', key.window.startMs, value.in_count])
    }
    return counts
  }
  const counts = countAll(true)
  expect(counts).toEqual(countAll(false))
  expect(counts).toContainEqual(['velocity-1h', START_MS + 10 * HOUR_MS, 4])
})
