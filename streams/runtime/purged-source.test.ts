import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createStreamsBuilder, serdes } from '../index.ts'
import { defaults } from './config.ts'
import { createThreadWorld } from './testing/thread-world.ts'

for (const stateFlushIntervalMs of [0, 60_000])
  test(`what is purged of a source topic that serves as changelog is on disk, with state that waits ${stateFlushIntervalMs} ms`, async () => {
    const world = await createThreadWorld(['in'])
    const { log } = world
    await world.send(
      'in',
      ['a', 'b', 'c'].map((key) => ({ key, value: key })),
    )
    const startThread = () => {
      const builder = createStreamsBuilder()
      builder.table('in', { key: serdes.string, value: serdes.string, store: 't' } as never)
      const topology = builder.build({ optimization: 'all' } as never)
      return world.start(topology, {
        cacheBytesMax: defaults.cacheBytesMax,
        ownedTopics: ['in'],
        repartitionPurgeIntervalMs: 1,
        stateFlushIntervalMs,
      })
    }
    const first = startThread()
    await nodeClock.sleep(400)
    const start = (await log.admin.startOffsets([{ topic: 'in', partition: 0 }]))[0]?.offset
    const after = world.engine.crashClone()
    first.thread.stop()
    await first.end
    world.engine = after
    const second = startThread()
    await nodeClock.sleep(300)
    second.thread.stop()
    const err = await second.end
    const db = await after.open('0_0', ['t'])
    const left = ['a', 'b', 'c'].filter((k) => db.keyspace('t').get(serdes.string.serialize(k, '')) !== undefined)
    expect([start, err]).toEqual([3, undefined])
    await db.close()
    await world.close()
    expect(left).toEqual(['a', 'b', 'c'])
  })
