import type { SchemaRegistry } from './schema-registry.ts'

/**
 * Writer schemas by id, shared by all serdes of a process, so that each is asked for once. An id never changes its
 * schema, so what is known is known for ever; an id that the registry does not know is asked for again after a while
 * (the registry may be a replica that lags behind).
 */
export type SchemaCache = {
  /** The text, or undefined if it is not loaded. */
  get(id: number): string | undefined
  /** True if the registry said, when it was asked last, that there is no such id. */
  isUnknown(id: number): boolean
  /** False if it is known or was asked for so short a while ago that asking again makes no sense. */
  isWorthLoading(id: number): boolean
  put(id: number, schemaText: string): void
  /** Loads an id; rejects if the registry cannot be reached, resolves if it knows no such id. */
  load(id: number): Promise<void>
}

/** How long an unknown id is taken as unknown without asking again. */
export const UNKNOWN_ID_TTL_MS = 10_000
/** Damaged records can hold any id; only so many unknown ones are remembered. */
export const UNKNOWN_IDS_MAX = 1_024

export type SchemaCacheOptions = { readonly nowMs?: () => number }

export function createSchemaCache(
  registry: Pick<SchemaRegistry, 'schemaById'>,
  options: SchemaCacheOptions = {},
): SchemaCache {
  const nowMs = options.nowMs ?? (() => performance.now())
  const texts = new Map<number, string>()
  const unknownUntilMs = new Map<number, number>()
  const loading = new Map<number, Promise<void>>()

  const fetch = async (id: number): Promise<void> => {
    try {
      const text = await registry.schemaById(id)
      if (text !== undefined) {
        texts.set(id, text)
        unknownUntilMs.delete(id)
        return
      }
      if (unknownUntilMs.size >= UNKNOWN_IDS_MAX) unknownUntilMs.delete(unknownUntilMs.keys().next().value as number)
      unknownUntilMs.set(id, nowMs() + UNKNOWN_ID_TTL_MS)
    } finally {
      loading.delete(id)
    }
  }

  return {
    get: (id) => texts.get(id),
    isUnknown: (id) => unknownUntilMs.has(id),
    isWorthLoading(id) {
      if (texts.has(id)) return false
      const untilMs = unknownUntilMs.get(id)
      return untilMs === undefined || nowMs() >= untilMs
    },
    put(id, schemaText) {
      texts.set(id, schemaText)
    },
    load(id) {
      const running = loading.get(id)
      if (running !== undefined) return running
      const started = fetch(id)
      loading.set(id, started)
      return started
    },
  }
}
