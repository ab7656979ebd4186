import { messageOf, StreamsError } from '#streams/base'
import type { FailureData } from './thread-messages.ts'

/** An error as plain data, to cross threads. */
export function failureData(error: unknown): FailureData {
  return {
    code: error instanceof StreamsError ? error.code : undefined,
    message: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  }
}

export function failureError({ code, message, stack }: FailureData): Error {
  if (code !== undefined) return new StreamsError(code, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
