import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { hasCode } from '../base/index.ts'
import {
  createStreamsBuilder,
  keyValueStore,
  type ProcessorSupplier,
  serdes,
  type Topology,
  timestampedKeyValueStore,
  tumblingWindows,
} from '../index.ts'
import { type Log, NO_HEADERS, NO_METRICS, SILENT_LOGGER, type StateEngine } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'

/** One application id on one log and one state: first with one topology, then with another. */
const serde = { key: serdes.string, value: serdes.int64 }

function windowedCounts(graceMs: number): Topology {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs }))
    .count({ store: 'counts' })
    .toStream()
    .map((window, count) => ({ key: window.key, value: count ?? 0 }), serde)
    .to('out')
  return builder.build()
}

function withProcessor(supplier: ProcessorSupplier<string, number, string, number>): Topology {
  const builder = createStreamsBuilder()
  builder.stream('in', serde).process(supplier, serde).to('out')
  return builder.build()
}

function plainCounts(logging: { readonly logging?: false } = {}): Topology {
  const spec = keyValueStore({ name: 'counts', ...serde, ...logging })
  return withProcessor({
    stores: [spec],
    get: () => {
      let count: (key: string) => number
      return {
        init(context) {
          const store = context.store(spec)
          count = (key) => {
            const next = (store.get(key) ?? 0) + 1
            store.put(key, next)
            return next
          }
          this.process = (record) => context.forward({ ...record, value: count(record.key) })
        },
        process() {},
      }
    },
  })
}

function timestampedCounts(logging: { readonly logging?: false } = {}): Topology {
  const spec = timestampedKeyValueStore({ name: 'counts', ...serde, ...logging })
  return withProcessor({
    stores: [spec],
    get: () => ({
      init(context) {
        const store = context.store(spec)
        this.process = (record) => {
          const value = (store.get(record.key)?.value ?? 0) + 1
          store.put(record.key, { value, timestampMs: record.timestampMs })
          context.forward({ ...record, value })
        }
      },
      process() {},
    }),
  })
}

let owner: LogOwner
let log: Log
let engine: StateEngine
let sent = 0

beforeEach(async () => {
  owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  log = owner.connect()
  engine = createMemoryEngine()
  sent = 0
  await log.admin.createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await log.close()
  await owner.close()
})

/** Sends so many records, and runs the topology until they are committed; gives the error that ended it before. */
async function run(topology: Topology, count: number): Promise<unknown> {
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics(['in'])
  for (let i = 0; i < count; i++)
    producer.send('in', 0, serdes.string.serialize('k', 'in'), serdes.int64.serialize(1, 'in'), 1e9, NO_HEADERS)
  sent += count
  await producer.flush()
  await producer.close()
  const thread = createStreamThread({
    name: 'app-1',
    topology,
    config: resolveConfig({ applicationId: 'app', cacheBytesMax: 0, commitIntervalMs: 5, pollMs: 5 }),
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: engine,
    memoryEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  let ended = false
  const end = thread.run().then(
    () => undefined,
    (error: unknown) => error,
  )
  end.finally(() => {
    ended = true
  })
  while (!ended) {
    const [committed] = await log.admin.committedOffsets('app', [{ topic: 'in', partition: 0 }])
    if (committed?.offset === sent) break
    await nodeClock.sleep(2)
  }
  thread.stop()
  return end
}

async function outputs(): Promise<readonly number[]> {
  const consumer = await log.createConsumer({
    clientId: 'check',
    isolation: 'read_committed',
    pollRecordsMax: 1000,
    pollBytesMax: 1_000_000,
  })
  consumer.assign([{ topic: 'out', partition: 0, offset: 0 }])
  const values: number[] = []
  while (values.length < sent)
    for (const { records } of await consumer.poll(100))
      for (const { value } of records) if (value !== null) values.push(serdes.int64.deserialize(value, 'out'))
  await consumer.close()
  return values
}

const changes: readonly (readonly [string, Topology, Topology])[] = [
  // The grace period makes the retention, and the retention the length of a segment.
  ['another grace period', windowedCounts(1_000_000), windowedCounts(5_000_000)],
  ['a store that keeps timestamps now', plainCounts(), timestampedCounts()],
  ['a store that keeps timestamps no more', timestampedCounts(), plainCounts()],
]

test.each(changes)('%s: counting goes on', async (_name, before, after) => {
  expect(await run(before, 2)).toBeUndefined()
  expect(await run(after, 1)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3])
})

test('a store without changelog that cannot be read any more is not wiped', async () => {
  const noLog = { logging: false } as const
  expect(await run(plainCounts(noLog), 2)).toBeUndefined()
  const error = await run(timestampedCounts(noLog), 1)
  expect(hasCode(error, 'TOPOLOGY_INVALID')).toBe(true)
  expect(String(error)).toMatch("store counts of task 0_0 was written as 'key-value'")
  expect(await run(plainCounts(noLog), 0)).toBeUndefined()
  expect(await outputs()).toEqual([1, 2, 3])
})
