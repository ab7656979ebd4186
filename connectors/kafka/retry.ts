import { hasCode, messageOf } from '#streams/base'
import { KafkaError, streamsError } from './kafka-errors.ts'
import type { KafkaLimits } from './kafka-options.ts'

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

/** Backs off between attempts, twice as long each time. StreamsError when trying again cannot help or time is up. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { limits, what, beforeRetry } = options
  const endMs = performance.now() + (options.timeoutMs ?? limits.retryTimeoutMs)
  let backoffMs = limits.retryBackoffMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const isOver = performance.now() + backoffMs > endMs
      if (!(error instanceof KafkaError) || !error.canRetry || isOver) throw streamsError(error, what)
      try {
        await beforeRetry?.(error)
      } catch (secondary) {
        if (hasCode(secondary, 'CLOSED', 'LOG_REFUSED')) throw streamsError(secondary, `${what} (${messageOf(error)})`)
      }
    }
    await sleep(backoffMs)
    backoffMs = Math.min(backoffMs * 2, limits.retryBackoffMsMax)
  }
}
