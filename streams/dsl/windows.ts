import type { JoinWindows } from '../processors/joins.ts'
import type {
  CustomWindows,
  SessionWindows,
  SlidingWindows,
  TimeWindows,
  UnlimitedWindows,
} from '../processors/windows.ts'
import { invalidTopology } from '../topology/names.ts'

/**
 * Window definitions: frozen data. Grace is always said: it is how long a window waits for late records, and how long
 * its state is kept.
 */

function checkMs(what: string, valueMs: number, minMs: number): number {
  if (Number.isSafeInteger(valueMs) && valueMs >= minMs) return valueMs
  throw invalidTopology(`${what} must be a whole number of milliseconds, at least ${minMs}, and is ${valueMs}.`)
}

/** Windows side by side: [0, size), [size, 2 × size), … */
export function tumblingWindows({
  sizeMs,
  graceMs,
}: {
  readonly sizeMs: number
  readonly graceMs: number
}): TimeWindows {
  return hoppingWindows({ sizeMs, advanceMs: sizeMs, graceMs })
}

/** Windows of `sizeMs` that start every `advanceMs`: a record is in several. */
export function hoppingWindows(windows: {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}): TimeWindows {
  const sizeMs = checkMs('The size of a window', windows.sizeMs, 1)
  const advanceMs = checkMs('The advance of hopping windows', windows.advanceMs, 1)
  if (advanceMs > sizeMs) {
    throw invalidTopology(
      `Windows of ${sizeMs} ms that advance by ${advanceMs} ms leave gaps: advance by at most the size.`,
    )
  }
  return Object.freeze({ kind: 'time', sizeMs, advanceMs, graceMs: checkMs('Grace', windows.graceMs, 0) })
}

/** A window for each set of records at most `timeDifferenceMs` apart. */
export function slidingWindows(windows: {
  readonly timeDifferenceMs: number
  readonly graceMs: number
}): SlidingWindows {
  const timeDifferenceMs = checkMs('The time difference of sliding windows', windows.timeDifferenceMs, 0)
  return Object.freeze({ kind: 'sliding', timeDifferenceMs, graceMs: checkMs('Grace', windows.graceMs, 0) })
}

/** Windows that end when a key is silent for longer than `inactivityGapMs`. */
export function sessionWindows(windows: {
  readonly inactivityGapMs: number
  readonly graceMs: number
}): SessionWindows {
  const inactivityGapMs = checkMs('The inactivity gap of sessions', windows.inactivityGapMs, 1)
  return Object.freeze({ kind: 'session', inactivityGapMs, graceMs: checkMs('Grace', windows.graceMs, 0) })
}

/** One window from `startMs` on. */
export function unlimitedWindows({ startMs = 0 }: { readonly startMs?: number } = {}): UnlimitedWindows {
  return Object.freeze({ kind: 'unlimited', startMs: checkMs('The start of unlimited windows', startMs, 0) })
}

/** Windows of your own making. Java: a subclass of Windows. */
export function customWindows(windows: Omit<CustomWindows, 'kind'>): CustomWindows {
  checkMs('The size of a window', windows.sizeMs, 1)
  checkMs('Grace', windows.graceMs, 0)
  return Object.freeze({ ...windows, kind: 'custom' })
}

/** Joins a left record with right records in [left - beforeMs, left + afterMs], both inclusive. */
export function joinWindows({ beforeMs, afterMs, graceMs }: JoinWindows): JoinWindows {
  const width = { beforeMs, afterMs }
  for (const [side, valueMs] of Object.entries(width)) {
    if (!Number.isSafeInteger(valueMs)) {
      throw invalidTopology(`${side} of join windows must be a whole number of milliseconds and is ${valueMs}.`)
    }
  }
  // Either may be negative (right only later, or only earlier), as long as some time is left between them.
  if (beforeMs + afterMs < 0) {
    throw invalidTopology(
      `Join windows from ${-beforeMs} to ${afterMs} ms hold no time: make before + after at least 0.`,
    )
  }
  return Object.freeze({ beforeMs, afterMs, graceMs: checkMs('Grace', graceMs, 0) })
}
