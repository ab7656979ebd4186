import { expect, test } from 'vitest'
import { deepFreeze, isFrozenError } from './index.ts'

const caught = (body: () => unknown): unknown => {
  try {
    return body()
  } catch (error) {
    return error
  }
}

test('plain objects and arrays are frozen to their end', () => {
  const value = deepFreeze({ list: [{ amount: 1 }, { amount: 0 }], inner: { names: ['a'] }, none: null, text: 'x' })
  const changes: readonly (() => unknown)[] = [
    () => value.list.push({ amount: 2 }),
    () => value.list.pop(),
    () => value.list.reverse(),
    () => Object.assign(value, { extra: 1 }),
    () => Object.assign(value.inner, { names: [] }),
    () => Reflect.deleteProperty(value, 'text') || assertDeleted(value),
    () => {
      ;(value.list[0] as { amount: number }).amount = 2
    },
  ]
  const errors = changes.map(caught)
  expect(errors.map((error) => [String(error), isFrozenError(error)])).toEqual(
    errors.map((error) => [String(error), true]),
  )
  expect(value).toEqual({ list: [{ amount: 1 }, { amount: 0 }], inner: { names: ['a'] }, none: null, text: 'x' })
})

function assertDeleted(value: object): void {
  delete (value as { text?: string }).text
}

test('instances of classes, bytes and maps are left alone, and what holds itself has an end', () => {
  class Account {
    balance = 1
  }
  const account = new Account()
  const value = deepFreeze({ account, bytes: Uint8Array.of(1), map: new Map([['a', 1]]) })
  account.balance = 2
  value.bytes[0] = 2
  value.map.set('b', 2)
  expect([value.account.balance, value.bytes[0], value.map.size]).toEqual([2, 2, 2])
  const loop: { self?: unknown } = {}
  loop.self = loop
  expect(Object.isFrozen(deepFreeze(loop))).toBe(true)
})

test.each([1, 'text', null, undefined, 5n, true])('%s is given back', (value) => {
  expect(deepFreeze(value)).toBe(value)
})

test('errors of another kind are not taken for it', () => {
  expect(isFrozenError(new TypeError('x is not a function'))).toBe(false)
  expect(isFrozenError(new Error('Cannot add property 1, object is not extensible'))).toBe(false)
})
