import { expect, test } from 'vitest'
import { DEFAULT_DELINQUENCY_BANDS } from '#schemas'
import { DAY_MS, dateOfDay, dayNumberOf } from '../shared/time.ts'
import { createSaccoDriver, type SaccoDriver, START_MS } from '../testing/sacco-driver.ts'
import { sumPortfolio } from './portfolio.ts'
import type { GuarantorExposure, LoanState, MemberLoans, PortfolioTotal } from './stores.ts'

const startDay = dayNumberOf(START_MS)
const line = (number: number, days: number) => ({
  number,
  due_date: dateOfDay(startDay + days),
  principal_minor: 500,
  interest_minor: 50,
})
const LOAN = { loan_id: 'L1', member_id: 'M1', product: 'emergency' }

function lend(): SaccoDriver {
  const sacco = createSaccoDriver()
  sacco.join('M1')
  sacco.join('CLOCK')
  const terms = {
    principal_minor: 1_000,
    annual_rate_bps: 1_200,
    method: 'flat',
    instalment_count: 2,
    frequency: 'monthly',
    first_due_date: line(1, 30).due_date,
    schedule: [line(1, 30), line(2, 60)],
  }
  sacco.send('loan.disbursed', {
    ...LOAN,
    amount_minor: 1_000,
    channel: 'internal',
    account_id: 'M1-F',
    terms,
    disbursed_at: '',
  } as never)
  return sacco
}

/** Time passes by events of others: of somebody in the same partition. */
function passDays(sacco: SaccoDriver, days: number): void {
  sacco.wait(days * DAY_MS)
  sacco.send('member.record.accessed', {
    member_id: 'M1',
    staff_id: 'S1',
    action: 'viewed',
    service_request_id: 'R',
    accessed_at: '',
  } as never)
}
const repay = (sacco: SaccoDriver, principal: number, interest: number) =>
  sacco.send('repayment.received', {
    ...LOAN,
    repayment_id: 'R1',
    amount_minor: principal + interest,
    principal_minor: principal,
    interest_minor: interest,
    fees_minor: 0,
    received_at: '',
  } as never)
const loanOf = (sacco: SaccoDriver) => sacco.get<LoanState>('loans', 'L1') as LoanState
const portfolioOf = (sacco: SaccoDriver) => sumPortfolio(sacco.all<PortfolioTotal>('portfolio'))

test('a loan ages with stream time, without events of its own', () => {
  using sacco = lend()
  const seen: (readonly [number, number, string, number])[] = []
  for (const days of [29, 3, 30, 31, 400]) {
    passDays(sacco, days)
    const { days_past_due, arrears_minor, band } = loanOf(sacco)
    seen.push([days_past_due, arrears_minor, band, portfolioOf(sacco).par30Bps])
  }
  expect(seen).toEqual([
    [0, 0, 'performing', 0],
    [2, 550, 'watch', 0],
    [32, 1_100, 'substandard', 10_000],
    [63, 1_100, 'substandard', 10_000],
    [463, 1_100, 'loss', 10_000],
  ])
  expect(sacco.events('loan.delinquent').map(({ data }) => [data.band_before, data.band])).toEqual([
    ['performing', 'watch'],
    ['watch', 'substandard'],
    ['substandard', 'loss'],
  ])
})

test('repayments cure a loan and end it', () => {
  using sacco = lend()
  passDays(sacco, 40)
  repay(sacco, 500, 50)
  expect(loanOf(sacco)).toMatchObject({
    days_past_due: 0,
    arrears_minor: 0,
    band: 'performing',
    outstanding_minor: 500,
  })
  repay(sacco, 500, 50)
  expect(loanOf(sacco)).toMatchObject({ status: 'repaid', outstanding_minor: 0, band: '' })
  expect(sacco.get<MemberLoans>('loans-by-member', 'M1')?.loans).toMatchObject([{ loan_id: 'L1', status: 'repaid' }])
  expect(portfolioOf(sacco).all).toMatchObject({ loans: 0, outstanding_minor: 0, at_risk_minor: 0 })
})

test('a new table of bands classifies all loans again', () => {
  using sacco = lend()
  passDays(sacco, 40)
  expect(loanOf(sacco).band).toBe('watch')
  const bands = [
    { code: 'good', name: 'Good', days_from: 0, days_to: 4, provision_bps: 0 },
    { code: 'bad', name: 'Bad', days_from: 5, days_to: null, provision_bps: 5_000 },
  ]
  sacco.send('delinquency.bands.changed', { ...DEFAULT_DELINQUENCY_BANDS, table_version: 2, bands } as never)
  sacco.send('loan.application.submitted', {
    ...LOAN,
    loan_id: 'L2',
    amount_minor: 1,
    term_months: 1,
    purpose: '',
    submitted_at: '',
  } as never)
  expect(loanOf(sacco)).toMatchObject({ band: 'bad', provision_minor: 500 })
})

test('a table of bands with a gap is not taken', () => {
  using sacco = lend()
  const bands = [{ code: 'x', name: 'X', days_from: 1, days_to: null, provision_bps: 0 }]
  sacco.send('delinquency.bands.changed', { ...DEFAULT_DELINQUENCY_BANDS, table_version: 2, bands } as never)
  passDays(sacco, 40)
  expect(loanOf(sacco).band).toBe('watch')
})

test('a guarantor vouches until the guarantee is released', () => {
  using sacco = lend()
  sacco.join('G1')
  const guarantee = { ...LOAN, guarantor_member_id: 'G1', amount_minor: 700, guarantor_deposits_minor: 2_000 }
  sacco.send('guarantee.pledged', { ...guarantee, guarantee_id: 'GU1', pledged_at: '' } as never)
  sacco.send('guarantee.pledged', { ...guarantee, loan_id: 'L9', guarantee_id: 'GU2', pledged_at: '' } as never)
  expect(sacco.get<GuarantorExposure>('guarantor-exposure', 'G1')).toMatchObject({
    total_minor: 1_400,
    deposits_minor: 2_000,
  })
  expect(loanOf(sacco).guarantors).toEqual([{ member_id: 'G1', amount_minor: 700 }])
  sacco.send('guarantee.released', { ...guarantee, guarantee_id: 'GU1', reason: 'repaid', released_at: '' } as never)
  expect(sacco.get<GuarantorExposure>('guarantor-exposure', 'G1')).toMatchObject({ total_minor: 700 })
})
