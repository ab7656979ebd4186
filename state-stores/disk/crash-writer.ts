/**
 * The child process of crash.test.ts: writes batches until it is killed. Batch n sets every key of `cells` to n, adds
 * key n to `log`, removes what is older than LOG_KEPT from it, and stores n as position. It prints n after each write;
 * if it fails it prints code and message instead, and exits with 3.
 */
import { writeSync } from 'node:fs'
import { type Bytes, present, readInt32, StreamsError, writeInt32 } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { createLmdbEngine, createRocksDbEngine, LMDB_DEFAULTS, ROCKSDB_DEFAULTS } from '../index.ts'

export const CELLS = 50
export const LOG_KEPT = 8
export const DATABASE = '0_0'
export const KEYSPACES = ['cells', 'log', 'position'] as const
export const POSITION_KEY = numberBytes(0)

export type PersistentEngineName = 'rocksdb' | 'lmdb'

export function createPersistentEngine(name: string, directory: string): StateEngine {
  if (name === 'lmdb') return createLmdbEngine({ ...LMDB_DEFAULTS, directory })
  // Memtables so small that they are flushed to files and compacted all the time.
  return createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory, memtableBytesMax: 16 * 1024 * 1024 })
}

export function numberBytes(number: number): Bytes {
  const bytes = new Uint8Array(4)
  writeInt32(bytes, 0, number)
  return bytes
}

/** The number and 2 KiB behind it, so that files fill up. */
export function cellValue(number: number): Bytes {
  const bytes = new Uint8Array(2048).fill(number)
  writeInt32(bytes, 0, number)
  return bytes
}

async function writeForever(engineName: string, directory: string): Promise<void> {
  const database = await createPersistentEngine(engineName, directory).open(DATABASE, KEYSPACES)
  const [cells, log, position] = KEYSPACES.map((name) => database.keyspace(name))
  const stored = position?.get(POSITION_KEY)
  const batch = database.batch()
  for (let n = stored === undefined ? 1 : readInt32(stored, 0) + 1; ; n++) {
    for (let cell = 0; cell < CELLS; cell++) batch.put(present(cells, 'cells'), numberBytes(cell), cellValue(n))
    batch.put(present(log, 'log'), numberBytes(n), cellValue(n))
    batch.deleteRange(present(log, 'log'), numberBytes(0), numberBytes(Math.max(0, n - LOG_KEPT + 1)))
    batch.put(present(position, 'position'), POSITION_KEY, numberBytes(n))
    batch.write()
    writeSync(1, `${n}\n`)
  }
}

if (process.argv[1] === import.meta.filename) {
  try {
    await writeForever(present(process.argv[2], 'engine name'), present(process.argv[3], 'directory'))
  } catch (error) {
    writeSync(2, error instanceof StreamsError ? `${error.code}: ${error.message}` : String(error))
    process.exit(3)
  }
}
