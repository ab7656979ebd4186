import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasCode } from '../base/index.ts'
import { createStreamsBuilder, serdes } from '../index.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.string }
let world: ThreadWorld

beforeEach(async () => {
  world = await createThreadWorld(['in', 'out'])
  await world.send('in', [{ key: 'key', value: 'x' }])
})
afterEach(() => world.close())

test('an entry that its changelog does not take: the message says task, store, sizes and what to do', async () => {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .groupByKey()
    .aggregate(
      () => '',
      () => 'x'.repeat(2_000_000),
      { store: 'bags', value: serdes.string },
    )
  const error = await world.run(builder.build())
  expect(hasCode(error, 'RECORD_TOO_LARGE')).toBe(true)
  expect(String(error)).toMatch(
    /store bags of task 0_0 has an entry that its changelog does not take \(key 3 bytes, value 2000000 bytes\): .*maxMessageBytes.* raise max\.message\.bytes/,
  )
})

test('a step that sends more than the producer holds: the message names task, node and setting', async () => {
  const builder = createStreamsBuilder()
  const half = 'x'.repeat(500_000)
  builder
    .stream('in', serde)
    .flatMapValues(() => Array.from({ length: 300 }, () => half), { value: serdes.string })
    .to('out', { name: 'too-much' })
  const options = { producerBufferBytesMax: 1000, uncommittedBytesMax: 1000 }
  const error = await world.run(builder.build(), options)
  expect(hasCode(error, 'LIMIT_EXCEEDED')).toBe(true)
  expect(String(error)).toMatch(
    /node too-much of task 0_0 sends more within one step than the producer holds: .* Raise producerBufferBytesMax/,
  )
})

test.each([
  ['it ends with a full stop.', 'it ends with a full stop. To go on'],
  ['it ends without', 'it ends without. To go on'],
])('sentences of messages have one full stop each: %s', async (text, expected) => {
  const builder = createStreamsBuilder()
  builder.stream('in', serde).foreach(() => {
    throw new Error(text)
  })
  expect(String(await world.run(builder.build()))).toContain(expected)
})

test('a timestamp that is no whole number is a failed output', async () => {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .process(
      {
        get: () => ({
          init(context) {
            this.process = (record) => context.forward({ ...record, timestampMs: 1.5 })
          },
          process() {},
        }),
      },
      serde,
    )
    .to('out')
  const error = await world.run(builder.build())
  expect(hasCode(error, 'RECORD_UNWRITABLE')).toBe(true)
  expect(String(error)).toMatch('has the timestamp 1.5')
})
