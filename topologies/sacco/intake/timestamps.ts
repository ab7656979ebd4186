import type { SaccoEvent } from '#schemas'
import type { TimestampExtractor } from '#streams'
import { CLOCK_SKEW_MAX_MS } from '../shared/limits.ts'

/**
 * Event time: when it happened, by the event's own `timestamp`. An event that claims to be far younger than the log's
 * time of it would move stream time ahead and make everybody else's events late, so it keeps the log's time (and the
 * intake refuses it); so does one whose text is no time.
 */
export const timestampOf: TimestampExtractor = ({ value, timestampMs }) => {
  const event = value as SaccoEvent | null
  const claimedMs = event === null ? Number.NaN : Date.parse(event.timestamp)
  if (Number.isNaN(claimedMs) || claimedMs - timestampMs > CLOCK_SKEW_MAX_MS) return timestampMs
  return claimedMs
}
