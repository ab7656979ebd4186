import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes, type TimestampExtractor, tumblingWindows, untilWindowCloses } from '../index.ts'
import { type Log, NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'

const serde = { key: serdes.string, value: serdes.int64 }
const LAST_DATE_MS = 8.64e15
let owner: LogOwner
let log: Log

beforeEach(async () => {
  owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  log = owner.connect()
  await log.admin.createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await log.close()
  await owner.close()
})

/** Final counts of windows, which compute with their ends; runs until all is committed, or gives what ended it. */
async function run(timesMs: readonly number[], extractor?: TimestampExtractor): Promise<unknown> {
  const builder = createStreamsBuilder()
  builder
    .stream('in', { ...serde, ...(extractor === undefined ? {} : { timestampExtractor: extractor }) })
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs: 0 }))
    .count({ store: 'counts' })
    .suppress(untilWindowCloses())
    .toStream()
    .map(({ key }, count) => ({ key, value: count ?? 0 }), serde)
    .to('out')
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics(['in'])
  const key = serdes.string.serialize('k', 'in')
  for (const timeMs of timesMs) producer.send('in', 0, key, serdes.int64.serialize(1, 'in'), timeMs, NO_HEADERS)
  await producer.flush()
  const thread = createStreamThread({
    name: 'app-1',
    topology: builder.build(),
    config: resolveConfig({ applicationId: 'app', commitIntervalMs: 5, pollMs: 5 }),
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: createMemoryEngine(),
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
    if (committed?.offset === timesMs.length) thread.stop()
    await nodeClock.sleep(2)
  }
  return end
}

test('the last time of a date is a time like others', async () => {
  expect(await run([0, LAST_DATE_MS - 60_000, LAST_DATE_MS])).toBeUndefined()
  const [end] = await log.admin.endOffsets([{ topic: 'out', partition: 0 }])
  // Two windows have closed; the third one stays open.
  expect(end?.offset).toBe(2)
})

test.each([LAST_DATE_MS + 1, Number.MAX_SAFE_INTEGER, -1])('a record of %d is named', async (timeMs) => {
  expect(String(await run([0, timeMs]))).toMatch(`the record at in-0@1 has the timestamp ${timeMs}`)
})

test.each([LAST_DATE_MS + 1, -1, 1.5, Number.NaN])('a record is dropped whose extracted time is %d', async (timeMs) => {
  expect(await run([0, 1, 2], ({ offset }) => (offset === 1 ? timeMs : 0))).toBeUndefined()
})

test('the record is named with which a timestamp extractor fails', async () => {
  const fails: TimestampExtractor = ({ offset }) => {
    if (offset === 1) throw new TypeError('no time in here')
    return 0
  }
  expect(String(await run([0, 1, 2], fails))).toMatch(
    'the timestamp extractor failed with the record at in-0@1: no time in here',
  )
})
