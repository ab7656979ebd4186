import { DEFAULT_FRAUD_RULES, SACCO_STORES, type StoreHandle } from '#topologies/sacco'

/** The stores of the SACCO's topologies, by the names that the API's queries use. */
export const STORES = {
  ...SACCO_STORES,
  velocity: {
    '1m': SACCO_STORES.velocity1m,
    '1h': SACCO_STORES.velocity1h,
    '24h': SACCO_STORES.velocity24h,
  },
  ruleHits: [SACCO_STORES.fraudRuleHits, SACCO_STORES.fraudRuleHitsEntities],
} as const
export type {
  BalanceEntry as StoredBalanceEntry,
  FlagReview as StoredReview,
  FraudFlag as StoredFlag,
  FraudRule as StoredRule,
  LoanState as StoredLoan,
  MemberProfile as StoredMember,
  PortfolioTotal as StoredPortfolioTotal,
  RiskState as StoredRisk,
  VelocityTotals as StoredVelocity,
} from '#topologies/sacco'
export { DEFAULT_FRAUD_RULES, type StoreHandle }

const TIME_DIGITS = 15
/** Time as a part of a key: decimal digits of fixed length, so that the order of bytes is that of time. */
export function timeKey(timeMs: number): string {
  return String(Math.max(0, timeMs)).padStart(TIME_DIGITS, '0')
}
/** Sorts behind every key that begins with the text before it. */
export const LAST = '~'
