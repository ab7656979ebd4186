import { atLeast, field, id, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { amountField, controlField, currencyField, memberField, SIDE } from './common.ts'

/** Double entry: `sacco.accounting.events`. */
const topic = 'sacco.accounting.events'

const ACCOUNT_CLASS = openEnumeration(
  'AccountClass',
  'What kind of ledger account.',
  ['member', 'loan', 'cash', 'bank', 'mpesa_float', 'income', 'expense', 'equity', 'suspense', 'other'],
  'other',
)

const LINE_FIELDS = [
  field('account_id', id('account-id'), 'internal', 'Ledger account (of a member, or of the SACCO).'),
  field('account_class', ACCOUNT_CLASS, 'internal', 'What kind of account; money parked in suspense needs a look.'),
  field('side', SIDE, 'internal', 'Debit or credit.'),
  amountField,
  optional('member_id', id('member-id'), 'internal', 'The member, for accounts of members and loans.'),
] as const

export const ledgerEntryCreated = defineEvent({
  type: 'ledger.entry.created',
  topic,
  name: 'LedgerEntryCreated',
  key: 'account_id',
  origin: 'document',
  doc: 'One posting to one ledger account.',
  data: [
    field(
      'entry_id',
      'string',
      'internal',
      'The posting: derived from the event that caused it, so that a repeat changes nothing.',
    ),
    field('journal_id', id('journal-id'), 'internal', 'The balanced journal that it belongs to.'),
    ...LINE_FIELDS,
    currencyField,
    optional('transaction_id', id('transaction-id'), 'internal', 'Movement of money that caused it.'),
    optional('source_event_id', id('event-id'), 'internal', 'Event that caused it.'),
    field('booked_at', 'string', 'internal', 'When it was booked, ISO format.'),
    field('value_date', 'string', 'internal', 'Day from which it counts, YYYY-MM-DD.'),
  ],
})

export const journalPosted = defineEvent({
  type: 'journal.posted',
  topic,
  name: 'JournalPosted',
  key: 'journal_id',
  origin: 'document',
  doc: 'A journal was posted: its debits equal its credits.',
  data: [
    field('journal_id', id('journal-id'), 'internal', 'The journal.'),
    field('description', 'string', 'internal', 'What it is for.'),
    field(
      'lines',
      { type: 'array', items: record('JournalLine', 'One line of a journal.', LINE_FIELDS) },
      'internal',
      'At least two lines.',
    ),
    currencyField,
    field('manual', 'boolean', 'internal', 'True if staff wrote it by hand.'),
    controlField,
    optional('source_event_id', id('event-id'), 'internal', 'Event that caused it.'),
    field('posted_at', 'string', 'internal', 'When it was posted, ISO format.'),
    field(
      'value_date',
      'string',
      'internal',
      'Day from which it counts, YYYY-MM-DD; earlier than posted_at if back-dated.',
    ),
  ],
})

export const interestAccrued = defineEvent({
  type: 'interest.accrued',
  topic,
  name: 'InterestAccrued',
  key: 'account_id',
  origin: 'document',
  doc: 'Interest has grown on an account or loan, but is not yet due or paid.',
  data: [
    memberField,
    field('account_id', id('account-id'), 'internal', 'Account or loan account.'),
    optional('loan_id', id('loan-id'), 'internal', 'The loan, if it is interest on one.'),
    amountField,
    currencyField,
    atLeast(0, field('annual_rate_bps', 'int', 'internal', 'Yearly rate in basis points.')),
    field('period_from', 'string', 'internal', 'First day, YYYY-MM-DD.'),
    field('period_to', 'string', 'internal', 'Last day, YYYY-MM-DD.'),
  ],
})

export const dividendDeclared = defineEvent({
  type: 'dividend.declared',
  topic,
  name: 'DividendDeclared',
  key: 'dividend_id',
  origin: 'document',
  doc: 'The general meeting declared a dividend.',
  data: [
    field('dividend_id', 'string', 'internal', 'The declaration.'),
    field('financial_year', 'int', 'internal', 'For which year.'),
    field('rate_bps', 'int', 'internal', 'Rate on share capital in basis points.'),
    field('deposit_interest_rate_bps', 'int', 'internal', 'Rate on deposits in basis points; 0 if none.'),
    atLeast(0, field('total_minor', 'long', 'internal', 'What is to be paid in all, in minor units.')),
    currencyField,
    field('record_date', 'string', 'internal', 'Whoever holds shares on this day gets it, YYYY-MM-DD.'),
    field('declared_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const tellerDrawerBalanced = defineEvent({
  type: 'teller.drawer.balanced',
  topic,
  name: 'TellerDrawerBalanced',
  key: 'staff_id',
  origin: 'ours',
  doc: 'A teller counted the drawer at the end of a shift: repeated shortages are a pattern.',
  data: [
    field('staff_id', id('staff-id'), 'internal', 'The teller.'),
    field('branch_id', id('branch-id'), 'internal', 'The branch.'),
    atLeast(0, field('expected_minor', 'long', 'internal', 'What should be there, in minor units.')),
    atLeast(0, field('counted_minor', 'long', 'internal', 'What was there, in minor units.')),
    currencyField,
    optional('checker_id', id('staff-id'), 'internal', 'Who counted again.'),
    field('balanced_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const checkOffRemitted = defineEvent({
  type: 'checkoff.remitted',
  topic,
  name: 'CheckOffRemitted',
  key: 'employer_id',
  origin: 'ours',
  doc: 'An employer remitted deductions of its staff. Missing, short and duplicate remittances show here.',
  data: [
    field('employer_id', id('employer-id'), 'internal', 'The employer.'),
    field('remittance_id', 'string', 'internal', 'File or payment reference of the employer.'),
    field('period', 'string', 'internal', 'Month of the deductions, YYYY-MM.'),
    atLeast(0, field('expected_minor', 'long', 'internal', 'What was due, in minor units.')),
    atLeast(0, field('received_minor', 'long', 'internal', 'What came, in minor units.')),
    currencyField,
    atLeast(0, field('member_count', 'int', 'internal', 'Members in the file.')),
    field('file_hash', 'string', 'internal', 'SHA-256 of the file: the same one twice is a duplicate.'),
    field('occurred_at', 'string', 'internal', 'When it came, ISO format.'),
  ],
})

export const ACCOUNTING_EVENTS = [
  ledgerEntryCreated,
  journalPosted,
  interestAccrued,
  dividendDeclared,
  tellerDrawerBalanced,
  checkOffRemitted,
] as const
