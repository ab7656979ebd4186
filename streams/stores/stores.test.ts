import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createLmdbEngine,
  createMemoryEngine,
  createRocksDbEngine,
  LMDB_DEFAULTS,
  ROCKSDB_DEFAULTS,
} from '#state-stores'
import type { StateEngine } from '../ports/index.ts'
import { type EngineFactory, keyValueStoreContract } from './key-value-store.contract.ts'
import { sessionStoreContract } from './session-store.contract.ts'
import { versionedStoreContract } from './versioned-store.contract.ts'
import { windowStoreContract } from './window-store.contract.ts'

async function inDirectory(create: (directory: string) => StateEngine): ReturnType<EngineFactory> {
  const directory = await mkdtemp(join(tmpdir(), 'mto stores-'))
  return { engine: create(directory), cleanUp: () => rm(directory, { recursive: true, force: true }) }
}

const engines: Readonly<Record<string, EngineFactory>> = {
  memory: async () => ({ engine: createMemoryEngine(), cleanUp: async () => {} }),
  rocksdb: () => inDirectory((directory) => createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory })),
  lmdb: () => inDirectory((directory) => createLmdbEngine({ ...LMDB_DEFAULTS, directory })),
}

for (const [name, newEngine] of Object.entries(engines)) {
  keyValueStoreContract(name, newEngine)
  windowStoreContract(name, newEngine)
  sessionStoreContract(name, newEngine)
  versionedStoreContract(name, newEngine)
}
