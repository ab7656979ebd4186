import { assert } from '#streams/base'

/**
 * Money is a whole number of minor units with its currency; there is no floating point in a balance. Every operation
 * asserts that the result is a safe integer: beyond 2^53 a sum would be rounded without anybody noticing.
 */
export const CURRENCIES = ['KES', 'UGX', 'TZS', 'USD'] as const
export type Currency = (typeof CURRENCIES)[number]
export type Money = { readonly minorUnits: number; readonly currency: Currency }

/**
 * Decimal digits of the minor unit (ISO 4217; UGX has none). Amounts in events are always in these units: 1 KES is
 * 100 minor units, 1 UGX is 1.
 */
export const MINOR_UNIT_DIGITS: Readonly<Record<Currency, number>> = { KES: 2, UGX: 0, TZS: 2, USD: 2 }

export function isCurrency(text: string): text is Currency {
  return (CURRENCIES as readonly string[]).includes(text)
}

export function money(minorUnits: number, currency: Currency): Money {
  assert(Number.isSafeInteger(minorUnits), `money is a safe integer of minor units, got ${minorUnits}`)
  assert(isCurrency(currency), `money has one of the currencies ${CURRENCIES.join(', ')}, got ${String(currency)}`)
  // A negative zero would print and hash differently from zero.
  return { minorUnits: minorUnits === 0 ? 0 : minorUnits, currency }
}

export const zeroMoney = (currency: Currency): Money => money(0, currency)

function assertSameCurrency(left: Money, right: Money, verb: string): void {
  assert(left.currency === right.currency, `cannot ${verb} ${left.currency} and ${right.currency}`)
}

export function addMoney(left: Money, right: Money): Money {
  assertSameCurrency(left, right, 'add')
  return money(left.minorUnits + right.minorUnits, left.currency)
}

export function subtractMoney(left: Money, right: Money): Money {
  assertSameCurrency(left, right, 'subtract')
  return money(left.minorUnits - right.minorUnits, left.currency)
}

export function negateMoney(value: Money): Money {
  return money(-value.minorUnits, value.currency)
}

/** Negative, zero or positive, as a sort wants it. */
export function compareMoney(left: Money, right: Money): number {
  assertSameCurrency(left, right, 'compare')
  return left.minorUnits === right.minorUnits ? 0 : left.minorUnits < right.minorUnits ? -1 : 1
}

export function equalMoney(left: Money, right: Money): boolean {
  return left.currency === right.currency && left.minorUnits === right.minorUnits
}

/**
 * `value × basisPoints / 10,000`, exactly, rounded half away from zero to a whole minor unit: for rates and
 * provisions. The product may be beyond 2^53, so it is taken in BigInt.
 */
export function basisPointsOf(value: Money, basisPoints: number): Money {
  assert(Number.isSafeInteger(basisPoints), `basis points are a whole number, got ${basisPoints}`)
  const product = BigInt(value.minorUnits) * BigInt(basisPoints)
  const half = product < 0n ? -5_000n : 5_000n
  return money(Number((product + half) / 10_000n), value.currency)
}

/** `KES 1,234.50`; the same text on every machine, whatever its locale. */
export function formatMoney(value: Money): string {
  const digits = MINOR_UNIT_DIGITS[value.currency]
  const text = String(Math.abs(value.minorUnits)).padStart(digits + 1, '0')
  const whole = text.slice(0, text.length - digits).replace(/\B(?=(\d{3})+$)/g, ',')
  const fraction = digits === 0 ? '' : `.${text.slice(-digits)}`
  return `${value.currency} ${value.minorUnits < 0 ? '-' : ''}${whole}${fraction}`
}
