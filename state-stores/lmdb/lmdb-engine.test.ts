import { expect, test } from 'vitest'
import { stateEngineContract } from '../../streams/ports/state-engine.contract.ts'
import { temporaryDirectory } from '../disk/temporary-directory.ts'
import { createLmdbEngine, LMDB_DEFAULTS } from './index.ts'

stateEngineContract('lmdb', async () => {
  const { path, remove } = await temporaryDirectory()
  return { engine: createLmdbEngine({ ...LMDB_DEFAULTS, directory: path }), cleanUp: remove }
})

const SMALL = { mapBytesMax: 200_000, keyspacesMax: 2, readersMax: 8 }

test('its bounds are refused by name: stores, iterators, bytes', async () => {
  const { path, remove } = await temporaryDirectory()
  const engine = createLmdbEngine({ ...LMDB_DEFAULTS, ...SMALL, directory: path })
  await expect(engine.open('0_0', ['a', 'b', 'c'])).rejects.toMatchObject(refusal('keyspacesMax'))
  const database = await engine.open('0_0', ['a', 'b'])
  const store = database.keyspace('a')
  const batch = database.batch()
  const iterators: { close(): void }[] = []
  const openIterators = (): void => {
    for (let i = 0; i <= SMALL.readersMax; i++) {
      batch.put(store, Uint8Array.of(i), new Uint8Array(10))
      batch.write()
      iterators.push(store.iterate({}))
    }
  }
  expect(openIterators).toThrow(expect.objectContaining(refusal('readersMax')))
  for (const iterator of iterators) iterator.close()
  const fill = (): void => {
    for (let i = 0; i < 100; i++) {
      batch.put(store, Uint8Array.of(1, i), new Uint8Array(10_000))
      batch.write()
    }
  }
  expect(fill).toThrow(expect.objectContaining(refusal('mapBytesMax')))
  expect(store.get(Uint8Array.of(1, 0))?.length).toBe(10_000)
  await database.close()
  await remove()
})

function refusal(option: string): { readonly code: string; readonly message: unknown } {
  return { code: 'LIMIT_EXCEEDED', message: expect.stringContaining(option) }
}
