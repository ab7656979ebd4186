import { pathToFileURL } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import type { EndpointPartitions } from '#connectors/kafka'
import type { Log, Logger, RecordingLevel } from '#streams/ports'
import {
  type RestoreEvent,
  type RestoreSummary,
  resolveConfig,
  type StreamsConfig,
  type StreamsOptions,
  type ThreadState,
} from '#streams/runtime'
import { type ImportedApplication, importApplication } from './application-module.ts'
import type { ApplicationState } from './application-state.ts'
import { createConsoleLogger, type LogLevel } from './logger.ts'
import { RunningApplication } from './running-application.ts'
import { suitCollectorToCores } from './suit-collector.ts'
import type { ThreadLog } from './thread-messages.ts'
import { type ThreadFailureResponse, ThreadPool } from './thread-pool.ts'
import { startThreadWorker } from './thread-worker.ts'

const MIB = 1024 * 1024
const THREAD_REPLACEMENTS_MAX = 10
const STATE_CACHE_BYTES = 256 * MIB
const STATE_WRITE_BUFFER_BYTES = 256 * MIB

/** What an application is started with, on whatever log. */
export type ApplicationOptions = {
  /** Path or URL of the module that exports `topology` (see ApplicationModule). */
  readonly module: string | URL
  readonly applicationId: string
  /** Stream threads; default 1. */
  readonly threads?: number
  /** Settings that cross threads: everything but functions, which belong into the module's `config`. */
  readonly options?: Partial<StreamsOptions>
  /** Memory of all state databases together, for reading and for writing. */
  readonly stateCacheBytesMax?: number
  readonly stateWriteBufferBytesMax?: number
  /** Metrics of stores and nodes from `debug` on. Java: metrics.recording.level. */
  readonly recordingLevel?: RecordingLevel
  readonly logLevel?: LogLevel
  readonly logger?: Logger
  readonly onRestored?: (summary: RestoreSummary) => void
  /** Java: StateRestoreListener. */
  readonly onRestore?: (event: RestoreEvent) => void
  /** Java: KafkaStreams.StateListener, StreamThread.StateListener. */
  readonly onState?: (state: ApplicationState, before: ApplicationState) => void
  readonly onThreadState?: (threadName: string, state: ThreadState, before: ThreadState) => void
  /** Java: StreamsUncaughtExceptionHandler. Default: the application ends, as in Java. */
  readonly onThreadFailure?: (error: unknown, threadName: string) => ThreadFailureResponse
  /** Threads that are replaced within ten minutes before the application ends all the same; default 10. */
  readonly threadReplacementsMax?: number
}

export type Loaded = {
  readonly location: string
  readonly imported: ImportedApplication
  readonly config: StreamsConfig
  readonly logger: Logger
}

/** Imports the module and checks the settings: before anything is opened. */
export async function loadForStart(options: ApplicationOptions): Promise<Loaded> {
  const logger = options.logger ?? createConsoleLogger(options.logLevel ?? 'info')
  const location = options.module instanceof URL ? options.module.href : locationOf(options.module)
  const imported = await importApplication(location)
  const config = resolveConfig({ ...imported.config, ...options.options, applicationId: options.applicationId })
  return { location, imported, config, logger }
}

export type ThreadsOptions = {
  readonly log: Log
  readonly stateDirectory: string
  readonly threadName: (index: number) => string
  /** The way of the thread to the log. */
  readonly threadLog: (index: number) => ThreadLog
  readonly logPort: () => MessagePort
  readonly closeLog: () => Promise<void>
  readonly onEndpoints?: (endpoints: readonly EndpointPartitions[]) => void
}

/** Makes the application's topics, lets it prepare itself, and starts its stream threads. */
export async function startThreads(
  options: ApplicationOptions,
  { location, imported, config, logger }: Loaded,
  { log, stateDirectory, threadName, threadLog, logPort, closeLog, onEndpoints }: ThreadsOptions,
): Promise<RunningApplication> {
  await log.admin.createTopics(imported.topics)
  const prepared = await imported.prepare({ log, logger })
  const application = await imported.build(prepared)
  const threads = options.threads ?? 1
  suitCollectorToCores(threads)
  const recordingLevel = options.recordingLevel ?? 'info'
  let running: RunningApplication | undefined
  const pool = new ThreadPool({
    threads,
    logger,
    start: (index, group) =>
      startThreadWorker({
        application: location,
        prepared,
        logLevel: options.logLevel ?? 'info',
        logger,
        log: threadLog(index),
        onRestored: options.onRestored,
        onRestore: options.onRestore,
        group,
        ...(onEndpoints === undefined ? {} : { onEndpoints }),
        settings: {
          applicationId: config.applicationId,
          threadName: threadName(index),
          index,
          count: threads,
          stateDirectory,
          stateCacheBytesMax: options.stateCacheBytesMax ?? STATE_CACHE_BYTES,
          stateWriteBufferBytesMax: options.stateWriteBufferBytesMax ?? STATE_WRITE_BUFFER_BYTES,
          recordingLevel,
          options: options.options ?? {},
        },
      }),
    onThreadFailure: options.onThreadFailure ?? (() => 'shut-down-client'),
    threadReplacementsMax: options.threadReplacementsMax ?? THREAD_REPLACEMENTS_MAX,
    onThreadState: (name, state, before) => {
      options.onThreadState?.(name, state, before)
      running?.checkState()
    },
    onFailing: () => running?.checkState(),
  })
  running = new RunningApplication({
    topology: application.topology,
    log,
    logPort,
    pool,
    onState: options.onState ?? (() => {}),
    closeLog,
    applicationId: config.applicationId,
    recordingLevel,
  })
  return running
}

function locationOf(module: string): string {
  return module.startsWith('file:') ? module : pathToFileURL(module).href
}
