import { expect, test } from 'vitest'
import {
  failOnInvalidTimestamp,
  skipInvalidTimestamp,
  usePartitionTimeOnInvalidTimestamp,
  wallClockTimestamp,
} from './timestamp-extractors.ts'

const record = (timestampMs: number) => ({ offset: 3, timestampMs, headers: [], key: 'k', value: 'v' })
const NO_TIME = -1

test('a valid timestamp is taken by all but the wall clock', () => {
  for (const extract of [failOnInvalidTimestamp, skipInvalidTimestamp, usePartitionTimeOnInvalidTimestamp])
    expect(extract(record(7), 9)).toBe(7)
  expect(wallClockTimestamp({ wallClockMs: () => 42 })(record(7), 9)).toBe(42)
})

test('without one: fail, skip, or the time of the partition', () => {
  expect(() => failOnInvalidTimestamp(record(NO_TIME), 9)).toThrow(/offset 3 has the timestamp -1/)
  expect(skipInvalidTimestamp(record(NO_TIME), 9)).toBe(NO_TIME)
  expect(usePartitionTimeOnInvalidTimestamp(record(NO_TIME), 9)).toBe(9)
  expect(() => usePartitionTimeOnInvalidTimestamp(record(NO_TIME), NO_TIME)).toThrow(/no earlier record/)
})
