import { formatMoney, isCurrency, money } from '#schemas'
import { isoOf } from '../http/freshness.ts'
import { integer, type JsonSchema, object, string } from '../http/json-schema.ts'

/** Money in answers: exact in minor units, and as people read it. */
export type MoneyView = { readonly minorUnits: number; readonly currency: string; readonly formatted: string }

export const MONEY_SCHEMA: JsonSchema = object(
  {
    minorUnits: integer('Whole minor units: exact.'),
    currency: string('ISO 4217.'),
    formatted: string('For people.'),
  },
  'An amount of money.',
)

/** The currency of sums over everything, where no record says another. */
export const HOME_CURRENCY = 'KES'

export function moneyView(minorUnits: number, currency: string): MoneyView {
  const known = isCurrency(currency) ? currency : HOME_CURRENCY
  const formatted = formatMoney(money(minorUnits, known))
  return { minorUnits, currency: currency === '' ? HOME_CURRENCY : currency, formatted }
}

/** Stores keep 0 for a moment that has not come. */
export function timeOrNull(timeMs: number | null | undefined): string | null {
  return timeMs == null || timeMs === 0 ? null : isoOf(timeMs)
}

export function textOrNull(text: string | null | undefined): string | null {
  return text == null || text === '' ? null : text
}
