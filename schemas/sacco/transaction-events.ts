import { atLeast, field, id, openEnumeration, optional } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import {
  accountField,
  amountField,
  COUNTERPARTY,
  controlField,
  currencyField,
  memberField,
  originField,
} from './common.ts'

/** Money in and out of members' accounts: `sacco.transaction.events`, keyed by member. */
const topic = 'sacco.transaction.events'

const transactionField = field(
  'transaction_id',
  id('transaction-id'),
  'internal',
  'One movement of money through all its events.',
)
const counterpartyField = optional('counterparty', COUNTERPARTY, 'pii', 'Who paid or was paid, as far as known.')
const receiptField = optional(
  'mpesa_receipt',
  'string',
  'pii',
  'M-Pesa receipt number; the same one twice is a replay.',
)
const balanceField = optional(
  'balance_after_minor',
  'long',
  'internal',
  "Balance after it by the producer's books; for comparison only.",
)
const valueDateField = optional(
  'value_date',
  'string',
  'internal',
  'Day from which it counts, YYYY-MM-DD; earlier than the timestamp if back-dated.',
)
const occurredField = field('occurred_at', 'string', 'internal', 'When it happened, ISO format.')

export const PRODUCT = openEnumeration(
  'AccountProduct',
  'Kind of account.',
  ['bosa_deposits', 'fosa_savings', 'fosa_salary', 'share_capital', 'fixed_deposit', 'junior_savings', 'other'],
  'other',
)

export const accountOpened = defineEvent({
  type: 'account.opened',
  topic,
  name: 'AccountOpened',
  key: 'member_id',
  origin: 'ours',
  doc: 'An account of a member was opened.',
  data: [
    memberField,
    accountField,
    field('product', PRODUCT, 'internal', 'Kind of account.'),
    currencyField,
    field('opened_at', 'string', 'internal', 'When, ISO format.'),
    optional('branch_id', id('branch-id'), 'internal', 'Branch that keeps it.'),
    optional('opened_by', id('staff-id'), 'internal', 'Member of staff who opened it.'),
  ],
})

export const accountClosed = defineEvent({
  type: 'account.closed',
  topic,
  name: 'AccountClosed',
  key: 'member_id',
  origin: 'ours',
  doc: 'An account of a member was closed.',
  data: [
    memberField,
    accountField,
    field('closed_at', 'string', 'internal', 'When, ISO format.'),
    field('reason', 'string', 'internal', 'Why.'),
    controlField,
  ],
})

export const depositInitiated = defineEvent({
  type: 'deposit.initiated',
  topic,
  name: 'DepositInitiated',
  key: 'member_id',
  origin: 'document',
  doc: 'A deposit was asked for; the money is not there yet (for M-Pesa: the STK push goes out).',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    originField,
    counterpartyField,
    optional('checkout_request_id', 'string', 'internal', 'M-Pesa correlation of request and callback.'),
    occurredField,
  ],
})

export const depositCompleted = defineEvent({
  type: 'deposit.completed',
  topic,
  name: 'DepositCompleted',
  key: 'member_id',
  origin: 'document',
  doc: 'Money has arrived and is credited to the account.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    originField,
    controlField,
    counterpartyField,
    receiptField,
    balanceField,
    valueDateField,
    optional('employer_id', id('employer-id'), 'internal', 'Employer, for check-off and salary.'),
    occurredField,
  ],
})

export const withdrawalRequested = defineEvent({
  type: 'withdrawal.requested',
  topic,
  name: 'WithdrawalRequested',
  key: 'member_id',
  origin: 'document',
  doc: 'A withdrawal was asked for: the amount is no longer available, but not yet gone.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    originField,
    controlField,
    counterpartyField,
    occurredField,
  ],
})

export const withdrawalProcessed = defineEvent({
  type: 'withdrawal.processed',
  topic,
  name: 'WithdrawalProcessed',
  key: 'member_id',
  origin: 'document',
  doc: 'Money has left the account.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    atLeast(0, field('fee_minor', 'long', 'internal', 'Fee charged to the account on top, in minor units; 0 if none.')),
    currencyField,
    originField,
    controlField,
    counterpartyField,
    receiptField,
    balanceField,
    valueDateField,
    occurredField,
  ],
})

