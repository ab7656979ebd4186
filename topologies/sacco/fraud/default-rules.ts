import type { RuleId, StaffId } from '#schemas'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../shared/time.ts'
import type { FraudRule, RuleUnit } from './rule.ts'

/**
 * What a fresh installation starts with. A newer version of a rule on the topic of rules takes the place of the one
 * here; amounts are minor units of KES. Thresholds are starting points: each institution tunes its own.
 */
type Draft = Pick<FraudRule, 'name' | 'description' | 'severity' | 'score'> & {
  readonly category: FraudRule['category']
  readonly outcome?: FraudRule['outcome']
  readonly status?: FraudRule['status']
  readonly kind?: string
  readonly params: Readonly<Record<string, number>>
  readonly lists?: Readonly<Record<string, readonly string[]>>
}

const KES = 100
/** 15,000 US dollars, about: what must be reported to the Financial Reporting Centre. */
const CASH_REPORT_MINOR = 1_940_000 * KES

const UNIT_OF_SUFFIX: readonly (readonly [suffix: string, unit: RuleUnit])[] = [
  ['_minor', 'minor_units'],
  ['_ms', 'ms'],
  ['_bps', 'basis_points'],
  ['_days', 'days'],
  ['_km', 'other'],
  ['_kmh', 'km_per_hour'],
  ['_hour', 'hour_of_day'],
]
const unitOf = (name: string): RuleUnit => UNIT_OF_SUFFIX.find(([suffix]) => name.endsWith(suffix))?.[1] ?? 'count'

function rule(id: string, draft: Draft): FraudRule {
  const { params, lists = {}, kind = id, status = 'live', outcome = 'review', ...rest } = draft
  return {
    rule_id: id as RuleId,
    rule_version: 1,
    name: rest.name,
    description: rest.description,
    category: rest.category,
    kind,
    status,
    severity: rest.severity,
    outcome,
    score: rest.score,
    params: Object.entries(params).map(([name, value]) => ({ name, value, unit: unitOf(name) })),
    lists: Object.entries(lists).map(([name, values]) => ({ name, values })),
    effective_from: '2010-01-01T00:00:00.000Z',
    effective_to: null,
    maker_id: 'mto-defaults' as StaffId,
    checker_id: 'mto-review' as StaffId,
  }
}

