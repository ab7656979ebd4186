import { setTimeout } from 'node:timers/promises'
import type { Clock } from '#streams/ports'

/** This machine's time with fractions of milliseconds, for measuring latencies; steady for the life of a thread. */
export const preciseClock: Clock = {
  wallClockMs: () => performance.timeOrigin + performance.now(),
  monotonicMs: () => performance.now(),
  sleep: async (durationMs, signal) => {
    try {
      await setTimeout(durationMs, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      if (signal?.aborted !== true) throw error
    }
  },
}
