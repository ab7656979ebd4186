import { expect, test } from 'vitest'
import { createPrng, utf8Encode } from '#streams/base'
import { type Disk, NO_HEADERS } from '#streams/ports'
import { createMemoryDisk, type MemoryDisk } from './index.ts'
import { createTopic, numbered, openOwner, produce, type RecordedLine, readTexts } from './testing/tools.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** The disk, with something that happens after each rename: that is when a new manifest takes effect. */
function withRenameHook(disk: MemoryDisk, hook: { afterRename: () => Promise<void> }): Disk {
  return {
    ...disk,
    rename: async (from, to) => {
      await disk.rename(from, to)
      await hook.afterRename()
    },
  }
}

test('a topic that is deleted during a checkpoint keeps the files that the new manifest names', async () => {
  const disk = createMemoryDisk()
  const hook = { afterRename: async () => {} }
  const owner = await openOwner(withRenameHook(disk, hook))
  const log = owner.connect()
  await createTopic(log, 't')
  await createTopic(log, 'other')
  await produce(log, 't', numbered(5))
  hook.afterRename = () => log.admin.deleteTopics(['t'])
  await owner.checkpointNow()
  const again = await openOwner(disk.crashClone(createPrng(1), 'kill'))
  expect(await again.connect().admin.listTopics()).toEqual(['other'])
  await again.checkpointNow()
  await again.close()
})

test('a commit that waits together with a newer producer is fenced by it', async () => {
  const owner = await openOwner(createMemoryDisk())
  const log = owner.connect()
  await createTopic(log, 't')
  const options = { clientId: 'p', transactionalId: 'tx', bufferBytesMax: 1e6 }
  const older = await log.createProducer(options)
  await older.prepareTopics(['t'])
  older.send('t', 0, null, utf8Encode('x'), 0, NO_HEADERS)
  const newer = log.createProducer(options)
  await expect(older.commitTransaction('g', [])).rejects.toMatchObject({ code: 'FENCED' })
  await newer
  expect(await readTexts(log, 't')).toEqual([])
  await owner.close()
})

test('a partition from which compaction took everything is read to its end', async () => {
  let nowMs = 1_000 * DAY_MS
  const disk = createMemoryDisk()
  const owner = await openOwner(disk, { tailCacheBytes: 0, wallClockMs: () => nowMs })
  const log = owner.connect()
  await createTopic(log, 't', { cleanupPolicy: 'compact', deleteRetentionMs: DAY_MS })
  await produce(log, 't', ['a=1', 'b=1', 'a=', 'b='])
  await owner.compactNow('t')
  nowMs += 2 * DAY_MS
  await owner.compactNow('t')
  expect(await readTexts(log, 't', 0)).toEqual([])
  expect(await readTexts(log, 't', 2)).toEqual([])
  await produce(log, 't', ['c=1'])
  expect(await readTexts(log, 't', 0)).toEqual(['4:c=1'])
  await owner.checkpointNow()
  const again = await openOwner(disk.crashClone(createPrng(1), 'kill'))
  expect(await readTexts(again.connect(), 't', 0)).toEqual(['4:c=1'])
  await again.close()
  await owner.close()
})

test('a journal inside a record is not taken for one', async () => {
  const inner = createMemoryDisk()
  const innerOwner = await openOwner(inner)
  await createTopic(innerOwner.connect(), 't')
  for (let i = 0; i < 20; i++) await produce(innerOwner.connect(), 't', numbered(1, i))
  const journal = inner.bytesOf('journal/000000000001.journal').slice()

  const disk = createMemoryDisk()
  const log = (await openOwner(disk)).connect()
  await createTopic(log, 't')
  const before = disk.bytesOf('journal/000000000001.journal').length
  const producer = await log.createProducer({ clientId: 'p', bufferBytesMax: 1e6 })
  await producer.prepareTopics(['t'])
  producer.send('t', 0, null, journal, 0, NO_HEADERS)
  await producer.flush()
  const killed = disk.crashClone(createPrng(1), 'kill')
  const file = await killed.openFile('journal/000000000001.journal', 'read-write')
  await file?.truncate((await file.size()) - 1)
  const lines: RecordedLine[] = []
  const owner = await openOwner(killed, { lines })
  expect(lines[0]).toMatchObject({ level: 'warn', fields: { position: before } })
  expect(await readTexts(owner.connect(), 't')).toEqual([])
  await owner.close()
})

test('send refuses only what lies far behind the bound that the caller is to watch', async () => {
  const owner = await openOwner(createMemoryDisk())
  const log = owner.connect()
  await createTopic(log, 't')
  const producer = await log.createProducer({ clientId: 'p', transactionalId: 'tx', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics(['t'])
  const value = new Uint8Array(1_000_000)
  let sent = 0
  expect(() => {
    for (; sent < 200; sent++) producer.send('t', 0, null, value, 0, NO_HEADERS)
  }).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  expect(sent).toBeGreaterThan(60)
  await producer.abortTransaction()
  expect(producer.bytesBuffered).toBe(0)
  producer.send('t', 0, null, value, 0, NO_HEADERS)
  await producer.commitTransaction('g', [])
  await owner.close()
})

test('settings of topics have their defaults, names and numbers their bounds', async () => {
  const owner = await openOwner(createMemoryDisk())
  const { admin } = owner.connect()
  await admin.createTopics([{ name: 't', partitions: 1, config: { retentionMs: 5 } }])
  expect((await admin.describeTopics(['t'])).get('t')?.config).toMatchObject({
    cleanupPolicy: 'delete',
    retentionMs: 5,
  })
  const create = (name: string, partitions: number) => admin.createTopics([{ name, partitions }])
  await expect(create('a/b', 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(create('..', 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(create('x', 0)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(create('x', 10_001)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await owner.close()
})

test('a closed owner says so to its clients', async () => {
  const owner = await openOwner(createMemoryDisk())
  const log = owner.connect()
  await createTopic(log, 't')
  const consumer = await log.createConsumer({
    clientId: 'c',
    isolation: 'read_committed',
    pollRecordsMax: 1,
    pollBytesMax: 1,
  })
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  const waiting = consumer.poll(60_000)
  await owner.close()
  expect(await waiting).toEqual([])
  await expect(consumer.poll(0)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(produce(log, 't', ['a=1'])).rejects.toMatchObject({ code: 'CLOSED' })
  expect(() => owner.connect()).toThrow('closed')
})
