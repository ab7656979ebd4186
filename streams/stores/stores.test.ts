import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryEngine, createRocksDbEngine, ROCKSDB_DEFAULTS } from '#state-stores'
import { type EngineFactory, keyValueStoreContract } from './key-value-store.contract.ts'
import { sessionStoreContract } from './session-store.contract.ts'
import { versionedStoreContract } from './versioned-store.contract.ts'
import { windowStoreContract } from './window-store.contract.ts'

const engines: Readonly<Record<string, EngineFactory>> = {
  memory: async () => ({ engine: createMemoryEngine(), cleanUp: async () => {} }),
  rocksdb: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mto stores-'))
    return {
      engine: createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory }),
      cleanUp: () => rm(directory, { recursive: true, force: true }),
    }
  },
}

for (const [name, newEngine] of Object.entries(engines)) {
  keyValueStoreContract(name, newEngine)
  windowStoreContract(name, newEngine)
  sessionStoreContract(name, newEngine)
  versionedStoreContract(name, newEngine)
}
