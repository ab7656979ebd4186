import type { GuarantorExposure } from '../loans/stores.ts'
import { dateOfDay, dayStartMs } from '../shared/time.ts'
import { evidenceOfStep } from './memory.ts'
import { type CompiledRule, type Finding, param, value } from './rule.ts'
import type { Evaluator } from './rule-input.ts'
import { amountText, durationText } from './words.ts'

/** Rules about loans that look at one borrower. */
const loanStacking: Evaluator = {
  kind: 'loan-stacking',
  evaluate({ activity, context, timeMs }, rule) {
    if (activity.event_type !== 'loan.application.submitted') return undefined
    const windowMs = param(rule, 'window_ms')
    const steps = context.loan_steps.filter(
      ({ what, time_ms }) => what === 'applied' && time_ms > timeMs - windowMs && time_ms <= timeMs,
    )
    if (steps.length < param(rule, 'count')) return undefined
    const sumMinor = steps.reduce((sum, { amount_minor }) => sum + amount_minor, 0)
    return {
      reason: `${steps.length} loans applied for within ${durationText(windowMs)}, ${amountText(sumMinor)} in all.`,
      evidence: steps.map((step) => evidenceOfStep(step, activity.event_type, step.amount_minor)),
      values: [value('applications', steps.length, 'count'), value('sum', sumMinor, 'minor_units')],
      fromMs: (steps[0] as (typeof steps)[number]).time_ms,
      toMs: timeMs,
      loanId: activity.data.loan_id,
    }
  },
}

const evergreening: Evaluator = {
  kind: 'evergreening',
  evaluate({ activity, context, timeMs }, rule) {
    if (activity.event_type !== 'repayment.received' || activity.data.paid_by_loan_id === null) return undefined
    const windowMs = param(rule, 'window_ms')
    const steps = context.loan_steps.filter(
      ({ what, time_ms }) => what === 'refinanced' && time_ms > timeMs - windowMs && time_ms <= timeMs,
    )
    if (steps.length < param(rule, 'count')) return undefined
    return {
      reason: `Loan ${activity.data.loan_id} was repaid by the new loan ${activity.data.paid_by_loan_id}; ${steps.length} such repayments within ${durationText(windowMs)}.`,
      evidence: steps.map((step) => evidenceOfStep(step, activity.event_type, step.amount_minor)),
      values: [
        value('repayments_by_loan', steps.length, 'count'),
        value('amount', activity.data.amount_minor, 'minor_units'),
      ],
      fromMs: (steps[0] as (typeof steps)[number]).time_ms,
      toMs: timeMs,
      loanId: activity.data.loan_id,
    }
  },
}

const firstPaymentDefault: Evaluator = {
  kind: 'first-payment-default',
  evaluate({ activity, timeMs }, rule) {
    if (activity.event_type !== 'loan.aged') return undefined
    const { loan } = activity
    const days = loan.days_past_due
    if (loan.repayments > 0 || days < param(rule, 'past_due_days')) return undefined
    const dueDay = loan.as_of_day - days
    return {
      reason: `Nothing was ever repaid of loan ${loan.loan_id} (${amountText(loan.principal_minor)}); its first instalment was due on ${dateOfDay(dueDay)}, ${days} days ago.`,
      evidence: [
        {
          eventId: loan.disbursed_event_id,
          eventType: 'loan.disbursed',
          timeMs: loan.disbursed_ms,
          amountMinor: loan.principal_minor,
        },
      ],
      values: [
        value('days_past_due', days, 'days'),
        value('threshold', param(rule, 'past_due_days'), 'days'),
        value('outstanding', loan.outstanding_minor, 'minor_units'),
      ],
      fromMs: dayStartMs(dueDay),
      toMs: timeMs,
      subject: loan.loan_id,
      loanId: loan.loan_id,
    }
  },
}

export const LOAN_EVALUATORS: readonly Evaluator[] = [loanStacking, evergreening, firstPaymentDefault]

export function evaluateCycle(
  members: readonly string[],
  events: readonly string[],
  timeMs: number,
  loanId: string,
  rule: CompiledRule,
): Finding | undefined {
  if (members.length < 2 || members.length > param(rule, 'length')) return undefined
  return {
    reason: `${members.length} members guarantee each other in a circle: ${members.join(' ← ')} ← ${members[0]}.`,
    evidence: events.map((event_id) => evidenceOfStep({ event_id, time_ms: timeMs }, 'guarantee.pledged')),
    values: [value('members', members.length, 'count')],
    fromMs: timeMs,
    toMs: timeMs,
    subject: [...members].sort().join(','),
    ...(loanId === '' ? {} : { loanId }),
  }
}

export function evaluateExposure(exposure: GuarantorExposure, timeMs: number, rule: CompiledRule): Finding | undefined {
  const { total_minor, deposits_minor, guarantees } = exposure
  if (deposits_minor === 0 || guarantees.length < param(rule, 'count')) return undefined
  if (total_minor * 10_000 < deposits_minor * param(rule, 'share_bps')) return undefined
  return {
    reason: `Vouches for ${amountText(total_minor)} in ${guarantees.length} loans with deposits of ${amountText(deposits_minor)}.`,
    evidence: guarantees.map((each) =>
      evidenceOfStep({ event_id: each.event_id, time_ms: each.pledged_ms }, 'guarantee.pledged', each.amount_minor),
    ),
    values: [value('guaranteed', total_minor, 'minor_units'), value('deposits', deposits_minor, 'minor_units')],
    fromMs: guarantees[0]?.pledged_ms ?? timeMs,
    toMs: timeMs,
  }
}
