import { DEFAULT_DELINQUENCY_BANDS } from '#schemas'
import { notFound } from '../http/problem.ts'
import type { Trail } from './members.ts'
import type { StoreReader } from './store-reader.ts'
import { STORES, type StoredLoan, type StoredPortfolioTotal } from './stored.ts'
import { HOME_CURRENCY, moneyView, textOrNull, timeOrNull } from './views.ts'
import { sentence } from './words.ts'

const DAY_MS = 86_400_000
/** Instalments are due on days of East Africa's calendar; `due_day` counts them since 1970. */
const dateOfDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

export async function readLoan(reader: StoreReader, id: string, trail: Trail) {
  const { value, freshness } = await reader.get(STORES.loans, id)
  trail.add(freshness)
  if (value === undefined) throw notFound('loan', id)
  return { ...loanSummary(value), ...loanDetails(value) }
}

export async function readLoansOfMember(reader: StoreReader, memberId: string, trail: Trail) {
  if (!reader.has(STORES.loansByMember)) return []
  const { value, freshness } = await reader.get(STORES.loansByMember, memberId)
  trail.add(freshness)
  const loans = await Promise.all(
    (value?.loans ?? []).map(async ({ loan_id }) => (await reader.get(STORES.loans, loan_id)).value),
  )
  return loans.filter((loan) => loan !== undefined).map(loanSummary)
}

export function loanSummary(loan: StoredLoan) {
  return {
    loanId: loan.loan_id,
    memberId: loan.member_id,
    product: loan.product,
    status: loan.status,
    principal: moneyView(loan.principal_minor, loan.currency),
    outstanding: moneyView(loan.outstanding_minor, loan.currency),
    arrears: moneyView(loan.arrears_minor, loan.currency),
    daysPastDue: loan.days_past_due,
    band: textOrNull(loan.band),
    disbursedAt: timeOrNull(loan.disbursed_ms),
    lastRepaymentAt: timeOrNull(loan.last_repayment_ms),
  }
}

/** Payments cover the oldest instalments first: what is left of each follows from the sum. */
function loanDetails(loan: StoredLoan) {
  let paid = loan.paid_minor
  const schedule = loan.schedule.map(({ due_day, principal_minor, interest_minor }) => {
    const due = principal_minor + interest_minor
    const covered = Math.min(due, Math.max(0, paid))
    paid -= covered
    return {
      dueDate: dateOfDay(due_day),
      principal: moneyView(principal_minor, loan.currency),
      interest: moneyView(interest_minor, loan.currency),
      paid: moneyView(covered, loan.currency),
      isPaid: covered === due,
    }
  })
  return {
    annualRateBps: loan.annual_rate_bps,
    repayments: loan.repayments,
    restructures: loan.restructures,
    refinancesLoanId: textOrNull(loan.refinances_loan_id),
    provision: moneyView(loan.provision_minor, loan.currency),
    arrearsAsOf: loan.as_of_day === 0 ? null : dateOfDay(loan.as_of_day),
    guarantors: loan.guarantors.map(({ member_id, amount_minor }) => ({
      memberId: member_id,
      amount: moneyView(amount_minor, loan.currency),
    })),
    schedule,
  }
}

export async function readExposure(reader: StoreReader, memberId: string, trail: Trail) {
  if (!reader.has(STORES.guarantorExposure)) return null
  const { value, freshness } = await reader.get(STORES.guarantorExposure, memberId)
  trail.add(freshness)
  if (value === undefined) return null
  return {
    total: moneyView(value.total_minor, HOME_CURRENCY),
    deposits: moneyView(value.deposits_minor, HOME_CURRENCY),
    guarantees: value.guarantees.map((each) => ({
      loanId: each.loan_id,
      borrowerId: each.borrower_id,
      amount: moneyView(each.amount_minor, HOME_CURRENCY),
    })),
  }
}

const NOTHING: StoredPortfolioTotal = {
  loans: 0,
  outstanding_minor: 0,
  arrears_minor: 0,
  provision_minor: 0,
  at_risk_minor: 0,
}
const TOTALS_MAX = 1_000
/** Loans more than 30 days past due are at risk. */
export const PAR_DAYS = 30

/** The portfolio is the sum over all tasks; each of them keeps the totals of its own loans. */
export async function readPortfolio(reader: StoreReader, trail: Trail) {
  const { value, freshness } = await reader.ask({ store: STORES.portfolio.name, kind: 'range', limit: TOTALS_MAX })
  trail.add(freshness)
  const totals = new Map<string, StoredPortfolioTotal>()
  for (const { key, value: part } of value) {
    totals.set(String(key), sum(totals.get(String(key)) ?? NOTHING, part as StoredPortfolioTotal))
  }
  const all = totals.get('all') ?? NOTHING
  const bands = await readBands(reader)
  return {
    ...totalView(all),
    par30Bps: all.outstanding_minor === 0 ? 0 : Math.round((all.at_risk_minor * 10_000) / all.outstanding_minor),
    bands: bands.bands.map(({ code, name, days_from, days_to, provision_bps }) => ({
      code,
      name,
      daysFrom: days_from,
      daysTo: days_to,
      provisionBps: provision_bps,
      ...totalView(totals.get(`band|${code}`) ?? NOTHING),
    })),
    bandTable: { version: bands.table_version, verified: bands.verified, source: bands.source },
    products: [...totals]
      .filter(([key]) => key.startsWith('product|'))
      .map(([key, total]) => {
        const product = key.slice('product|'.length)
        return { product, name: sentence(product), ...totalView(total) }
      })
      .sort((left, right) => right.outstanding.minorUnits - left.outstanding.minorUnits),
  }
}

async function readBands(reader: StoreReader): Promise<typeof DEFAULT_DELINQUENCY_BANDS> {
  if (!reader.has(STORES.delinquencyBands)) return DEFAULT_DELINQUENCY_BANDS
  const { value } = await reader.get(STORES.delinquencyBands, DEFAULT_DELINQUENCY_BANDS.table_id)
  return value?.data ?? DEFAULT_DELINQUENCY_BANDS
}

function totalView(total: StoredPortfolioTotal) {
  return {
    loans: total.loans,
    outstanding: moneyView(total.outstanding_minor, HOME_CURRENCY),
    arrears: moneyView(total.arrears_minor, HOME_CURRENCY),
    provision: moneyView(total.provision_minor, HOME_CURRENCY),
    atRisk: moneyView(total.at_risk_minor, HOME_CURRENCY),
  }
}

function sum(left: StoredPortfolioTotal, right: StoredPortfolioTotal): StoredPortfolioTotal {
  return {
    loans: left.loans + right.loans,
    outstanding_minor: left.outstanding_minor + right.outstanding_minor,
    arrears_minor: left.arrears_minor + right.arrears_minor,
    provision_minor: left.provision_minor + right.provision_minor,
    at_risk_minor: left.at_risk_minor + right.at_risk_minor,
  }
}
