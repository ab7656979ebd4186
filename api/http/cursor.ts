import { badParameters } from './problem.ts'

/** Cursors are opaque to clients: where a page ended, as JSON in base64url. They carry no authority, so no signature. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** What `isValid` accepts, or a 400 that names the parameter. */
export function decodeCursor<T>(text: string | undefined, isValid: (value: unknown) => value is T): T | undefined {
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    value = undefined
  }
  if (isValid(value)) return value
  throw badParameters([{ field: 'cursor', reason: 'is not one that this list gave out' }])
}

export const isString = (value: unknown): value is string => typeof value === 'string'
