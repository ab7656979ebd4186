import { type SuppressBufferLimits, UNBOUNDED } from '../processors/suppress.ts'
import { invalidTopology } from '../topology/names.ts'

/** How a table's changes are held back. Java: Suppressed and Suppressed.BufferConfig. */

export type SuppressBuffer = SuppressBufferLimits & {
  /** The buffer's changelog: false = none, or settings for the topic; default true. */
  readonly logging?: boolean | Readonly<Record<string, string>>
}
/** A buffer that may send before its time would not be final. */
export type StrictSuppressBuffer = SuppressBuffer & { readonly whenFull: 'shut-down' }

export type Suppressed = {
  readonly kind: 'time-limit'
  readonly waitMs: number
  readonly buffer: SuppressBuffer
  readonly name?: string | undefined
}
export type SuppressedUntilWindowCloses = {
  readonly kind: 'window-closes'
  readonly buffer: StrictSuppressBuffer
  readonly name?: string | undefined
}

/** Sends a change at most every `waitMs` of stream time for each key. */
export function untilTimeLimit(
  waitMs: number,
  { buffer = UNBOUNDED, name }: { readonly buffer?: SuppressBuffer; readonly name?: string } = {},
): Suppressed {
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) {
    throw invalidTopology(`suppress waits ${waitMs} ms: give a whole number of milliseconds, at least 0.`)
  }
  return Object.freeze({ kind: 'time-limit', waitMs, buffer, name })
}

/** Sends one result for each window, when the window and its grace have passed. */
export function untilWindowCloses({
  buffer = unboundedBuffer(),
  name,
}: {
  readonly buffer?: StrictSuppressBuffer
  readonly name?: string
} = {}): SuppressedUntilWindowCloses {
  return Object.freeze({ kind: 'window-closes', buffer, name })
}

export function unboundedBuffer(): StrictSuppressBuffer {
  return { ...UNBOUNDED, whenFull: 'shut-down' }
}

/** A buffer with a limit; `emit-early` sends the oldest change when it is full, `shut-down` fails. */
export function boundedBuffer<W extends 'emit-early' | 'shut-down'>(limits: {
  readonly recordsMax?: number
  readonly bytesMax?: number
  readonly whenFull: W
}): SuppressBuffer & { readonly whenFull: W } {
  const { recordsMax = Infinity, bytesMax = Infinity, whenFull } = limits
  if (recordsMax === Infinity && bytesMax === Infinity) {
    throw invalidTopology(
      'A bounded suppress buffer needs `recordsMax` or `bytesMax`: give one, or use an unbounded one.',
    )
  }
  return Object.freeze({ recordsMax, bytesMax, whenFull })
}
