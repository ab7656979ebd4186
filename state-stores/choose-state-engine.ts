import { messageOf, StreamsError } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { createLmdbEngine, LMDB_DEFAULTS, type LmdbEngineOptions } from './lmdb/index.ts'
import {
  createRocksDbEngine,
  loadRocksDbBinding,
  ROCKSDB_DEFAULTS,
  type RocksDbBinding,
  type RocksDbEngineOptions,
} from './rocksdb/index.ts'

export type StateEngineChoice = {
  readonly engine: StateEngine
  /** For the start-up line: which engine runs, where, and why this one. */
  readonly sentence: string
}

export type ChooseStateEngineOptions = {
  readonly directory: string
  /** Without it: RocksDB where its library loads, else LMDB. With it: that one or an error. */
  readonly prefer?: 'rocksdb' | 'lmdb'
  readonly rocksdb?: Partial<Omit<RocksDbEngineOptions, 'directory' | 'loadBinding'>>
  readonly lmdb?: Partial<Omit<LmdbEngineOptions, 'directory'>>
  readonly loadRocksDb?: () => RocksDbBinding
}

/** The persistent engine for this machine. */
export function chooseStateEngine(options: ChooseStateEngineOptions): StateEngineChoice {
  const { directory, prefer, loadRocksDb = loadRocksDbBinding } = options
  if (prefer === 'lmdb') return lmdbChoice(options, 'as configured')
  let binding: RocksDbBinding
  try {
    binding = loadRocksDb()
  } catch (error) {
    const reason = `the RocksDB library does not load on ${process.platform}-${process.arch}: ${reasonOf(error)}`
    if (prefer === undefined) return lmdbChoice(options, `because ${reason}`)
    throw new StreamsError(
      'STATE_UNAVAILABLE',
      `State stores cannot be kept in RocksDB, as configured: ${reason}. Leave the choice of the engine out, or use lmdb.`,
      { cause: error },
    )
  }
  const settings = {
    ...ROCKSDB_DEFAULTS,
    ...options.rocksdb,
    directory,
    loadBinding: () => binding,
  }
  return {
    engine: createRocksDbEngine(settings),
    sentence: `State stores are kept in RocksDB in ${directory}${prefer === undefined ? '' : ', as configured'}.`,
  }
}

function lmdbChoice({ directory, lmdb }: ChooseStateEngineOptions, why: string): StateEngineChoice {
  return {
    engine: createLmdbEngine({ ...LMDB_DEFAULTS, ...lmdb, directory }),
    sentence: `State stores are kept in LMDB in ${directory}, ${why}.`,
  }
}

/** The first line: loaders add where they looked. */
function reasonOf(error: unknown): string {
  return (messageOf(error).split('\n')[0] as string).replace(/\.$/, '')
}
