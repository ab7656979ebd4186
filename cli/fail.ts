import { SchemaError } from '#schemas'
import { messageOf, StreamsError } from '#streams/base'

/** What a module's own function threw. A module that cannot be loaded is said in the message. */
function isOfUser({ code, cause }: StreamsError | SchemaError): boolean {
  if (code === 'PROCESSING_FAILED') return true
  return code === 'TOPOLOGY_INVALID' && cause instanceof Error && !('code' in cause)
}

/** A file that is not there, a port that is taken: Node's message says which. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/** Says what went wrong on standard error and sets the exit code; a stack only for what nobody expected, and for the user's own code. */
export function fail(error: unknown): void {
  process.exitCode = 1
  if (error instanceof StreamsError || error instanceof SchemaError) {
    process.stderr.write(`error ${error.code}: ${error.message}\n`)
    // Whose code failed wants to know the line.
    if (isOfUser(error) && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`)
  } else if (isOfSystem(error)) process.stderr.write(`error ${error.code}: ${error.message}\n`)
  else process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`)
}