export const withdrawalRejected = defineEvent({
  type: 'withdrawal.rejected',
  topic,
  name: 'WithdrawalRejected',
  key: 'member_id',
  origin: 'ours',
  doc: 'A requested withdrawal will not happen: what was held is available again.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    field('reason', 'string', 'internal', 'Why: insufficient_funds, limit, declined, cancelled, timeout.'),
    occurredField,
  ],
})

export const transferExecuted = defineEvent({
  type: 'transfer.executed',
  topic,
  name: 'TransferExecuted',
  key: 'member_id',
  origin: 'document',
  doc: 'Money went from one account of the SACCO to another. Keyed by the sender.',
  data: [
    transactionField,
    field('member_id', id('member-id'), 'internal', 'The sending member.'),
    field('account_id', id('account-id'), 'internal', 'The account debited.'),
    field('to_member_id', id('member-id'), 'internal', 'The receiving member (may be the same).'),
    field('to_account_id', id('account-id'), 'internal', 'The account credited.'),
    amountField,
    atLeast(0, field('fee_minor', 'long', 'internal', 'Fee charged to the sender on top, in minor units; 0 if none.')),
    currencyField,
    originField,
    controlField,
    balanceField,
    valueDateField,
    occurredField,
  ],
})

export const transactionReversed = defineEvent({
  type: 'transaction.reversed',
  topic,
  name: 'TransactionReversed',
  key: 'member_id',
  origin: 'ours',
  doc: 'An earlier movement was undone by an opposite one.',
  data: [
    transactionField,
    memberField,
    accountField,
    field('original_transaction_id', id('transaction-id'), 'internal', 'The movement that is undone.'),
    field('original_event_id', id('event-id'), 'internal', 'The event that is undone.'),
    field('original_event_type', 'string', 'internal', 'Its type: it says which way the money goes back.'),
    amountField,
    currencyField,
    optional('to_account_id', id('account-id'), 'internal', 'For a transfer: the account that had been credited.'),
    optional('to_member_id', id('member-id'), 'internal', 'For a transfer: whose account that is.'),
    field('reason', 'string', 'internal', 'Why.'),
    originField,
    controlField,
    receiptField,
    occurredField,
  ],
})

export const feeCharged = defineEvent({
  type: 'fee.charged',
  topic,
  name: 'FeeCharged',
  key: 'member_id',
  origin: 'ours',
  doc: 'A fee was taken from an account.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    field('fee', 'string', 'internal', 'Which fee: ledger, statement, processing, penalty.'),
    occurredField,
  ],
})

export const interestPosted = defineEvent({
  type: 'interest.posted',
  topic,
  name: 'InterestPosted',
  key: 'member_id',
  origin: 'ours',
  doc: 'Interest was credited to an account.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    currencyField,
    field('period', 'string', 'internal', 'For which period: YYYY-MM or YYYY.'),
    occurredField,
  ],
})

export const dividendPosted = defineEvent({
  type: 'dividend.posted',
  topic,
  name: 'DividendPosted',
  key: 'member_id',
  origin: 'ours',
  doc: 'A dividend on share capital was credited to an account.',
  data: [
    transactionField,
    memberField,
    accountField,
    amountField,
    atLeast(
      0,
      field('withholding_tax_minor', 'long', 'internal', 'Tax kept back, in minor units; not part of the amount.'),
    ),
    currencyField,
    field('financial_year', 'int', 'internal', 'For which year.'),
    occurredField,
  ],
})

export const adjustmentPosted = defineEvent({
  type: 'adjustment.posted',
  topic,
  name: 'AdjustmentPosted',
  key: 'member_id',
  origin: 'ours',
  doc: 'Staff corrected an account by hand.',
  data: [
    transactionField,
    memberField,
    accountField,
    field(
      'direction',
      openEnumeration('Direction', 'Which way.', ['credit', 'debit', 'unknown'], 'unknown'),
      'internal',
      'Credit adds to the account.',
    ),
    amountField,
    currencyField,
    field('reason', 'string', 'internal', 'Why.'),
    originField,
    controlField,
    valueDateField,
    occurredField,
  ],
})

export const TRANSACTION_EVENTS = [
  accountOpened,
  accountClosed,
  depositInitiated,
  depositCompleted,
  withdrawalRequested,
  withdrawalProcessed,
  withdrawalRejected,
  transferExecuted,
  transactionReversed,
  feeCharged,
  interestPosted,
  dividendPosted,
  adjustmentPosted,
] as const
