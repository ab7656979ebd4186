import type { EventDataOf, LoanEvent } from '#schemas'
import { INSTALMENTS_MAX } from '../shared/limits.ts'
import { dayNumberOf, dayNumberOfDate } from '../shared/time.ts'
import type { BandBook } from './band-book.ts'
import type { LoanState } from './stores.ts'

/** Changes of a loan: pure. */

type Terms = EventDataOf<'loan.disbursed'>['terms']

/** The loan after an event; undefined for an event about a loan that nobody has heard of, and which cannot start one. */
export function nextLoan(loan: LoanState | undefined, event: LoanEvent, timestampMs: number): LoanState | undefined {
  switch (event.event_type) {
    case 'loan.application.submitted':
      return loan ?? newLoan(event.data, 'applied', event.data.amount_minor)
    case 'loan.approved':
      return {
        ...(loan ?? newLoan(event.data, 'approved', event.data.amount_minor)),
        ...(loan === undefined || loan.status === 'applied' ? { status: 'approved' } : {}),
        ...(event.data.guarantors.length === 0 ? {} : { guarantors: event.data.guarantors.map(guarantorOf) }),
      }
    case 'loan.rejected':
      return loan === undefined ? undefined : { ...loan, status: 'rejected' }
    case 'loan.disbursed':
      return disbursed(loan, event, timestampMs)
    case 'repayment.received':
      // It may overtake the payment of its loan: what is repaid counts all the same.
      return repaid(loan ?? newLoan({ ...event.data, product: 'other' }, 'approved', 0), event.data, timestampMs)
    default:
      return loan === undefined ? undefined : changed(loan, event, timestampMs)
  }
}

function changed(loan: LoanState, event: LoanEvent, timestampMs: number): LoanState {
  switch (event.event_type) {
    case 'loan.restructured':
      return {
        ...loan,
        schedule: scheduleOf(event.data.terms, dayNumberOf(timestampMs)),
        annual_rate_bps: event.data.terms.annual_rate_bps,
        paid_minor: 0,
        restructures: event.data.restructure_count,
      }
    case 'loan.written.off':
      return { ...loan, status: 'written_off', outstanding_minor: loan.outstanding_minor - event.data.amount_minor }
    case 'guarantee.pledged': {
      const { guarantor_member_id, amount_minor } = event.data
      const others = loan.guarantors.filter(({ member_id }) => member_id !== guarantor_member_id)
      return { ...loan, guarantors: [...others, { member_id: guarantor_member_id, amount_minor }] }
    }
    case 'guarantee.released': {
      const gone = event.data.guarantor_member_id as string
      return { ...loan, guarantors: loan.guarantors.filter(({ member_id }) => member_id !== gone) }
    }
    default:
      return loan
  }
}

const guarantorOf = (guarantor: EventDataOf<'loan.approved'>['guarantors'][number]) => ({
  member_id: guarantor.member_id,
  amount_minor: guarantor.amount_minor,
})

type Head = {
  readonly loan_id: string
  readonly member_id: string
  readonly product: string
  readonly currency: string
}

function newLoan(head: Head, status: LoanState['status'], amountMinor: number): LoanState {
  return {
    loan_id: head.loan_id,
    member_id: head.member_id,
    product: head.product,
    currency: head.currency,
    status,
    principal_minor: amountMinor,
    outstanding_minor: 0,
    annual_rate_bps: 0,
    paid_minor: 0,
    repayments: 0,
    schedule: [],
    guarantors: [],
    disbursed_ms: 0,
    disbursed_event_id: '',
    last_repayment_ms: 0,
    restructures: 0,
    refinances_loan_id: '',
    days_past_due: 0,
    arrears_minor: 0,
    band: '',
    provision_minor: 0,
    as_of_day: 0,
  }
}

type Disbursed = Extract<LoanEvent, { event_type: 'loan.disbursed' }>

