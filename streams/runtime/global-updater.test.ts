import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes } from '../index.ts'
import { type Log, NO_HEADERS, NO_METRICS, type Serde, SILENT_LOGGER, type StateEngine } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'

const serde = { key: serdes.string, value: serdes.string }
type World = { readonly owner: LogOwner; readonly log: Log }
const worlds: World[] = []
let engine: StateEngine

beforeEach(() => {
  engine = createMemoryEngine()
})

afterEach(async () => {
  for (const { owner, log } of worlds.splice(0)) {
    await log.close()
    await owner.close()
  }
})

async function newLog(): Promise<Log> {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  worlds.push({ owner, log })
  await log.admin.createTopics(['in', 'out', 'towns'].map((name) => ({ name, partitions: 1 })))
  return log
}

async function send(log: Log, topic: string, records: readonly (readonly [string, string | null])[]): Promise<void> {
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics([topic])
  for (const [key, value] of records) {
    const valueBytes = value === null ? null : serdes.string.serialize(value, topic)
    producer.send(topic, 0, serdes.string.serialize(key, topic), valueBytes, 0, NO_HEADERS)
  }
  await producer.flush()
  await producer.close()
}

/** Joins records of these keys with the global table, in a run of their own; gives what came out. */
async function towns(
  log: Log,
  keys: readonly string[],
  value: Serde<string> = serdes.string,
): Promise<readonly string[]> {
  const builder = createStreamsBuilder()
  const table = builder.globalTable('towns', { ...serde, value, store: 'towns' })
  builder
    .stream('in', serde)
    .leftJoin(
      table,
      (key) => key,
      (_value, town) => town ?? 'none',
      { value: serdes.string },
    )
    .to('out')
  const [before] = await log.admin.endOffsets([{ topic: 'out', partition: 0 }])
  await send(
    log,
    'in',
    keys.map((key) => [key, '']),
  )
  const thread = createStreamThread({
    name: 'app-1',
    topology: builder.build(),
    config: resolveConfig({ applicationId: 'app', commitIntervalMs: 5, pollMs: 5 }),
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
    (error: unknown) => error,
  )
  const consumer = await log.createConsumer({
    clientId: 'check',
    isolation: 'read_committed',
    pollRecordsMax: 100,
    pollBytesMax: 1_000_000,
  })
  consumer.assign([{ topic: 'out', partition: 0, offset: before?.offset ?? 0 }])
  const found: string[] = []
  const deadline = Date.now() + 3000
  while (found.length < keys.length && Date.now() < deadline) {
    for (const { records } of await consumer.poll(50))
      for (const { value } of records) if (value !== null) found.push(serdes.string.deserialize(value, 'out'))
  }
  await consumer.close()
  thread.stop()
  expect(await failed).toBeUndefined()
  return found
}

test('a global table whose log was replaced is read anew', async () => {
  const old = await newLog()
  await send(old, 'towns', [
    ['a', 'Nyeri'],
    ['b', 'Kisumu'],
  ])
  expect(await towns(old, ['a'])).toEqual(['Nyeri'])
  const replaced = await newLog()
  await send(replaced, 'towns', [['c', 'Embu']])
  expect(await towns(replaced, ['a', 'c'])).toEqual(['none', 'Embu'])
})

test('a global table that missed deletions is read anew', async () => {
  const log = await newLog()
  await send(log, 'towns', [['a', 'Nyeri']])
  expect(await towns(log, ['a'])).toEqual(['Nyeri'])
  await send(log, 'towns', [
    ['a', null],
    ['d', 'Meru'],
  ])
  await log.admin.deleteRecords([{ topic: 'towns', partition: 0, offset: 2 }])
  expect(await towns(log, ['a', 'd'])).toEqual(['none', 'Meru'])
})

test('what the serde of a global table needs is loaded before records are read', async () => {
  const log = await newLog()
  await send(log, 'towns', [['a', 'Nyeri']])
  let isLoaded = false
  const value: Serde<string> = {
    ...serdes.string,
    deserialize: (bytes, topic) => {
      if (!isLoaded) throw new Error('not loaded')
      return serdes.string.deserialize(bytes, topic)
    },
    prepare: () =>
      isLoaded
        ? undefined
        : Promise.resolve().then(() => {
            isLoaded = true
          }),
  }
  expect(await towns(log, ['a'], value)).toEqual(['Nyeri'])
})
