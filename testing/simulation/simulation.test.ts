import { describe, expect, test } from 'vitest'
import { chooseApplication, loadCatalogue } from './applications.ts'
import { drawPlan, prngFor } from './plan.ts'
import { failureText } from './report.ts'
import { runPlan } from './run.ts'
import { shrinkFaults } from './shrink.ts'

const SEEDS = 200
const SEEDS_PER_TEST = 25
const REPEATED = 10

const catalogue = await loadCatalogue()
const planOf = (seed: number) => drawPlan(seed, chooseApplication(catalogue, prngFor(seed, 'application')))

describe('simulation', () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_PER_TEST) {
    test(`seeds ${from} to ${from + SEEDS_PER_TEST - 1} hold everything that is checked`, async () => {
      for (let seed = from; seed < from + SEEDS_PER_TEST; seed++) {
        const plan = planOf(seed)
        const result = await runPlan(plan)
        if (result.violations.length > 0) expect.fail(failureText(result, await shrinkFaults(plan, result)))
      }
    }, 180_000)
  }

  test('two runs of one seed are the same run', async () => {
    for (let seed = 1; seed <= REPEATED; seed++) {
      const plan = planOf(seed)
      const first = await runPlan(plan)
      const second = await runPlan(plan)
      expect([second.traceHash, second.events, second.ticks], `seed ${seed}`).toEqual([
        first.traceHash,
        first.events,
        first.ticks,
      ])
    }
  }, 180_000)
})
