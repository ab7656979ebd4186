import type { EventOf, SaccoEvent } from '#schemas'
import { assert } from '#streams/base'
import {
  ADJUSTMENTS,
  DIVIDENDS_PAYABLE,
  FEE_INCOME,
  INTEREST_EXPENSE,
  type LedgerAccount,
  LOAN_INTEREST_INCOME,
  LOAN_LOSSES,
  LOANS_RECEIVABLE,
  REVERSALS,
  settlementAccountOf,
} from './chart-of-accounts.ts'

/**
 * What an event means in double entry: pure, and the only place that knows. A leg is positive for a credit and negative
 * for a debit; the legs of a journal add up to zero.
 */
export type Leg =
  | { readonly kind: 'member'; readonly accountId: string; readonly memberId: string; readonly amountMinor: number }
  | { readonly kind: 'ledger'; readonly account: LedgerAccount; readonly amountMinor: number }
export type Journal = { readonly description: string; readonly legs: readonly Leg[] }

type Account = { readonly account_id: string; readonly member_id: string }
const member = ({ account_id, member_id }: Account, amountMinor: number): Leg => ({
  kind: 'member',
  accountId: account_id,
  memberId: member_id,
  amountMinor,
})
const ledger = (account: LedgerAccount, amountMinor: number): Leg => ({ kind: 'ledger', account, amountMinor })

/** Undefined for events that move no money. Throws (an assertion) if a journal does not balance. */
export function journalOf(event: SaccoEvent): Journal | undefined {
  const journal = draftOf(event)
  if (journal === undefined) return undefined
  let sumMinor = 0
  for (const leg of journal.legs) sumMinor += leg.amountMinor
  assert(sumMinor === 0, `the journal of ${event.event_type} ${event.event_id} is out of balance by ${sumMinor}`)
  return journal
}

function draftOf(event: SaccoEvent): Journal | undefined {
  switch (event.event_type) {
    case 'deposit.completed':
      return between('Deposit', member(event.data, event.data.amount_minor), settlement(event.data.origin.channel))
    case 'withdrawal.processed':
      return withdrawal(event)
    case 'transfer.executed':
      return transfer(event)
    case 'transaction.reversed':
      return reversal(event)
    case 'fee.charged':
      return between(`Fee: ${event.data.fee}`, member(event.data, -event.data.amount_minor), FEE_INCOME)
    case 'interest.posted':
      return between('Interest', member(event.data, event.data.amount_minor), INTEREST_EXPENSE)
    case 'dividend.posted':
      return between('Dividend', member(event.data, event.data.amount_minor), DIVIDENDS_PAYABLE)
    case 'adjustment.posted': {
      const sign = event.data.direction === 'credit' ? 1 : -1
      return between('Adjustment by staff', member(event.data, sign * event.data.amount_minor), ADJUSTMENTS)
    }
    case 'loan.disbursed':
      return disbursement(event)
    case 'repayment.received':
      return repayment(event)
    case 'loan.written.off':
      return between('Loan written off', ledger(LOANS_RECEIVABLE, event.data.amount_minor), LOAN_LOSSES)
    default:
      return undefined
  }
}

const settlement = settlementAccountOf

function between(description: string, leg: Leg, counterpart: LedgerAccount): Journal {
  return { description, legs: [leg, ledger(counterpart, -leg.amountMinor)] }
}

function withdrawal({ data }: EventOf<'withdrawal.processed'>): Journal {
  const { amount_minor: amount, fee_minor: fee } = data
  const legs = [member(data, -amount - fee), ledger(settlement(data.origin.channel), amount)]
  return { description: 'Withdrawal', legs: fee === 0 ? legs : [...legs, ledger(FEE_INCOME, fee)] }
}

