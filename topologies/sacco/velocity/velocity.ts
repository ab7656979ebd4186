import { type ProcessorSupplier, sessionWindows, type WindowStore } from '#streams'
import { type Movement, movementOf } from '../shared/movement.ts'
import type { Activities } from '../shared/signals.ts'
import {
  HOPPING_ADVANCE_MS,
  HOPPING_SIZE_MS,
  NO_TOTALS,
  SESSION_GAP_MS,
  SESSION_GRACE_MS,
  SESSION_RETENTION_MS,
  VELOCITY_SESSION_STORE,
  VELOCITY_WINDOWS,
  type VelocityStores,
  type VelocityTotals,
} from './stores.ts'

/**
 * Counts and sums per member. Tumbling windows and panes by one small processor, sessions (movements with less than
 * SESSION_GAP_MS between them) by the DSL.
 */
export function countVelocity(activities: Activities, stores: VelocityStores): void {
  const movements = activities
    .mapValues((event) => movementOf(event) ?? null, { name: 'movements' })
    .filter((_member, movement) => movement !== null, { name: 'movements-only' })
  movements.process(countWindows(stores), { name: 'velocity-windows' })
  movements
    .groupByKey()
    .windowedBy(sessionWindows({ inactivityGapMs: SESSION_GAP_MS, graceMs: SESSION_GRACE_MS }))
    .aggregate(
      () => NO_TOTALS,
      (_member, movement, totals) => add(totals, movement.amountMinor),
      (_member, left, right) => merge(left, right),
      { store: { name: VELOCITY_SESSION_STORE, retentionMs: SESSION_RETENTION_MS }, value: stores.value },
    )
}

/** Adds each movement to its window of every size. */
export function countWindows(stores: VelocityStores): ProcessorSupplier<string, Movement, never, never> {
  return {
    stores: stores.windows,
    get: () => {
      let windows: readonly WindowStore<string, VelocityTotals>[] = []
      return {
        init: (context) => {
          windows = stores.windows.map((spec) => context.store(spec))
        },
        process: ({ key, value, timestampMs }) => {
          for (let i = 0; i < windows.length; i++) {
            const window = windows[i] as WindowStore<string, VelocityTotals>
            const { sizeMs } = VELOCITY_WINDOWS[i] as (typeof VELOCITY_WINDOWS)[number]
            const startMs = timestampMs - (timestampMs % sizeMs)
            window.put(key, add(window.fetch(key, startMs) ?? NO_TOTALS, value.amountMinor), startMs)
          }
        },
      }
    },
  }
}

export function add(totals: VelocityTotals, amountMinor: number): VelocityTotals {
  const { in_count, in_minor, out_count, out_minor } = totals
  return amountMinor >= 0
    ? { in_count: in_count + 1, in_minor: in_minor + amountMinor, out_count, out_minor }
    : { in_count, in_minor, out_count: out_count + 1, out_minor: out_minor - amountMinor }
}

export function merge(left: VelocityTotals, right: VelocityTotals): VelocityTotals {
  return {
    in_count: left.in_count + right.in_count,
    in_minor: left.in_minor + right.in_minor,
    out_count: left.out_count + right.out_count,
    out_minor: left.out_minor + right.out_minor,
  }
}

export type VelocityWindow = { readonly startMs: number; readonly endMs: number; readonly totals: VelocityTotals }

/**
 * Hopping windows (one hour, every five minutes) that overlap [fromMs, toMs], from the panes in that range: twelve
 * panes are one window. Exactly what the engine's own hopping windows give, for a twelfth of the writes.
 * `panes` must reach from `fromMs - HOPPING_SIZE_MS` on, ascending.
 */
export function hoppingWindowsOf(
  panes: readonly { readonly startMs: number; readonly totals: VelocityTotals }[],
  fromMs: number,
  toMs: number,
): readonly VelocityWindow[] {
  const windows = new Map<number, VelocityTotals>()
  for (const { startMs, totals } of panes) {
    const firstMs = startMs - HOPPING_SIZE_MS + HOPPING_ADVANCE_MS
    for (let at = Math.max(0, firstMs); at <= startMs; at += HOPPING_ADVANCE_MS) {
      if (at + HOPPING_SIZE_MS <= fromMs || at > toMs) continue
      windows.set(at, merge(windows.get(at) ?? NO_TOTALS, totals))
    }
  }
  return [...windows]
    .sort(([left], [right]) => left - right)
    .map(([startMs, totals]) => ({ startMs, endMs: startMs + HOPPING_SIZE_MS, totals }))
}
