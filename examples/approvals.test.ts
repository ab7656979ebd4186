import { nullable, serdes, type TimestampedKeyValueStore } from 'mto'
import { logAndContinue } from 'mto/runtime'
import { createTestDriver, type TestDriverOptions } from 'mto/testing'
import { expect, test } from 'vitest'
import { type Loan, topology } from './approvals.ts'

const { int64, json, string } = serdes
const asked = (branch: string, amount = 1_000): Loan => ({ branch, amount, state: 'asked' })

function setUp(options: TestDriverOptions = {}) {
  const driver = createTestDriver(topology(), options)
  return {
    driver,
    loans: driver.inputTopic('loans', { key: string, value: json<Loan>(), startTimestampMs: 100, advanceMs: 10 }),
    reminders: driver.outputTopic('reminders', { key: string, value: string }),
    counts: driver.outputTopic('branch-counts', { key: string, value: int64 }),
    [Symbol.dispose]: () => driver.close(),
  }
}

test('records and time', () => {
  using app = setUp()
  app.loans.pipe('l1', asked('Nakuru')) // at 100
  app.loans.pipe('l2', asked('Nakuru')) // at 110
  app.loans.pipe('l3', asked('Nakuru'), 5) // out of order
  expect(app.counts.readAll()).toMatchObject([
    { key: 'Nakuru', value: 1, timestampMs: 100 },
    { key: 'Nakuru', value: 2, timestampMs: 110 },
    { key: 'Nakuru', value: 3, timestampMs: 110 }, // a result has the latest time of what is in it
  ])
})

test('the wall clock stands still until the test moves it', () => {
  using app = setUp({ startMs: 1_000_000 })
  app.loans.pipe('l1', asked('Nakuru'))
  app.driver.advanceWallClock(59_999)
  expect(app.reminders.isEmpty).toBe(true)
  app.driver.advanceWallClock(1)
  expect(app.reminders.readAll()).toMatchObject([{ key: 'l1', value: '1000 is waiting', timestampMs: 1_060_000 }])
})

test('stores can be read, and written before the test', () => {
  using app = setUp()
  const store = app.driver.store<TimestampedKeyValueStore<string, number>>('branch-counts')
  store.put('Nakuru', { value: 41, timestampMs: 0 })
  app.loans.pipe('l1', asked('Nakuru'))
  expect(store.get('Nakuru')).toEqual({ value: 42, timestampMs: 100 })
})

test('several partitions: a task for each, real repartition topics', () => {
  using app = setUp({ partitionsOf: { loans: 3, 'branch-counts': 2, reminders: 1 }, applicationId: 'approvals' })
  for (const loan of ['l1', 'l2', 'l3', 'l4', 'l5', 'l6']) app.loans.pipe(loan, asked('Nakuru'))
  expect(Object.fromEntries(app.counts.readToMap())).toEqual({ Nakuru: 6 })
  expect(app.driver.topics()).toContain('approvals-by-branch-repartition')
  expect(app.driver.topology.tasks).toEqual(['0_0', '0_1', '0_2', '1_0', '1_1', '1_2'])
})

test('what is committed survives, what is not is processed again', () => {
  using app = setUp({ commitEvery: 2 })
  app.loans.pipe('l1', asked('Nakuru'))
  expect(app.counts.isEmpty).toBe(true) // outputs show when they are committed
  app.driver.crash()
  app.loans.pipe('l2', asked('Nakuru'))
  app.driver.crashAndLoseState() // stores come back from their changelogs
  app.driver.rebalance() // and on another member
  app.driver.commit()
  expect([...app.counts.readToMap()]).toEqual([['Nakuru', 2]])
})

test('record caches: updates of a key collapse until the commit', () => {
  using app = setUp({ config: { cacheBytesMax: 1_000_000 }, commitEvery: 3 })
  for (const loan of ['l1', 'l2', 'l3']) app.loans.pipe(loan, asked('Nakuru'))
  expect(app.counts.readAll()).toMatchObject([{ value: 3 }])
})

test('a record that cannot be processed ends the test, or goes to the dead letters', () => {
  using strict = setUp()
  expect(() => strict.loans.pipe('l1', asked('Nakuru', -1))).toThrow(/loans-0@0.*at node remind.*loan l1 is of -1/)

  using lenient = setUp({ config: { processingExceptionHandler: logAndContinue, deadLetterTopic: 'dead' } })
  lenient.loans.pipe('l1', asked('Nakuru', -1))
  lenient.loans.pipe('l2', asked('Nakuru'))
  const dead = lenient.driver.outputTopic('dead', { key: string, value: nullable(string) }).read()
  expect(dead).toMatchObject({ key: 'l1', value: '{"branch":"Nakuru","amount":-1,"state":"asked"}' })
  expect(dead?.headers.map(({ key }) => key)).toContain('__streams.errors.message')
})
