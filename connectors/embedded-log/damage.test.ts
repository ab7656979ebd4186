import { describe, expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { createMemoryDisk, type MemoryDisk } from './index.ts'
import { createTopic, numbered, openOwner, produce, type RecordedLine, readTexts } from './testing/tools.ts'

const EVERYTHING = (texts: readonly string[]): string[] => texts.map((text, i) => `${i}:${text}`)

/** A disk whose journal holds `count` groups of one record, as a killed process leaves it. */
async function killedWithJournal(count: number): Promise<MemoryDisk> {
  const disk = createMemoryDisk()
  const owner = await openOwner(disk)
  const log = owner.connect()
  await createTopic(log, 't')
  for (let i = 0; i < count; i++) await produce(log, 't', numbered(1, i))
  return disk.crashClone(createPrng(1), 'kill')
}

/** A disk with segments, all checkpointed and cleanly closed. */
async function closedWithSegments(): Promise<MemoryDisk> {
  const disk = createMemoryDisk()
  const owner = await openOwner(disk)
  const log = owner.connect()
  await createTopic(log, 't', { segmentBytes: 2_000 })
  for (let i = 0; i < 100; i++) await produce(log, 't', numbered(1, i))
  await owner.close()
  return disk
}

function contents(disk: MemoryDisk): Map<string, string> {
  return new Map(disk.paths().map((path) => [path, Buffer.from(disk.bytesOf(path)).toString('hex')]))
}

async function openingError(disk: MemoryDisk): Promise<Error> {
  return openOwner(disk).then(
    () => new Error('it opened'),
    (error: Error) => error,
  )
}

function flip(disk: MemoryDisk, path: string, position: number): void {
  const bytes = disk.bytesOf(path)
  bytes[position] = (bytes[position] as number) ^ 1
}

function only(paths: readonly string[], ending: string): string {
  const found = paths.filter((path) => path.endsWith(ending))
  expect(found).toHaveLength(1)
  return found[0] as string
}

describe('a damaged journal', () => {
  test('a torn tail is cut off, and the message says how many bytes and where', async () => {
    const disk = await killedWithJournal(10)
    const journal = only(disk.paths(), '.journal')
    const whole = disk.bytesOf(journal).length
    const file = await disk.openFile(journal, 'read-write')
    await file?.truncate(whole - 5)
    const lines: RecordedLine[] = []
    const owner = await openOwner(disk, { lines })
    const [line] = lines
    expect(line?.message).toMatch(
      /^Cut \d+ bytes of a write that was never acknowledged off memory:journal\/0+1\.journal at byte \d+\.$/,
    )
    expect(Number(line?.fields?.bytes) + Number(line?.fields?.position)).toBe(whole - 5)
    expect(await readTexts(owner.connect(), 't')).toEqual(EVERYTHING(numbered(9)))
    await owner.close()
  })

  test('garbage after the last frame is cut off too', async () => {
    const disk = await killedWithJournal(3)
    const journal = only(disk.paths(), '.journal')
    const file = await disk.openFile(journal, 'read-write')
    await file?.write([new Uint8Array(1_000).fill(0x4d)], disk.bytesOf(journal).length)
    const lines: RecordedLine[] = []
    const owner = await openOwner(disk, { lines })
    expect(lines[0]?.fields?.bytes).toBe(1_000)
    expect(await readTexts(owner.connect(), 't')).toEqual(EVERYTHING(numbered(3)))
    await owner.close()
  })

  test('damage before acknowledged frames is refused, wherever it is, and changes nothing', async () => {
    const intact = await killedWithJournal(6)
    const journal = only(intact.paths(), '.journal')
    const length = intact.bytesOf(journal).length
    // The last two frames lie in the last 350 bytes; damage there may be taken for a torn tail.
    for (let position = 32; position < length - 350; position += 7) {
      const disk = intact.crashClone(createPrng(1), 'kill')
      flip(disk, journal, position)
      const before = contents(disk)
      const error = await openingError(disk)
      expect(error, `byte ${position}`).toMatchObject({ code: 'LOG_CORRUPTED' })
      expect(error.message).toContain('memory:journal/000000000001.journal is damaged at byte ')
      expect(error.message).toContain('Restore')
      const [, at] = /at byte (\d+)/.exec(error.message) ?? []
      expect(Number(at)).toBeLessThanOrEqual(position)
      expect(contents(disk)).toEqual(before)
    }
  })

  test('a journal file that is missing between others is refused', async () => {
    const disk = await killedWithJournal(2)
    const owner = await openOwner(disk)
    await produce(owner.connect(), 't', numbered(1, 2))
    const killed = disk.crashClone(createPrng(1), 'kill')
    expect(killed.paths().filter((path) => path.endsWith('.journal'))).toHaveLength(2)
    await killed.removeFile('journal/000000000001.journal')
    expect(await openingError(killed)).toMatchObject({
      code: 'LOG_CORRUPTED',
      message: expect.stringContaining('000000000001.journal is damaged at byte 0'),
    })
  })
})

describe('damaged files of a checkpoint', () => {
  test('every damaged byte of a segment is found at the start, and changes nothing', async () => {
    const intact = await closedWithSegments()
    const segments = intact.paths().filter((path) => path.endsWith('.log'))
    expect(segments.length).toBeGreaterThan(2)
    for (const segment of segments.slice(0, 2)) {
      for (let position = 0; position < intact.bytesOf(segment).length; position += 13) {
        const disk = intact.crashClone(createPrng(1), 'kill')
        flip(disk, segment, position)
        const before = contents(disk)
        const error = await openingError(disk)
        expect(error, `byte ${position} of ${segment}`).toMatchObject({ code: 'LOG_CORRUPTED' })
        expect(error.message).toContain(`memory:${segment} is damaged at byte `)
        expect(contents(disk)).toEqual(before)
      }
    }
  })

  test('without the check at the start it is found by the reader, who gets what lies before', async () => {
    const disk = await closedWithSegments()
    const [segment = ''] = disk.paths().filter((path) => path.endsWith('.log'))
    flip(disk, segment, Buffer.from(disk.bytesOf(segment)).indexOf('v15'))
    const owner = await openOwner(disk, { verify: 'sizes' })
    const log = owner.connect()
    const consumer = await log.createConsumer({
      clientId: 'c',
      isolation: 'read_committed',
      pollRecordsMax: 100,
      pollBytesMax: 1e6,
    })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const [before] = await consumer.poll(1_000)
    expect(before?.nextOffset).toBe(15)
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(consumer.poll(1_000)).rejects.toMatchObject({
        code: 'LOG_CORRUPTED',
        message: expect.stringContaining(`memory:${segment}`),
      })
      expect(consumer.position({ topic: 't', partition: 0 })).toBe(before?.nextOffset)
    }
    await owner.close()
  })

  test.each(['all', 'sizes'] as const)(
    'a segment that is missing or too short is refused (verify: %s)',
    async (verify) => {
      const short = await closedWithSegments()
      const [segment = ''] = short.paths().filter((path) => path.endsWith('.log'))
      await (await short.openFile(segment, 'read-write'))?.truncate(100)
      await expect(openOwner(short, { verify })).rejects.toMatchObject({
        code: 'LOG_CORRUPTED',
        message: expect.stringContaining(segment),
      })
      const missing = await closedWithSegments()
      await missing.removeFile(segment)
      await expect(openOwner(missing, { verify })).rejects.toMatchObject({
        code: 'LOG_CORRUPTED',
        message: expect.stringContaining('missing'),
      })
    },
  )

  test('a manifest that is damaged or missing is refused', async () => {
    const damaged = await closedWithSegments()
    flip(damaged, 'manifest', 100)
    expect(await openingError(damaged)).toMatchObject({
      code: 'LOG_CORRUPTED',
      message: expect.stringContaining('manifest'),
    })
    const missing = await killedWithJournal(1)
    await missing.removeFile('manifest')
    expect(await openingError(missing)).toMatchObject({
      code: 'LOG_CORRUPTED',
      message: expect.stringContaining('manifest is missing'),
    })
  })

  test('a refused log can be opened once it is repaired', async () => {
    const disk = await closedWithSegments()
    const [segment = ''] = disk.paths().filter((path) => path.endsWith('.log'))
    flip(disk, segment, 200)
    expect(await openingError(disk)).toMatchObject({ code: 'LOG_CORRUPTED' })
    flip(disk, segment, 200)
    const owner = await openOwner(disk)
    expect(await readTexts(owner.connect(), 't')).toEqual(EVERYTHING(numbered(100)))
    await owner.close()
  })
})
