import {
  bandOf,
  DEFAULT_DELINQUENCY_BANDS,
  type DelinquencyBand,
  type DelinquencyBandsEvent,
  problemOfBands,
} from '#schemas'
import type { KeyValueStore, ProcessorSupplier } from '#streams'
import { dayNumberOfDate } from '../shared/time.ts'
import type { LoanStores } from './stores.ts'

/** The table of bands that counts now, read by every task of a thread. */
export type BandBook = {
  readonly version: number
  /** Raised whenever the table changes: loans are classified again. */
  readonly generation: number
  bandOf(daysPastDue: number): DelinquencyBand
  /** Takes a table if it is sound and not older than the one it has. Says why not. */
  offer(table: DelinquencyBandsEvent['data']): string | undefined
}

export function createBandBook(): BandBook {
  let { table_version: version, bands } = DEFAULT_DELINQUENCY_BANDS
  let generation = 0
  return {
    get version() {
      return version
    },
    get generation() {
      return generation
    },
    bandOf: (daysPastDue) => bandOf(bands, daysPastDue),
    offer(table) {
      const { table_version, effective_from } = table
      if (!Number.isSafeInteger(table_version) || table_version < version)
        return `version ${table_version} is older than version ${version}`
      if (dayNumberOfDate(effective_from) === undefined) return 'effective_from is no date'
      const problem = problemOfBands(table.bands)
      if (problem !== undefined) return problem
      version = table.table_version
      bands = table.bands
      generation++
      return undefined
    },
  }
}

const TABLE_ID = DEFAULT_DELINQUENCY_BANDS.table_id

/** Fills the book from the global table: what is stored at start, then each change as it comes. */
export function keepBandBook(
  stores: LoanStores,
  book: BandBook,
): ProcessorSupplier<string | null, DelinquencyBandsEvent | null, never, never> {
  return {
    get: () => {
      let store: KeyValueStore<string, DelinquencyBandsEvent>
      let warn: (message: string, fields: Readonly<Record<string, string>>) => void
      return {
        init: (context) => {
          store = context.storeByName(stores.bands.name)
          warn = (message, fields) => context.logger.warn(message, fields)
          const table = store.get(TABLE_ID)
          if (table !== undefined) book.offer(table.data)
        },
        process: ({ key, value }) => {
          if (key === null) return
          const problem = key === TABLE_ID && value !== null ? book.offer(value.data) : undefined
          if (problem === undefined) store.put(key, value)
          else warn(`Table of delinquency bands refused, the version before stays: ${problem}`, { table: key })
        },
      }
    },
  }
}
