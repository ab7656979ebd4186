import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasCode } from '../base/index.ts'
import { createStreamsBuilder, type PunctuationType, serdes, type Topology } from '../index.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.string }
let world: ThreadWorld

beforeEach(async () => {
  world = await createThreadWorld(['in', 'out'])
})
afterEach(() => world.close())

/** Each record sets so many timers, which stay. */
function timers(count: number, type: PunctuationType): Topology {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .process(
      {
        get: () => ({
          init(context) {
            this.process = (record) => {
              for (let i = 0; i < count; i++)
                context.schedule({ intervalMs: 60_000, type, startTimeMs: 1000 }, (nowMs) =>
                  context.forward({ ...record, value: `fired at ${nowMs}` }),
                )
              context.forward(record)
            }
          },
          process() {},
        }),
      },
      { ...serde, name: 'a-processor-with-a-rather-long-name' },
    )
    .to('out')
  return builder.build()
}

const send = (timestampMs: number): Promise<void> => world.send('in', [{ key: 'a', value: 'x', timestampMs }])

test('500 wall-clock schedules commit: those that do not fit begin anew after a restart', async () => {
  await send(1)
  expect(await world.run(timers(500, 'wall-clock-time'))).toBeUndefined()
  await send(2)
  expect(await world.run(timers(1, 'wall-clock-time'))).toBeUndefined()
  expect(await world.read('out', 2)).not.toHaveLength(0)
})

test('70 stream-time schedules fit, and go on after a restart', async () => {
  await send(1)
  await send(2000)
  expect(await world.run(timers(35, 'stream-time'))).toBeUndefined()
  await send(2001)
  expect(await world.run(timers(70, 'stream-time'))).toBeUndefined()
  // 35 by the second record, of which each had set 35, and none by the third: the next is a minute later.
  const values = (await world.read('out', 73)).map(({ value }) => serdes.string.deserialize(value as Uint8Array, 'out'))
  expect(values.filter((value) => value === 'fired at 2000')).toHaveLength(70)
  expect(values).toHaveLength(73)
})

test('one that cannot be committed is refused when it is scheduled', async () => {
  await send(1)
  const error = await world.run(timers(200, 'stream-time'))
  expect(hasCode(error, 'LIMIT_EXCEEDED')).toBe(true)
  expect(String(error)).toMatch(
    /node a-processor-with-a-rather-long-name of task 0_0 schedules stream-time punctuation \(every 60000 ms\), but .*: 8\d schedules .* fill the 3059 bytes/,
  )
})
