/**
 * Interactive queries: reads of the stores of running tasks, from outside. Queries and answers are plain data, so that
 * they can cross threads and processes. Nothing in here writes.
 */
export {
  executeQuery,
  type QueryAnswer,
  type QueryEntry,
  type StoreFreshness,
  type StoreQuery,
} from './query.ts'
