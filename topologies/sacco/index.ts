/**
 * The topologies of the SACCO, composed into one application (`application.ts`, which a host runs), and what its readers
 * need: the names and types of the stores, the keys, the words for a flag. docs/SACCO.md lists them.
 */
export { type AccountClass, MEMBER_ACCOUNTS } from './balances/chart-of-accounts.ts'
export { type Journal, journalOf, type Leg } from './balances/journal.ts'
export { historyKey } from './balances/keep-balances.ts'
export type { AccountBalance, BalanceEntry, LedgerTotal } from './balances/stores.ts'
export { DEFAULT_FRAUD_RULES } from './fraud/default-rules.ts'
export { explainFlag, type FlagExplanation } from './fraud/explain.ts'
export type { FraudFlag } from './fraud/flags.ts'
export { RULE_KINDS } from './fraud/kinds.ts'
export {
  CLOSED_STATUSES,
  FLAG_STATUSES,
  type FlagStatus,
  REVIEW_ACTIONS,
  type ReviewAction,
  type ReviewRefusal,
} from './fraud/review-flag.ts'
export type { FraudRule } from './fraud/rule.ts'
export { problemOfRule } from './fraud/rule-book.ts'
export type { EntityState, FlagReview, FraudContext, FraudMoves, NewestMoves, ReceiptUse } from './fraud/stores.ts'
export { type Outcome, REASON_HEADER, type Reason } from './intake/intake.ts'
export { PAR_DAYS, sumPortfolio } from './loans/portfolio.ts'
export type { GuarantorExposure, LoanState, LoanSummary, MemberLoans, PortfolioTotal } from './loans/stores.ts'
export type { MemberAccount, MemberProfile } from './members/stores.ts'
export {
  type RiskInputs,
  type RiskReason,
  type RiskResult,
  SCORE_CARD,
  SCORE_CARD_VERSION,
  scoreOf,
} from './risk/score-card.ts'
export type { RiskState } from './risk/stores.ts'
export { LATENESS_MAX_MS, STATE_PARTITIONS, UNKNOWN_MEMBER_WAIT_MS } from './shared/limits.ts'
export { DEAD_LETTER_TOPIC, ENTITY_SIGNALS_TOPIC, LATE_TOPIC, MEMBER_SIGNALS_TOPIC } from './shared/names.ts'
export { SACCO_STORES, type SaccoStoreName, type StoreHandle } from './store-handles.ts'
export { createSaccoStores, SACCO_DEFINITIONS, type SaccoStores } from './stores.ts'
export { saccoTopics } from './topics.ts'
export { createSaccoTopology } from './topology.ts'
export {
  HOPPING_ADVANCE_MS,
  HOPPING_SIZE_MS,
  SESSION_GAP_MS,
  VELOCITY_WINDOWS,
  type VelocityTotals,
} from './velocity/stores.ts'
export { hoppingWindowsOf, merge as mergeVelocity, type VelocityWindow } from './velocity/velocity.ts'

/** The module that a host runs: `startEmbeddedApplication({ module: SACCO_APPLICATION, … })`. */
export const SACCO_APPLICATION = new URL('./application.ts', import.meta.url)
