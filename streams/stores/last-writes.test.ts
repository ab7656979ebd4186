import { expect, test } from 'vitest'
import { utf8Encode } from '../base/index.ts'
import { type LogRecord, NO_HEADERS } from '../ports/index.ts'
import { lastOfEachKey } from './last-writes.ts'

function recordOf(key: string | null, offset: number): LogRecord {
  const bytes = key === null ? null : utf8Encode(key)
  return { key: bytes, value: null, offset, timestampMs: 0, headers: NO_HEADERS }
}

test('of each key the last record stays, in order; records without a key go', () => {
  const records = ['a', 'b', null, 'a', '', 'c', 'b', ''].map(recordOf)
  expect(lastOfEachKey(records).map(({ offset }) => offset)).toEqual([3, 5, 6, 7])
  expect(lastOfEachKey([])).toEqual([])
})
