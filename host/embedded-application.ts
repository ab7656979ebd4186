import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type EmbeddedLogOptions, openEmbeddedLog } from '#connectors/embedded-log'
import type { StoreSpec, Topology } from '#streams'
import { partitionForKey, StreamsError } from '#streams/base'
import type { Log, Logger } from '#streams/ports'
import type { QueryAnswer, StoreQuery } from '#streams/query'
import { type RestoreSummary, resolveConfig, type StreamsOptions, type ThreadState } from '#streams/runtime'
import { importApplication } from './application-module.ts'
import { createConsoleLogger, type LogLevel } from './logger.ts'
import type { MetricSample } from './metrics-registry.ts'
import { startThreadWorker, type ThreadWorker } from './thread-worker.ts'

const MIB = 1024 * 1024

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
}

export type ApplicationState = 'starting' | 'restoring' | 'running' | 'stopping' | 'stopped' | 'failed'

/** A running application in this process: the embedded log and the stream threads on it. */
export type EmbeddedApplication = {
  readonly state: ApplicationState
  /** The log, for producing inputs, reading outputs and administration. */
  readonly log: Log
  readonly topology: Topology
  /** Resolves when every task runs; rejects when the application fails before. */
  readonly ready: Promise<void>
  /** Resolves after `stop`; rejects with the error that ended the application. */
  readonly finished: Promise<void>
  /** Asks the threads that may hold the key or range; entries come thread by thread. */
  query(query: StoreQuery): Promise<QueryAnswer>
  samples(): Promise<readonly MetricSample[]>
  /** Commits, closes and gives the directory free. Idempotent. */
  stop(): Promise<void>
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
    const workers = Array.from({ length: threads }, (_, index) =>
      startThreadWorker({
        application: location,
        prepared,
        logLevel: options.logLevel ?? 'info',
        logger,
        logPort: owner.port(),
        onRestored: options.onRestored,
        settings: {
          applicationId: config.applicationId,
          index,
          count: threads,
          stateDirectory: join(options.dataDirectory, 'state', config.applicationId),
          stateCacheBytesMax: share(options.stateCacheBytesMax ?? 256 * MIB),
          stateWriteBufferBytesMax: share(options.stateWriteBufferBytesMax ?? 256 * MIB),
          options: options.options ?? {},
        },
      }),
    )
    return new Running(application.topology, log, workers, async () => {
      await log.close()
      await owner.close()
    })
  } catch (error) {
    await owner.close()
    throw error
  }
}

function locationOf(module: string): string {
  return module.startsWith('file:') ? module : pathToFileURL(module).href
}

class Running implements EmbeddedApplication {
  readonly log: Log
  readonly topology: Topology
  readonly ready: Promise<void>
  readonly finished: Promise<void>
  readonly #workers: readonly ThreadWorker[]
  #stopping = false
  #ended: 'stopped' | 'failed' | undefined

  constructor(topology: Topology, log: Log, workers: readonly ThreadWorker[], closeLog: () => Promise<void>) {
    this.topology = topology
    this.log = log
    this.#workers = workers
    this.ready = Promise.all(workers.map((worker) => worker.running)).then(() => undefined)
    // Whoever awaits `finished` hears of the failure; `ready` alone must not end the process.
    this.ready.catch(() => {})
    this.finished = this.#finish(closeLog)
    this.finished.catch(() => {})
  }

  get state(): ApplicationState {
    if (this.#ended !== undefined) return this.#ended
    if (this.#stopping) return 'stopping'
    const states = this.#workers.map((worker) => worker.state)
    const has = (state: ThreadState): boolean => states.includes(state)
    if (has('created') || has('starting')) return 'starting'
    return has('restoring') ? 'restoring' : 'running'
  }

  /** One thread that fails ends the application: its tasks have no other owner. */
  async #finish(closeLog: () => Promise<void>): Promise<void> {
    const ends = this.#workers.map((worker) =>
      worker.finished.catch((error: unknown) => {
        this.#stopAll()
        throw error
      }),
    )
    const results = await Promise.allSettled(ends)
    const failed = results.find((result) => result.status === 'rejected')
    this.#ended = failed === undefined ? 'stopped' : 'failed'
    await closeLog()
    if (failed !== undefined) throw failed.reason
  }

  #stopAll(): void {
    this.#stopping = true
    for (const worker of this.#workers) worker.stop()
  }

  async stop(): Promise<void> {
    this.#stopAll()
    await this.finished
  }

  async query(query: StoreQuery): Promise<QueryAnswer> {
    if (this.#ended !== undefined) throw new StreamsError('CLOSED', 'the application has ended')
    const answers = await Promise.all(this.#workers.map((worker) => worker.query(query)))
    // Every thread has its own copy of a global store: one answer is the answer.
    const isGlobal = this.topology.globalStores.some(({ storeName }) => storeName === query.store)
    if (isGlobal) return answers[0] ?? { entries: [], freshness: [] }
    return {
      entries: answers.flatMap(({ entries }) => entries),
      freshness: answers.flatMap(({ freshness }) => freshness),
    }
  }

  async samples(): Promise<readonly MetricSample[]> {
    return (await Promise.all(this.#workers.map((worker) => worker.samples()))).flat()
  }
}

/** The partition in which a key of a store lives, where it was partitioned by the key's own bytes. */
export function partitionOfKey(spec: StoreSpec, key: unknown, partitionCount: number): number | undefined {
  if (spec.kind === 'custom') return undefined
  return partitionForKey(spec.keySerde.serialize(key, spec.name), partitionCount)
}