const money = 'money'
const MONEY_RULES: readonly FraudRule[] = [
  rule('velocity-burst', {
    name: 'Burst of payments',
    description: 'Many payments out of one account within minutes: an account that is being emptied by a program.',
    category: money,
    severity: 'high',
    outcome: 'hold',
    score: 600,
    params: { count: 12, window_ms: 30 * MINUTE_MS },
  }),
  rule('structuring', {
    name: 'Cash just below the reporting threshold',
    description: 'Several cash deposits a little below the amount that must be reported.',
    category: money,
    severity: 'high',
    score: 700,
    params: { threshold_minor: CASH_REPORT_MINOR, margin_bps: 1_500, count: 3, window_ms: 7 * DAY_MS },
  }),
  rule('large-cash', {
    name: 'Cash at or above the reporting threshold',
    description: 'A single cash transaction that must be reported.',
    category: money,
    severity: 'medium',
    score: 300,
    params: { threshold_minor: CASH_REPORT_MINOR },
  }),
  rule('cash-aggregate', {
    name: 'Cash of a day above the reporting threshold',
    description: 'Several cash transactions of one person on one day that together must be reported.',
    category: money,
    severity: 'medium',
    score: 300,
    params: { threshold_minor: CASH_REPORT_MINOR, count: 2, window_ms: DAY_MS },
  }),
  rule('rapid-in-out', {
    name: 'Money passes through',
    description: 'Several people pay in, and nearly all of it goes out to others within a day: a mule account.',
    category: money,
    severity: 'high',
    outcome: 'hold',
    score: 700,
    params: { in_minor: 60_000 * KES, share_bps: 7_500, payers: 3, payees: 2, window_ms: DAY_MS },
  }),
  rule('fan-in', {
    name: 'Many senders',
    description: 'Many members pay one member within hours.',
    category: money,
    severity: 'medium',
    score: 400,
    params: { count: 11, window_ms: 3 * HOUR_MS },
  }),
  rule('fan-out', {
    name: 'Many receivers',
    description: 'One member pays many members within hours.',
    category: money,
    severity: 'medium',
    score: 400,
    params: { count: 10, window_ms: 2 * HOUR_MS },
  }),
  rule('transfer-ring', {
    name: 'Money goes in a circle',
    description: 'A transfer comes back to where it started, by way of other members, with about the same amount.',
    category: money,
    severity: 'high',
    score: 600,
    params: { members: 3, min_minor: 1_000 * KES, tolerance_bps: 1_500, window_ms: DAY_MS },
  }),
  rule('dormant-reactivation', {
    name: 'Dormant account pays out',
    description: 'The first movement by the member after half a year or more is a payment out.',
    category: money,
    severity: 'high',
    outcome: 'hold',
    score: 650,
    params: { dormant_ms: 180 * DAY_MS, min_minor: 5_000 * KES },
  }),
  rule('repeated-amounts', {
    name: 'The same amount again and again',
    description: 'Identical payments out, often just below a limit.',
    category: money,
    severity: 'medium',
    score: 350,
    params: { count: 5, min_minor: 5_000 * KES, window_ms: 4 * DAY_MS },
  }),
  rule('first-payee-large', {
    name: 'Large payment to somebody new',
    description: 'A large payment to somebody whom the member has never paid.',
    category: money,
    severity: 'medium',
    outcome: 'hold',
    score: 450,
    params: { min_minor: 100_000 * KES },
  }),
  rule('reversal-abuse', {
    name: 'Many reversals',
    description: 'Payments are reversed again and again: they are claimed to have failed and did not.',
    category: money,
    severity: 'high',
    score: 600,
    params: { count: 3, window_ms: 8 * DAY_MS },
  }),
  rule('receipt-replay', {
    name: 'M-Pesa receipt used twice',
    description: 'A receipt number was credited before, with another transaction.',
    category: 'integrity',
    severity: 'critical',
    outcome: 'hold',
    score: 900,
    params: { uses: 2 },
  }),
  rule('payment-mismatch', {
    name: 'Provider and request differ',
    description: 'The provider confirmed another amount than was asked for, or a payment that nobody asked for.',
    category: 'integrity',
    severity: 'high',
    outcome: 'hold',
    score: 700,
    params: { difference_minor: 1 },
  }),
]

const device = 'device'
const IDENTITY_RULES: readonly FraudRule[] = [
  rule('sim-swap', {
    name: 'Payment after a SIM swap',
    description: 'Money goes out to others soon after the SIM was replaced.',
    category: device,
    severity: 'critical',
    outcome: 'hold',
    score: 850,
    params: { min_minor: 5_000 * KES, window_ms: 3 * DAY_MS },
    lists: { changes: ['sim'] },
  }),
  rule('shared-device', {
    name: 'One device, many members',
    description: 'A device is used by more members than a family has.',
    category: device,
    severity: 'high',
    score: 600,
    params: { members: 6, window_ms: 2 * DAY_MS },
  }),
  rule('impossible-travel', {
    name: 'Impossible journey',
    description: 'Seen in two places between which nobody can have travelled in that time.',
    category: device,
    severity: 'high',
    score: 600,
    params: { speed_kmh: 500, distance_km: 100 },
  }),
  rule('pin-burst', {
    name: 'PIN guessed',
    description: 'Many wrong PINs within minutes, and then the right one.',
    category: device,
    severity: 'high',
    outcome: 'hold',
    score: 700,
    params: { count: 5, window_ms: 30 * MINUTE_MS },
  }),
  rule('new-device-payout', {
    name: 'Payment from a new device',
    description: 'A large payment from a device that is new to a member who had another one.',
    category: device,
    severity: 'medium',
    status: 'shadow',
    score: 350,
    params: { min_minor: 50_000 * KES, window_ms: DAY_MS },
  }),
]

