import type { RegistryRecord } from './registry-records.ts'

/**
 * Where the registry keeps its records: append-only. The memory one forgets with the process; the one over a log is in
 * `log-store.ts`.
 */
export type RegistryStore = {
  /** Hands every record since the last call to `apply`, in order. Also ends the writing of every earlier owner. */
  load(apply: (record: RegistryRecord) => void): Promise<void>
  /**
   * Resolves when all records are durable, none or all of them. After a rejection the outcome is unknown: the caller
   * must `load` again before it appends anything else.
   */
  append(records: readonly RegistryRecord[]): Promise<void>
  close(): Promise<void>
}

export function createMemoryStore(initial: readonly RegistryRecord[] = []): RegistryStore {
  const records = [...initial]
  let applied = 0
  return {
    async load(apply) {
      for (; applied < records.length; applied++) apply(records[applied] as RegistryRecord)
    },
    async append(added) {
      records.push(...added)
    },
    async close() {},
  }
}
