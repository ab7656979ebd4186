import { describe, expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { createMemoryDisk, type MemoryDisk } from './index.ts'
import { createTopic, numbered, openOwner, produce, readTexts } from './testing/tools.ts'

const DAY_MS = 24 * 60 * 60 * 1000

function segmentFiles(disk: MemoryDisk): number {
  return disk.paths().filter((path) => path.endsWith('.log')).length
}

async function reopened(disk: MemoryDisk) {
  return openOwner(disk.crashClone(createPrng(1), 'kill'))
}

describe('compaction', () => {
  test('keeps the last record of each key at its offset, also after a restart', async () => {
    const disk = createMemoryDisk()
    const owner = await openOwner(disk)
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact', segmentBytes: 500 })
    for (let round = 0; round < 20; round++)
      await produce(
        log,
        't',
        ['a=', 'b=', 'c='].map((key, i) => `${key}${round}-${i}`),
      )
    await produce(log, 't', ['a=last', 'd=only'])
    await owner.checkpointNow()
    const filesBefore = segmentFiles(disk)
    await owner.compactNow('t')
    expect(segmentFiles(disk)).toBeLessThan(filesBefore)
    const expected = ['58:b=19-1', '59:c=19-2', '60:a=last', '61:d=only']
    const again = await reopened(disk)
    expect(await readTexts(again.connect(), 't', 0)).toEqual(expected)
    expect(await readTexts(again.connect(), 't', 59)).toEqual(expected.slice(1))
    // A second time over what is compacted and what is new.
    await produce(again.connect(), 't', ['c=new'])
    await again.compactNow('t')
    await again.close()
  })

  test('compacts over what was compacted before', async () => {
    const disk = createMemoryDisk()
    const owner = await openOwner(disk, { tailCacheBytes: 0 })
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact', segmentBytes: 300 })
    for (let round = 0; round < 5; round++) {
      await produce(log, 't', [`a=${round}`, `b${round}=x`])
      await owner.compactNow('t')
    }
    expect(await readTexts(log, 't')).toEqual(['1:b0=x', '3:b1=x', '5:b2=x', '7:b3=x', '8:a=4', '9:b4=x'])
    await owner.close()
  })

  test('a tombstone stays until deleteRetentionMs after compaction met it', async () => {
    let nowMs = 1_000 * DAY_MS
    const owner = await openOwner(createMemoryDisk(), { tailCacheBytes: 0, wallClockMs: () => nowMs })
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact', deleteRetentionMs: DAY_MS })
    await produce(log, 't', ['a=1', 'b=1', 'a='])
    await owner.compactNow('t')
    expect(await readTexts(log, 't')).toEqual(['1:b=1', '2:a='])
    nowMs += DAY_MS - 1
    await owner.compactNow('t')
    expect(await readTexts(log, 't')).toEqual(['1:b=1', '2:a='])
    nowMs += 1
    await owner.compactNow('t')
    expect(await readTexts(log, 't')).toEqual(['1:b=1'])
    await owner.close()
  })

  test('what is younger than minCompactionLagMs is not touched', async () => {
    const nowMs = 1_000 * DAY_MS
    const owner = await openOwner(createMemoryDisk(), { tailCacheBytes: 0, wallClockMs: () => nowMs })
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact', minCompactionLagMs: DAY_MS })
    await produce(log, 't', ['a=1', 'a=2'], nowMs - DAY_MS + 1)
    await owner.compactNow('t')
    expect(await readTexts(log, 't')).toHaveLength(2)
    await owner.close()
  })

  test('compact,delete does both', async () => {
    const nowMs = 1_000 * DAY_MS
    const owner = await openOwner(createMemoryDisk(), { tailCacheBytes: 0, wallClockMs: () => nowMs })
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact,delete', segmentBytes: 100, retentionMs: DAY_MS })
    await produce(log, 't', ['old=1'], nowMs - 2 * DAY_MS)
    await owner.retainNow()
    await produce(log, 't', ['a=1', 'a=2'], nowMs)
    await owner.compactNow('t')
    expect(await readTexts(log, 't')).toEqual(['2:a=2'])
    await owner.close()
  })

  test('goes on by itself in the background', async () => {
    const owner = await openOwner(createMemoryDisk(), { maintenanceIntervalMs: 5, tailCacheBytes: 0 })
    const log = owner.connect()
    await createTopic(log, 't', { cleanupPolicy: 'compact', segmentBytes: 200 })
    for (let i = 0; i < 50; i++) await produce(log, 't', [`a=${i}`])
    await expect.poll(async () => (await readTexts(log, 't')).length, { timeout: 5_000 }).toBeLessThan(10)
    await owner.close()
  })
})

describe('retention', () => {
  test('whole segments that are older than retentionMs by their records go, and stay gone', async () => {
    const nowMs = 5_000 * DAY_MS
    const disk = createMemoryDisk()
    const owner = await openOwner(disk, { wallClockMs: () => nowMs })
    const log = owner.connect()
    await createTopic(log, 't', { segmentBytes: 100, retentionMs: 7 * 365 * DAY_MS })
    await produce(log, 't', numbered(10), nowMs - 8 * 365 * DAY_MS)
    await owner.checkpointNow()
    await produce(log, 't', numbered(10, 10), nowMs - 6 * 365 * DAY_MS)
    await owner.retainNow()
    const expected = numbered(10, 10).map((text, i) => `${10 + i}:${text}`)
    expect(await readTexts(log, 't')).toEqual(expected)
    expect(segmentFiles(disk)).toBe(1)
    const again = await reopened(disk)
    expect(await readTexts(again.connect(), 't')).toEqual(expected)
    await again.close()
  })

  test('by bytes: as much as must go, from the front, never the segment that grows', async () => {
    const owner = await openOwner(createMemoryDisk())
    const log = owner.connect()
    await createTopic(log, 't', { segmentBytes: 100, retentionBytes: 250, retentionMs: -1 })
    for (let i = 0; i < 20; i++) await produce(log, 't', numbered(1, i))
    await owner.retainNow()
    const kept = await readTexts(log, 't')
    expect(kept.length).toBeGreaterThan(2)
    expect(kept.length).toBeLessThan(8)
    expect(kept.at(-1)).toBe('19:k19=v19')
    await owner.close()
  })

  test('retentionMs -1 keeps everything', async () => {
    const owner = await openOwner(createMemoryDisk(), { wallClockMs: () => 9_000 * DAY_MS })
    const log = owner.connect()
    await createTopic(log, 't', { retentionMs: -1 })
    await produce(log, 't', numbered(5), 1)
    await owner.retainNow()
    expect(await readTexts(log, 't')).toHaveLength(5)
    await owner.close()
  })

  test('deleted records give their files back, and those deleted in time never reach a file', async () => {
    const disk = createMemoryDisk()
    const owner = await openOwner(disk)
    const log = owner.connect()
    await createTopic(log, 't', { segmentBytes: 300, retentionMs: -1 })
    for (let i = 0; i < 10; i++) await produce(log, 't', numbered(10, i * 10))
    await log.admin.deleteRecords([{ topic: 't', partition: 0, offset: 95 }])
    await owner.checkpointNow()
    expect(disk.bytesOf(disk.paths().find((path) => path.endsWith('.log')) ?? '').length).toBeLessThan(300)
    expect(await readTexts(log, 't')).toHaveLength(5)
    const again = await reopened(disk)
    expect((await readTexts(again.connect(), 't'))[0]).toBe('95:k95=v95')
    await again.close()
  })

  test('a deleted topic gives its files back, and a new one of its name starts empty', async () => {
    const disk = createMemoryDisk()
    const owner = await openOwner(disk)
    const log = owner.connect()
    await createTopic(log, 't')
    await produce(log, 't', numbered(10))
    await owner.checkpointNow()
    await log.admin.deleteTopics(['t'])
    await createTopic(log, 't')
    await owner.checkpointNow()
    expect(segmentFiles(disk)).toBe(0)
    expect(await readTexts(log, 't')).toEqual([])
    await produce(log, 't', ['a=1'])
    const again = await reopened(disk)
    expect(await readTexts(again.connect(), 't')).toEqual(['0:a=1'])
    await again.close()
  })

  test('a reader of old records and appends go on while segments are compacted', async () => {
    const disk = createMemoryDisk()
    const settings = { tailCacheBytes: 0, flushBytes: 100, verify: 'sizes' } as const
    const before = await openOwner(disk, settings)
    await createTopic(before.connect(), 't', { cleanupPolicy: 'compact', segmentBytes: 400 })
    for (let i = 0; i < 50; i++) await produce(before.connect(), 't', [`a=${i}`])
    await before.close()
    const owner = await openOwner(disk, settings)
    const log = owner.connect()
    let stop = false
    const reading = (async () => {
      let reads = 0
      for (; !stop; reads++) {
        const texts = await readTexts(log, 't')
        await log.admin.offsetsForTimes([{ topic: 't', partition: 0, timestampMs: 1 }])
        expect(new Set(texts.map((text) => text.split(':')[0])).size).toBe(texts.length)
      }
      return reads
    })()
    for (let round = 0; round < 30; round++) {
      await produce(log, 't', [`a=${round}`, `b=${round}`, `c${round % 5}=${round}`])
      await owner.compactNow('t')
    }
    stop = true
    expect(await reading).toBeGreaterThan(0)
    expect((await readTexts(log, 't')).map((text) => text.split(':')[1])).toEqual([
      'c0=25',
      'c1=26',
      'c2=27',
      'c3=28',
      'a=29',
      'b=29',
      'c4=29',
    ])
    await owner.close()
  })
})
