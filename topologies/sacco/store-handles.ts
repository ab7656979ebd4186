import type { AnalyticsEvent, DelinquencyBandsEvent, FraudRuleEvent, SaccoEvent } from '#schemas'
import type { ValueAndTimestamp } from '#streams'
import type { AccountBalance, BalanceEntry, LedgerTotal } from './balances/stores.ts'
import type { EntityState, FlagReview, FraudContext, FraudMoves, NewestMoves, ReceiptUse } from './fraud/stores.ts'
import type { GuarantorExposure, LoanState, MemberLoans, PortfolioTotal } from './loans/stores.ts'
import type { MemberProfile } from './members/stores.ts'
import type { RiskState } from './risk/stores.ts'
import { STATE_PARTITIONS } from './shared/limits.ts'
import type { VelocityTotals } from './velocity/stores.ts'

/** A store as the query API sees it: its kind says which queries it answers, its value type what they give. */
export type StoreHandle<Value = unknown> = {
  readonly name: string
  readonly kind: 'key-value' | 'window' | 'session'
  /** What a key looks like. */
  readonly key: string
  readonly doc: string
  /** Tasks that hold it; the partition of a key is `partitionForKey(key, partitions)` only where `isByKey`. */
  readonly partitions: number
  /** False where a key may be in any task (loans by id) or in several, to be added up (ledger, portfolio, counts). */
  readonly isByKey: boolean
  /** Only for the type. */
  readonly value?: Value
}

type Options = Partial<Pick<StoreHandle, 'kind' | 'partitions' | 'isByKey'>>
function handle<Value>(name: string, key: string, doc: string, options: Options = {}): StoreHandle<Value> {
  return { name, kind: 'key-value', key, doc, partitions: STATE_PARTITIONS, isByKey: true, ...options }
}

const FLAG_PARTITIONS = 6
const inAnyTask = { isByKey: false } as const
const window = { kind: 'window' } as const

export const SACCO_STORES = {
  members: handle<MemberProfile>('members', 'member', 'Profile of a member.'),
  balances: handle<AccountBalance>(
    'balances',
    'account',
    'Balance, held and available amount of an account; in the task of its member.',
    inAnyTask,
  ),
  balanceHistory: handle<BalanceEntry>(
    'balance-history',
    'account|time (15 digits)',
    'The account after that moment, in the task of its member.',
    inAnyTask,
  ),
  ledgerAccounts: handle<LedgerTotal>(
    'ledger-accounts',
    'gl:…',
    "The SACCO's own accounts: one entry per task, to be added up; all of them come to zero.",
    inAnyTask,
  ),
  velocity1m: handle<VelocityTotals>(
    'velocity-1m',
    'member, window',
    'Money by minute; panes of the hopping windows.',
    window,
  ),
  velocity1h: handle<VelocityTotals>('velocity-1h', 'member, window', 'Money by hour.', window),
  velocity24h: handle<VelocityTotals>('velocity-24h', 'member, window', 'Money by day (UTC).', window),
  velocitySessions: handle<VelocityTotals>('velocity-sessions', 'member, session', 'Money by session.', {
    kind: 'session',
  }),
  loans: handle<LoanState>('loans', 'loan', 'A loan; in the task of its borrower.', inAnyTask),
  loansByMember: handle<MemberLoans>('loans-by-member', 'member', 'Summaries of the loans of a member.'),
  guarantorExposure: handle<GuarantorExposure>('guarantor-exposure', 'member', 'What a member vouches for.'),
  portfolio: handle<PortfolioTotal>(
    'portfolio',
    'all, band|…, product|…',
    'Totals of running loans: one entry per task, to be added up with sumPortfolio.',
    inAnyTask,
  ),
  delinquencyBands: handle<DelinquencyBandsEvent>('delinquency-bands', 'table', 'The table of bands. Global.', {
    isByKey: false,
  }),
  riskScores: handle<RiskState>('risk-scores', 'member', 'Risk score with its reasons.'),
  fraudFlags: handle<AnalyticsEvent>('fraud-flags', 'flag id (begins with its time)', 'Flags: fraud.detected events.', {
    partitions: FLAG_PARTITIONS,
    isByKey: false,
  }),
  fraudFlagsByMember: handle<string>('fraud-flags-by-member', 'member|flag id', 'Rule of each flag of a member.', {
    partitions: FLAG_PARTITIONS,
    isByKey: false,
  }),
  fraudFlagReviews: handle<FlagReview>('fraud-flag-reviews', 'flag id', 'What became of a flag.', {
    partitions: FLAG_PARTITIONS,
    isByKey: false,
  }),
  fraudRules: handle<FraudRuleEvent>('fraud-rules', 'rule', 'Rules from the topic of rules. Global.', inAnyTask),
  fraudRuleHits: handle<number>(
    'fraud-rule-hits',
    'rule|version|live or shadow',
    'How often a rule fired on members: to be added up.',
    inAnyTask,
  ),
  fraudRuleHitsEntities: handle<number>(
    'fraud-rule-hits-entities',
    'rule|version|live or shadow',
    'How often a rule fired on devices, phones, staff: to be added up.',
    inAnyTask,
  ),
  fraudMoves: handle<FraudMoves>('fraud-moves', 'member', 'Money that moved lately, as rules remember it.'),
  fraudMovesNewest: handle<NewestMoves>('fraud-moves-newest', 'member', 'What moved since `fraud-moves` was written.'),
  fraudContext: handle<FraudContext>('fraud-context', 'member', 'Changes, devices, attempts, as rules remember them.'),
  fraudEntities: handle<EntityState>('fraud-entities', 'device:…, phone:…, staff:…', 'What rules remember of them.'),
  mpesaReceipts: handle<ReceiptUse>('mpesa-receipts', 'receipt, window', 'Receipts that were credited.', {
    kind: 'window',
    isByKey: false,
  }),
  seenEvents: handle<boolean>('seen-events', 'event id, window', 'Event ids, to recognise duplicates.', {
    kind: 'window',
    isByKey: false,
  }),
  parkedEvents: handle<ValueAndTimestamp<SaccoEvent>>(
    'parked-events',
    'member|parked at|number',
    'Events of members who are not known yet.',
    inAnyTask,
  ),
  inputAccounting: handle<number>(
    'input-accounting',
    'topic|outcome|reason',
    'How each input ended: to be added up. What could not be decoded is counted by the dead-letter topic.',
    inAnyTask,
  ),
  inputProgress: handle<number>('input-progress', 'topic', 'Time of the newest event, to the minute.', inAnyTask),
} as const satisfies Readonly<Record<string, StoreHandle>>

export type SaccoStoreName = (typeof SACCO_STORES)[keyof typeof SACCO_STORES]['name']
