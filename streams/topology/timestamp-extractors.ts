import { StreamsError } from '../base/errors.ts'
import type { Clock } from '../ports/index.ts'
import type { TimestampExtractor } from './topology.ts'

/** Java's timestamp extractors. Without any, a record whose timestamp is negative ends the thread. */

/** Java: LogAndSkipOnInvalidTimestamp. A record without a valid timestamp is dropped, counted and logged. */
export const skipInvalidTimestamp: TimestampExtractor = (record) => record.timestampMs

/** Java: FailOnInvalidTimestamp. The default, for where another one is the default of the application. */
export const failOnInvalidTimestamp: TimestampExtractor = (record) => {
  if (record.timestampMs >= 0) return record.timestampMs
  throw invalid(record.offset, record.timestampMs, 'use another timestamp extractor, or correct the producer')
}

/** Java: UsePartitionTimeOnInvalidTimestamp. Takes the highest timestamp of the partition so far instead. */
export const usePartitionTimeOnInvalidTimestamp: TimestampExtractor = (record, partitionTimeMs) => {
  if (record.timestampMs >= 0) return record.timestampMs
  if (partitionTimeMs >= 0) return partitionTimeMs
  throw invalid(record.offset, record.timestampMs, 'the partition has no earlier record whose time could be taken')
}

/** Java: WallclockTimestampExtractor. Times then depend on when a record is read, and so do results. */
export function wallClockTimestamp(clock: Pick<Clock, 'wallClockMs'>): TimestampExtractor {
  return () => clock.wallClockMs()
}

function invalid(offset: number, timestampMs: number, hint: string): StreamsError {
  return new StreamsError(
    'RECORD_UNREADABLE',
    `the record at offset ${offset} has the timestamp ${timestampMs}; ${hint}`,
  )
}
