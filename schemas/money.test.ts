import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addMoney,
  basisPointsOf,
  CURRENCIES,
  type Currency,
  compareMoney,
  equalMoney,
  formatMoney,
  ID_LENGTH_MAX,
  memberId,
  money,
  negateMoney,
  parseId,
  subtractMoney,
  zeroMoney,
} from './index.ts'

const amount = fc.integer({ min: -(2 ** 50), max: 2 ** 50 })

describe('money', () => {
  test('adds and subtracts exactly', () =>
    fc.assert(
      fc.property(amount, amount, fc.constantFrom(...CURRENCIES), (left, right, currency) => {
        const [a, b] = [money(left, currency), money(right, currency)]
        expect(BigInt(addMoney(a, b).minorUnits)).toBe(BigInt(left) + BigInt(right))
        expect(subtractMoney(addMoney(a, b), b)).toEqual(a)
        expect(addMoney(a, negateMoney(a))).toEqual(zeroMoney(currency))
        expect(Math.sign(compareMoney(a, b))).toBe(Math.sign(left - right))
        expect(equalMoney(a, b)).toBe(left === right)
      }),
    ))

  test.each([0.1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])('%d is no amount', (value) => {
    expect(() => money(value, 'KES')).toThrow('safe integer')
  })
  test('a sum beyond 2^53 is an error, not a rounding', () => {
    const most = money(Number.MAX_SAFE_INTEGER, 'KES')
    expect(() => addMoney(most, money(1, 'KES'))).toThrow('safe integer')
  })
  test('currencies do not mix, and there are no others', () => {
    expect(() => addMoney(money(1, 'KES'), money(1, 'UGX'))).toThrow('cannot add KES and UGX')
    expect(() => compareMoney(money(1, 'KES'), money(1, 'USD'))).toThrow('cannot compare KES and USD')
    expect(() => money(1, 'XAU' as Currency)).toThrow('one of the currencies')
  })
  test('there is one zero', () => expect(Object.is(negateMoney(money(0, 'KES')).minorUnits, 0)).toBe(true))

  test.each<[number, Currency, string]>([
    [123_450, 'KES', 'KES 1,234.50'],
    [5, 'KES', 'KES 0.05'],
    [-5, 'KES', 'KES -0.05'],
    [-123_456_789, 'USD', 'USD -1,234,567.89'],
    [1_000_000, 'UGX', 'UGX 1,000,000'],
    [0, 'UGX', 'UGX 0'],
    [99_999, 'TZS', 'TZS 999.99'],
  ])('%d %s is %s', (minorUnits, currency, text) => expect(formatMoney(money(minorUnits, currency))).toBe(text))

  test.each([
    [10_000, 125, 125],
    [1, 5_000, 1],
    [-1, 5_000, -1],
    [1, 4_999, 0],
    [9_007_199_254_740_991, 10_000, 9_007_199_254_740_991],
  ])('%d at %d basis points is %d', (minorUnits, basisPoints, expected) => {
    expect(basisPointsOf(money(minorUnits, 'KES'), basisPoints).minorUnits).toBe(expected)
  })
})

describe('ids', () => {
  test.each(['M-0001', '01JABC', 'a:b.c_d', '254700000001'])('%s is one', (text) => expect(memberId(text)).toBe(text))
  test.each<[string, string]>([
    ['', 'is empty'],
    ['a b', 'characters outside'],
    ['a/b', 'characters outside'],
    ['"', 'characters outside'],
    ['é', 'characters outside'],
    ['a\n', 'characters outside'],
    ['x'.repeat(ID_LENGTH_MAX + 1), 'at most 128'],
  ])('%j is none', (text, message) => expect(() => parseId('member-id', text)).toThrow(message))
})
