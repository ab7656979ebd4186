import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes } from '../index.ts'
import { NO_METRICS, SILENT_LOGGER, type StateEngine } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'
import { createThreadWorld } from './testing/thread-world.ts'

for (const stateFlushIntervalMs of [0, 60_000])
  test(`what is purged of a source topic that serves as changelog is on disk, with state that waits ${stateFlushIntervalMs} ms`, async () => {
    const world = await createThreadWorld(['in'])
    const { log } = world
    await world.send(
      'in',
      ['a', 'b', 'c'].map((key) => ({ key, value: key })),
    )
    const run = (engine: StateEngine) => {
      const builder = createStreamsBuilder()
      builder.table('in', { key: serdes.string, value: serdes.string, store: 't' } as never)
      const topology = builder.build({ optimization: 'all' } as never)
      const thread = createStreamThread({
        name: 'app-1',
        topology,
        config: resolveConfig({
          applicationId: 'app',
          commitIntervalMs: 5,
          pollMs: 5,
          ownedTopics: ['in'],
          repartitionPurgeIntervalMs: 1,
          stateFlushIntervalMs,
        }),
        log,
        membership: createLocalMembership(0, 1),
        stateEngine: engine,
        memoryEngine: createMemoryEngine(),
        clock: nodeClock,
        logger: SILENT_LOGGER,
        metrics: NO_METRICS,
      })
      const failed = thread.run().then(
        () => undefined,
        (e: unknown) => e,
      )
      return { thread, failed }
    }
    const engine = createMemoryEngine()
    const first = run(engine)
    await nodeClock.sleep(400)
    const start = (await log.admin.startOffsets([{ topic: 'in', partition: 0 }]))[0]?.offset
    const after = engine.crashClone()
    first.thread.stop()
    await first.failed
    const second = run(after)
    await nodeClock.sleep(300)
    second.thread.stop()
    const err = await second.failed
    const db = await after.open('0_0', ['t'])
    const left = ['a', 'b', 'c'].filter((k) => db.keyspace('t').get(serdes.string.serialize(k, '')) !== undefined)
    expect([start, err]).toEqual([3, undefined])
    await db.close()
    await world.close()
    expect(left).toEqual(['a', 'b', 'c'])
  })
