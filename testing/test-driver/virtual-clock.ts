import type { Clock } from '#streams/ports'

export type VirtualClock = Clock & { advance(durationMs: number): void }

/** A clock that moves only when it is told to. */
export function createVirtualClock(startMs: number): VirtualClock {
  let nowMs = startMs
  return {
    wallClockMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    advance: (durationMs) => {
      nowMs += durationMs
    },
  }
}
