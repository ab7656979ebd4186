import { assert } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { destroyDatabase, listDatabases, ownDirectory } from '../disk/database-directory.ts'
import { diskErrorOf } from '../disk/disk-error.ts'
import { checkLmdbFile } from './file-check.ts'
import { LmdbDatabase } from './lmdb-database.ts'

export const LMDB = 'lmdb'

export type LmdbEngineOptions = {
  /** Each database is a directory in here. */
  readonly directory: string
  /** Bound of one database's file; a batch that finds it exceeded is refused. */
  readonly mapBytesMax: number
  /** Bound of the stores of one database. */
  readonly keyspacesMax: number
  /** Bound of the iterators that are open at one time in one database, each of which holds a snapshot. */
  readonly readersMax: number
}

export const LMDB_DEFAULTS = {
  mapBytesMax: 64 * 1024 ** 3,
  keyspacesMax: 256,
  readersMax: 512,
} as const satisfies Omit<LmdbEngineOptions, 'directory'>

type Lmdb = typeof import('lmdb')

/**
 * LMDB, where RocksDB has no prebuilt library. A database per name, a named LMDB database per keyspace. Its memory is
 * the page cache of the operating system, which takes it back when it needs it. A database that was power-cut opens at
 * the last commit that had reached the disk; after the death of the process alone it has every commit.
 */
export function createLmdbEngine(options: LmdbEngineOptions): StateEngine {
  const open = new Set<string>()
  return {
    name: LMDB,
    persistent: true,
    async open(name, keyspaces) {
      const lmdb = await import('lmdb')
      const owned = await ownDirectory(LMDB, options.directory, name)
      try {
        checkLmdbFile(owned.path)
        const root = openRoot(lmdb, owned.path, options)
        try {
          const release = (): void => {
            open.delete(name)
            owned.release()
          }
          const database = new LmdbDatabase(root, owned.path, keyspaces, options.mapBytesMax, release)
          open.add(name)
          return database
        } catch (error) {
          await root.close()
          throw error
        }
      } catch (error) {
        owned.release()
        throw diskErrorOf(error, LMDB, 'opening', owned.path)
      }
    },
    list: () => listDatabases(LMDB, options.directory),
    destroy: (name) => destroyDatabase(LMDB, options.directory, name),
    async close() {
      assert(open.size === 0, `the LMDB engine is closed while ${[...open].join(', ')} is open`)
    },
  }
}

function openRoot(lmdb: Lmdb, path: string, options: LmdbEngineOptions): ReturnType<typeof lmdb.open> {
  return lmdb.open({
    path,
    // A path with a dot in it would be taken for a file name.
    noSubdir: false,
    // One more holds the values of empty keys.
    maxDbs: options.keyspacesMax + 1,
    maxReaders: options.readersMax,
    encoding: 'binary',
    keyEncoding: 'binary',
  })
}
