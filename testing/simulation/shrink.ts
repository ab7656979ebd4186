import type { Fault } from './faults.ts'
import type { Plan } from './plan.ts'
import { type RunResult, runPlan } from './run.ts'

/** So many runs at most: what is left then is small enough to read. */
const RUNS_MAX = 80

export type Shrunk = { readonly faults: readonly Fault[]; readonly result: RunResult; readonly runs: number }

/**
 * The fewest faults with which the plan still fails: halves of them are left out, then quarters, then single ones, for
 * as long as it helps (delta debugging).
 */
export async function shrinkFaults(plan: Plan, failed: RunResult): Promise<Shrunk> {
  let faults = plan.faults
  let result = failed
  let runs = 0
  let parts = 2
  while (faults.length > 0 && runs < RUNS_MAX) {
    const size = Math.ceil(faults.length / parts)
    let found = false
    for (let at = 0; at < faults.length && runs < RUNS_MAX; at += size) {
      const fewer = [...faults.slice(0, at), ...faults.slice(at + size)]
      runs++
      const next = await runPlan({ ...plan, faults: fewer })
      if (next.violations.length === 0) continue
      faults = fewer
      result = next
      found = true
      break
    }
    if (found) parts = Math.max(2, parts - 1)
    else if (size === 1) break
    else parts *= 2
  }
  return { faults, result, runs }
}
