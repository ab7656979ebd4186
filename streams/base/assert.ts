/** A mistake of ours: the program's own belief about itself was wrong. Never caught and continued from. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States what must be true. Stays on in production: a wrong balance costs more than the check. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Returns `value`, which the caller knows to be present; the message says why it must be. */
export function present<T>(value: T | null | undefined, message: string): T {
  if (value === null || value === undefined) throw new AssertionError(message)
  return value
}
