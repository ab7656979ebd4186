import { assert, StreamsError } from '#streams/base'

/**
 * One bound over all open databases. The binding gives each column family its own block cache and its own memtables and
 * can share neither, so the bound is kept by sharing it out: the first half goes in equal shares, `1 / databasesExpected`
 * of the whole each; after that a database gets the same part of twice what is left, so that there is still something
 * for more than are expected. It is given back when the database closes. What an open database has is never changed.
 */
export type MemoryBudget = {
  /** Bytes per column family for a database of `columns` families. */
  take(columns: number): { readonly bytesPerColumn: number; release(): void }
  readonly bytesTaken: number
}

export type MemoryBudgetOptions = {
  /** The option that the message names. */
  readonly name: string
  readonly bytesMax: number
  readonly bytesPerColumnMin: number
  readonly bytesPerColumnMax: number
  readonly databasesExpected: number
}

export function createMemoryBudget(options: MemoryBudgetOptions): MemoryBudget {
  const { name, bytesMax, bytesPerColumnMin, bytesPerColumnMax, databasesExpected } = options
  assert(databasesExpected >= 2, 'databasesExpected is at least 2')
  let bytesTaken = 0
  return {
    get bytesTaken() {
      return bytesTaken
    },
    take(columns) {
      const left = bytesMax - bytesTaken
      const share = Math.min(bytesMax, 2 * left) / databasesExpected
      const wanted = Math.floor(Math.min(share / columns, bytesPerColumnMax))
      const bytesPerColumn = Math.max(wanted, bytesPerColumnMin)
      const granted = bytesPerColumn * columns
      if (granted > left) {
        throw new StreamsError(
          'LIMIT_EXCEEDED',
          `Opening one more state database with ${columns} column families needs ${granted} bytes, and ${left} of ` +
            `${name} = ${bytesMax} are left. Raise ${name}, or databasesExpected if the others took too much, or run fewer ` +
            'tasks in this process.',
        )
      }
      bytesTaken += granted
      let isReleased = false
      return {
        bytesPerColumn,
        release: () => {
          if (!isReleased) bytesTaken -= granted
          isReleased = true
        },
      }
    },
  }
}
