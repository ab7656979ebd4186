import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { present } from '../base/index.ts'
import { createStreamsBuilder, StreamsError, serdes } from '../index.ts'
import { type Serde, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { type ResolvedTopology, resolveTopology } from './resolved-topology.ts'
import { StandbyTasks } from './standby-task.ts'
import { createThreadWorld } from './testing/thread-world.ts'

test('a standby that could not read a batch goes on with it, and has no hole', async () => {
  const topic = 'app-t-changelog'
  const world = await createThreadWorld(['in', topic])
  const { log } = world
  const send = (key: string, value: string) => world.send(topic, [{ key, value }])
  let failures = 0
  const value: Serde<string> = {
    ...serdes.string,
    prepare: async (bytes: Uint8Array) => {
      if (new TextDecoder().decode(bytes).includes('Kisumu') && failures++ === 0)
        throw new StreamsError('LOG_UNAVAILABLE', 'the registry does not answer')
    },
  } as never
  const builder = createStreamsBuilder()
  builder.table('in', { key: serdes.string, value, store: 't' } as never)
  const config = resolveConfig({ applicationId: 'app', commitIntervalMs: 5, pollMs: 5 })
  const resolve = resolveTopology as unknown as (...args: unknown[]) => Promise<ResolvedTopology>
  const topology = await resolve(builder.build(), config, {
    partitionsOf: () => 1,
    topics: () => ['in'],
    names: ['in'],
  })
  const standbys = new StandbyTasks({
    log,
    stateEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    config,
    threadName: 'x',
  })
  await standbys.open('0_0' as never, topology)
  await send('a', 'Nyeri')
  for (let i = 0; i < 20; i++) {
    await standbys.update(topology)
    await nodeClock.sleep(5)
  }
  await send('b', 'Kisumu')
  for (let i = 0; i < 20; i++) {
    await standbys.update(topology).catch(() => {})
    await nodeClock.sleep(5)
  }
  await send('c', 'Embu')
  for (let i = 0; i < 20; i++) {
    await standbys.update(topology)
    await nodeClock.sleep(5)
  }
  const s = present(standbys.storesOf('0_0' as never), 'it stands by')
  const st = s.get('t') as unknown as { get(key: string): unknown }
  const got = ['a', 'b', 'c'].map((k) => {
    const e = st.get(k)
    return e !== undefined
  })
  const pos = s.position('t')
  await standbys.closeAll()
  await world.close()
  expect([failures > 0, got, pos]).toEqual([true, [true, true, true], 3])
})
