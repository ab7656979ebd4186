import type { SaccoEvent } from '#schemas'
import type { LoadRecord } from './records.ts'

/**
 * Gives events the time of the wall clock instead of the simulated one, for measuring from creation to effect. Late
 * records stay as late as they were, and a duplicate stays a copy of the record that it duplicates. Only the
 * envelope's timestamp changes: fields such as `occurred_at` keep the simulated time.
 */
export function createRestamper(): (record: LoadRecord, nowMs: number) => LoadRecord {
  // A duplicate holds the same event object as the original, so the object finds what the original became.
  const stamped = new WeakMap<SaccoEvent, LoadRecord>()
  return (record, nowMs) => {
    const before = stamped.get(record.event)
    if (before !== undefined) return { ...record, event: before.event, timestampMs: before.timestampMs }
    const timestampMs = Math.round(nowMs) - (record.publishAtMs - record.timestampMs)
    const event = { ...record.event, timestamp: new Date(timestampMs).toISOString() } as SaccoEvent
    const restamped = { ...record, event, timestampMs }
    stamped.set(record.event, restamped)
    return restamped
  }
}
