import { afterEach, describe, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine, type MemoryEngine } from '#state-stores'
import { StreamsError, utf8Encode } from '../base/index.ts'
import { createStreamsBuilder, serdes } from '../index.ts'
import {
  type GroupMembership,
  type Log,
  type LogFields,
  type Logger,
  NO_HEADERS,
  NO_METRICS,
  type Producer,
  SILENT_LOGGER,
} from '../ports/index.ts'
import { resolveConfig, type StreamsOptions } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import type { RestoreSummary } from './state-restorer.ts'
import { createStreamThread, type StreamThread } from './stream-thread.ts'

/** The real thread on the real embedded log (on a disk in memory), with a log that misbehaves where a test says so. */
function countingTopology() {
  const builder = createStreamsBuilder()
  builder
    .stream('in', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to('out')
  return builder.build()
}

type World = {
  readonly owner: LogOwner
  readonly log: Log
  readonly engine: MemoryEngine
  readonly restored: RestoreSummary[]
  readonly warnings: string[]
}

const worlds: World[] = []
const threads: { thread: StreamThread; ended: Promise<unknown> }[] = []

async function newWorld(): Promise<World> {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  await log.admin.createTopics([
    { name: 'in', partitions: 1 },
    { name: 'out', partitions: 1 },
  ])
  const world = { owner, log, engine: createMemoryEngine(), restored: [], warnings: [] }
  worlds.push(world)
  return world
}

afterEach(async () => {
  for (const { thread, ended } of threads.splice(0)) {
    thread.stop()
    await ended
  }
  for (const { log, owner } of worlds.splice(0)) {
    await log.close()
    await owner.close()
  }
})

function start(
  world: World,
  options: Partial<StreamsOptions> = {},
  log: Log = world.log,
  membership: GroupMembership = createLocalMembership(0, 1),
) {
  const logger: Logger = {
    ...SILENT_LOGGER,
    warn: (message: string, _fields?: LogFields) => void world.warnings.push(message),
  }
  const thread = createStreamThread({
    name: 'app-1',
    topology: countingTopology(),
    config: resolveConfig({ applicationId: 'app', cacheBytesMax: 0, commitIntervalMs: 5, pollMs: 5, ...options }),
    log,
    membership,
    stateEngine: world.engine,
    memoryEngine: createMemoryEngine(),
    clock: nodeClock,
    logger,
    metrics: NO_METRICS,
    onRestored: (summary) => world.restored.push(summary),
  })
  const ended = thread.run().then(
    () => undefined,
    (error: unknown) => error,
  )
  threads.push({ thread, ended })
  return { thread, ended }
}

async function write(world: World, count: number): Promise<void> {
  const producer = await world.log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
  await producer.prepareTopics(['in'])
  for (let i = 0; i < count; i++)
    producer.send('in', 0, utf8Encode('a'), serdes.int64.serialize(i, 'in'), i, NO_HEADERS)
  await producer.flush()
  await producer.close()
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function committedOffset(world: World): Promise<number> {
  const [committed] = await world.log.admin.committedOffsets('app', [{ topic: 'in', partition: 0 }])
  return committed?.offset ?? 0
}

async function outputs(world: World): Promise<readonly number[]> {
  const [end] = await world.log.admin.endOffsets([{ topic: 'out', partition: 0 }])
  const consumer = await world.log.createConsumer({
    clientId: 'check',
    isolation: 'read_committed',
    pollRecordsMax: 100_000,
    pollBytesMax: 1e9,
  })
  consumer.assign([{ topic: 'out', partition: 0, offset: 0 }])
  const values: number[] = []
  while (consumer.position({ topic: 'out', partition: 0 }) < (end?.offset ?? 0)) {
    for (const { records } of await consumer.poll(100)) {
      for (const { value } of records) values.push(value === null ? -1 : serdes.int64.deserialize(value, 'out'))
    }
  }
  await consumer.close()
  return values
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1)

/** A log whose commits are changed; `attempt` counts commits from 1, over all producers. */
function withCommits(log: Log, change: (attempt: number, commit: () => Promise<void>) => Promise<void>): Log {
  let attempt = 0
  return {
    ...log,
    createProducer: async (options) => {
      const producer = await log.createProducer(options)
      const commitTransaction: Producer['commitTransaction'] = (group, offsets) =>
        change(++attempt, () => producer.commitTransaction(group, offsets))
      return new Proxy(producer, {
        get: (target, name) => {
          if (name === 'commitTransaction') return commitTransaction
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

describe('stream thread', () => {
  test('processes, commits and stops; the next start restores nothing and goes on', async () => {
    const world = await newWorld()
    await write(world, 100)
    const first = start(world)
    await until(async () => (await committedOffset(world)) === 100)
    first.thread.stop()
    expect(await first.ended).toBeUndefined()
    await write(world, 50)
    start(world)
    await until(async () => (await committedOffset(world)) === 150)
    expect(await outputs(world)).toEqual(upTo(150))
    expect(world.restored.map(({ records }) => records)).toEqual([0, 0])
  })

  test.each([
    ['the commit was applied, its answer was lost', true],
    ['the commit was lost', false],
  ])(
    '%s: tasks are opened again from what is committed, nothing is lost or counted twice',
    async (_name, isApplied) => {
      const world = await newWorld()
      await write(world, 500)
      const failing = new Set([2, 3, 7])
      const log = withCommits(world.log, async (attempt, commit) => {
        if (!failing.has(attempt) || isApplied) await commit()
        if (failing.has(attempt)) throw new StreamsError('LOG_UNAVAILABLE', 'no answer')
      })
      start(world, { pollRecordsMax: 20, producerBufferBytesMax: 300 }, log)
      await until(async () => (await committedOffset(world)) === 500)
      expect(await outputs(world)).toEqual(upTo(500))
      expect(world.warnings.filter((warning) => warning.includes('opens them again'))).toHaveLength(3)
    },
  )

  test('a revocation is carried out though the log does not answer the commit before it', async () => {
    const world = await newWorld()
    await write(world, 10)
    const log = withCommits(world.log, async (attempt, commit) => {
      if (attempt === 1) throw new StreamsError('LOG_UNAVAILABLE', 'no answer')
      await commit()
    })
    const group = createLocalMembership(0, 1)
    const acknowledged: (readonly string[])[] = []
    let isRevoked = false
    const { thread } = start(world, { commitIntervalMs: 60_000 }, log, {
      ...group,
      poll: () => {
        if (!isRevoked) return group.poll()
        isRevoked = false
        return { kind: 'assigned', assignment: { active: [], standby: [] } }
      },
      acknowledge: ({ active }) => void acknowledged.push(active),
    })
    await until(() => thread.metadata().tasks[0]?.inputs[0]?.position === 10)
    isRevoked = true
    await until(() => acknowledged.at(-1)?.length === 0)
    expect(thread.metadata().tasks).toEqual([])
  })

  test('a thread that is fenced by a newer one commits nothing more and ends', async () => {
    const world = await newWorld()
    await write(world, 10)
    const old = start(world)
    await until(async () => (await committedOffset(world)) === 10)
    const successor = await world.log.createProducer({
      clientId: 'newer',
      transactionalId: 'app-1',
      bufferBytesMax: 1000,
    })
    await write(world, 10)
    expect(await old.ended).toMatchObject({ code: 'FENCED' })
    expect(await committedOffset(world)).toBe(10)
    expect(await outputs(world)).toEqual(upTo(10))
    await successor.close()
  })

  test('state that is ahead of its changelog is wiped and restored whole', async () => {
    const world = await newWorld()
    await write(world, 30)
    const first = start(world)
    await until(async () => (await committedOffset(world)) === 30)
    first.thread.stop()
    await first.ended
    const other = await newWorld()
    await write(other, 5)
    const stranger = { ...other, engine: world.engine }
    start(stranger)
    await until(async () => (await committedOffset(other)) === 5)
    expect(await outputs(other)).toEqual(upTo(5))
    expect(other.warnings.some((warning) => /wiped and restored.*belongs to another log/.test(warning))).toBe(true)
  })

  test('a lost state directory is restored from the changelog, and the summary says how much', async () => {
    const world = await newWorld()
    await write(world, 40)
    const first = start(world)
    await until(async () => (await committedOffset(world)) === 40)
    first.thread.stop()
    await first.ended
    const bare = { ...world, engine: createMemoryEngine(), restored: [] as RestoreSummary[] }
    await write(world, 1)
    start(bare)
    await until(async () => (await committedOffset(world)) === 41)
    expect(await outputs(world)).toEqual(upTo(41))
    const [summary] = bare.restored
    expect(summary).toMatchObject({ store: 'counts', changelog: 'app-counts-changelog', startOffset: 0 })
    expect(summary?.records).toBe(summary?.endOffset)
    expect(summary?.records).toBeGreaterThan(0)
  })

  test('a committed offset past the end of its partition ends the thread with what to do', async () => {
    const world = await newWorld()
    await world.log.admin.alterCommittedOffsets('app', [{ topic: 'in', partition: 0, offset: 99, metadata: '' }])
    const { ended } = start(world)
    expect(await ended).toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      message: expect.stringMatching(/offset 99 of in-0, but the partition ends at 0.*Reset/),
    })
  })

  test('records that were deleted before they were processed are named with their number', async () => {
    const world = await newWorld()
    await write(world, 10)
    await world.log.admin.alterCommittedOffsets('app', [{ topic: 'in', partition: 0, offset: 2, metadata: '' }])
    await world.log.admin.deleteRecords([{ topic: 'in', partition: 0, offset: 7 }])
    start(world)
    await until(async () => (await committedOffset(world)) === 10)
    expect(await outputs(world)).toEqual(upTo(3))
    expect(world.warnings.some((warning) => /now starts at 7, the committed offset is 2/.test(warning))).toBe(true)
  })

  test('full buffers pause the partition, and everything is processed nevertheless', async () => {
    const world = await newWorld()
    await write(world, 2000)
    start(world, {
      bufferedRecordsPerPartitionMax: 10,
      pollRecordsMax: 50,
      recordsPerTurnMax: 7,
      uncommittedBytesMax: 200,
      producerBufferBytesMax: 500,
    })
    await until(async () => (await committedOffset(world)) === 2000)
    expect(await outputs(world)).toEqual(upTo(2000))
  })

  test('at-least-once: offsets are committed after outputs and state', async () => {
    const world = await newWorld()
    await write(world, 200)
    start(world, { processingGuarantee: 'at_least_once', commitIntervalMs: 5 })
    await until(async () => (await committedOffset(world)) === 200)
    expect(await outputs(world)).toEqual(upTo(200))
  })

  test('topics that only the application reads are purged of what was processed', async () => {
    const world = await newWorld()
    await write(world, 50)
    start(world, { ownedTopics: ['in'], repartitionPurgeIntervalMs: 1 })
    const startOffset = async () => (await world.log.admin.startOffsets([{ topic: 'in', partition: 0 }]))[0]?.offset
    await until(async () => (await startOffset()) === 50)
    expect(await outputs(world)).toEqual(upTo(50))
  })

  test('a missing input topic ends the thread before anything runs', async () => {
    const world = await newWorld()
    await world.log.admin.deleteTopics(['in'])
    const { ended } = start(world)
    expect(await ended).toMatchObject({ code: 'TOPIC_MISSING' })
  })
})
