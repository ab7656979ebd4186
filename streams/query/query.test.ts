import { expect, test } from 'vitest'
import { hasCode } from '../base/index.ts'
import type { StreamThread } from '../runtime/index.ts'
import { executeQuery, type StoreQuery } from './query.ts'

/** What is wrong in itself is refused before the thread is looked at. */
const noThread = {} as StreamThread
const refusal = (query: object): unknown => {
  try {
    return executeQuery(noThread, query as StoreQuery)
  } catch (error) {
    return error
  }
}

test.each([
  [{ store: 's', kind: 'all' }, /no query of kind all; kinds: key, range/],
  [{ store: 's' }, /no query of kind undefined/],
  [{ store: 's', kind: 'toString' }, /no query of kind toString/],
  [{ store: 's', kind: 'range' }, /a range query needs a limit, .* has undefined/],
  [{ store: 's', kind: 'window', key: 'k', fromMs: 0, toMs: 1, limit: '5' }, /needs a limit/],
  [{ store: 's', kind: 'session', key: 'k', limit: Number.NaN }, /needs a limit/],
])('%j is refused', (query, message) => {
  const error = refusal(query)
  expect(hasCode(error, 'CONFIG_INVALID')).toBe(true)
  expect(String(error)).toMatch(message)
})

test('a query that is well formed waits for the thread', () => {
  expect(hasCode(refusal({ store: 's', kind: 'key', key: 'k' }), 'STATE_UNAVAILABLE')).toBe(true)
})