const loan = 'loan'
const LOAN_RULES: readonly FraudRule[] = [
  rule('loan-stacking', {
    name: 'Loans on loans',
    description: 'Several loans are applied for within weeks.',
    category: loan,
    severity: 'high',
    score: 600,
    params: { count: 3, window_ms: 30 * DAY_MS },
  }),
  rule('guarantor-cycle', {
    name: 'Guarantors in a circle',
    description: 'Members guarantee each other: nobody outside the circle vouches for anything.',
    category: loan,
    severity: 'high',
    score: 600,
    params: { length: 4 },
  }),
  rule('guarantor-overcommitted', {
    name: 'Guarantor over-committed',
    description: 'A member vouches for far more than the deposits that would have to pay for it.',
    category: loan,
    severity: 'low',
    status: 'shadow',
    score: 200,
    params: { share_bps: 30_000, count: 2 },
  }),
  rule('ghost-borrowers', {
    name: 'Borrowers who share a telephone',
    description: 'Loans of several members are paid to one phone number, or the borrowers have one in common.',
    category: loan,
    severity: 'critical',
    outcome: 'hold',
    score: 900,
    params: { members: 3, window_ms: 60 * DAY_MS },
  }),
  rule('mass-registration', {
    name: 'Members registered with one device or phone',
    description: 'Several members were registered with the same phone number or device within a short time.',
    category: loan,
    severity: 'high',
    score: 600,
    params: { members: 4, window_ms: HOUR_MS },
  }),
  rule('first-payment-default', {
    name: 'First instalment not paid',
    description: 'A loan of which nothing was ever repaid is past its first due date.',
    category: loan,
    severity: 'medium',
    score: 400,
    params: { past_due_days: 4 },
  }),
  rule('disbursement-flight', {
    name: 'Loan leaves at once',
    description: 'Most of a loan goes out of the account within an hour of its payment.',
    category: loan,
    severity: 'high',
    score: 600,
    params: { share_bps: 8_000, window_ms: HOUR_MS },
  }),
  rule('evergreening', {
    name: 'Loan repaid by a loan',
    description: 'A new loan pays the old one.',
    category: loan,
    severity: 'medium',
    score: 450,
    params: { count: 1, window_ms: 180 * DAY_MS },
  }),
]

const staff = 'staff'
const STAFF_RULES: readonly FraudRule[] = [
  rule('maker-checker', {
    name: 'Entered and approved by one person',
    description: 'Four eyes were two: the same member of staff entered and approved it.',
    category: staff,
    severity: 'critical',
    score: 900,
    params: {},
  }),
  rule('staff-own-account', {
    name: 'Staff touches the own account',
    description: 'A member of staff entered or approved something on the own account or loan.',
    category: staff,
    severity: 'critical',
    score: 900,
    params: {},
  }),
  rule('edit-then-payout', {
    name: 'Payment after staff changed the contact',
    description: 'Staff changed the phone or bank account without a second person, and money went out soon after.',
    category: staff,
    severity: 'critical',
    outcome: 'hold',
    score: 900,
    params: { min_minor: 5_000 * KES, window_ms: 3 * DAY_MS },
  }),
  rule('record-snooping', {
    name: 'Records opened without a request',
    description: 'A member of staff opens many records that no member asked to be opened.',
    category: staff,
    severity: 'medium',
    score: 400,
    params: { members: 20, window_ms: HOUR_MS },
  }),
  rule('approval-out-of-hours', {
    name: 'Approval at night',
    description: 'A loan or a correction was approved when nobody should be at work.',
    category: staff,
    severity: 'high',
    score: 600,
    params: { from_hour: 22, to_hour: 5 },
  }),
  rule('approval-burst', {
    name: 'Approvals by the dozen',
    description: 'One person approves so many loans within minutes that nobody can have read them.',
    category: staff,
    severity: 'high',
    score: 600,
    params: { count: 10, window_ms: 10 * MINUTE_MS },
  }),
  rule('teller-shortage', {
    name: 'Drawer short again',
    description: 'The drawer of one teller is short again and again.',
    category: staff,
    severity: 'medium',
    score: 450,
    params: { count: 3, min_minor: 1_000 * KES, window_ms: 21 * DAY_MS },
  }),
]

export const DEFAULT_FRAUD_RULES: readonly FraudRule[] = [
  ...MONEY_RULES,
  ...IDENTITY_RULES,
  ...LOAN_RULES,
  ...STAFF_RULES,
]
