/** Durations and the calendar of East Africa (UTC+3, no summer time), by which due dates and office hours are meant. */
export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
export const EAST_AFRICA_OFFSET_MS = 3 * HOUR_MS

/** Days since 1970-01-01 in East Africa. */
export function dayNumberOf(timeMs: number): number {
  return Math.floor((timeMs + EAST_AFRICA_OFFSET_MS) / DAY_MS)
}

/** First millisecond of a day in East Africa. */
export function dayStartMs(dayNumber: number): number {
  return dayNumber * DAY_MS - EAST_AFRICA_OFFSET_MS
}

/** `YYYY-MM-DD` as days since 1970-01-01; undefined if it is no date. */
export function dayNumberOfDate(date: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined
  const timeMs = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(timeMs) ? undefined : timeMs / DAY_MS
}

export function dateOfDay(dayNumber: number): string {
  return new Date(dayNumber * DAY_MS).toISOString().slice(0, 10)
}

export function hourOfDay(timeMs: number): number {
  return Math.floor(((((timeMs + EAST_AFRICA_OFFSET_MS) % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS)
}

/** 0 Sunday … 6 Saturday. 1970-01-01 was a Thursday. */
export function dayOfWeek(timeMs: number): number {
  return (((dayNumberOf(timeMs) + 4) % 7) + 7) % 7
}

export function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

const TIME_DIGITS = 15

/** Time as a part of a key: decimal digits of fixed length, so that byte order is time order. */
export function timeKey(timeMs: number): string {
  return String(Math.max(0, timeMs)).padStart(TIME_DIGITS, '0')
}
