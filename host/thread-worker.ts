import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { EndpointPartitions } from '#connectors/kafka'
import { StreamsError, type TaskId } from '#streams/base'
import type { Logger } from '#streams/ports'
import type { QueryAnswer, StandbyBound, StateQueryRequest, StateQueryResult, StoreQuery } from '#streams/query'
import type { RestoreEvent, RestoreSummary, ThreadMetadata, ThreadState } from '#streams/runtime'
import type { ThreadSettings } from './create-thread.ts'
import { failureError } from './failure-data.ts'
import type { LogLevel } from './logger.ts'
import type { MetricSample } from './metrics-registry.ts'
import type { ThreadLog, ThreadReport, ThreadRequest, ThreadStart } from './thread-messages.ts'

/** A stream thread in a worker, as the main thread sees it. */
export type ThreadWorker = {
  readonly name: string
  readonly state: ThreadState
  /** Resolves when it has ended cleanly; rejects with the error that ended it. */
  readonly finished: Promise<void>
  /** Resolves when the worker is no more: everything that it had open is closed. */
  readonly exited: Promise<void>
  query(query: StoreQuery): Promise<QueryAnswer>
  /** Asks the standbys of the thread. */
  queryStandbys(query: StoreQuery, standby: StandbyBound): Promise<QueryAnswer>
  queryState(request: StateQueryRequest): Promise<StateQueryResult>
  samples(): Promise<readonly MetricSample[]>
  /** Undefined while it is starting. */
  metadata(): Promise<ThreadMetadata | undefined>
  assign(generation: number, active: readonly TaskId[]): void
  setPaused(isPaused: boolean): void
  stop(): void
  terminate(): Promise<void>
}

/** What a thread tells the group of its process. */
export type GroupCallbacks = {
  readonly onJoined: (tasks: readonly TaskId[]) => void
  readonly onOwned: (generation: number, active: readonly TaskId[]) => void
  readonly onState: (state: ThreadState, before: ThreadState) => void
}

export type ThreadWorkerOptions = {
  readonly application: string
  /** What the module's `prepare` returned. */
  readonly prepared: unknown
  readonly settings: ThreadSettings
  readonly logLevel: LogLevel
  readonly logger: Logger
  readonly log: ThreadLog
  readonly onRestored: ((summary: RestoreSummary) => void) | undefined
  readonly onRestore: ((event: RestoreEvent) => void) | undefined
  readonly group: GroupCallbacks
  readonly onEndpoints?: (endpoints: readonly EndpointPartitions[]) => void
}

type Waiting = { resolve(value: never): void; reject(error: unknown): void }

/**
 * Of each stream thread; V8 by itself goes to three times as much on a large machine. What a step makes is dead after it,
 * so it need not be kept for long: on Kafka a process with two threads takes 120 to 150 MiB less, at the same processor
 * time for an event (docs/PERFORMANCE.md).
 */
const YOUNG_GENERATION_MIB = 48

/** A worker has the main thread's cache of compiled modules by this variable only. */
function environmentOfWorker(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir()
  if (directory === undefined || process.env.NODE_COMPILE_CACHE !== undefined) return process.env
  // What is told is the part of this version of Node, within what was given.
  return { ...process.env, NODE_COMPILE_CACHE: dirname(directory) }
}

export function startThreadWorker(options: ThreadWorkerOptions): ThreadWorker {
  const { application, prepared, settings, logLevel, logger, log } = options
  const tellsRestores = options.onRestore !== undefined
  const start: ThreadStart = { application, prepared, settings, logLevel, log, tellsRestores }
  const worker = new Worker(new URL('./stream-thread-worker.ts', import.meta.url), {
    workerData: start,
    transferList: log.kind === 'embedded' ? [log.port] : [],
    name: settings.threadName,
    env: environmentOfWorker(),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  })
  const waiting = new Map<number, Waiting>()
  const finished = Promise.withResolvers<void>()
  const exited = Promise.withResolvers<void>()
  finished.promise.catch(() => {})
  let state: ThreadState = 'created'
  let nextId = 0
  let isTerminated = false

  const setState = (next: ThreadState): void => {
    const before = state
    state = next
    if (before !== next) options.group.onState(next, before)
  }

  const end = (error: Error | undefined): void => {
    setState('dead')
    const reason = error ?? new StreamsError('CLOSED', `stream thread ${worker.threadName} has ended`)
    for (const { reject } of waiting.values()) reject(reason)
    waiting.clear()
    if (error === undefined) finished.resolve()
    else finished.reject(error)
  }

  worker.on('message', (message: ThreadReport) => {
    switch (message.kind) {
      case 'state':
        setState(message.state)
        return
      case 'joined':
        options.group.onJoined(message.tasks)
        return
      case 'owned':
        options.group.onOwned(message.generation, message.active)
        return
      case 'endpoints':
        options.onEndpoints?.(message.endpoints)
        return
      case 'restore':
        options.onRestore?.(message.event)
        return
      case 'metadata':
        settle(message.id)?.resolve(message.metadata as never)
        return
      case 'log':
        logger[message.line.level](message.line.message, message.line.fields)
        return
      case 'restored':
        options.onRestored?.(message.summary)
        return
      case 'answer':
      case 'state-answer':
        settle(message.id)?.resolve(message.answer as never)
        return
      case 'samples':
        settle(message.id)?.resolve(message.samples as never)
        return
      case 'refusal':
        settle(message.id)?.reject(failureError(message.failure))
        return
      case 'stopped':
        end(undefined)
        return
      case 'failed':
        end(failureError(message.failure))
        return
      default:
        message satisfies never
    }
  })
  worker.on('error', end)
  worker.on('exit', (code) => {
    end(code === 0 || isTerminated ? undefined : new Error(`stream thread ended with exit code ${code}`))
    exited.resolve()
  })

  function settle(id: number): Waiting | undefined {
    const found = waiting.get(id)
    waiting.delete(id)
    return found
  }

  function ask<T>(request: (id: number) => ThreadRequest): Promise<T> {
    if (state === 'dead') return Promise.reject(new StreamsError('CLOSED', 'the stream thread has ended'))
    const id = nextId++
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage(request(id))
    })
  }

  const tell = (request: ThreadRequest): void => {
    if (state !== 'dead') worker.postMessage(request)
  }

  return {
    name: settings.threadName,
    get state() {
      return state
    },
    finished: finished.promise,
    exited: exited.promise,
    query: (query) => ask((id) => ({ kind: 'query', id, query })),
    queryStandbys: (query, standby) => ask((id) => ({ kind: 'query', id, query, standby })),
    queryState: (request) => ask((id) => ({ kind: 'state-query', id, request })),
    samples: () => ask((id) => ({ kind: 'samples', id })),
    metadata: () => ask((id) => ({ kind: 'metadata', id })),
    assign: (generation, active) => tell({ kind: 'assigned', generation, active }),
    setPaused: (isPaused) => tell({ kind: isPaused ? 'pause' : 'resume' }),
    stop: () => tell({ kind: 'stop' }),
    terminate: async () => {
      isTerminated = true
      await worker.terminate()
    },
  }
}
