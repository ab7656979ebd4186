import { expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes } from '../index.ts'
import { type Log, NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'

/** Two inputs of one task, so that the choice of the next record needs a head of each. */
function mergingTopology() {
  const builder = createStreamsBuilder()
  const serde = { key: serdes.string, value: serdes.string }
  builder.stream('late', serde).merge(builder.stream('early', serde)).to('out')
  return builder.build()
}

async function write(log: Log, topic: string, count: number, value: string, fromMs: number): Promise<void> {
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
  await producer.prepareTopics([topic])
  const bytes = serdes.string.serialize(value, topic)
  const key = serdes.string.serialize('k', topic)
  for (let i = 0; i < count; i++) producer.send(topic, 0, key, bytes, fromMs + i, NO_HEADERS)
  await producer.flush()
  await producer.close()
}

async function readTimes(log: Log, topic: string, count: number): Promise<readonly number[]> {
  const consumer = await log.createConsumer({
    clientId: 'check',
    isolation: 'read_committed',
    pollRecordsMax: 1000,
    pollBytesMax: 10_000_000,
  })
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  const times: number[] = []
  const deadline = Date.now() + 5000
  while (times.length < count && Date.now() < deadline) {
    for (const { records } of await consumer.poll(50)) times.push(...records.map(({ timestampMs }) => timestampMs))
  }
  await consumer.close()
  return times
}

test('an input that fills the buffers does not starve the one that its task waits for', async () => {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  await log.admin.createTopics(['late', 'early', 'out'].map((name) => ({ name, partitions: 1 })))
  await write(log, 'late', 100, 'x'.repeat(1000), 1_000_000)
  await write(log, 'early', 500, 'y', 0)
  const thread = createStreamThread({
    name: 'app-1',
    topology: mergingTopology(),
    config: resolveConfig({ applicationId: 'app', pollMs: 5, pollRecordsMax: 10, bufferedBytesMax: 20_000 }),
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: createMemoryEngine(),
    memoryEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  const ended = thread.run()
  const times = await readTimes(log, 'out', 600)
  thread.stop()
  await ended
  await log.close()
  await owner.close()
  expect(times.length).toBe(600)
  expect(times).toEqual([...times].sort((left, right) => left - right))
})
