import { HOME_CURRENCY, moneyView } from './views.ts'

/** What codes and events mean, in plain words: analysts read sentences, not field names. */
const EVENT_WORDS: Readonly<Record<string, string>> = {
  'member.registered': 'Joined the SACCO',
  'member.verified': 'Identity verified',
  'member.kyc.approved': 'Know-your-customer checks approved',
  'member.status.changed': 'Membership status changed',
  'member.contact.changed': 'Contact or payout detail changed',
  'member.credential.changed': 'SIM, PIN or password changed',
  'member.device.seen': 'Signed in with a device',
  'member.authentication.attempted': 'Tried to sign in',
  'member.record.accessed': 'Record opened by staff',
  'account.opened': 'Account opened',
  'account.closed': 'Account closed',
  'deposit.initiated': 'Deposit asked for',
  'deposit.completed': 'Deposit',
  'withdrawal.requested': 'Withdrawal asked for',
  'withdrawal.processed': 'Withdrawal',
  'withdrawal.rejected': 'Withdrawal rejected',
  'transfer.executed': 'Transfer',
  'transaction.reversed': 'Reversal',
  'fee.charged': 'Fee',
  'interest.posted': 'Interest',
  'dividend.posted': 'Dividend',
  'adjustment.posted': 'Adjustment by staff',
  'loan.application.submitted': 'Loan applied for',
  'credit.check.initiated': 'Credit bureau asked',
  'credit.check.passed': 'Credit bureau: passed',
  'credit.check.failed': 'Credit bureau: failed',
  'loan.approved': 'Loan approved',
  'loan.rejected': 'Loan rejected',
  'loan.disbursed': 'Loan paid out',
  'repayment.received': 'Loan repayment',
  'loan.delinquent': 'Loan moved to another delinquency band',
  'loan.restructured': 'Loan restructured',
  'loan.written.off': 'Loan written off',
  'guarantee.pledged': 'Guarantee pledged',
  'guarantee.released': 'Guarantee released',
  'payment.processed': 'Payment processed by the provider',
  'payment.failed': 'Payment failed at the provider',
  'payment.reconciled': 'Payment reconciled',
  'fraud.detected': 'Fraud flag',
  'risk.score.calculated': 'Risk score calculated',
  'fraud.flag.reviewed': 'Flag reviewed',
}

export function eventWords(eventType: string): string {
  return EVENT_WORDS[eventType] ?? sentence(eventType)
}

/** `first-payee-large`, `days_past_due` → `First payee large`, `Days past due`. */
export function sentence(code: string): string {
  const spaced = code.replace(/[._-]+/g, ' ').trim()
  // Reason codes are written in capitals.
  const words = spaced === spaced.toUpperCase() ? spaced.toLowerCase() : spaced
  return words === '' ? '' : words.charAt(0).toUpperCase() + words.slice(1)
}

const UNIT_SUFFIX = /_(minor|ms|bps|days|km|kmh|hour)$/

export function valueName(name: string): string {
  return sentence(name.replace(UNIT_SUFFIX, ''))
}

/** A number with its unit, as people read it. */
export function valueWords(value: number, unit: string): string {
  switch (unit) {
    case 'minor_units':
      return moneyView(value, HOME_CURRENCY).formatted
    case 'ms':
      return durationWords(value)
    case 'days':
      return `${value} day${value === 1 ? '' : 's'}`
    case 'basis_points':
      return `${(value / 100).toFixed(value % 100 === 0 ? 0 : 1)} %`
    case 'metres':
      return value >= 1_000 ? `${Math.round(value / 100) / 10} km` : `${value} m`
    case 'km_per_hour':
      return `${value} km/h`
    case 'hour_of_day':
      return `${String(value).padStart(2, '0')}:00`
    case 'flag':
      return value === 0 ? 'no' : 'yes'
    case 'points':
      return `${value} points`
    default:
      return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
  }
}

const UNITS: readonly (readonly [sizeMs: number, name: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1_000, 'second'],
]

export function durationWords(durationMs: number): string {
  for (const [sizeMs, name] of UNITS) {
    if (durationMs < sizeMs) continue
    const count = Math.round((durationMs / sizeMs) * 10) / 10
    return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return `${durationMs} ms`
}

/** Reasons of the risk score. */
const REASON_WORDS: Readonly<Record<string, string>> = {
  NEW_MEMBER: 'Joined a short time ago',
  NOT_VERIFIED: 'Identity not verified',
  KYC_RATING_HIGH: 'Rated high by the know-your-customer checks',
  KYC_RATING_MEDIUM: 'Rated medium by the know-your-customer checks',
  POLITICALLY_EXPOSED: 'Politically exposed person',
  SANCTIONS_HIT: 'On a sanctions list',
  LOAN_OVERDUE: 'Loan past due',
  MANY_LOANS: 'Many running loans',
  RESTRUCTURED: 'Loans were restructured',
  GUARANTEES_HIGH: 'Vouches for much, against the deposits',
  MANY_PAYMENTS: 'Many payments today',
  OUTFLOW_UNUSUAL: 'Far more paid out today than is usual',
  CREDENTIAL_CHANGED: 'SIM, PIN or password changed lately',
  CONTACT_CHANGED_BY_STAFF: 'Staff changed contact details',
  WRONG_PINS: 'Wrong PIN several times',
  NEW_DEVICE: 'New device',
  FRAUD_FLAGS: 'Fraud flags',
}

export function reasonWords(code: string): string {
  return REASON_WORDS[code] ?? sentence(code)
}
