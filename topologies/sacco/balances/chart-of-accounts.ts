/**
 * The SACCO's own side of each journal. A member's account has its own id; these are the counterparts. Signs: a credit
 * is positive, a debit negative, so that all accounts together are zero and a member's balance is what the SACCO owes.
 */
export type AccountClass =
  | 'member'
  | 'loan'
  | 'cash'
  | 'bank'
  | 'mpesa_float'
  | 'income'
  | 'expense'
  | 'equity'
  | 'suspense'
  | 'other'

export type LedgerAccount = { readonly id: string; readonly class: AccountClass }

const account = (id: string, accountClass: AccountClass): LedgerAccount => ({ id: `gl:${id}`, class: accountClass })

/** Total of all members' accounts: each leg of a member is mirrored here, so that one store holds a whole trial balance. */
export const MEMBER_ACCOUNTS = account('member-accounts', 'member')
export const LOANS_RECEIVABLE = account('loans-receivable', 'loan')
export const LOAN_LOSSES = account('loan-losses', 'expense')
export const FEE_INCOME = account('fee-income', 'income')
export const LOAN_INTEREST_INCOME = account('loan-interest-income', 'income')
export const INTEREST_EXPENSE = account('interest-expense', 'expense')
export const DIVIDENDS_PAYABLE = account('dividends-payable', 'equity')
export const ADJUSTMENTS = account('adjustments', 'suspense')
export const REVERSALS = account('reversals', 'suspense')

const CLEARING = account('clearing', 'suspense')
const BY_CHANNEL: Readonly<Record<string, LedgerAccount>> = {
  mpesa: account('mpesa-float', 'mpesa_float'),
  ussd: account('mpesa-float', 'mpesa_float'),
  mobile_app: account('mpesa-float', 'mpesa_float'),
  cash: account('cash', 'cash'),
  agent: account('agent-float', 'cash'),
  bank: account('bank', 'bank'),
  check_off: account('check-off-clearing', 'bank'),
}

/** Where money of a channel is: the till, the M-Pesa float, the bank. */
export function settlementAccountOf(channel: string): LedgerAccount {
  return BY_CHANNEL[channel] ?? CLEARING
}
