import { formatMoney, money } from '#schemas'
import { DEFAULT_FRAUD_RULES } from './default-rules.ts'
import type { FraudFlag } from './flags.ts'
import type { FraudRule, NamedValue } from './rule.ts'
import { amountText, durationText, momentText } from './words.ts'

/** A flag in plain words: what for, why, which events, what was measured. Needs nothing but the flag (and its rule). */
export type FlagExplanation = {
  readonly title: string
  /** What the rule looks for. */
  readonly purpose: string
  readonly reason: string
  readonly action: string
  readonly values: readonly { readonly name: string; readonly text: string }[]
  readonly events: readonly { readonly eventId: string; readonly text: string }[]
}

const ACTIONS: Readonly<Record<FraudFlag['data']['outcome'], string>> = {
  approve: 'Nothing needs to be done.',
  review: 'Look at it and decide.',
  hold: 'Hold further payments until somebody has looked at it.',
  decline: 'Refuse it.',
}

export function explainFlag({ data }: FraudFlag, rules: readonly FraudRule[] = DEFAULT_FRAUD_RULES): FlagExplanation {
  const rule = rules.find(({ rule_id }) => rule_id === data.rule_id)
  const missing = data.evidence_count - data.evidence.length
  const events = data.evidence.map(({ event_id, event_type, timestamp, amount_minor }) => ({
    eventId: event_id,
    text: `${momentText(Date.parse(timestamp))}: ${EVENT_WORDS[event_type] ?? event_type}${amount_minor === null ? '' : ` of ${amountText(amount_minor)}`}`,
  }))
  if (missing > 0) events.unshift({ eventId: '' as never, text: `and ${missing} earlier events` })
  return {
    title: rule?.name ?? data.rule_id,
    purpose: rule?.description ?? '',
    reason: data.reason,
    action: ACTIONS[data.outcome],
    values: data.values.map((each) => ({ name: each.name.replaceAll('_', ' '), text: valueText(each) })),
    events,
  }
}

const EVENT_WORDS: Readonly<Record<string, string>> = {
  'deposit.completed': 'deposit',
  'withdrawal.processed': 'withdrawal',
  'transfer.executed': 'transfer',
  'transaction.reversed': 'reversal',
  'adjustment.posted': 'correction by staff',
  'loan.application.submitted': 'loan application',
  'loan.approved': 'loan approval',
  'loan.disbursed': 'loan paid out',
  'repayment.received': 'repayment',
  'guarantee.pledged': 'guarantee',
  'member.registered': 'registration',
  'member.device.seen': 'device seen',
  'member.authentication.attempted': 'sign-in',
  'member.contact.changed': 'change of a contact',
  'member.credential.changed': 'change of SIM or PIN',
  'member.record.accessed': 'record opened by staff',
  'payment.processed': 'payment confirmed by the provider',
  'teller.drawer.balanced': 'drawer counted',
}

function valueText({ value, unit }: NamedValue): string {
  switch (unit) {
    case 'minor_units':
      return formatMoney(money(value, 'KES'))
    case 'ms':
      return durationText(value)
    case 'days':
      return `${value} days`
    case 'basis_points':
      return `${value / 100} %`
    case 'km_per_hour':
      return `${value} km/h`
    case 'hour_of_day':
      return `${value}:00`
    default:
      return String(value)
  }
}
