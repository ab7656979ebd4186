import type { KeyValueStore } from '#streams'
import type { LoanState, PortfolioTotal } from './stores.ts'

export const PAR_DAYS = 30

const NOTHING: PortfolioTotal = {
  loans: 0,
  outstanding_minor: 0,
  arrears_minor: 0,
  provision_minor: 0,
  at_risk_minor: 0,
}

/** Takes the loan as it was out of the totals and puts it in as it is. */
export function updatePortfolio(
  store: KeyValueStore<string, PortfolioTotal>,
  before: LoanState | undefined,
  after: LoanState,
): void {
  if (before !== undefined) addLoan(store, before, -1)
  addLoan(store, after, 1)
}

function addLoan(store: KeyValueStore<string, PortfolioTotal>, loan: LoanState, sign: 1 | -1): void {
  if (loan.status !== 'active') return
  const part = partOf(loan, sign)
  for (const key of ['all', `band|${loan.band}`, `product|${loan.product}`]) {
    store.put(key, sumOf(store.get(key) ?? NOTHING, part))
  }
}

function partOf(loan: LoanState, sign: 1 | -1): PortfolioTotal {
  return {
    loans: sign,
    outstanding_minor: sign * loan.outstanding_minor,
    arrears_minor: sign * loan.arrears_minor,
    provision_minor: sign * loan.provision_minor,
    at_risk_minor: loan.days_past_due > PAR_DAYS ? sign * loan.outstanding_minor : 0,
  }
}

function sumOf(left: PortfolioTotal, right: PortfolioTotal): PortfolioTotal {
  return {
    loans: left.loans + right.loans,
    outstanding_minor: left.outstanding_minor + right.outstanding_minor,
    arrears_minor: left.arrears_minor + right.arrears_minor,
    provision_minor: left.provision_minor + right.provision_minor,
    at_risk_minor: left.at_risk_minor + right.at_risk_minor,
  }
}

/** The whole portfolio from the entries of all tasks. PAR30 in basis points of the outstanding principal. */
export function sumPortfolio(entries: readonly { readonly key: string; readonly value: PortfolioTotal }[]) {
  const totals = new Map<string, PortfolioTotal>()
  for (const { key, value } of entries) totals.set(key, sumOf(totals.get(key) ?? NOTHING, value))
  const all = totals.get('all') ?? NOTHING
  const par30Bps = all.outstanding_minor === 0 ? 0 : Math.round((all.at_risk_minor * 10_000) / all.outstanding_minor)
  const named = (prefix: string) =>
    Object.fromEntries(
      [...totals].filter(([key]) => key.startsWith(prefix)).map(([key, v]) => [key.slice(prefix.length), v]),
    )
  return { all, par30Bps, byBand: named('band|'), byProduct: named('product|') }
}
