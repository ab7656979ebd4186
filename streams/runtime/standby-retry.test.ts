import { expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { present } from '../base/index.ts'
import { createStreamsBuilder, StreamsError, serdes } from '../index.ts'
import { NO_HEADERS, type Serde, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { type ResolvedTopology, resolveTopology } from './resolved-topology.ts'
import { StandbyTasks } from './standby-task.ts'

test('a standby that could not read a batch goes on with it, and has no hole', async () => {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  const topic = 'app-t-changelog'
  await log.admin.createTopics([
    { name: 'in', partitions: 1 },
    { name: topic, partitions: 1 },
  ])
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics([topic])
  const send = async (k: string, v: string) => {
    producer.send(topic, 0, serdes.string.serialize(k, ''), serdes.string.serialize(v, ''), 0, NO_HEADERS)
    await producer.flush()
  }
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
  await producer.close()
  await log.close()
  await owner.close()
  expect([failures > 0, got, pos]).toEqual([true, [true, true, true], 3])
})
