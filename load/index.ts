/**
 * A believable SACCO for load tests, demonstrations and the evaluation of fraud rules: a seeded model of its members,
 * staff, money and loans, which comes out as records in order of publication, with labelled fraud among them. Nothing
 * here reads a clock, writes a file or talks to a log: whoever runs it paces, encodes and sends. See docs/LOAD.md.
 */
export { DERIVED_EVENT_TYPES } from './calendar-jobs.ts'
export { createEncoder } from './encoder.ts'
export { type EventStream, type EventStreamOptions, events, type WorldBalance } from './event-stream.ts'
export {
  type AccountFold,
  type BalanceFold,
  createBalanceFold,
  FOLD_OUTCOMES,
  type FoldOptions,
  type FoldOutcome,
  type FoldResult,
  foldBalances,
  LATE_MAX_DEFAULT_MS,
  type LoanFold,
} from './fold-balances.ts'
export { FAMILIES, type Family, formatLabel, type Label, parseLabels } from './labels.ts'
export { EVENT_DEFAULTS, type EventOptions, type Flaws, type ScenarioRates, type Traffic } from './options.ts'
export {
  createPacer,
  type PacedBatch,
  type Pacer,
  type PacerOptions,
  type PacerStats,
  type Schedule,
} from './pacer.ts'
export {
  type Branch,
  createSacco,
  type Employer,
  MEMBERS_MAX,
  MEMBERS_MIN,
  type Member,
  SACCO_DEFAULTS,
  type Sacco,
  type SaccoOptions,
  SEGMENTS,
  type Segment,
  type Staff,
} from './population.ts'
export { FLAWED_KINDS, type FlawedKind, isFlawed, type LoadRecord, type RecordKind } from './records.ts'
export { createRestamper } from './restamp.ts'
