import { hasCode, messageOf } from '#streams/base'
import { KafkaError, streamsError } from './kafka-errors.ts'
import type { KafkaLimits } from './kafka-options.ts'

const BACKOFF_SHARE = 1 / 32

/** `isIdle`: the process may end meanwhile. */
export function sleep(ms: number, isIdle = false): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    if (isIdle) timer.unref()
  })
}

export type RetryOptions = {
  readonly limits: KafkaLimits
  /** For the message: what was tried. */
  readonly what: string
  readonly timeoutMs?: number
  /** Called before another attempt: to look up leaders or coordinators again. Its own failure is another attempt's. */
  readonly beforeRetry?: (error: KafkaError) => Promise<void> | void
}

/** A small part of the time that has been lost already, so that little more is lost when it works again. */
export function backoffMs(failingMs: number, { retryBackoffMs, retryBackoffMsMax }: KafkaLimits): number {
  return Math.min(Math.max(retryBackoffMs, failingMs * BACKOFF_SHARE), retryBackoffMsMax)
}

/** Backs off between attempts, longer and longer. StreamsError when trying again cannot help or time is up. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { limits, what, beforeRetry } = options
  const startedMs = performance.now()
  const endMs = startedMs + (options.timeoutMs ?? limits.retryTimeoutMs)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const nowMs = performance.now()
      const isOver = nowMs + backoffMs(nowMs - startedMs, limits) > endMs
      if (!(error instanceof KafkaError) || !error.canRetry || isOver) throw streamsError(error, what)
      try {
        await beforeRetry?.(error)
      } catch (secondary) {
        if (hasCode(secondary, 'CLOSED', 'LOG_REFUSED')) throw streamsError(secondary, `${what} (${messageOf(error)})`)
      }
    }
    await sleep(backoffMs(performance.now() - startedMs, limits))
  }
}
