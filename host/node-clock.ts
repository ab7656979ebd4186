import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Clock } from '#streams/ports'

/** Timers and time of this machine. `sleep(0)` lets the event loop turn once. */
export const nodeClock: Clock = {
  wallClockMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (durationMs, signal) => {
    if (durationMs <= 0) {
      await setImmediate()
      return
    }
    try {
      await setTimeout(durationMs, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      if (signal?.aborted !== true) throw error
    }
  },
}
