import { messageOf, StreamsError } from '#streams/base'

/** `JSON.rawJSON` and the context of revivers (ES2026), which the types do not have yet. */
type RawJson = { readonly rawJSON: (text: string) => unknown }
const { rawJSON } = JSON as unknown as RawJson

/**
 * Parses JSON so that `JSON.stringify` gives every number back with the digits that it had: ids and amounts may be
 * beyond 2^53. RECORD_UNWRITABLE where it is no JSON.
 */
export function exactJson(text: string): unknown {
  const keep = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value
  try {
    return JSON.parse(text, keep)
  } catch (cause) {
    throw new StreamsError('RECORD_UNWRITABLE', `it is not JSON: ${messageOf(cause)}`, { cause })
  }
}
