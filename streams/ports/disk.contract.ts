import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bytes, utf8Decode, utf8Encode } from '../base/index.ts'
import type { Disk, DiskFile } from './disk.ts'

export type DiskHarness = { readonly disk: Disk; cleanUp(): Promise<void> }

/** Every disk passes this. */
export function diskContract(name: string, createHarness: () => Promise<DiskHarness>): void {
  describe(`${name} as disk`, () => {
    let harness: DiskHarness
    let disk: Disk

    beforeEach(async () => {
      harness = await createHarness()
      disk = harness.disk
      await disk.createDirectory('a/b')
    })
    afterEach(() => harness.cleanUp())

    async function create(path: string, text: string): Promise<DiskFile> {
      const file = await disk.createFile(path)
      await file.write([utf8Encode(text)], 0)
      return file
    }

    async function contentOf(path: string): Promise<string | undefined> {
      const file = await disk.openFile(path, 'read')
      if (file === undefined) return undefined
      const bytes: Bytes = new Uint8Array(await file.size())
      expect(await file.read(bytes, 0)).toBe(bytes.length)
      await file.close()
      return utf8Decode(bytes)
    }

    test('what was written is read, in parts and from any position', async () => {
      const file = await create('a/f', 'hello')
      await file.write([utf8Encode('lo '), new Uint8Array(0), utf8Encode('wor'), utf8Encode('ld')], 3)
      await file.sync()
      expect(await contentOf('a/f')).toBe('hello world')
      const target = new Uint8Array(20)
      expect(await file.read(target, 6)).toBe(5)
      expect(utf8Decode(target.subarray(0, 5))).toBe('world')
      expect(await file.read(target, 100)).toBe(0)
      await file.close()
    })

    test('many parts are written in order', async () => {
      const file = await disk.createFile('a/many')
      const parts = Array.from({ length: 3_000 }, (_, i) => utf8Encode(`${i},`))
      await file.write(parts, 0)
      await file.close()
      expect(await contentOf('a/many')).toBe(Array.from({ length: 3_000 }, (_, i) => `${i},`).join(''))
    })

    test('parts are written as they were at the call, however the caller goes on once it resolved', async () => {
      const file = await disk.createFile('a/f')
      const part = utf8Encode('before')
      await file.write([part], 0)
      part.fill(0)
      await file.close()
      expect(await contentOf('a/f')).toBe('before')
    })

    test('a file is cut, and what is written behind its end leaves zeros between', async () => {
      const file = await create('a/f', 'hello')
      await file.truncate(2)
      expect(await file.size()).toBe(2)
      await file.write([utf8Encode('x')], 4)
      await file.close()
      expect(await contentOf('a/f')).toBe('he\0\0x')
    })

    test('creating a file that exists empties it', async () => {
      await (await create('a/f', 'old')).close()
      await (await disk.createFile('a/f')).close()
      expect(await contentOf('a/f')).toBe('')
    })

    test('names: open, list, rename, remove', async () => {
      expect(await disk.openFile('a/none', 'read')).toBeUndefined()
      expect(await disk.openFile('a/none', 'read-write')).toBeUndefined()
      expect(await disk.list('nowhere')).toEqual([])
      await (await create('a/2', 'two')).close()
      await (await create('a/1', 'one')).close()
      expect(await disk.list('a')).toEqual([
        { name: '1', kind: 'file' },
        { name: '2', kind: 'file' },
        { name: 'b', kind: 'directory' },
      ])
      await disk.rename('a/1', 'a/2')
      await disk.syncDirectory('a')
      expect(await contentOf('a/2')).toBe('one')
      expect(await contentOf('a/1')).toBeUndefined()
      await disk.removeFile('a/2')
      await disk.removeFile('a/2')
      expect(await disk.list('a')).toEqual([{ name: 'b', kind: 'directory' }])
    })

    test('a directory goes with everything in it', async () => {
      await (await create('a/b/f', 'x')).close()
      await disk.removeDirectory('a/b')
      await disk.removeDirectory('a/b')
      expect(await disk.list('a')).toEqual([])
      expect(await contentOf('a/b/f')).toBeUndefined()
    })

    test('one lock at a time', async () => {
      const lock = await disk.lock('first')
      await expect(disk.lock('second')).rejects.toMatchObject({
        code: 'DIRECTORY_LOCKED',
        message: expect.stringContaining('first'),
      })
      await lock.release()
      await (await disk.lock('third')).release()
    })
  })
}
