import type { MessagePort } from 'node:worker_threads'
import { Worker } from 'node:worker_threads'
import { StreamsError } from '#streams/base'
import type { Logger } from '#streams/ports'
import type { QueryAnswer, StoreQuery } from '#streams/query'
import type { RestoreSummary, ThreadState } from '#streams/runtime'
import type { ThreadSettings } from './create-thread.ts'
import { failureError } from './failure-data.ts'
import type { LogLevel } from './logger.ts'
import type { MetricSample } from './metrics-registry.ts'
import type { ThreadReport, ThreadRequest, ThreadStart } from './thread-messages.ts'

/** A stream thread in a worker, as the main thread sees it. */
export type ThreadWorker = {
  readonly state: ThreadState
  /** Resolves when all its tasks run for the first time. */
  readonly running: Promise<void>
  readonly finished: Promise<void>
  query(query: StoreQuery): Promise<QueryAnswer>
  samples(): Promise<readonly MetricSample[]>
  stop(): void
}

export type ThreadWorkerOptions = {
  readonly application: string
  /** What the module's `prepare` returned. */
  readonly prepared: unknown
  readonly settings: ThreadSettings
  readonly logLevel: LogLevel
  readonly logger: Logger
  readonly logPort: MessagePort
  readonly onRestored: ((summary: RestoreSummary) => void) | undefined
}

type Waiting = { resolve(value: never): void; reject(error: unknown): void }

export function startThreadWorker(options: ThreadWorkerOptions): ThreadWorker {
  const { application, prepared, settings, logLevel, logger, logPort } = options
  const start: ThreadStart = { application, prepared, settings, logLevel, logPort }
  const worker = new Worker(new URL('./stream-thread-worker.ts', import.meta.url), {
    workerData: start,
    transferList: [logPort],
    name: `${settings.applicationId}-${settings.index + 1}`,
  })
  const waiting = new Map<number, Waiting>()
  const running = Promise.withResolvers<void>()
  const finished = Promise.withResolvers<void>()
  running.promise.catch(() => {})
  let state: ThreadState = 'created'
  let nextId = 0

  const end = (error: Error | undefined): void => {
    state = 'dead'
    const reason = error ?? new StreamsError('CLOSED', `stream thread ${worker.threadName} has ended`)
    for (const { reject } of waiting.values()) reject(reason)
    waiting.clear()
    running.reject(reason)
    if (error === undefined) finished.resolve()
    else finished.reject(error)
  }

  worker.on('message', (message: ThreadReport) => {
    switch (message.kind) {
      case 'state':
        state = message.state
        if (state === 'running') running.resolve()
        return
      case 'log':
        logger[message.line.level](message.line.message, message.line.fields)
        return
      case 'restored':
        options.onRestored?.(message.summary)
        return
      case 'answer':
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
  worker.on('exit', (code) => end(code === 0 ? undefined : new Error(`stream thread ended with exit code ${code}`)))

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

  return {
    get state() {
      return state
    },
    running: running.promise,
    finished: finished.promise,
    query: (query) => ask((id) => ({ kind: 'query', id, query })),
    samples: () => ask((id) => ({ kind: 'samples', id })),
    stop: () => {
      if (state !== 'dead') worker.postMessage({ kind: 'stop' } satisfies ThreadRequest)
    },
  }
}
