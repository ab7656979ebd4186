/**
 * The only source of time in the engine. Three times have three names: `timestampMs` (in a record), `streamTimeMs`
 * (highest timestamp seen) and `wallClockMs` (from here). Only commit intervals, wall-clock punctuation, idle waiting
 * and metrics may ask for the third.
 */
export type Clock = {
  /** Milliseconds since 1970, may jump. */
  wallClockMs(): number
  /** Milliseconds since an arbitrary start, with fractions; never falls. For durations and deadlines. */
  monotonicMs(): number
  /** Resolves after `durationMs`, or at once when the signal is aborted. Never rejects. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}
