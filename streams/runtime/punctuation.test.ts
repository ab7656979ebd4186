import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { type Cancellable, createStreamsBuilder, type PunctuationType, serdes } from '../index.ts'
import { defaults } from './config.ts'
import { decodeOffsetMetadata } from './offset-metadata.ts'
import { PunctuationQueue } from './punctuation.ts'
import { createThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.string }

/** A timer that each record sets anew, as a time-out would be. */
function timeouts(type: PunctuationType) {
  const builder = createStreamsBuilder()
  builder
    .stream('in', serde)
    .process(
      {
        get: () => {
          let timer: Cancellable | undefined
          return {
            init(context) {
              this.process = (record) => {
                timer?.cancel()
                timer = context.schedule({ intervalMs: 3_600_000, type, startTimeMs: 1e13 }, () => {})
                context.forward(record)
              }
            },
            process() {},
          }
        },
      },
      serde,
    )
    .to('out')
  return builder.build()
}

test.each(['stream-time', 'wall-clock-time'] as const)('%s timers that were cancelled leave nothing', async (type) => {
  const world = await createThreadWorld(['in', 'out'])
  await world.send(
    'in',
    Array.from({ length: 200 }, (_, timestampMs) => ({ key: 'k', value: 'k', timestampMs })),
  )
  const { thread, end } = world.start(timeouts(type), { cacheBytesMax: defaults.cacheBytesMax })
  const input = [{ topic: 'in', partition: 0 }]
  let [committed] = await world.log.admin.committedOffsets('app', input)
  while (committed?.offset !== 200) {
    await nodeClock.sleep(2)
    committed = (await world.log.admin.committedOffsets('app', input))[0]
  }
  thread.stop()
  expect(await end).toBeUndefined()
  await world.close()
  expect(decodeOffsetMetadata(committed.metadata).times.size).toBeLessThanOrEqual(1)
})

test('a schedule may cancel itself and others while it fires', () => {
  const queue = new PunctuationQueue()
  const fired: string[] = []
  const node = { name: 'n', children: [], process: () => {} }
  const add = (name: string, nextMs: number, punctuator: () => void): Cancellable =>
    queue.schedule({ nextMs, intervalMs: 10, node, punctuator, metadataName: name })
  const other = add('other', 6, () => fired.push('other'))
  const self = add('self', 5, () => {
    fired.push('self')
    self.cancel()
    other.cancel()
    other.cancel()
  })
  add('kept', 7, () => fired.push('kept'))
  const fire = (nowMs: number): boolean =>
    queue.fire(
      nowMs,
      (_node, punctuator) => punctuator(nowMs),
      () => {},
    )
  expect(fire(8)).toBe(true)
  expect(fire(30)).toBe(true)
  expect(fired).toEqual(['self', 'kept', 'kept'])
  expect(queue.nextMs()).toBe(37)
})

test('a clock that is set back delays by an interval at most, but for start times', () => {
  const queue = new PunctuationQueue()
  const node = { name: 'n', children: [], process: () => {} }
  const add = (nextMs: number) =>
    queue.schedule({ nextMs, intervalMs: 10, node, punctuator: () => {}, metadataName: `at ${nextMs}` })
  add(1005)
  queue.clockSetBack(1000, 500)
  expect(queue.nextMs()).toBe(510)
  add(400)
  queue.clockSetBack(500, 450)
  expect(queue.nextMs()).toBe(400)
  const started = new PunctuationQueue()
  started.schedule({ nextMs: 5000, intervalMs: 10, node, punctuator: () => {}, metadataName: 'start time' })
  started.clockSetBack(1000, 500)
  expect(started.nextMs()).toBe(5000)
})
