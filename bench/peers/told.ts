/** What a peer says on its standard output, a JSON object a line. Times are milliseconds since 1970. */
export type Told =
  | {
      readonly kind: 'running'
      readonly atMs: number
      readonly restored: number
      /** 0 where nothing was restored. */
      readonly restoreStartMs: number
      readonly restoreEndMs: number
    }
  | { readonly kind: 'rebalancing'; readonly atMs: number }
  | { readonly kind: 'processed' | 'stopped'; readonly atMs: number; readonly records: number }
  | { readonly kind: 'failed'; readonly atMs: number; readonly message: string }

/** Undefined: the line is something else, a warning of a library for example. */
export function parseTold(line: string): Told | undefined {
  if (!line.startsWith('{"kind":')) return undefined
  try {
    return JSON.parse(line) as Told
  } catch {
    return undefined
  }
}
