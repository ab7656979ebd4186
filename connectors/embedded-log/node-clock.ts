import type { Clock } from '#streams/ports'

/** Time and timers of this machine, for a log outside simulation. */
export const nodeClock: Clock = {
  wallClockMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (durationMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const finish = (): void => {
        signal?.removeEventListener('abort', finish)
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(finish, durationMs)
      signal?.addEventListener('abort', finish)
    }),
}
