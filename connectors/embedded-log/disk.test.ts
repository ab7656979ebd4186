import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createPrng, utf8Encode } from '#streams/base'
import { diskContract } from '../../streams/ports/disk.contract.ts'
import { createFaultyDisk, createMemoryDisk, createNodeDisk } from './index.ts'

diskContract('node disk', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'mto disk '))
  return { disk: createNodeDisk(root), cleanUp: () => rm(root, { recursive: true, force: true }) }
})

diskContract('memory disk', async () => ({ disk: createMemoryDisk(), cleanUp: async () => undefined }))

diskContract('faulty disk without faults', async () => ({
  disk: createFaultyDisk(createMemoryDisk(), () => undefined),
  cleanUp: async () => undefined,
}))

test('after a power cut a memory disk has what was synced, and some of the rest', async () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const disk = createMemoryDisk()
    const file = await disk.createFile('f')
    await disk.syncDirectory('')
    await file.write([utf8Encode('synced')], 0)
    await file.sync()
    await file.write([utf8Encode('AB')], 6)
    await file.write([utf8Encode('CD')], 8)
    await disk.createFile('unsynced-name')
    const after = disk.crashClone(createPrng(seed), 'power-cut')
    const names = after.paths().length
    seen.add(`${Buffer.from(after.bytesOf('f')).toString()} ${names}`)
    const killed = disk.crashClone(createPrng(seed), 'kill')
    expect(Buffer.from(killed.bytesOf('f')).toString()).toBe('syncedABCD')
  }
  const texts = [...new Set([...seen].map((each) => each.split(' ')[0]))].sort()
  expect(texts).toEqual(['synced', 'syncedA', 'syncedAB', 'syncedABC', 'syncedABCD'])
  expect([...new Set([...seen].map((each) => each.split(' ')[1]))].sort()).toEqual(['1', '2'])
})
