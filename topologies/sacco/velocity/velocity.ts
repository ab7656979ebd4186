import type { KeyValue, ProcessorSupplier, SessionStore, Windowed, WindowStore } from '#streams'
import { movementOf } from '../shared/movement.ts'
import type { Activities, Activity } from '../shared/signals.ts'
import {
  HOPPING_ADVANCE_MS,
  HOPPING_SIZE_MS,
  NO_TOTALS,
  SESSION_GAP_MS,
  VELOCITY_WINDOWS,
  type VelocityStores,
  type VelocityTotals,
} from './stores.ts'

/**
 * Counts and sums per member, in tumbling windows and sessions. By one small processor rather than by the DSL's windowed
 * aggregations: these run for every movement, and what a member had last is known without asking the disk.
 */
export function countVelocity(activities: Activities, stores: VelocityStores): void {
  activities.process(countWindows(stores), { name: 'velocity' })
}

/** The newest that was written for a member. Only a cache: without an entry the stores are asked. */
type Latest = { readonly starts: readonly number[]; session: Windowed<string>; totals: VelocityTotals }
const LATEST_MAX = 20_000

export function countWindows(stores: VelocityStores): ProcessorSupplier<string, Activity, never, never> {
  return {
    stores: [...stores.windows, stores.sessions],
    get: () => {
      let windows: readonly WindowStore<string, VelocityTotals>[] = []
      let sessions: SessionStore<string, VelocityTotals>
      const latest = new Map<string, Latest>()
      let streamTimeMs: () => number
      /** Windows that start behind it are of this life of the cache, so that it knows of every one of them. */
      let cachedFromMs = 0
      return {
        init: (context) => {
          streamTimeMs = () => context.currentStreamTimeMs()
          cachedFromMs = streamTimeMs()
          windows = stores.windows.map((spec) => context.store(spec))
          sessions = context.store(stores.sessions)
        },
        process: ({ key: member, value, timestampMs }) => {
          const movement = movementOf(value)
          if (movement === undefined) return
          const before = latest.get(member)
          const known = before === undefined ? undefined : { starts: before.starts, cachedFromMs }
          const starts = addToWindows(windows, member, movement.amountMinor, timestampMs, known)
          const session = addToSession(sessions, member, movement.amountMinor, timestampMs, before)
          if (before === undefined && latest.size >= LATEST_MAX) {
            latest.clear()
            cachedFromMs = streamTimeMs()
          }
          latest.set(member, { starts, ...session })
        },
      }
    },
  }
}

/**
 * A window that starts after the newest one of the member is new: no need to look for it. Not so if it may have been
 * written before the cache began: the first movement after a restart can be a late one.
 */
function addToWindows(
  windows: readonly WindowStore<string, VelocityTotals>[],
  member: string,
  amountMinor: number,
  timestampMs: number,
  known: { readonly starts: readonly number[]; readonly cachedFromMs: number } | undefined,
): readonly number[] {
  const starts: number[] = []
  for (let i = 0; i < windows.length; i++) {
    const window = windows[i] as WindowStore<string, VelocityTotals>
    const { sizeMs } = VELOCITY_WINDOWS[i] as (typeof VELOCITY_WINDOWS)[number]
    const startMs = timestampMs - (timestampMs % sizeMs)
    const newestMs = known?.starts[i]
    const isNew = newestMs !== undefined && startMs > Math.max(newestMs, known?.cachedFromMs ?? 0)
    const totals = isNew ? NO_TOTALS : (window.fetch(member, startMs) ?? NO_TOTALS)
    window.put(member, add(totals, amountMinor), startMs)
    starts.push(newestMs === undefined ? startMs : Math.max(newestMs, startMs))
  }
  return starts
}

type Session = { readonly session: Windowed<string>; readonly totals: VelocityTotals }

/**
 * Extends the newest session or starts one after it; where that is not clear, merges what the store finds. It is asked
 * for all later ones too, so that the newest is known from then on.
 */
function addToSession(
  sessions: SessionStore<string, VelocityTotals>,
  member: string,
  amountMinor: number,
  timestampMs: number,
  latest: Latest | undefined,
): Session {
  const put = (startMs: number, endMs: number, totals: VelocityTotals): Session => {
    const session = { key: member, window: { startMs, endMs } }
    sessions.put(session, totals)
    return { session, totals }
  }
  if (latest !== undefined && timestampMs >= latest.session.window.endMs) {
    const { startMs, endMs } = latest.session.window
    if (timestampMs - endMs > SESSION_GAP_MS) return put(timestampMs, timestampMs, add(NO_TOTALS, amountMinor))
    if (timestampMs > endMs) sessions.remove(latest.session)
    return put(startMs, timestampMs, add(latest.totals, amountMinor))
  }
  const found = [...sessions.findSessions(member, timestampMs - SESSION_GAP_MS, Number.MAX_SAFE_INTEGER)]
  const near = found.filter(({ key }) => key.window.startMs <= timestampMs + SESSION_GAP_MS)
  const merged = mergeSessions(near, timestampMs, add(NO_TOTALS, amountMinor))
  for (const { key } of near) sessions.remove(key)
  const session = put(merged.startMs, merged.endMs, merged.totals)
  const newest = found.at(-1)
  return newest !== undefined && newest.key.window.endMs > merged.endMs
    ? { session: newest.key, totals: newest.value }
    : session
}

function mergeSessions(
  near: readonly KeyValue<Windowed<string>, VelocityTotals>[],
  timeMs: number,
  first: VelocityTotals,
) {
  let startMs = timeMs
  let endMs = timeMs
  let totals = first
  for (const { key, value } of near) {
    startMs = Math.min(startMs, key.window.startMs)
    endMs = Math.max(endMs, key.window.endMs)
    totals = merge(totals, value)
  }
  return { startMs, endMs, totals }
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
 * Hopping windows (one hour, every five minutes) that overlap [fromMs, toMs], added up from the minutes in that range:
 * exactly what the engine's own hopping windows give, for a twelfth of the writes. `panes` are windows of the store of
 * minutes from `fromMs - HOPPING_SIZE_MS` on, ascending.
 */
export function hoppingWindowsOf(
  panes: readonly { readonly startMs: number; readonly totals: VelocityTotals }[],
  fromMs: number,
  toMs: number,
): readonly VelocityWindow[] {
  const windows = new Map<number, VelocityTotals>()
  for (const { startMs, totals } of panes) {
    const lastMs = startMs - (startMs % HOPPING_ADVANCE_MS)
    const firstMs = lastMs - HOPPING_SIZE_MS + HOPPING_ADVANCE_MS
    for (let at = Math.max(0, firstMs); at <= lastMs; at += HOPPING_ADVANCE_MS) {
      if (at + HOPPING_SIZE_MS <= fromMs || at > toMs) continue
      windows.set(at, merge(windows.get(at) ?? NO_TOTALS, totals))
    }
  }
  return [...windows]
    .sort(([left], [right]) => left - right)
    .map(([startMs, totals]) => ({ startMs, endMs: startMs + HOPPING_SIZE_MS, totals }))
}
