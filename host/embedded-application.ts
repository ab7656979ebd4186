import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type EmbeddedLogOptions, openEmbeddedLog } from '#connectors/embedded-log'
import type { StoreSpec } from '#streams'
import { partitionForKey } from '#streams/base'
import type { Logger } from '#streams/ports'
import {
  type RestoreEvent,
  type RestoreSummary,
  resolveConfig,
  type StreamsOptions,
  type ThreadState,
} from '#streams/runtime'
import { importApplication } from './application-module.ts'
import type { ApplicationState } from './application-state.ts'
import { createConsoleLogger, type LogLevel } from './logger.ts'
import { type EmbeddedApplication, RunningApplication } from './running-application.ts'
import { type ThreadFailureResponse, ThreadPool } from './thread-pool.ts'
import { type GroupCallbacks, startThreadWorker, type ThreadWorker } from './thread-worker.ts'

const MIB = 1024 * 1024
const THREAD_REPLACEMENTS_MAX = 10

export type EmbeddedApplicationOptions = {
  /** Path or URL of the module that exports `topology` (see ApplicationModule). */
  readonly module: string | URL
  readonly applicationId: string
  /** Log, state and schemas live below it. One process at a time. */
  readonly dataDirectory: string
  /** Stream threads; default 1. */
  readonly threads?: number
  /** Settings that cross threads: everything but functions, which belong into the module's `config`. */
  readonly options?: Partial<StreamsOptions>
  /** Memory of all state databases together, for reading and for writing. */
  readonly stateCacheBytesMax?: number
  readonly stateWriteBufferBytesMax?: number
  readonly logSettings?: Omit<EmbeddedLogOptions, 'directory' | 'logger'>
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

/**
 * Starts an application on the embedded log. DIRECTORY_LOCKED where another process has the directory; TOPIC_MISSING,
 * TOPOLOGY_INVALID and CONFIG_INVALID before anything runs.
 */
export async function startEmbeddedApplication(options: EmbeddedApplicationOptions): Promise<EmbeddedApplication> {
  const logger = options.logger ?? createConsoleLogger(options.logLevel ?? 'info')
  const location = options.module instanceof URL ? options.module.href : locationOf(options.module)
  const imported = await importApplication(location)
  const config = resolveConfig({ ...imported.config, ...options.options, applicationId: options.applicationId })
  const owner = await openEmbeddedLog({
    ...options.logSettings,
    directory: join(options.dataDirectory, 'log'),
    logger,
  })
  try {
    const log = owner.connect()
    await log.admin.createTopics(imported.topics)
    const prepared = await imported.prepare({ log, logger })
    const application = await imported.build(prepared)
    const threads = options.threads ?? 1
    const share = (bytes: number): number => Math.max(8 * MIB, Math.floor(bytes / threads))
    const start = (index: number, group: GroupCallbacks): ThreadWorker =>
      startThreadWorker({
        application: location,
        prepared,
        logLevel: options.logLevel ?? 'info',
        logger,
        logPort: owner.port(),
        onRestored: options.onRestored,
        onRestore: options.onRestore,
        group,
        settings: {
          applicationId: config.applicationId,
          threadName: `${config.applicationId}-${index + 1}`,
          index,
          count: threads,
          stateDirectory: join(options.dataDirectory, 'state', config.applicationId),
          stateCacheBytesMax: share(options.stateCacheBytesMax ?? 256 * MIB),
          stateWriteBufferBytesMax: share(options.stateWriteBufferBytesMax ?? 256 * MIB),
          options: options.options ?? {},
        },
      })
    let running: RunningApplication | undefined
    const pool = new ThreadPool({
      threads,
      logger,
      start,
      onThreadFailure: options.onThreadFailure ?? (() => 'shut-down-client'),
      threadReplacementsMax: options.threadReplacementsMax ?? THREAD_REPLACEMENTS_MAX,
      onThreadState: (threadName, state, before) => {
        options.onThreadState?.(threadName, state, before)
        running?.checkState()
      },
    })
    running = new RunningApplication({
      topology: application.topology,
      log,
      logPort: owner.port,
      pool,
      onState: options.onState ?? (() => {}),
      closeLog: async () => {
        await log.close()
        await owner.close()
      },
    })
    return running
  } catch (error) {
    await owner.close()
    throw error
  }
}

function locationOf(module: string): string {
  return module.startsWith('file:') ? module : pathToFileURL(module).href
}

/** The partition in which a key of a store lives, where it was partitioned by the key's own bytes. */
export function partitionOfKey(spec: StoreSpec, key: unknown, partitionCount: number): number | undefined {
  if (spec.kind === 'custom') return undefined
  return partitionForKey(spec.keySerde.serialize(key, spec.name), partitionCount)
}
