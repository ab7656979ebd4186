import { expect, test } from 'vitest'
import { chooseStateEngine } from './choose-state-engine.ts'
import { temporaryDirectory } from './disk/temporary-directory.ts'
import { requireCpuFlags } from './rocksdb/binding.ts'
import type { RocksDbBinding } from './rocksdb/index.ts'

const DIRECTORY = '/data/state'
const loadNothing = () => ({}) as RocksDbBinding
const failToLoad = (): never => {
  throw new Error('No native build was found for platform=linux arch=arm64.\n  loaded from: /app')
}

test('RocksDB where its library loads', () => {
  const { engine, sentence } = chooseStateEngine({ directory: DIRECTORY, loadRocksDb: loadNothing })
  expect(engine.name).toBe('rocksdb')
  expect(sentence).toBe('State stores are kept in RocksDB in /data/state.')
})

test('LMDB where it does not, and the sentence says why', () => {
  const { engine, sentence } = chooseStateEngine({ directory: DIRECTORY, loadRocksDb: failToLoad })
  expect(engine.name).toBe('lmdb')
  expect(sentence).toBe(
    'State stores are kept in LMDB in /data/state, because the RocksDB library does not load on ' +
      `${process.platform}-${process.arch}: No native build was found for platform=linux arch=arm64.`,
  )
})

test('what is preferred is taken, and loaded only then', () => {
  const { engine, sentence } = chooseStateEngine({ directory: DIRECTORY, prefer: 'lmdb', loadRocksDb: failToLoad })
  expect([engine.name, sentence]).toEqual(['lmdb', 'State stores are kept in LMDB in /data/state, as configured.'])
})

test('RocksDB preferred where it does not load is an error that says what to do', () => {
  expect(() => chooseStateEngine({ directory: DIRECTORY, prefer: 'rocksdb', loadRocksDb: failToLoad })).toThrow(
    expect.objectContaining({ code: 'STATE_UNAVAILABLE', message: expect.stringContaining('or use lmdb') }),
  )
})

test('the engine that is chosen here works', async () => {
  const { path, remove } = await temporaryDirectory()
  const { engine } = chooseStateEngine({ directory: path })
  const database = await engine.open('0_0', ['store'])
  await database.close()
  expect(await engine.list()).toEqual(['0_0'])
  await engine.close()
  await remove()
})

test('a processor without AVX2 is refused before the library would end the process', () => {
  expect(() => requireCpuFlags('processor : 0\nflags\t\t: fpu sse2 avx bmi1\n')).toThrow('lacks avx2 and bmi2')
  expect(() => requireCpuFlags('processor : 0\nflags\t\t: fpu avx2 bmi1 bmi2\n')).not.toThrow()
  expect(() => requireCpuFlags('nothing that is known')).not.toThrow()
})
