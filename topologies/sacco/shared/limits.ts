import { DAY_MS, SECOND_MS } from './time.ts'

/** Everything that could grow without end has its bound here, with the reason for its size. */

/** Partitions of the tasks that hold state per member, per account, per entity: those of the busiest topic. */
export const STATE_PARTITIONS = 12

/** Events older than this, against the newest of their topic partition, are late: kept, but not booked. */
export const LATENESS_MAX_MS = 180 * DAY_MS
/** An event may claim to be this much younger than the log's own time stamp of it (clocks differ). */
export const CLOCK_SKEW_MAX_MS = 1 * DAY_MS

/** Event ids are remembered by the two months in which the event happened; an id costs one point read. */
export const SEEN_BUCKET_MS = 62 * DAY_MS
/** Longer than anything that is not late: LATENESS_MAX_MS and the bucket that it falls in. */
export const SEEN_RETENTION_MS = 4 * SEEN_BUCKET_MS

/** How long events of a member who is not known yet wait (wall clock) for the registration to come. */
export const UNKNOWN_MEMBER_WAIT_MS = 30 * SECOND_MS
export const PARKED_CHECK_INTERVAL_MS = 1 * SECOND_MS
/** Waiting events of one task; further ones are refused at once. */
export const PARKED_EVENTS_MAX = 10_000

export const ACCOUNTS_PER_MEMBER_MAX = 32
export const DEVICES_PER_MEMBER_MAX = 8
/** Open withdrawals of an account. */
export const HOLDS_PER_ACCOUNT_MAX = 64
export const LOANS_PER_MEMBER_MAX = 64
export const GUARANTEES_PER_MEMBER_MAX = 64
export const INSTALMENTS_MAX = 480
