/**
 * When each event was due, for those who see its effect. Kept for one to two minutes: an effect that comes later than
 * that is not measured, but the records that wait for it show as lag.
 */
export type DueTimes = {
  set(eventId: string, dueAtMs: number): void
  get(eventId: string): number | undefined
  /** The due time, once: the second call for the same effect gives nothing. */
  takeForBalance(eventId: string): number | undefined
}

const GENERATION_MS = 60_000

export function createDueTimes(): DueTimes {
  let young = new Map<string, number>()
  let old = new Map<string, number>()
  let youngSinceMs = Number.NaN
  const seen = { young: new Set<string>(), old: new Set<string>() }
  return {
    set(eventId, dueAtMs) {
      if (Number.isNaN(youngSinceMs)) youngSinceMs = dueAtMs
      if (dueAtMs - youngSinceMs > GENERATION_MS) {
        old = young
        young = new Map()
        seen.old = seen.young
        seen.young = new Set()
        youngSinceMs = dueAtMs
      }
      young.set(eventId, dueAtMs)
    },
    get: (eventId) => young.get(eventId) ?? old.get(eventId),
    takeForBalance(eventId) {
      if (seen.young.has(eventId) || seen.old.has(eventId)) return undefined
      const dueAtMs = young.get(eventId) ?? old.get(eventId)
      if (dueAtMs !== undefined) seen.young.add(eventId)
      return dueAtMs
    },
  }
}
