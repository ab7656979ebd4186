import { SchemaError } from '#schemas'
import { messageOf, StreamsError } from '#streams/base'

/** Says what went wrong on standard error and sets the exit code; a stack only for what nobody expected, and for the user's own code. */
export function fail(error: unknown): void {
  process.exitCode = 1
  if (error instanceof StreamsError || error instanceof SchemaError) {
    process.stderr.write(`error ${error.code}: ${error.message}\n`)
    // Whose code failed wants to know the line.
    if (error.code === 'PROCESSING_FAILED' && error.cause instanceof Error)
      process.stderr.write(`${error.cause.stack}\n`)
  } else process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`)
}
