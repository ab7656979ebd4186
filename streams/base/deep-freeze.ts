/**
 * Freezes a value and all that it holds: plain objects and arrays. What is frozen already is taken for frozen to its
 * end, so that a value which grew out of another one costs what is new in it. Instances of classes are left alone:
 * their fields are their own affair, and those of maps, dates and bytes would not be protected by it.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (let i = 0; i < value.length; i++) deepFreeze(value[i])
    return value
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const name of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[name])
  return value
}

/** What V8 and other engines say where strict code changes a frozen object. */
const FROZEN_MESSAGE =
  /read.?only property|object is not extensible|Cannot (add|delete|define|redefine) property|non-writable|non-configurable/i

/** Whether an error is what comes of changing a frozen object. */
export function isFrozenError(error: unknown): boolean {
  return error instanceof TypeError && FROZEN_MESSAGE.test(error.message)
}
