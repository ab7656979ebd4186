import { expect, test } from 'vitest'
import { hasCode, StreamsError } from '#streams/base'
import { failureData, failureError } from './failure-data.ts'

const crossed = (error: unknown): Error => failureError(structuredClone(failureData(error)))

test('an error that crosses threads keeps its code, and where it and its causes were thrown', () => {
  const cause = new TypeError("Cannot read properties of undefined (reading 'name')")
  const error = crossed(new StreamsError('PROCESSING_FAILED', 'the record at in-0@7 could not be processed', { cause }))
  expect(hasCode(error, 'PROCESSING_FAILED')).toBe(true)
  expect(error.message).toBe('the record at in-0@7 could not be processed')
  expect(error.cause).toBeInstanceOf(Error)
  expect((error.cause as Error).stack).toBe(cause.stack)
})

test('an error without a code is one still, and what is no error becomes one', () => {
  const error = new RangeError('out of range')
  expect(crossed(error)).not.toBeInstanceOf(StreamsError)
  expect(crossed(error).stack).toBe(error.stack)
  expect(crossed('text').message).toBe('text')
})
