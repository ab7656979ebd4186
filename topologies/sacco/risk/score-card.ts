import { type NamedValue, value } from '../fraud/rule.ts'
import type { FraudContext, FraudMoves } from '../fraud/stores.ts'
import type { GuarantorExposure, MemberLoans } from '../loans/stores.ts'
import type { MemberProfile } from '../members/stores.ts'
import { DAY_MS } from '../shared/time.ts'
import type { VelocityTotals } from '../velocity/stores.ts'

/**
 * An additive score card: 0 (no risk seen) to 1000. Every reason says how many points it adds and from which values,
 * and the score is their sum, so it can be worked out again by hand. More risk never means fewer points.
 */
export const SCORE_CARD = 'member-risk'
export const SCORE_CARD_VERSION = 1
export const SCORE_MAX = 1_000

export type RiskInputs = {
  readonly timeMs: number
  readonly profile: MemberProfile
  readonly loans: MemberLoans | undefined
  readonly exposure: GuarantorExposure | undefined
  /** All payments out so far. */
  readonly paidOut: Pick<FraudMoves, 'out_count' | 'out_minor'> | undefined
  readonly context: FraudContext | undefined
  /** Of the day (UTC) in which `timeMs` lies. */
  readonly today: VelocityTotals | undefined
}
export type RiskReason = { readonly code: string; readonly points: number; readonly values: readonly NamedValue[] }
export type RiskResult = { readonly score: number; readonly reasons: readonly RiskReason[] }

export function scoreOf(inputs: RiskInputs): RiskResult {
  const reasons: RiskReason[] = []
  const add = (code: string, points: number, ...values: readonly NamedValue[]): void => {
    if (points > 0) reasons.push({ code, points, values })
  }
  scoreProfile(inputs, add)
  scoreLoans(inputs, add)
  scoreMoney(inputs, add)
  scoreAccess(inputs, add)
  reasons.sort((left, right) => right.points - left.points || (left.code < right.code ? -1 : 1))
  let sum = 0
  for (const { points } of reasons) sum += points
  return { score: Math.min(SCORE_MAX, sum), reasons }
}

type Add = (code: string, points: number, ...values: readonly NamedValue[]) => void

const NEW_MEMBER_DAYS = 30

function scoreProfile({ profile, timeMs }: RiskInputs, add: Add): void {
  const tenureDays = Math.max(0, Math.floor((timeMs - profile.registered_ms) / DAY_MS))
  if (tenureDays < NEW_MEMBER_DAYS) add('NEW_MEMBER', 60, value('tenure', tenureDays, 'days'))
  if (!profile.verified) add('NOT_VERIFIED', 80, value('kyc_level', profile.kyc_level, 'count'))
  if (profile.kyc_rating === 'high') add('KYC_RATING_HIGH', 120)
  if (profile.kyc_rating === 'medium') add('KYC_RATING_MEDIUM', 50)
  if (profile.politically_exposed) add('POLITICALLY_EXPOSED', 60)
  if (profile.sanctions_hit) add('SANCTIONS_HIT', 500)
}

const OVERDUE_POINTS: readonly (readonly [daysFrom: number, points: number])[] = [
  [91, 320],
  [31, 200],
  [1, 80],
]
const MANY_LOANS = 3
const GUARANTEE_LIMIT_BPS = 20_000

function scoreLoans({ loans, exposure }: RiskInputs, add: Add): void {
  let worstDays = 0
  let arrearsMinor = 0
  let active = 0
  let restructures = 0
  for (const loan of loans?.loans ?? []) {
    if (loan.status !== 'active') continue
    active++
    worstDays = Math.max(worstDays, loan.days_past_due)
    arrearsMinor += loan.arrears_minor
    restructures = Math.max(restructures, loan.restructures)
  }
  const overdue = OVERDUE_POINTS.find(([daysFrom]) => worstDays >= daysFrom)
  if (overdue !== undefined) {
    add(
      'LOAN_OVERDUE',
      overdue[1],
      value('days_past_due', worstDays, 'days'),
      value('arrears', arrearsMinor, 'minor_units'),
    )
  }
  if (active >= MANY_LOANS) add('MANY_LOANS', 60, value('active_loans', active, 'count'))
  if (restructures > 0) add('RESTRUCTURED', 60, value('restructures', restructures, 'count'))
  if (exposure === undefined || exposure.deposits_minor === 0) return
  const shareBps = Math.floor((exposure.total_minor * 10_000) / exposure.deposits_minor)
  if (shareBps > GUARANTEE_LIMIT_BPS)
    add('GUARANTEES_HIGH', 60, value('guaranteed_to_deposits', shareBps, 'basis_points'))
}

const MANY_PAYMENTS = 10
const UNUSUAL_TIMES_MEAN = 5
const UNUSUAL_MIN_MINOR = 5_000_000

function scoreMoney({ today, paidOut }: RiskInputs, add: Add): void {
  if (today === undefined) return
  const { out_count, out_minor } = today
  if (out_count >= MANY_PAYMENTS) add('MANY_PAYMENTS', 60, value('payments_today', out_count, 'count'))
  const earlierCount = (paidOut?.out_count ?? 0) - out_count
  const earlierMinor = (paidOut?.out_minor ?? 0) - out_minor
  const mean = earlierCount > 0 ? Math.floor(earlierMinor / earlierCount) : 0
  if (out_minor >= UNUSUAL_MIN_MINOR && out_minor > mean * UNUSUAL_TIMES_MEAN) {
    add(
      'OUTFLOW_UNUSUAL',
      100,
      value('out_today', out_minor, 'minor_units'),
      value('mean_payment', mean, 'minor_units'),
    )
  }
}

const RECENT_MS = 3 * DAY_MS
const FLAGS_MS = 30 * DAY_MS
const WRONG_PINS = 3
const FLAG_POINTS_MAX = 400

function scoreAccess({ context, timeMs }: RiskInputs, add: Add): void {
  if (context === undefined) return
  const within = (durationMs: number) => (step: { readonly time_ms: number }) =>
    step.time_ms <= timeMs && timeMs - step.time_ms < durationMs
  const changes = context.changes.filter(within(RECENT_MS))
  const credentials = changes.filter(({ value: text }) => text === '').length
  if (credentials > 0) add('CREDENTIAL_CHANGED', 120, value('changes', credentials, 'count'))
  const byStaff = changes.filter(({ staff_id, value: text }) => staff_id !== '' && text !== '').length
  if (byStaff > 0) add('CONTACT_CHANGED_BY_STAFF', 80, value('changes', byStaff, 'count'))
  const wrong = context.failures.filter(within(DAY_MS)).length
  if (wrong >= WRONG_PINS) add('WRONG_PINS', 60, value('wrong', wrong, 'count'))
  const isNewDevice = context.devices.length > 1 && context.devices.slice(1).some(within(RECENT_MS))
  if (isNewDevice) add('NEW_DEVICE', 40, value('devices', context.devices.length, 'count'))
  const flags = context.raised.filter(within(FLAGS_MS)).filter(({ score }) => score > 0)
  const weight = flags.reduce((sum, { score }) => sum + score, 0)
  const points = Math.min(FLAG_POINTS_MAX, Math.floor(weight / 3))
  if (points > 0) add('FRAUD_FLAGS', points, value('flags', flags.length, 'count'), value('weight', weight, 'points'))
}
