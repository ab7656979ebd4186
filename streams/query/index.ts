/**
 * Interactive queries: reads of the stores of running tasks, from outside. Queries and answers are plain data, so that
 * they can cross threads and processes. Nothing in here writes.
 */

export { executeStateQuery, mergeStateResults } from './execute-state-query.ts'
export { lackOf, mergePositions, type Position } from './position.ts'
export {
  executeQuery,
  executeStandbyQuery,
  type QueryAnswer,
  type QueryEntry,
  type StandbyBound,
  type StoreFreshness,
  type StoreQuery,
} from './query.ts'
export type {
  FailureReason,
  PartitionResult,
  QueryOrder,
  StateQuery,
  StateQueryEntry,
  StateQueryRequest,
  StateQueryResult,
} from './state-query.ts'
