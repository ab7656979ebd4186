import type { Bytes } from '../base/bytes.ts'

export type Header = { readonly key: string; readonly value: Bytes | null }

/** In order, keys may repeat; the last one of a key counts (as in Kafka). Never changed in place. */
export type Headers = readonly Header[]

export const NO_HEADERS: Headers = Object.freeze([])

/** The value of the last header with this key. */
export function lastHeader(headers: Headers, key: string): Header | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i]
    if (header?.key === key) return header
  }
  return undefined
}
