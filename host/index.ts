/**
 * Runs applications in a process: worker threads, this machine's clock, disk and console. What `streams/` asks of the
 * world through ports is answered here.
 */
export {
  type ApplicationModule,
  importApplication,
  type LoadedApplication,
  loadApplication,
  type PrepareContext,
} from './application-module.ts'
export { type ApplicationState, clientStates } from './application-state.ts'
export { createThread, type ThreadParts, type ThreadSettings } from './create-thread.ts'
export { connectDataLog, type DataLog, type DataLogOptions, openDataLog } from './data-log.ts'
export {
  type EmbeddedApplicationOptions,
  partitionOfKey,
  startEmbeddedApplication,
} from './embedded-application.ts'
export { type KafkaApplication, type KafkaApplicationOptions, startKafkaApplication } from './kafka-application.ts'
export { createConsoleLogger, createLogger, formatLine, type LogLevel, type LogLine } from './logger.ts'
export { createMetricsRegistry, type MetricSample, type MetricsRegistry } from './metrics-registry.ts'
export { nodeClock } from './node-clock.ts'
export type { EmbeddedApplication } from './running-application.ts'
export type { ThreadFailureResponse } from './thread-pool.ts'
