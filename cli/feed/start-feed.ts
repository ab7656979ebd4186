import { Worker } from 'node:worker_threads'
import { StreamsError, type StreamsErrorCode } from '#streams/base'
import { inputsOf } from '../platform/application-lag.ts'
import { APPLICATION_ID, type Platform } from '../platform/platform.ts'
import type { FeedProgress, FeedReport, FeedRequest, FeedSchedule, FeedStart } from './feed-messages.ts'
import type { FeedPlan } from './feed-plan.ts'

export type FeedOptions = {
  readonly platform: Platform
  readonly plan: FeedPlan
  readonly schedule: FeedSchedule
  readonly labelsFile?: string | undefined
  /** Measures latencies, with samples through the API. */
  readonly measure?: boolean
  readonly onProgress?: (progress: FeedProgress) => void
}

export type LiveDone = Extract<FeedReport, { readonly kind: 'live-done' }>

/** The feeder, in a thread of its own. */
export type Feed = {
  /** Resolves when the opening is in the log; live traffic waits for `go`. */
  readonly openingDone: Promise<number>
  readonly liveDone: Promise<LiveDone>
  /** Resolves when the feeder has ended; rejects with what went wrong. */
  readonly finished: Promise<FeedProgress>
  go(): void
  /** After live traffic: sends what is still under way and ends. */
  finish(): void
  /** Ends after the transaction that is under way. */
  stop(): void
}

export function startFeed(options: FeedOptions): Feed {
  const { platform, plan, schedule, labelsFile, onProgress } = options
  const log = platform.feedLog()
  const start: FeedStart = {
    log,
    prepared: platform.prepared,
    plan,
    schedule,
    applicationId: APPLICATION_ID,
    inputTopics: inputsOf(platform.application.topology, APPLICATION_ID),
    labelsFile,
    measure: options.measure === true ? { apiUrl: platform.url === '' ? undefined : platform.url } : undefined,
  }
  const worker = new Worker(new URL('./feed-worker.ts', import.meta.url), {
    workerData: start,
    transferList: log.kind === 'embedded' ? [log.port] : [],
    name: 'mto-load',
  })
  const opening = Promise.withResolvers<number>()
  const live = Promise.withResolvers<LiveDone>()
  const finished = Promise.withResolvers<FeedProgress>()
  // Whoever awaits one of them hears of a failure; the others must not end the process.
  for (const { promise } of [opening, live, finished]) promise.catch(() => {})
  const fail = (error: unknown): void => {
    for (const { reject } of [opening, live, finished]) reject(error)
  }
  worker.on('message', (message: FeedReport) => {
    switch (message.kind) {
      case 'progress':
        onProgress?.(message.progress)
        return
      case 'opening-done':
        opening.resolve(message.records)
        return
      case 'live-done':
        live.resolve(message)
        return
      case 'finished':
        finished.resolve(message.progress)
        return
      case 'failed':
        fail(errorOf(message))
        return
      default:
        message satisfies never
    }
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new StreamsError('CLOSED', 'the feeder has ended')))
  const request = (message: FeedRequest): void => worker.postMessage(message)
  return {
    openingDone: opening.promise,
    liveDone: live.promise,
    finished: finished.promise,
    go: () => request({ kind: 'go' }),
    finish: () => request({ kind: 'finish' }),
    stop: () => request({ kind: 'stop' }),
  }
}

function errorOf({ code, message, stack }: Extract<FeedReport, { readonly kind: 'failed' }>): Error {
  if (code !== undefined) return new StreamsError(code as StreamsErrorCode, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
