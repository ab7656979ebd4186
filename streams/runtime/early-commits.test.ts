import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createStreamsBuilder, serdes } from '../index.ts'
import type { Log } from '../ports/index.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const NEVER_MS = 1e9

function copying() {
  const builder = createStreamsBuilder()
  builder.stream('in', { key: serdes.string, value: serdes.string }).to('out')
  return builder.build()
}

/** The world's log, where a commit takes a while; `startsMs` are the moments when commits began. */
function slowCommits(log: Log, commitMs: number): { readonly log: Log; readonly startsMs: number[] } {
  const startsMs: number[] = []
  const createProducer: Log['createProducer'] = async (options) => {
    const producer = await log.createProducer(options)
    const commit = producer.commitTransaction.bind(producer)
    producer.commitTransaction = async (...parts) => {
      startsMs.push(nodeClock.monotonicMs())
      await nodeClock.sleep(commitMs)
      await commit(...parts)
    }
    return producer
  }
  return { log: { ...log, createProducer, createConsumer: (options) => log.createConsumer(options) }, startsMs }
}

function recordsOf(count: number) {
  return Array.from({ length: count }, (_, number) => ({ key: 'a', value: `${number}` }))
}

async function inWorld(body: (world: ThreadWorld) => Promise<void>): Promise<void> {
  const world = await createThreadWorld(['in', 'out'])
  try {
    await body(world)
  } finally {
    await world.close()
  }
}

test('what is done is committed at once, not at the interval, when nothing is left to do', () =>
  inWorld(async (world) => {
    await world.send('in', recordsOf(3))
    // Ends when all is committed.
    expect(await world.run(copying(), { commitIntervalMs: NEVER_MS, commitShareMax: 0.5 })).toBeUndefined()
    expect(await world.read('out', 3)).toHaveLength(3)
  }))

test('a thread that is behind its inputs goes on instead', () =>
  inWorld(async (world) => {
    await world.send('in', recordsOf(1000))
    const { log, startsMs } = slowCommits(world.log, 0)
    await world.run(copying(), { commitIntervalMs: NEVER_MS, commitShareMax: 1, pollRecordsMax: 5 }, log)
    expect(startsMs).toHaveLength(1)
  }))

test('commits have no more than their share of the time', () =>
  inWorld(async (world) => {
    const { log, startsMs } = slowCommits(world.log, 30)
    await world.send('in', recordsOf(1))
    const running = world.run(copying(), { commitIntervalMs: NEVER_MS, commitShareMax: 0.25 }, log)
    // Sent before the one before it can be committed, so that the thread does not end.
    for (let i = 0; i < 40; i++) {
      await world.send('in', recordsOf(1))
      await nodeClock.sleep(10)
    }
    expect(await running).toBeUndefined()
    const pausesMs = startsMs.slice(1).map((startMs, i) => startMs - (startsMs[i] as number))
    expect(pausesMs.length).toBeGreaterThan(0)
    // The last one belongs to the end of the thread, which does not wait.
    for (const pauseMs of pausesMs.slice(0, -1)) expect(pauseMs).toBeGreaterThanOrEqual(30 / 0.25 - 1)
  }))

test('without a share, the interval alone counts', () =>
  inWorld(async (world) => {
    await world.send('in', recordsOf(3))
    const { log, startsMs } = slowCommits(world.log, 0)
    const startedMs = nodeClock.monotonicMs()
    await world.run(copying(), { commitIntervalMs: 300 }, log)
    expect((startsMs[0] as number) - startedMs).toBeGreaterThanOrEqual(299)
  }))
