import type { EventDataOf } from '#schemas'

/**
 * What the API reads of the stores of the SACCO's topologies: their names, and of their values the fields that answers
 * are made of. A store that an application does not have makes its paths answer 501; nothing else depends on it.
 */
export const STORES = {
  members: 'members',
  balances: 'balances',
  balanceHistory: 'balance-history',
  loans: 'loans',
  loansByMember: 'loans-by-member',
  portfolio: 'portfolio',
  exposure: 'guarantor-exposure',
  bands: 'delinquency-bands',
  risk: 'risk-scores',
  flags: 'fraud-flags',
  flagsByMember: 'fraud-flags-by-member',
  flagReviews: 'fraud-flag-reviews',
  rules: 'fraud-rules',
  ruleHits: ['fraud-rule-hits', 'fraud-rule-hits-entities'],
  velocity: { '1m': 'velocity-1m', '5m': 'velocity-5m', '1h': 'velocity-1h', '24h': 'velocity-24h' },
} as const

export type StoredMember = {
  readonly member_id: string
  readonly status: string
  readonly registered_ms: number
  readonly full_name: string
  readonly email: string
  readonly phone: string
  readonly segment: string
  readonly branch_id: string
  readonly employer_id: string
  readonly staff_id: string
  readonly next_of_kin_phone: string
  readonly postal_address: string
  readonly bank_account: string
  readonly verified: boolean
  readonly kyc_level: number
  readonly kyc_rating: string
  readonly politically_exposed: boolean
  readonly sanctions_hit: boolean
  readonly accounts: readonly {
    readonly account_id: string
    readonly product: string
    readonly currency: string
    readonly opened_ms: number
    readonly closed_ms: number | null
  }[]
  readonly devices: readonly {
    readonly device_id: string
    readonly first_seen_ms: number
    readonly last_seen_ms: number
  }[]
  readonly updated_ms: number
}

export type StoredBalance = {
  readonly account_id: string
  readonly member_id: string
  readonly product: string
  readonly currency: string
  readonly status: string
  readonly balance_minor: number
  readonly held_minor: number
  readonly available_minor: number
  readonly updated_ms: number
}

export type StoredBalanceEntry = {
  readonly balance_minor: number
  readonly held_minor: number
  readonly delta_minor: number
  readonly event_id: string
  readonly event_type: string
}

export type StoredLoan = {
  readonly loan_id: string
  readonly member_id: string
  readonly product: string
  readonly currency: string
  readonly status: string
  readonly principal_minor: number
  readonly outstanding_minor: number
  readonly annual_rate_bps: number
  readonly paid_minor: number
  readonly repayments: number
  readonly schedule: readonly {
    readonly due_day: number
    readonly principal_minor: number
    readonly interest_minor: number
  }[]
  readonly guarantors: readonly { readonly member_id: string; readonly amount_minor: number }[]
  readonly disbursed_ms: number
  readonly last_repayment_ms: number
  readonly restructures: number
  readonly refinances_loan_id: string
  readonly days_past_due: number
  readonly arrears_minor: number
  readonly band: string
  readonly provision_minor: number
  readonly as_of_day: number
}

export type StoredMemberLoans = { readonly loans: readonly { readonly loan_id: string }[] }

export type StoredPortfolioTotal = {
  readonly loans: number
  readonly outstanding_minor: number
  readonly arrears_minor: number
  readonly provision_minor: number
  readonly at_risk_minor: number
}

export type StoredExposure = {
  readonly total_minor: number
  readonly deposits_minor: number
  readonly guarantees: readonly {
    readonly loan_id: string
    readonly borrower_id: string
    readonly amount_minor: number
    readonly pledged_ms: number
  }[]
}

export type StoredVelocity = {
  readonly in_count: number
  readonly in_minor: number
  readonly out_count: number
  readonly out_minor: number
}

export type StoredRisk = {
  readonly score: number
  readonly model: string
  readonly model_version: number
  readonly reasons: readonly {
    readonly code: string
    readonly points: number
    readonly values: readonly { readonly name: string; readonly value: number; readonly unit: string }[]
  }[]
  readonly caused_by_event_id: string
  readonly calculated_ms: number
}

/** Flags, rules and bands are kept as the events that were published. */
export type StoredFlag = { readonly data: EventDataOf<'fraud.detected'>; readonly timestamp: string }
export type StoredRule = { readonly data: EventDataOf<'fraud.rule.changed'> }
export type StoredBands = { readonly data: EventDataOf<'delinquency.bands.changed'> }
export type StoredReview = {
  readonly status: string
  readonly reviewed_by: string
  readonly reason: string
  readonly reviewed_ms: number
}

const TIME_DIGITS = 15
/** Time as a part of a key: decimal digits of fixed length, so that the order of bytes is that of time. */
export function timeKey(timeMs: number): string {
  return String(Math.max(0, timeMs)).padStart(TIME_DIGITS, '0')
}
/** Sorts behind every key that begins with the text before it. */
export const LAST = '~'
