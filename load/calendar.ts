import type { Segment } from './population.ts'

export const SECOND_MS = 1_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

/** East Africa Time, no daylight saving: people live by it, events are written in UTC. */
const EAT_OFFSET_MS = 3 * HOUR_MS

const localMs = (timeMs: number): number => timeMs + EAT_OFFSET_MS

export const hourOf = (timeMs: number): number => Math.floor((localMs(timeMs) % DAY_MS) / HOUR_MS)
/** 0 Sunday to 6 Saturday. */
export const weekdayOf = (timeMs: number): number => (Math.floor(localMs(timeMs) / DAY_MS) + 4) % 7
export const dayStartOf = (timeMs: number): number => Math.floor(localMs(timeMs) / DAY_MS) * DAY_MS - EAT_OFFSET_MS

let isoTimeMs = Number.NaN
let isoText = ''
/** ISO text in UTC. The last one is kept: an event writes its time in several fields. */
export function isoOf(timeMs: number): string {
  if (timeMs !== isoTimeMs) {
    isoText = new Date(timeMs).toISOString()
    isoTimeMs = timeMs
  }
  return isoText
}
/** The local day, YYYY-MM-DD. */
export const dateOf = (timeMs: number): string => new Date(localMs(timeMs)).toISOString().slice(0, 10)
/** The local month, YYYY-MM. */
export const monthOf = (timeMs: number): string => dateOf(timeMs).slice(0, 7)
export const dayOfMonth = (timeMs: number): number => new Date(localMs(timeMs)).getUTCDate()
export const monthNumber = (timeMs: number): number => new Date(localMs(timeMs)).getUTCMonth() + 1
export const yearOf = (timeMs: number): number => new Date(localMs(timeMs)).getUTCFullYear()

/** The same day and hour some months later; the last day of a shorter month. */
export function addMonths(timeMs: number, months: number): number {
  const from = new Date(localMs(timeMs))
  const target = new Date(from)
  target.setUTCDate(1)
  target.setUTCMonth(from.getUTCMonth() + months)
  const last = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate()
  target.setUTCDate(Math.min(from.getUTCDate(), last))
  return target.getTime() - EAT_OFFSET_MS
}

export function isOfficeHours(timeMs: number): boolean {
  const weekday = weekdayOf(timeMs)
  const hour = hourOf(timeMs)
  if (weekday === 0) return false
  return weekday === 6 ? hour >= 9 && hour < 12 : hour >= 9 && hour < 16
}

/** A moment in office hours, on the first day from `fromMs` on that has one left; spread over the day by `draw`. */
export function officeTimeFrom(fromMs: number, draw: number): number {
  for (let dayMs = dayStartOf(fromMs); ; dayMs += DAY_MS) {
    const timeMs = dayMs + 9 * HOUR_MS + Math.floor(draw * (weekdayOf(dayMs) === 6 ? 3 : 7) * HOUR_MS)
    if (timeMs >= fromMs && isOfficeHours(timeMs)) return timeMs
  }
}

/** Nine o'clock on the next day, Monday to Friday, that has not begun yet. */
export function officeMorningFrom(fromMs: number): number {
  for (let dayMs = dayStartOf(fromMs); ; dayMs += DAY_MS) {
    const weekday = weekdayOf(dayMs)
    if (weekday >= 1 && weekday <= 5 && dayMs + 9 * HOUR_MS >= fromMs) return dayMs + 9 * HOUR_MS
  }
}

/** Share of a day's traffic in each local hour; each row sums to about 24, so that 1 is the mean. */
const BY_HOUR: Readonly<Record<Segment, readonly number[]>> = {
  // At work: before it, at lunch, in the evening.
  salaried: [
    0.1, 0.05, 0.03, 0.03, 0.1, 0.4, 1.1, 1.6, 1.3, 0.9, 0.9, 1.1, 1.9, 2.1, 1.2, 0.9, 1.0, 1.6, 2.2, 2.1, 1.6, 1.1,
    0.5, 0.2,
  ],
  // Milk and leaf are delivered in the morning; the evening is short.
  farmer: [
    0.02, 0.02, 0.02, 0.05, 0.3, 1.0, 2.0, 2.4, 2.4, 2.2, 2.1, 1.8, 1.5, 1.3, 1.2, 1.1, 1.1, 1.2, 1.0, 0.7, 0.4, 0.15,
    0.05, 0.02,
  ],
  // Stock is paid for early, takings are banked from the afternoon on.
  trader: [
    0.05, 0.03, 0.03, 0.05, 0.3, 0.9, 1.2, 1.3, 1.2, 1.2, 1.3, 1.5, 1.8, 1.7, 1.4, 1.4, 1.7, 2.1, 2.3, 1.6, 0.8, 0.4,
    0.15, 0.08,
  ],
  agent: [
    0.03, 0.02, 0.02, 0.03, 0.1, 0.4, 1.1, 1.6, 1.7, 1.7, 1.7, 1.8, 2.0, 1.9, 1.6, 1.5, 1.6, 1.8, 1.6, 1.0, 0.5, 0.2,
    0.08, 0.04,
  ],
}

/** Sunday to Saturday: Wednesday and Saturday are market days. */
const BY_WEEKDAY: Readonly<Record<Segment, readonly number[]>> = {
  salaried: [0.7, 1.0, 0.95, 1.0, 1.0, 1.25, 1.1],
  farmer: [0.4, 1.0, 0.95, 1.35, 1.0, 1.1, 1.2],
  trader: [0.6, 0.95, 0.95, 1.25, 1.0, 1.1, 1.15],
  agent: [0.6, 1.0, 0.95, 1.1, 1.0, 1.2, 1.15],
}

/** Payday is from the 25th to the 31st: the days after it are the busiest, the middle of the month is thin. */
function monthFactor(segment: Segment, day: number): number {
  if (segment === 'farmer') return day >= 5 && day <= 10 ? 1.4 : 0.9
  const isAfterPay = day >= 26 || day <= 3
  const strength = segment === 'salaried' ? 0.7 : 0.25
  return isAfterPay ? 1 + strength : 1 - strength / 3
}

/** Tea bonus in October, maize from November to January, long-rain planting in March and April. */
const FARM_SEASON = [1.3, 0.9, 0.8, 0.8, 0.8, 0.9, 1.0, 1.1, 1.0, 1.6, 1.4, 1.5] as const

/** How busy a segment is at a moment, relative to its mean of 1. */
export function trafficAt(segment: Segment, timeMs: number): number {
  const season = segment === 'farmer' ? (FARM_SEASON[monthNumber(timeMs) - 1] as number) : 1
  return (
    (BY_HOUR[segment][hourOf(timeMs)] as number) *
    (BY_WEEKDAY[segment][weekdayOf(timeMs)] as number) *
    monthFactor(segment, dayOfMonth(timeMs)) *
    season
  )
}
