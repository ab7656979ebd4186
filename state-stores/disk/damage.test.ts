import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { utf8Encode } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { createPersistentEngine } from './crash-writer.ts'
import { diskErrorOf } from './disk-error.ts'
import { temporaryDirectory } from './temporary-directory.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>

beforeEach(async () => {
  directory = await temporaryDirectory()
})

afterEach(() => directory.remove())

async function fill(engine: StateEngine): Promise<void> {
  const database = await engine.open('0_0', ['store'])
  const batch = database.batch()
  for (let i = 0; i < 200; i++) batch.put(database.keyspace('store'), utf8Encode(`key-${i}`), new Uint8Array(1000))
  batch.write()
  await database.close()
}

/** Overwrites the file in the middle, from a quarter to three quarters. */
async function spoil(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes.fill(0xa5, bytes.length >> 2, (bytes.length >> 2) * 3)
  await writeFile(path, bytes)
}

async function fileLike(path: string, pattern: RegExp): Promise<string> {
  const file = (await readdir(path)).find((name) => pattern.test(name))
  expect(file, `no file like ${pattern} in ${path}`).toBeDefined()
  return join(path, file as string)
}

const DAMAGES: readonly { engine: string; what: string; damage: (path: string) => Promise<void> }[] = [
  { engine: 'rocksdb', what: 'a spoilt manifest', damage: async (path) => spoil(await fileLike(path, /^MANIFEST/)) },
  { engine: 'rocksdb', what: 'an empty CURRENT', damage: async (path) => writeFile(join(path, 'CURRENT'), '') },
  { engine: 'rocksdb', what: 'a truncated table', damage: async (path) => truncate(await fileLike(path, /sst$/), 100) },
  { engine: 'lmdb', what: 'overwritten header pages', damage: async (path) => spoilHeader(join(path, 'data.mdb')) },
  { engine: 'lmdb', what: 'a text file in its place', damage: async (path) => writeFile(join(path, 'data.mdb'), 'hi') },
  { engine: 'lmdb', what: 'a file cut in half', damage: async (path) => halve(join(path, 'data.mdb')) },
]

async function spoilHeader(path: string): Promise<void> {
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(0xa5, 0, 8192))
}

async function halve(path: string): Promise<void> {
  await truncate(path, (await stat(path)).size >> 1)
}

describe('damaged files', () => {
  test.each(DAMAGES)('$engine with $what: STATE_CORRUPTED, the directory, what to do', async ({ engine, damage }) => {
    const created = createPersistentEngine(engine, directory.path)
    await fill(created)
    // Opening flushes RocksDB's log into a table.
    await (await created.open('0_0', ['store'])).close()
    await damage(join(directory.path, '0_0'))
    const opening = created.open('0_0', ['store'])
    await expect(opening).rejects.toMatchObject({
      code: 'STATE_CORRUPTED',
      message: expect.stringMatching(/0_0.*Delete this directory/s),
    })
    await created.destroy('0_0')
    await fill(created)
  })

  test('a spoilt RocksDB table is found when it is read', async () => {
    const engine = createPersistentEngine('rocksdb', directory.path)
    await fill(engine)
    await (await engine.open('0_0', ['store'])).close()
    const table = await fileLike(join(directory.path, '0_0'), /sst$/)
    const bytes = await readFile(table)
    // The tail holds the index: the table opens, its data does not read.
    await writeFile(table, bytes.fill(0xa5, 0, 40))
    const database = await engine.open('0_0', ['store'])
    const store = database.keyspace('store')
    const corrupted = expect.objectContaining({ code: 'STATE_CORRUPTED' })
    expect(() => store.get(utf8Encode('key-0'))).toThrow(corrupted)
    const iterator = store.iterate({})
    expect(() => iterator.next()).toThrow(corrupted)
    iterator.close()
    await database.close()
  })

  test('a database of the other engine is told apart', async () => {
    await fill(createPersistentEngine('rocksdb', directory.path))
    await expect(createPersistentEngine('lmdb', directory.path).open('0_0', ['store'])).rejects.toMatchObject({
      code: 'STATE_CORRUPTED',
      message: expect.stringContaining('holds a database of rocksdb'),
    })
  })

  test.each(['rocksdb', 'lmdb'])('%s where a file is in the place of the directory: DISK_FAILED', async (engine) => {
    await writeFile(join(directory.path, '0_0'), 'a file')
    await expect(createPersistentEngine(engine, directory.path).open('0_0', ['store'])).rejects.toMatchObject({
      code: 'DISK_FAILED',
      message: expect.stringContaining(join(directory.path, '0_0')),
    })
  })
})

const TEXTS: readonly { text: string; code: string }[] = [
  { text: 'IO error: No space left on device: While appending to file: /data/0_0/000010.log', code: 'DISK_FULL' },
  { text: 'ENOSPC: no space left on device, write', code: 'DISK_FULL' },
  { text: 'database or disk is full', code: 'DISK_FULL' },
  { text: 'IO error: Disk quota exceeded: While pwrite to file', code: 'DISK_FULL' },
  { text: 'IO error: Read-only file system: While open a file for appending', code: 'DISK_READ_ONLY' },
  { text: 'EACCES: permission denied, mkdir', code: 'DISK_READ_ONLY' },
  { text: 'attempt to write a readonly database', code: 'DISK_READ_ONLY' },
  { text: 'IO error: While lock file: /data/0_0/LOCK: Resource temporarily unavailable', code: 'DIRECTORY_LOCKED' },
  { text: 'IO error: lock hold by current process, acquire time 1 acquiring thread 2', code: 'DIRECTORY_LOCKED' },
  { text: 'Corruption: block checksum mismatch: stored = 1, computed = 2', code: 'STATE_CORRUPTED' },
  {
    text: 'IO error: No such file or directory: While open a file for random read: 000012.sst',
    code: 'STATE_CORRUPTED',
  },
  { text: 'MDB_INVALID: File is not an LMDB file', code: 'STATE_CORRUPTED' },
  { text: 'IO error: Too many open files: While open a file for random read', code: 'DISK_FAILED' },
  { text: 'IO error: Input/output error: While pread', code: 'DISK_FAILED' },
]

test.each(TEXTS)('"$text" is $code, with the directory and the text in the message', ({ text, code }) => {
  const error = diskErrorOf(new Error(text), 'rocksdb', 'writing', '/data/0_0')
  expect(error.code).toBe(code)
  expect(error.message).toContain('writing state directory /data/0_0')
  expect(error.message).toContain(text)
})
