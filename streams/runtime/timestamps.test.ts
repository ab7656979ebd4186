import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStreamsBuilder, serdes, type TimestampExtractor, tumblingWindows, untilWindowCloses } from '../index.ts'
import { defaults } from './config.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.int64 }
const LAST_DATE_MS = 8.64e15
let world: ThreadWorld

beforeEach(async () => {
  world = await createThreadWorld(['in', 'out'])
})

afterEach(() => world.close())

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
  const one = serdes.int64.serialize(1, 'in')
  await world.send(
    'in',
    timesMs.map((timestampMs) => ({ key: 'k', value: one, timestampMs })),
  )
  return world.run(builder.build(), { cacheBytesMax: defaults.cacheBytesMax })
}

test('the last time of a date is a time like others', async () => {
  expect(await run([0, LAST_DATE_MS - 60_000, LAST_DATE_MS])).toBeUndefined()
  const [end] = await world.log.admin.endOffsets([{ topic: 'out', partition: 0 }])
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
