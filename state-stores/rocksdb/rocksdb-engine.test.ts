import { expect, test } from 'vitest'
import { utf8Encode } from '#streams/base'
import { stateEngineContract } from '../../streams/ports/state-engine.contract.ts'
import { temporaryDirectory } from '../disk/temporary-directory.ts'
import { createRocksDbEngine, ROCKSDB_DEFAULTS } from './index.ts'

stateEngineContract('rocksdb', async () => {
  const { path, remove } = await temporaryDirectory()
  return { engine: createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory: path }), cleanUp: remove }
})

test('batches written in a row leave no native memory behind', async () => {
  const { path, remove } = await temporaryDirectory()
  const bytesMax = 8 * 1024 * 1024
  const bounds = { cacheBytesMax: bytesMax, memtableBytesMax: bytesMax, databasesExpected: 2 }
  const database = await createRocksDbEngine({ ...ROCKSDB_DEFAULTS, ...bounds, directory: path }).open('0_0', ['store'])
  const store = database.keyspace('store')
  const keys = Array.from({ length: 1000 }, (_, i) => utf8Encode(`key-${i}`))
  const value = new Uint8Array(1024)
  const writeBatches = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const batch = database.batch()
      for (const key of keys) batch.put(store, key, value)
      batch.write()
    }
  }
  writeBatches(20)
  const before = process.memoryUsage.rss()
  writeBatches(150)
  // Without the pool of batches it grows by more than the 150 MiB that are written.
  expect(process.memoryUsage.rss() - before).toBeLessThan(75 * 1024 * 1024)
  await database.close()
  await remove()
})
