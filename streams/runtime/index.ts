/**
 * Runs a topology: tasks, the thread that owns them, restore and commit. Knows the topology as data; knows neither the
 * DSL nor any implementation of a port.
 */
export {
  commitIntervalDefaultMs,
  defaults,
  type ProcessingGuarantee,
  resolveConfig,
  type StreamsConfig,
  type StreamsOptions,
} from './config.ts'
export {
  type DeserializationExceptionHandler,
  deadLetterHeaders,
  type ExceptionContext,
  type ExceptionDecision,
  type ExceptionHandler,
  logAndContinue,
  logAndFail,
  type ProcessingExceptionHandler,
  type ProductionExceptionHandler,
  sendToDeadLetterTopic,
} from './exception-handlers.ts'
export { GlobalTask } from './global-task.ts'
export { type Assign, createLocalGroup, dealTasks, type LocalGroup } from './local-group.ts'
export { createLocalMembership } from './local-membership.ts'
export {
  decodeOffsetMetadata,
  encodeOffsetMetadata,
  type OffsetMetadata,
} from './offset-metadata.ts'
export { prepareApplication } from './prepare-application.ts'
export { createProcessorMetrics } from './processor-metrics.ts'
export type { RecordCollector } from './record-collector.ts'
export {
  type ResolvedSubTopology,
  type ResolvedTopology,
  resolveTopology,
  type TopicCounts,
} from './resolved-topology.ts'
export type { RestoreEvent, RestoreSummary } from './state-restorer.ts'
export {
  createStreamThread,
  type StreamThread,
  type StreamThreadOptions,
  type ThreadState,
} from './stream-thread.ts'
export { StreamTask, type TaskOptions } from './task.ts'
export { POSITIONS_KEYSPACE } from './task-stores.ts'
export type { InputMetadata, StoreLag, TaskMetadata, ThreadMetadata } from './thread-metadata.ts'
