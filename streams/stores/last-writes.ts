import type { LogRecord } from '../ports/index.ts'
import { charactersOf } from './store-basics.ts'

/**
 * The last record of each key, in order; records without a key are left out. A changelog may hold hundreds of updates of
 * a key one after another, and only the last of a batch has to be written.
 */
export function lastOfEachKey(records: readonly LogRecord[]): readonly LogRecord[] {
  const seen = new Set<string>()
  const last: LogRecord[] = []
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i] as LogRecord
    if (record.key === null) continue
    const characters = charactersOf(record.key)
    if (seen.has(characters)) continue
    seen.add(characters)
    last.push(record)
  }
  return last.reverse()
}
