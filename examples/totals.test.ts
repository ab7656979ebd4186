import { serdes } from 'mto'
import { simulate, simulatedInput } from 'mto/testing'
import { expect, test } from 'vitest'
import { topology, totalsInField, totalsInStore } from './totals.ts'

const { int64, string } = serdes

const payments = simulatedInput(
  'payments',
  { key: string, value: int64 },
  Array.from({ length: 60 }, (_, i) => ({ key: `member-${i % 3}`, value: 10 + i, timestampMs: i * 1_000 })),
)

test('totals in a field do not survive a crash', async () => {
  await expect(simulate(topology(totalsInField), { inputs: payments })).rejects.toThrow(
    /record \d+ of totals: the log has .*, undisturbed it is .*/,
  )
})

test('totals in a store do, and never fall', async () => {
  const report = await simulate(topology(totalsInStore), {
    inputs: payments,
    seed: 100,
    count: 15,
    check: (topics) => {
      const last = new Map<string, number>()
      for (const { key, value } of topics.records('totals', { key: string, value: int64 })) {
        if (value < (last.get(key) ?? 0)) throw new Error(`the total of ${key} fell to ${value}`)
        last.set(key, value)
      }
    },
  })
  expect(report.seeds).toBe(15)
})
