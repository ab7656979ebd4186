import { expect, test } from 'vitest'
import { checkCase, createCase, describeFailure } from './fuzz-seed.ts'

const SEEDS = 200
/** Apart from those of `make fuzz`, which begins at 1. */
const FIRST_SEED = 1_000_001

test(`${SEEDS} random programs give the same results in memory, over crashes, in partitions, with caches`, {
  timeout: 120_000,
}, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const failure = await checkCase(createCase(seed))
    expect(failure === undefined ? '' : describeFailure(failure), 'run it alone with: make fuzz SEED=…').toBe('')
  }
})

test('a case is the same whenever it is made', () => {
  expect(createCase(7)).toEqual(createCase(7))
})
