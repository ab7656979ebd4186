import type { Window } from '../stores/types.ts'

/**
 * Window definitions as operators use them: plain data. The DSL checks them when they are made; operators rely on it.
 */

/** Tumbling (advance = size) and hopping windows: [start, start + size), starts are multiples of the advance. */
export type TimeWindows = {
  readonly kind: 'time'
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

/** One window from `startMs` on that never ends. Earlier records belong to no window. */
export type UnlimitedWindows = {
  readonly kind: 'unlimited'
  readonly startMs: number
}

/** Java: a `Windows` subclass of the user's. Ascending by start; `endMs` exclusive. Only with emit on window update. */
export type CustomWindows = {
  readonly kind: 'custom'
  readonly sizeMs: number
  readonly graceMs: number
  windowsFor(timestampMs: number): readonly Window[]
}

/** A window for each record and for each time at which one leaves: [start, start + timeDifference], ends inclusive. */
export type SlidingWindows = {
  readonly kind: 'sliding'
  readonly timeDifferenceMs: number
  readonly graceMs: number
}

/** Records of a key that are at most `inactivityGapMs` apart: [first, last], ends inclusive. */
export type SessionWindows = {
  readonly kind: 'session'
  readonly inactivityGapMs: number
  readonly graceMs: number
}

/** End of windows that never end. */
export const WINDOW_END_MAX_MS = Number.MAX_SAFE_INTEGER

/** Start of the earliest window that holds the timestamp. Java: TimeWindows.windowsFor. */
export function firstWindowStartMs({ sizeMs, advanceMs }: TimeWindows, timestampMs: number): number {
  const earliestMs = timestampMs - sizeMs + advanceMs
  return earliestMs <= 0 ? 0 : earliestMs - (earliestMs % advanceMs)
}
