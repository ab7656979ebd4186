import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryEngine, createRocksDbEngine, ROCKSDB_DEFAULTS } from '#state-stores'
import { keyValueStoreContract } from './key-value-store.contract.ts'

keyValueStoreContract('memory', async () => ({ engine: createMemoryEngine(), cleanUp: async () => {} }))

keyValueStoreContract('rocksdb', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mto stores-'))
  return {
    engine: createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory }),
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  }
})
