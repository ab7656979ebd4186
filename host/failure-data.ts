import { messageOf, StreamsError } from '#streams/base'
import type { FailureData } from './thread-messages.ts'

/** Causes are followed so far: enough for any real one, and an end for those that go in a circle. */
const CAUSES_MAX = 5

/** An error as plain data, to cross threads. */
export function failureData(error: unknown, causesMax = CAUSES_MAX): FailureData {
  const cause = error instanceof Error ? error.cause : undefined
  return {
    code: error instanceof StreamsError ? error.code : undefined,
    message: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
    cause: cause === undefined || causesMax === 0 ? undefined : failureData(cause, causesMax - 1),
  }
}

export function failureError({ code, message, stack, cause }: FailureData): Error {
  const options = cause === undefined ? {} : { cause: failureError(cause) }
  const error = code === undefined ? new Error(message, options) : new StreamsError(code, message, options)
  if (stack !== undefined) error.stack = stack
  return error
}
