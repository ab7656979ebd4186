import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { utf8Decode, utf8Encode } from '#streams/base'
import { NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import { createLogClient, openEmbeddedLog } from './index.ts'

test.each(['direct', 'port'])('smoke %s', async (kind) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'mto-log-'))
  for (let round = 0; round < 3; round++) {
    const owner = await openEmbeddedLog({
      directory,
      logger: { ...SILENT_LOGGER, warn: console.log, error: console.log },
    })
    const log = kind === 'direct' ? owner.connect() : createLogClient(owner.port())
    await log.admin.createTopics([{ name: 'a', partitions: 2 }])
    const p = await log.createProducer({ clientId: 'p', transactionalId: 't', bufferBytesMax: 1e6 })
    await p.prepareTopics(['a'])
    for (let i = 0; i < 10; i++)
      p.send('a', i % 2, utf8Encode(`k${i}`), utf8Encode(`v${round}-${i}`), 1000 + i, NO_HEADERS)
    await p.commitTransaction('g', [{ topic: 'a', partition: 0, offset: round, metadata: 'm' }])
    const c = await log.createConsumer({
      clientId: 'c',
      isolation: 'read_committed',
      pollRecordsMax: 7,
      pollBytesMax: 1e6,
    })
    c.assign([
      { topic: 'a', partition: 0, offset: 0 },
      { topic: 'a', partition: 1, offset: 0 },
    ])
    const seen: string[] = []
    while (seen.length < 10 * (round + 1))
      for (const b of await c.poll(1000))
        for (const r of b.records) seen.push(`${b.partition}@${r.offset}:${utf8Decode(r.value!)}`)
    expect(await c.poll(20)).toEqual([])
    expect(new Set(seen).size).toBe(10 * (round + 1))
    expect(await log.admin.committedOffsets('g')).toEqual([{ topic: 'a', partition: 0, offset: round, metadata: 'm' }])
    await log.close()
    await owner.close()
  }
})
