import { serdes } from 'mto'
import { createTestDriver } from 'mto/testing'
import { expect, test } from 'vitest'
import { topology } from './word-count.ts'

const { int64, string } = serdes

test('counts words over lines, partitions and crashes', () => {
  using driver = createTestDriver(topology(), { partitions: 3 })
  const lines = driver.inputTopic('lines', { key: string, value: string })
  const counts = driver.outputTopic('counts', { key: string, value: int64 })

  lines.pipe('a', 'To be, or not to be')
  expect(Object.fromEntries(counts.readToMap())).toEqual({ to: 2, be: 2, or: 1, not: 1 })

  driver.crashAndLoseState() // stores come back from their changelogs
  lines.pipe('b', 'to err')
  expect(Object.fromEntries(counts.readToMap())).toEqual({ to: 3, err: 1 })
})
