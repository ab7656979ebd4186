import { IDENTITY_SCENARIOS } from './identity.ts'
import { LOAN_SCENARIOS } from './loans.ts'
import { LOOK_ALIKES } from './look-alikes.ts'
import { MONEY_SCENARIOS } from './money.ts'
import type { Scenario } from './scene.ts'
import { STAFF_SCENARIOS } from './staff.ts'

/** Everything that can be woven into ordinary traffic. */
export const SCENARIOS: readonly Scenario[] = [
  ...MONEY_SCENARIOS,
  ...IDENTITY_SCENARIOS,
  ...LOAN_SCENARIOS,
  ...STAFF_SCENARIOS,
  ...LOOK_ALIKES,
]