function transfer({ data }: EventOf<'transfer.executed'>): Journal {
  const { amount_minor: amount, fee_minor: fee } = data
  const receiver = { account_id: data.to_account_id, member_id: data.to_member_id }
  const legs = [member(data, -amount - fee), member(receiver, amount)]
  return { description: 'Transfer', legs: fee === 0 ? legs : [...legs, ledger(FEE_INCOME, fee)] }
}

/** Which way the money of an event went for the member's account: what a reversal turns round. */
const DIRECTION_OF: Readonly<Record<string, 1 | -1>> = {
  'deposit.completed': 1,
  'interest.posted': 1,
  'dividend.posted': 1,
  'withdrawal.processed': -1,
  'fee.charged': -1,
  'transfer.executed': -1,
}

function reversal({ data }: EventOf<'transaction.reversed'>): Journal {
  const amount = -(DIRECTION_OF[data.original_event_type] ?? 0) * data.amount_minor
  const description = `Reversal of ${data.original_event_type} ${data.original_event_id}`
  const isTransfer = data.original_event_type === 'transfer.executed'
  const { to_account_id, to_member_id } = data
  if (!isTransfer || to_account_id === null || to_member_id === null)
    return between(description, member(data, amount), REVERSALS)
  const receiver = member({ account_id: to_account_id, member_id: to_member_id }, -amount)
  return { description, legs: [member(data, amount), receiver] }
}

function disbursement({ data }: EventOf<'loan.disbursed'>): Journal {
  const { amount_minor: amount, account_id, member_id } = data
  const paid =
    account_id === null ? ledger(settlement(data.channel), amount) : member({ account_id, member_id }, amount)
  return between(`Loan ${data.loan_id} paid out`, paid, LOANS_RECEIVABLE)
}

function repayment({ data }: EventOf<'repayment.received'>): Journal {
  const { amount_minor: amount, account_id, member_id } = data
  const payer =
    account_id === null ? ledger(settlement(data.origin.channel), -amount) : member({ account_id, member_id }, -amount)
  const parts = [
    ledger(LOANS_RECEIVABLE, data.principal_minor),
    ledger(LOAN_INTEREST_INCOME, data.interest_minor),
    ledger(FEE_INCOME, data.fees_minor),
  ].filter(({ amountMinor }) => amountMinor !== 0)
  return { description: `Repayment of loan ${data.loan_id}`, legs: [payer, ...parts] }
}

/** Why the money of an event cannot be booked; undefined if it can (or if there is none). Asked before it is taken. */
export function problemWithMoney(event: SaccoEvent): string | undefined {
  switch (event.event_type) {
    case 'repayment.received': {
      const { principal_minor, interest_minor, fees_minor, amount_minor } = event.data
      const sumMinor = principal_minor + interest_minor + fees_minor
      return sumMinor === amount_minor ? undefined : `its parts are ${sumMinor}, its amount is ${amount_minor}`
    }
    case 'adjustment.posted':
      return event.data.direction === 'unknown' ? 'its direction is not known' : undefined
    case 'transaction.reversed': {
      const { original_event_type, to_account_id, to_member_id } = event.data
      const isPayeeKnown = to_account_id !== null && to_member_id !== null
      if (original_event_type === 'transfer.executed' && !isPayeeKnown) return 'it does not say who was paid'
      return original_event_type in DIRECTION_OF ? undefined : `${original_event_type} cannot be reversed`
    }
    default:
      return undefined
  }
}

/** Money that is promised: held when a withdrawal is asked for, free again when it is paid or refused. */
export type Hold = { readonly kind: 'hold' | 'release'; readonly transactionId: string; readonly amountMinor: number }

export function holdOf(event: SaccoEvent): Hold | undefined {
  switch (event.event_type) {
    case 'withdrawal.requested':
      return { kind: 'hold', transactionId: event.data.transaction_id, amountMinor: event.data.amount_minor }
    case 'withdrawal.processed':
    case 'withdrawal.rejected':
      return { kind: 'release', transactionId: event.data.transaction_id, amountMinor: event.data.amount_minor }
    default:
      return undefined
  }
}
