import { atLeast, enumeration, field, id, list, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { amountField, CHANNEL, controlField, currencyField, memberField, originField } from './common.ts'

/** The life of a loan: `sacco.loan.events`, keyed by the borrower so that all loans of a member are in order. */
const topic = 'sacco.loan.events'

const loanField = field('loan_id', id('loan-id'), 'internal', 'The loan.')

const LOAN_PRODUCT = openEnumeration(
  'LoanProduct',
  'Kind of loan.',
  ['development', 'emergency', 'school_fees', 'mobile', 'salary_advance', 'asset', 'other'],
  'other',
)

const GUARANTOR = record('Guarantor', 'A member who vouches for part of a loan.', [
  field('member_id', id('member-id'), 'internal', 'The guarantor.'),
  atLeast(0, field('amount_minor', 'long', 'internal', 'For how much, in minor units.')),
  optional('staff_id', id('staff-id'), 'internal', 'Set if the guarantor works for the SACCO.'),
])

const INSTALMENT = record('Instalment', 'One line of a repayment schedule.', [
  field('number', 'int', 'internal', '1, 2, 3 …'),
  field('due_date', 'string', 'internal', 'YYYY-MM-DD.'),
  atLeast(0, field('principal_minor', 'long', 'internal', 'Principal due, in minor units.')),
  atLeast(0, field('interest_minor', 'long', 'internal', 'Interest due, in minor units.')),
])

const TERMS = record('LoanTerms', 'What was agreed.', [
  atLeast(0, field('principal_minor', 'long', 'internal', 'Principal in minor units.')),
  atLeast(0, field('annual_rate_bps', 'int', 'internal', 'Yearly interest in basis points (1200 = 12 %).')),
  field(
    'method',
    enumeration('InterestMethod', 'How interest is reckoned.', ['reducing_balance', 'flat']),
    'internal',
    'How interest is reckoned.',
  ),
  atLeast(0, field('instalment_count', 'int', 'internal', 'Number of instalments.')),
  field(
    'frequency',
    enumeration('RepaymentFrequency', 'How often.', ['daily', 'weekly', 'monthly', 'once']),
    'internal',
    'How often an instalment is due.',
  ),
  field('first_due_date', 'string', 'internal', 'Day of the first instalment, YYYY-MM-DD.'),
  list('schedule', INSTALMENT, 'internal', 'The instalments; empty where they follow from the terms.'),
])

const termsField = field('terms', TERMS, 'internal', 'What was agreed.')

export const loanApplicationSubmitted = defineEvent({
  type: 'loan.application.submitted',
  topic,
  name: 'LoanApplicationSubmitted',
  key: 'member_id',
  origin: 'document',
  doc: 'A member applied for a loan.',
  data: [
    loanField,
    memberField,
    field('product', LOAN_PRODUCT, 'internal', 'Kind of loan.'),
    amountField,
    currencyField,
    atLeast(0, field('term_months', 'int', 'internal', 'Wanted term in months.')),
    field('purpose', 'string', 'internal', 'What for.'),
    list('guarantors', GUARANTOR, 'internal', 'Guarantors named in the application.'),
    optional('monthly_income_minor', 'long', 'pii', 'Income per month as stated, in minor units.'),
    optional('deposits_minor', 'long', 'internal', 'Deposits of the member when applying, in minor units.'),
    optional('refinances_loan_id', id('loan-id'), 'internal', 'The loan that this one tops up or replaces.'),
    originField,
    controlField,
    field('submitted_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const creditCheckInitiated = defineEvent({
  type: 'credit.check.initiated',
  topic,
  name: 'CreditCheckInitiated',
  key: 'member_id',
  origin: 'ours',
  doc: 'The saga of a loan application asks the credit bureau (the document names the event in its saga).',
  data: [loanField, memberField, field('bureau', 'string', 'internal', 'Which bureau.')],
})

const BUREAU_FIELDS = [
  loanField,
  memberField,
  field('score', 'int', 'pii', 'Score of the bureau.'),
  field('open_loan_count', 'int', 'pii', 'Open loans at all institutions.'),
  atLeast(0, field('open_balance_minor', 'long', 'pii', 'What is owed at all institutions, in minor units.')),
  currencyField,
  field('adverse_listing', 'boolean', 'pii', 'True if a default is listed.'),
] as const

export const creditCheckPassed = defineEvent({
  type: 'credit.check.passed',
  topic,
  name: 'CreditCheckPassed',
  key: 'member_id',
  origin: 'ours',
  doc: 'The bureau answered with a score above the limit (the document: above 600).',
  data: BUREAU_FIELDS,
})

export const creditCheckFailed = defineEvent({
  type: 'credit.check.failed',
  topic,
  name: 'CreditCheckFailed',
  key: 'member_id',
  origin: 'ours',
  doc: 'The bureau answered with a score at or below the limit.',
  data: BUREAU_FIELDS,
})

export const loanApproved = defineEvent({
  type: 'loan.approved',
  topic,
  name: 'LoanApproved',
  key: 'member_id',
  origin: 'document',
  doc: 'A loan application was approved.',
  data: [
    loanField,
    memberField,
    field('product', LOAN_PRODUCT, 'internal', 'Kind of loan.'),
    amountField,
    currencyField,
    termsField,
    list('guarantors', GUARANTOR, 'internal', 'Guarantors accepted.'),
    controlField,
    optional('authority_limit_minor', 'long', 'internal', 'Up to how much the checker may approve, in minor units.'),
    field('approved_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const loanRejected = defineEvent({
  type: 'loan.rejected',
  topic,
  name: 'LoanRejected',
  key: 'member_id',
  origin: 'ours',
  doc: 'A loan application was turned down or withdrawn.',
  data: [
    loanField,
    memberField,
    field('reason', 'string', 'internal', 'Why.'),
    controlField,
    field('rejected_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const loanDisbursed = defineEvent({
  type: 'loan.disbursed',
  topic,
  name: 'LoanDisbursed',
  key: 'member_id',
  origin: 'document',
  doc: 'The money of a loan was paid out: the loan runs, with this schedule.',
  data: [
    loanField,
    memberField,
    field('product', LOAN_PRODUCT, 'internal', 'Kind of loan.'),
    amountField,
    currencyField,
    termsField,
    field('channel', CHANNEL, 'internal', 'How it was paid out.'),
    optional('account_id', id('account-id'), 'internal', 'Account of the SACCO that was credited.'),
    optional('disbursed_to_phone', 'string', 'pii', "Phone number paid; one that is not the member's needs a look."),
    optional('disbursed_to_bank_account', 'string', 'pii', 'Bank account paid.'),
    optional('mpesa_receipt', 'string', 'pii', 'M-Pesa receipt number.'),
    optional('refinances_loan_id', id('loan-id'), 'internal', 'The loan that this one tops up or replaces.'),
    controlField,
    field('disbursed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const repaymentReceived = defineEvent({
  type: 'repayment.received',
  topic,
  name: 'RepaymentReceived',
  key: 'member_id',
  origin: 'document',
  doc: 'A repayment came in. The parts add up to the amount.',
  data: [
    field('repayment_id', id('transaction-id'), 'internal', 'The repayment.'),
    loanField,
    memberField,
    amountField,
    atLeast(0, field('principal_minor', 'long', 'internal', 'Part that repays principal, in minor units.')),
    atLeast(0, field('interest_minor', 'long', 'internal', 'Part that pays interest, in minor units.')),
    atLeast(0, field('fees_minor', 'long', 'internal', 'Part that pays fees and penalties, in minor units.')),
    currencyField,
    originField,
    optional(
      'account_id',
      id('account-id'),
      'internal',
      'Account of the SACCO that was debited; null if paid from outside.',
    ),
    optional('payer_member_id', id('member-id'), 'internal', 'Who paid, if another member.'),
    optional('payer_phone', 'string', 'pii', 'Phone number that paid.'),
    optional('paid_by_loan_id', id('loan-id'), 'internal', 'Set if a new loan paid this one (evergreening).'),
    optional('mpesa_receipt', 'string', 'pii', 'M-Pesa receipt number.'),
    field('received_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const loanDelinquent = defineEvent({
  type: 'loan.delinquent',
  topic,
  name: 'LoanDelinquent',
  key: 'member_id',
  origin: 'document',
  doc: 'A loan moved into a band of delinquency.',
  data: [
    loanField,
    memberField,
    atLeast(0, field('days_past_due', 'int', 'internal', 'Days since the oldest unpaid instalment was due.')),
    field('band', 'string', 'internal', 'Code of the band.'),
    optional('band_before', 'string', 'internal', 'Code of the band before.'),
    field('band_table_version', 'int', 'internal', 'Version of the table of bands that was used.'),
    atLeast(0, field('arrears_minor', 'long', 'internal', 'What is overdue, in minor units.')),
    atLeast(0, field('outstanding_principal_minor', 'long', 'internal', 'Principal not yet repaid, in minor units.')),
    currencyField,
    field('as_of', 'string', 'internal', 'For which day, YYYY-MM-DD.'),
  ],
})

export const loanRestructured = defineEvent({
  type: 'loan.restructured',
  topic,
  name: 'LoanRestructured',
  key: 'member_id',
  origin: 'document',
  doc: 'The terms of a running loan were changed.',
  data: [
    loanField,
    memberField,
    currencyField,
    termsField,
    field('restructure_count', 'int', 'internal', 'How often this loan has been restructured, with this time.'),
    field('reason', 'string', 'internal', 'Why.'),
    controlField,
    field('restructured_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const loanWrittenOff = defineEvent({
  type: 'loan.written.off',
  topic,
  name: 'LoanWrittenOff',
  key: 'member_id',
  origin: 'ours',
  doc: 'What is left of a loan was booked as a loss.',
  data: [
    loanField,
    memberField,
    amountField,
    currencyField,
    controlField,
    field('written_off_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

const GUARANTEE_FIELDS = [
  field('guarantee_id', 'string', 'internal', 'The guarantee.'),
  loanField,
  field('member_id', id('member-id'), 'internal', 'The borrower.'),
  field('guarantor_member_id', id('member-id'), 'internal', 'The guarantor.'),
  amountField,
  currencyField,
  optional('guarantor_staff_id', id('staff-id'), 'internal', 'Set if the guarantor works for the SACCO.'),
] as const

export const guaranteePledged = defineEvent({
  type: 'guarantee.pledged',
  topic,
  name: 'GuaranteePledged',
  key: 'member_id',
  origin: 'ours',
  doc: 'A member vouched for part of a loan. Keyed by the borrower.',
  data: [
    ...GUARANTEE_FIELDS,
    optional('guarantor_deposits_minor', 'long', 'internal', 'Deposits of the guarantor at that time, in minor units.'),
    optional('device_id', id('device-id'), 'pii', 'Device with which it was confirmed.'),
    field('pledged_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const guaranteeReleased = defineEvent({
  type: 'guarantee.released',
  topic,
  name: 'GuaranteeReleased',
  key: 'member_id',
  origin: 'ours',
  doc: 'A guarantee ended. Keyed by the borrower.',
  data: [
    ...GUARANTEE_FIELDS,
    field(
      'reason',
      openEnumeration('ReleaseReason', 'Why.', ['repaid', 'replaced', 'called', 'rejected', 'other'], 'other'),
      'internal',
      'Why.',
    ),
    field('released_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const LOAN_EVENTS = [
  loanApplicationSubmitted,
  creditCheckInitiated,
  creditCheckPassed,
  creditCheckFailed,
  loanApproved,
  loanRejected,
  loanDisbursed,
  repaymentReceived,
  loanDelinquent,
  loanRestructured,
  loanWrittenOff,
  guaranteePledged,
  guaranteeReleased,
] as const
