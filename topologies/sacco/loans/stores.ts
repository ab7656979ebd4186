import {
  createRecordSerde,
  createTopicSerde,
  enumeration,
  field,
  list,
  type RegisteredSchemas,
  record,
  recordDefinition,
  type TypeOf,
} from '#schemas'
import { keyValueStore, serdes } from '#streams'
import { STATE_NAMESPACE } from '../shared/names.ts'

const LOAN_STATUS = enumeration('LoanStatus', 'Where a loan stands.', [
  'applied',
  'approved',
  'rejected',
  'active',
  'repaid',
  'written_off',
])

export const LOAN_STATE = record('LoanState', 'A loan as the events and the calendar have made it.', [
  field('loan_id', 'string', 'internal', 'The loan.'),
  field('member_id', 'string', 'internal', 'The borrower.'),
  field('product', 'string', 'internal', 'Kind of loan.'),
  field('currency', 'string', 'internal', 'Currency.'),
  field('status', LOAN_STATUS, 'internal', 'Where it stands.'),
  field('principal_minor', 'long', 'internal', 'Principal as applied for or paid out.'),
  field('outstanding_minor', 'long', 'internal', 'Principal not yet repaid.'),
  field('annual_rate_bps', 'int', 'internal', 'Yearly rate in basis points.'),
  field('paid_minor', 'long', 'internal', 'Principal and interest paid under the present schedule.'),
  field('repayments', 'int', 'internal', 'How many repayments came.'),
  list(
    'schedule',
    record('ScheduleLine', 'An instalment.', [
      field('due_day', 'int', 'internal', 'Day on which it is due, days since 1970-01-01 in East Africa.'),
      field('principal_minor', 'long', 'internal', 'Principal due.'),
      field('interest_minor', 'long', 'internal', 'Interest due.'),
    ]),
    'internal',
    'Instalments, in order of their days.',
  ),
  list(
    'guarantors',
    record('LoanGuarantor', 'A guarantor of the loan.', [
      field('member_id', 'string', 'internal', 'The guarantor.'),
      field('amount_minor', 'long', 'internal', 'For how much.'),
    ]),
    'internal',
    'Guarantors now.',
  ),
  field('disbursed_ms', 'long', 'internal', 'When it was paid out; 0 before.'),
  field('disbursed_event_id', 'string', 'internal', 'The event of it; empty before.'),
  field('last_repayment_ms', 'long', 'internal', 'Last repayment; 0 if none.'),
  field('restructures', 'int', 'internal', 'How often it was restructured.'),
  field('refinances_loan_id', 'string', 'internal', 'The loan that it replaced; empty if none.'),
  field('days_past_due', 'int', 'internal', 'Days since the oldest unpaid instalment was due.'),
  field('arrears_minor', 'long', 'internal', 'What is overdue.'),
  field('band', 'string', 'internal', 'Band of delinquency; empty unless it is active.'),
  field('provision_minor', 'long', 'internal', 'Provision by the band.'),
  field('as_of_day', 'int', 'internal', 'Day for which arrears and band hold.'),
])
export type LoanState = TypeOf<typeof LOAN_STATE>

export const LOAN_SUMMARY = record('LoanSummary', 'What matters of a loan to others than itself.', [
  field('loan_id', 'string', 'internal', 'The loan.'),
  field('product', 'string', 'internal', 'Kind of loan.'),
  field('status', 'string', 'internal', 'Where it stands.'),
  field('principal_minor', 'long', 'internal', 'Principal.'),
  field('outstanding_minor', 'long', 'internal', 'Principal not yet repaid.'),
  field('days_past_due', 'int', 'internal', 'Days past due.'),
  field('band', 'string', 'internal', 'Band of delinquency.'),
  field('arrears_minor', 'long', 'internal', 'What is overdue.'),
  field('restructures', 'int', 'internal', 'How often it was restructured.'),
  field('opened_ms', 'long', 'internal', 'Time of the first event about it.'),
])
export type LoanSummary = TypeOf<typeof LOAN_SUMMARY>
export const MEMBER_LOANS = record('MemberLoans', 'The loans of a member.', [
  list('loans', LOAN_SUMMARY, 'internal', 'The oldest first.'),
])
export type MemberLoans = TypeOf<typeof MEMBER_LOANS>

export const PORTFOLIO_TOTAL = record('PortfolioTotal', 'Running loans of one kind, as far as this task has them.', [
  field('loans', 'long', 'internal', 'How many.'),
  field('outstanding_minor', 'long', 'internal', 'Principal not yet repaid.'),
  field('arrears_minor', 'long', 'internal', 'What is overdue.'),
  field('provision_minor', 'long', 'internal', 'Provisions.'),
  field('at_risk_minor', 'long', 'internal', 'Outstanding principal of loans more than 30 days past due.'),
])
export type PortfolioTotal = TypeOf<typeof PORTFOLIO_TOTAL>

export const GUARANTOR_EXPOSURE = record('GuarantorExposure', 'What a member vouches for.', [
  field('total_minor', 'long', 'internal', 'Sum of the guarantees.'),
  field('deposits_minor', 'long', 'internal', 'Deposits as last said with a pledge; 0 if never.'),
  list(
    'guarantees',
    record('GuaranteeGiven', 'A guarantee.', [
      field('loan_id', 'string', 'internal', 'The loan.'),
      field('borrower_id', 'string', 'internal', 'The borrower.'),
      field('amount_minor', 'long', 'internal', 'For how much.'),
      field('event_id', 'string', 'internal', 'The pledge.'),
      field('pledged_ms', 'long', 'internal', 'When.'),
    ]),
    'internal',
    'Guarantees now, the oldest first.',
  ),
])
export type GuarantorExposure = TypeOf<typeof GUARANTOR_EXPOSURE>

export const loanStateDefinition = recordDefinition(STATE_NAMESPACE, LOAN_STATE)
export const memberLoansDefinition = recordDefinition(STATE_NAMESPACE, MEMBER_LOANS)
export const portfolioTotalDefinition = recordDefinition(STATE_NAMESPACE, PORTFOLIO_TOTAL)
export const guarantorExposureDefinition = recordDefinition(STATE_NAMESPACE, GUARANTOR_EXPOSURE)
export const LOAN_RECORDS = [
  loanStateDefinition,
  memberLoansDefinition,
  portfolioTotalDefinition,
  guarantorExposureDefinition,
] as const

export function createLoanStores(schemas: RegisteredSchemas) {
  const key = serdes.string
  return {
    /** Loan id → loan. */
    loans: keyValueStore({ name: 'loans', key, value: createRecordSerde(loanStateDefinition, schemas) }),
    /** Member id → summaries of the loans. */
    byMember: keyValueStore({
      name: 'loans-by-member',
      key,
      value: createRecordSerde(memberLoansDefinition, schemas),
    }),
    /** `all`, `band|…`, `product|…` → totals of this task. The portfolio is the sum over all tasks. */
    portfolio: keyValueStore({ name: 'portfolio', key, value: createRecordSerde(portfolioTotalDefinition, schemas) }),
    /** Guarantor's member id → guarantees. */
    exposure: keyValueStore({
      name: 'guarantor-exposure',
      key,
      value: createRecordSerde(guarantorExposureDefinition, schemas),
    }),
    /** Table id → the newest table of bands. Global. */
    bands: keyValueStore({
      name: 'delinquency-bands',
      key,
      value: createTopicSerde('sacco.delinquency.bands', schemas),
    }),
  }
}
export type LoanStores = ReturnType<typeof createLoanStores>
