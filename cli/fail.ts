import { messageOf, StreamsError } from '#streams/base'

/** Says what went wrong on standard error and sets the exit code; a stack only for what nobody expected. */
export function fail(error: unknown): void {
  process.exitCode = 1
  if (error instanceof StreamsError) process.stderr.write(`error ${error.code}: ${error.message}\n`)
  else process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`)
}
