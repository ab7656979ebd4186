import { expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { type Cancellable, createStreamsBuilder, type PunctuationType, serdes } from '../index.ts'
import { NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { decodeOffsetMetadata } from './offset-metadata.ts'
import { PunctuationQueue } from './punctuation.ts'
import { createStreamThread } from './stream-thread.ts'

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
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  await log.admin.createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics(['in'])
  const bytes = serdes.string.serialize('k', 'in')
  for (let i = 0; i < 200; i++) producer.send('in', 0, bytes, bytes, i, NO_HEADERS)
  await producer.flush()
  const thread = createStreamThread({
    name: 'app-1',
    topology: timeouts(type),
    config: resolveConfig({ applicationId: 'app', commitIntervalMs: 5, pollMs: 5 }),
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: createMemoryEngine(),
    memoryEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  const end = thread.run()
  const input = [{ topic: 'in', partition: 0 }]
  let [committed] = await log.admin.committedOffsets('app', input)
  while (committed?.offset !== 200) {
    await nodeClock.sleep(2)
    committed = (await log.admin.committedOffsets('app', input))[0]
  }
  thread.stop()
  await end
  await log.close()
  await owner.close()
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
