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
  /** Takes a table if it is sound and newer. */
  offer(table: DelinquencyBandsEvent['data']): void
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
      const isNewer = table.table_version >= version
      if (
        !isNewer ||
        problemOfBands(table.bands) !== undefined ||
        dayNumberOfDate(table.effective_from) === undefined
      ) {
        return
      }
      version = table.table_version
      bands = table.bands
      generation++
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
      return {
        init: (context) => {
          store = context.storeByName(stores.bands.name)
          const table = store.get(TABLE_ID)
          if (table !== undefined) book.offer(table.data)
        },
        process: ({ key, value }) => {
          if (key === null) return
          store.put(key, value)
          if (key === TABLE_ID && value !== null) book.offer(value.data)
        },
      }
    },
  }
}