function disbursed(loan: LoanState | undefined, { data, event_id }: Disbursed, timestampMs: number): LoanState {
  const before = loan ?? newLoan(data, 'approved', data.amount_minor)
  const outstandingMinor = before.outstanding_minor + data.amount_minor
  return {
    ...before,
    status: outstandingMinor > 0 ? 'active' : 'repaid',
    principal_minor: data.amount_minor,
    outstanding_minor: outstandingMinor,
    annual_rate_bps: data.terms.annual_rate_bps,
    schedule: scheduleOf(data.terms, dayNumberOf(timestampMs)),
    disbursed_ms: timestampMs,
    disbursed_event_id: event_id,
    refinances_loan_id: data.refinances_loan_id ?? '',
  }
}

function repaid(loan: LoanState, data: EventDataOf<'repayment.received'>, timestampMs: number): LoanState {
  const outstandingMinor = loan.outstanding_minor - data.principal_minor
  const isRepaid = loan.status === 'active' && outstandingMinor <= 0
  return {
    ...loan,
    status: isRepaid ? 'repaid' : loan.status,
    outstanding_minor: outstandingMinor,
    paid_minor: loan.paid_minor + data.principal_minor + data.interest_minor,
    repayments: loan.repayments + 1,
    last_repayment_ms: Math.max(loan.last_repayment_ms, timestampMs),
  }
}

const DAYS_OF: Readonly<Record<Terms['frequency'], number>> = { daily: 1, weekly: 7, monthly: 30, once: 0 }

/** The lines as the event gives them, or equal parts where it leaves them to the terms. */
export function scheduleOf(terms: Terms, startDay: number): LoanState['schedule'] {
  if (terms.schedule.length > 0) {
    return terms.schedule.slice(0, INSTALMENTS_MAX).map((line) => ({
      due_day: dayNumberOfDate(line.due_date) ?? startDay,
      principal_minor: line.principal_minor,
      interest_minor: line.interest_minor,
    }))
  }
  const count = Math.min(INSTALMENTS_MAX, Math.max(1, terms.frequency === 'once' ? 1 : terms.instalment_count))
  const firstDay = dayNumberOfDate(terms.first_due_date) ?? startDay
  const part = Math.floor(terms.principal_minor / count)
  return Array.from({ length: count }, (_, index) => ({
    due_day: firstDay + index * DAYS_OF[terms.frequency],
    principal_minor: index === count - 1 ? terms.principal_minor - part * (count - 1) : part,
    interest_minor: 0,
  }))
}

/** Arrears, days past due and band of a loan on a day; the same object if nothing changes. */
export function agedTo(loan: LoanState, today: number, bands: BandBook): LoanState {
  if (loan.status !== 'active') {
    return loan.band === '' ? loan : { ...loan, days_past_due: 0, arrears_minor: 0, band: '', provision_minor: 0 }
  }
  let dueMinor = 0
  let oldestUnpaidDay = today
  for (const { due_day, principal_minor, interest_minor } of loan.schedule) {
    if (due_day >= today) break
    dueMinor += principal_minor + interest_minor
    if (dueMinor > loan.paid_minor && oldestUnpaidDay === today) oldestUnpaidDay = due_day
  }
  const daysPastDue = today - oldestUnpaidDay
  const arrearsMinor = Math.max(0, dueMinor - loan.paid_minor)
  const band = bands.bandOf(daysPastDue)
  const provisionMinor = Math.round((loan.outstanding_minor * band.provision_bps) / 10_000)
  const isSame =
    daysPastDue === loan.days_past_due &&
    arrearsMinor === loan.arrears_minor &&
    band.code === loan.band &&
    provisionMinor === loan.provision_minor
  if (isSame) return loan
  return {
    ...loan,
    days_past_due: daysPastDue,
    arrears_minor: arrearsMinor,
    band: band.code,
    provision_minor: provisionMinor,
    as_of_day: today,
  }
}
