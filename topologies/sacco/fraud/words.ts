import { formatMoney, money } from '#schemas'
import { DAY_MS, HOUR_MS, isoOf, MINUTE_MS } from '../shared/time.ts'

export function amountText(amountMinor: number): string {
  return formatMoney(money(Math.abs(Math.round(amountMinor)), 'KES'))
}

export function durationText(durationMs: number): string {
  const part = (unitMs: number, name: string): string => {
    const count = Math.round((durationMs / unitMs) * 10) / 10
    return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  if (durationMs >= 2 * DAY_MS) return part(DAY_MS, 'day')
  if (durationMs >= HOUR_MS) return part(HOUR_MS, 'hour')
  return part(MINUTE_MS, 'minute')
}

/** `2026-03-01 14:05` in East Africa. */
export function momentText(timeMs: number): string {
  return `${isoOf(timeMs + 3 * HOUR_MS)
    .slice(0, 16)
    .replace('T', ' ')} EAT`
}
