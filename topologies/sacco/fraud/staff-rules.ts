import type { SaccoEvent } from '#schemas'
import type { Activity } from '../shared/signals.ts'
import { hourOfDay } from '../shared/time.ts'
import { evidenceOfStep } from './memory.ts'
import { type Finding, param, value } from './rule.ts'
import type { Evaluator } from './rule-input.ts'
import { amountText, momentText } from './words.ts'

/** Rules about four eyes: who entered, who approved, whose account it is, and when. One event is enough for each. */
type Control = {
  readonly maker_id: string | null
  readonly checker_id: string | null
  readonly approved_at: string | null
}
type Controlled = {
  readonly control?: Control
  readonly maker_id?: string | null
  readonly checker_id?: string | null
  readonly amount_minor?: number
  readonly loan_id?: string
  readonly account_id?: string | null
}

const isEvent = (activity: Activity): activity is SaccoEvent =>
  activity.event_type !== 'member.signal' && activity.event_type !== 'loan.aged'

function controlOf(event: SaccoEvent): Control {
  const { control, maker_id = null, checker_id = null } = event.data as Controlled
  return control ?? { maker_id, checker_id, approved_at: null }
}

function found(
  event: SaccoEvent,
  timeMs: number,
  parts: Pick<Finding, 'reason' | 'values' | 'subject'> & { staff: string },
) {
  const { amount_minor = null, loan_id, account_id } = event.data as Controlled
  const { staff, ...rest } = parts
  return {
    ...rest,
    evidence: [evidenceOfStep({ event_id: event.event_id, time_ms: timeMs }, event.event_type, amount_minor)],
    fromMs: timeMs,
    toMs: timeMs,
    staffId: staff,
    ...(loan_id === undefined ? {} : { loanId: loan_id }),
    ...(account_id == null ? {} : { accountId: account_id }),
  } as Finding
}

const amountValue = (event: SaccoEvent) => value('amount', (event.data as Controlled).amount_minor ?? 0, 'minor_units')
const amountWords = (event: SaccoEvent) => {
  const amount = (event.data as Controlled).amount_minor
  return amount === undefined ? '' : ` of ${amountText(amount)}`
}

const makerChecker: Evaluator = {
  kind: 'maker-checker',
  evaluate({ activity, timeMs }) {
    if (!isEvent(activity)) return undefined
    const { maker_id, checker_id } = controlOf(activity)
    if (maker_id === null || maker_id !== checker_id) return undefined
    return found(activity, timeMs, {
      reason: `${maker_id} entered ${thingWords(activity.event_type)}${amountWords(activity)} and approved it as well.`,
      values: [amountValue(activity)],
      // The approval and the payment of one loan are one finding.
      subject: (activity.data as Controlled).loan_id ?? activity.event_id,
      staff: maker_id,
    })
  },
}

/** What staff does in the course of a normal member's day does not count: only what staff itself enters or approves. */
const ENTERED_BY_STAFF: ReadonlySet<string> = new Set([
  'adjustment.posted',
  'transaction.reversed',
  'loan.approved',
  'loan.disbursed',
  'loan.restructured',
  'loan.written.off',
  'withdrawal.processed',
  'deposit.completed',
  'member.contact.changed',
])

const staffOwnAccount: Evaluator = {
  kind: 'staff-own-account',
  evaluate({ activity, profile, timeMs }) {
    const staff = profile?.staff_id ?? ''
    if (staff === '' || !isEvent(activity) || !ENTERED_BY_STAFF.has(activity.event_type)) return undefined
    const { maker_id, checker_id } = controlOf(activity)
    if (maker_id !== staff && checker_id !== staff) return undefined
    return found(activity, timeMs, {
      reason: `${staff} ${maker_id === staff ? 'entered' : 'approved'} ${thingWords(activity.event_type)}${amountWords(activity)} on the own account or loan.`,
      values: [amountValue(activity)],
      subject: (activity.data as Controlled).loan_id ?? activity.event_id,
      staff,
    })
  },
}

const APPROVED: ReadonlySet<string> = new Set(['loan.approved', 'adjustment.posted', 'loan.written.off'])

/** What staff enters and approves, for people. */
const THINGS: Readonly<Record<string, string>> = {
  'adjustment.posted': 'a correction',
  'transaction.reversed': 'a reversal',
  'loan.approved': 'a loan',
  'loan.disbursed': 'the payment of a loan',
  'loan.restructured': 'new terms of a loan',
  'loan.written.off': 'the writing off of a loan',
  'withdrawal.processed': 'a withdrawal',
  'deposit.completed': 'a deposit',
  'member.contact.changed': 'new contact details',
}
const thingWords = (eventType: string): string => THINGS[eventType] ?? eventType

const approvalOutOfHours: Evaluator = {
  kind: 'approval-out-of-hours',
  evaluate({ activity, timeMs }, rule) {
    if (!isEvent(activity) || !APPROVED.has(activity.event_type)) return undefined
    const { checker_id, approved_at } = controlOf(activity)
    if (checker_id === null) return undefined
    const approvedMs = approved_at === null ? timeMs : Date.parse(approved_at)
    const hour = hourOfDay(Number.isNaN(approvedMs) ? timeMs : approvedMs)
    const from = param(rule, 'from_hour')
    const to = param(rule, 'to_hour')
    const isNight = from <= to ? hour >= from && hour < to : hour >= from || hour < to
    if (!isNight) return undefined
    return found(activity, timeMs, {
      reason: `${checker_id} approved ${thingWords(activity.event_type)}${amountWords(activity)} at ${momentText(approvedMs)}.`,
      values: [value('hour', hour, 'hour_of_day'), amountValue(activity)],
      subject: activity.event_id,
      staff: checker_id,
    })
  },
}

const paymentMismatch: Evaluator = {
  kind: 'payment-mismatch',
  evaluate({ activity, timeMs }, rule) {
    if (activity.event_type !== 'payment.processed') return undefined
    const { amount_minor, requested_minor, transaction_id, payment_id } = activity.data
    const difference = requested_minor === null ? amount_minor : Math.abs(amount_minor - requested_minor)
    if (difference < param(rule, 'difference_minor')) return undefined
    const evidence = [
      evidenceOfStep({ event_id: activity.event_id, time_ms: timeMs }, activity.event_type, amount_minor),
    ]
    return {
      reason:
        requested_minor === null
          ? `The provider confirmed ${amountText(amount_minor)} that nobody had asked for.`
          : `The provider confirmed ${amountText(amount_minor)} where ${amountText(requested_minor)} had been asked for (transaction ${transaction_id ?? 'unknown'}).`,
      evidence,
      values: [
        value('confirmed', amount_minor, 'minor_units'),
        value('requested', requested_minor ?? 0, 'minor_units'),
      ],
      fromMs: timeMs,
      toMs: timeMs,
      subject: payment_id,
    }
  },
}

/** Asked with every event. */
export const EVENT_EVALUATORS: readonly Evaluator[] = [
  makerChecker,
  staffOwnAccount,
  approvalOutOfHours,
  paymentMismatch,
]
