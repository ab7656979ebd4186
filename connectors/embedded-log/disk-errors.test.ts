import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createPrng } from '#streams/base'
import { createFaultyDisk, createMemoryDisk, createNodeDisk, type DiskFault, type DiskOperation } from './index.ts'
import { diskError } from './node-disk.ts'
import { createTopic, numbered, openOwner, produce, type RecordedLine, readTexts } from './testing/tools.ts'

/** A memory disk on which `fault` can be switched on for operations of a kind on paths that contain a text. */
function switchable() {
  const disk = createMemoryDisk()
  let active: { kind: DiskOperation['kind']; path: string; fault: DiskFault } | undefined
  const faulty = createFaultyDisk(disk, ({ kind, path: place }) =>
    active !== undefined && kind === active.kind && place.includes(active.path) ? active.fault : undefined,
  )
  return {
    disk,
    faulty,
    fail(kind: DiskOperation['kind'], place: string, fault: DiskFault) {
      active = { kind, path: place, fault }
    },
    repair() {
      active = undefined
    },
  }
}

describe('a full disk', () => {
  test('a write to the journal is refused whole; after space was made the log goes on', async () => {
    const { disk, faulty, fail, repair } = switchable()
    const owner = await openOwner(faulty)
    const log = owner.connect()
    await createTopic(log, 't')
    await produce(log, 't', numbered(5))
    fail('write', '.journal', 'full')
    await expect(produce(log, 't', numbered(5, 100))).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringMatching(/memory:journal.*full.*Free space/),
    })
    expect(await readTexts(log, 't')).toHaveLength(5)
    repair()
    await produce(log, 't', numbered(5, 5))
    const expected = numbered(10).map((text, i) => `${i}:${text}`)
    expect(await readTexts(log, 't')).toEqual(expected)
    const lines: RecordedLine[] = []
    const again = await openOwner(disk.crashClone(createPrng(1), 'kill'), { lines })
    expect(await readTexts(again.connect(), 't')).toEqual(expected)
    expect(
      lines.filter(({ level }) => level === 'warn'),
      'the refused write left nothing to cut off',
    ).toEqual([])
  })

  test('segments that cannot be written hold writers back only when memory is used up, and then they go on', async () => {
    const { faulty, fail, repair } = switchable()
    const lines: RecordedLine[] = []
    const owner = await openOwner(faulty, { lines, flushBytes: 100, unflushedBytesMax: 2_000 })
    const log = owner.connect()
    await createTopic(log, 't')
    fail('write', '.log', 'full')
    let written = 0
    const refused = await (async () => {
      for (; written < 100; written++) await produce(log, 't', numbered(1, written))
    })().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'DISK_FULL' })
    expect(written).toBeGreaterThan(10)
    expect(lines.some(({ level, message }) => level === 'error' && message.includes('safe in the journal'))).toBe(true)
    repair()
    await produce(log, 't', numbered(1, written))
    expect(await readTexts(log, 't')).toEqual(numbered(written + 1).map((text, i) => `${i}:${text}`))
    await owner.close()
  })
})

describe('a disk that fails', () => {
  test.each([
    ['the journal', '.journal'],
    ['a segment', '.log'],
  ])('after a failed sync of %s nothing more is acknowledged until the log is opened again', async (_, place) => {
    const { disk, faulty, fail, repair } = switchable()
    const owner = await openOwner(faulty)
    const log = owner.connect()
    await createTopic(log, 't')
    await produce(log, 't', numbered(5))
    fail('sync', place, 'failed')
    const failing = place === '.log' ? owner.checkpointNow() : produce(log, 't', numbered(1, 5))
    await expect(failing).rejects.toMatchObject({ code: 'DISK_FAILED' })
    repair()
    await expect(produce(log, 't', numbered(1, 9))).rejects.toMatchObject({
      code: 'DISK_FAILED',
      message: expect.stringContaining('refuses further writes until it is opened again'),
    })
    expect((await readTexts(log, 't')).length, 'readers go on').toBe(5)
    await owner.close()
    const again = await openOwner(disk.crashClone(createPrng(1), 'kill'))
    expect((await readTexts(again.connect(), 't')).slice(0, 5)).toEqual(numbered(5).map((text, i) => `${i}:${text}`))
    await again.close()
  })

  test('a directory that may not be written is refused at the start', async () => {
    const faulty = createFaultyDisk(createMemoryDisk(), ({ kind }) => (kind === 'create' ? 'read-only' : undefined))
    await expect(openOwner(faulty)).rejects.toMatchObject({ code: 'DISK_READ_ONLY' })
  })

  test('errors of the operating system say what to do', () => {
    const told = (code: string) => diskError('write', '/data/x', Object.assign(new Error(`${code}: no`), { code }))
    expect(told('ENOSPC')).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining('/data/x') })
    expect(told('EDQUOT')).toMatchObject({ code: 'DISK_FULL' })
    expect(told('EROFS')).toMatchObject({
      code: 'DISK_READ_ONLY',
      message: expect.stringContaining('Mount the disk writable'),
    })
    expect(told('EACCES')).toMatchObject({ code: 'DISK_READ_ONLY' })
    expect(told('EIO')).toMatchObject({ code: 'DISK_FAILED', message: expect.stringContaining('EIO: no') })
  })

  test('a data directory below a file is refused with its path', async () => {
    const parent = await mkdtemp(path.join(tmpdir(), 'mto-log-'))
    onTestFinished(() => rm(parent, { recursive: true, force: true }))
    const disk = createNodeDisk(parent)
    await (await disk.createFile('occupied')).close()
    await expect(openOwner(createNodeDisk(path.join(parent, 'occupied', 'log')))).rejects.toMatchObject({
      code: 'DISK_FAILED',
      message: expect.stringContaining(path.join(parent, 'occupied', 'log')),
    })
    expect(await readFile(path.join(parent, 'occupied'), 'utf8')).toBe('')
  })
})

test.runIf(process.platform === 'linux')(
  'a directory that cannot be made is an error, not a wait without end',
  async () => {
    await expect(createNodeDisk('/proc/none/of/these').createDirectory('log')).rejects.toMatchObject({
      code: 'DISK_FAILED',
      message: expect.stringContaining('/proc/none'),
    })
  },
)
