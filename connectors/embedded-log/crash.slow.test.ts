import { describe, expect, test } from 'vitest'
import { createPrng, type Prng, StreamsError, utf8Decode, utf8Encode } from '#streams/base'
import { type Log, type LogRecord, NO_HEADERS, type Producer, SILENT_LOGGER } from '#streams/ports'
import { fromStart, readToEnd } from '../../streams/ports/log-harness.contract.ts'
import {
  type CrashMode,
  createFaultyDisk,
  createLogOwner,
  createMemoryDisk,
  type DiskFault,
  type DiskOperation,
  type LogOwner,
  type MemoryDisk,
} from './index.ts'
import { nodeClock } from './node-clock.ts'

/** So small that flushes, new segments, checkpoints and compaction happen all the time. */
const SETTINGS = {
  fsyncIntervalMs: 0,
  maintenanceIntervalMs: 0,
  flushBytes: 500,
  checkpointBytes: 2_000,
  tailCacheBytes: 1_000,
  unflushedBytesMax: 3_000,
}
const WRITERS = 2
const ROUNDS = 12
const CHANGES = new Set<DiskOperation['kind']>([
  'create',
  'write',
  'truncate',
  'sync',
  'rename',
  'remove',
  'sync-directory',
])

/** What each writer was told; `attempted` may be one ahead of `acknowledged` when the process dies. */
type Writer = { acknowledged: number; attempted: number }
type History = { readonly writers: Writer[]; compacted: boolean; deletedBefore: number }

function newHistory(): History {
  return {
    writers: Array.from({ length: WRITERS }, () => ({ acknowledged: 0, attempted: 0 })),
    compacted: false,
    deletedBefore: 0,
  }
}

async function open(disk: Parameters<typeof createLogOwner>[0]['disk']): Promise<LogOwner> {
  return createLogOwner({ disk, clock: nodeClock, logger: SILENT_LOGGER, settings: SETTINGS })
}

async function createTopics(log: Log): Promise<void> {
  await log.admin.createTopics([
    { name: 'events', partitions: 2, config: { segmentBytes: 1_000, retentionMs: -1 } },
    { name: 'table', partitions: 1, config: { segmentBytes: 1_000, cleanupPolicy: 'compact' } },
  ])
}

/** One transaction: `round` into both partitions and the table, and as the committed offset. */
async function transact(producer: Producer, writer: number, round: number): Promise<void> {
  const value = utf8Encode(`${writer}:${round}:${'x'.repeat(round * 7)}`)
  for (let i = 0; i < 3; i++) producer.send('events', i % 2, utf8Encode(`${i}`), value, round, NO_HEADERS)
  producer.send('table', 0, utf8Encode(`key-${writer}`), value, round, NO_HEADERS)
  await producer.commitTransaction(`group-${writer}`, [
    { topic: 'events', partition: 0, offset: round, metadata: `${round}` },
  ])
}

async function write(log: Log, history: History, writer: number, rounds: number): Promise<void> {
  const state = history.writers[writer] as Writer
  const producer = await log.createProducer({
    clientId: `writer-${writer}`,
    transactionalId: `tx-${writer}`,
    bufferBytesMax: 1e6,
  })
  await producer.prepareTopics(['events', 'table'])
  for (let i = 0; i < rounds; i++) {
    state.attempted++
    await transact(producer, writer, state.attempted)
    state.acknowledged = state.attempted
  }
}

/** All have stopped when this settles, also when one of them was refused. */
async function writeAll(log: Log, history: History, rounds: number): Promise<void> {
  const ends = await Promise.allSettled(history.writers.map((_, writer) => write(log, history, writer, rounds)))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

async function workload(owner: LogOwner, history: History): Promise<void> {
  const log = owner.connect()
  await createTopics(log)
  await writeAll(log, history, ROUNDS)
  history.compacted = true
  await owner.compactNow('table')
  history.deletedBefore = 5
  await log.admin.deleteRecords([{ topic: 'events', partition: 0, offset: 5 }])
  await owner.retainNow()
  await writeAll(log, history, 3)
  await owner.close()
}

/** Everything that was acknowledged is there, what was not is there whole or not at all, and nothing else is. */
async function check(owner: LogOwner, history: History): Promise<void> {
  const log = owner.connect()
  const topics = await log.admin.describeTopics(['events', 'table'])
  const begun = history.writers.some(({ attempted }) => attempted > 0)
  if (begun) expect(topics.size).toBe(2)
  if (topics.size === 0) return
  const starts = await log.admin.startOffsets(fromStart('events', 2))
  const consumer = await log.createConsumer({
    clientId: 'c',
    isolation: 'read_committed',
    pollRecordsMax: 50,
    pollBytesMax: 1e6,
  })
  consumer.assign([...starts, ...fromStart('table')])
  const [first = [], second = [], table = []] = await readToEnd(log, consumer, [...starts, ...fromStart('table')])
  expect(starts[0]?.offset).toBeLessThanOrEqual(history.deletedBefore)
  expectDense(first, starts[0]?.offset ?? 0)
  expectDense(second, 0)
  for (const [writer, { acknowledged, attempted }] of history.writers.entries()) {
    const present = roundsOf(second, writer)
    expect(present, 'whole transactions in order, without a gap').toEqual(Array.from(present, (_, i) => i + 1))
    const last = present.length
    expect(last).toBeGreaterThanOrEqual(acknowledged)
    expect(last).toBeLessThanOrEqual(attempted)
    const inFirst = roundsOf(first, writer)
    expect(inFirst, 'the other partition has the same transactions').toEqual(
      present.flatMap((round) => [round, round]).slice(last * 2 - inFirst.length),
    )
    if (starts[0]?.offset === 0) expect(inFirst).toHaveLength(last * 2)
    expect(roundsOf(table, writer).at(-1), 'the last value of a key is never compacted away').toBe(present.at(-1))
    const [committed] = await log.admin.committedOffsets(`group-${writer}`)
    expect(committed?.offset ?? 0, 'offsets are those of the last transaction').toBe(last)
  }
  await log.close()
}

function expectDense(records: readonly LogRecord[], from: number): void {
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => from + i))
}

function roundsOf(records: readonly LogRecord[], writer: number): number[] {
  const rounds: number[] = []
  for (const { value } of records) {
    const [who, round] = utf8Decode(value as Uint8Array).split(':')
    if (Number(who) === writer) rounds.push(Number(round))
  }
  return rounds
}

/** Runs until the disk stops at the n-th change; answers how many changes there were and what was promised. */
async function runUntil(
  disk: MemoryDisk,
  changesMax: number,
  history: History,
  run: (owner: LogOwner, history: History) => Promise<void> = workload,
): Promise<number> {
  let changes = 0
  const faulty = createFaultyDisk(disk, ({ kind }) =>
    CHANGES.has(kind) && changes++ === changesMax ? 'stop' : undefined,
  )
  try {
    await run(await open(faulty), history)
  } catch (error) {
    if (!(error instanceof StreamsError)) throw error
  }
  return changes
}

/** The next process dies too, while it opens the log or soon after. */
async function crashAgain(disk: MemoryDisk, prng: Prng, mode: CrashMode): Promise<MemoryDisk> {
  await runUntil(disk, prng.below(20), newHistory(), async (owner) => owner.checkpointNow())
  return disk.crashClone(prng, mode)
}

async function crashAndCheck(disk: MemoryDisk, prng: Prng, mode: CrashMode, history: History): Promise<void> {
  const survived = await crashAgain(disk.crashClone(prng, mode), prng, mode)
  const owner = await open(survived)
  await check(owner, history)
  // It goes on where it was: the next owner finds what this one wrote.
  const more: History = { ...history, writers: history.writers.map((writer) => ({ ...writer })) }
  const log = owner.connect()
  await createTopics(log)
  for (const [writer, state] of more.writers.entries()) {
    const [committed] = await log.admin.committedOffsets(`group-${writer}`)
    state.attempted = committed?.offset ?? 0
    await write(log, more, writer, 2)
  }
  await check(owner, more)
  await owner.close()
  const again = await open(survived)
  await check(again, more)
  await again.close()
}

/** One operation fails, the process goes on, and is killed some changes later. */
async function failOnce(disk: MemoryDisk, failAt: number, fault: DiskFault, history: History): Promise<number> {
  let changes = 0
  const stopAt = failAt + 1 + createPrng(failAt).below(60)
  const faulty = createFaultyDisk(disk, ({ kind }) => {
    if (!CHANGES.has(kind)) return undefined
    const change = changes++
    return change === failAt ? fault : change === stopAt ? 'stop' : undefined
  })
  try {
    await workload(await open(faulty), history)
  } catch (error) {
    if (!(error instanceof StreamsError)) throw error
  }
  return changes
}

describe('a failure at every change of the disk', () => {
  test.each(['full', 'failed'] as const)('after "%s" the log is whole', async (fault) => {
    const total = await runUntil(createMemoryDisk(), Number.POSITIVE_INFINITY, newHistory())
    for (let failAt = 0; failAt < total; failAt++) {
      const disk = createMemoryDisk()
      const history = newHistory()
      await failOnce(disk, failAt, fault, history)
      try {
        await crashAndCheck(disk, createPrng(failAt), failAt % 2 === 0 ? 'kill' : 'power-cut', history)
      } catch (error) {
        throw new Error(`after "${fault}" at change ${failAt} of ${total}: ${String(error)}`, { cause: error })
      }
    }
  })
})

describe('a crash at every change of the disk', () => {
  test.each(['kill', 'power-cut', 'power-cut-reordered'] as const)(
    'after a %s what was acknowledged is there, and transactions are whole',
    async (mode) => {
      const total = await runUntil(createMemoryDisk(), Number.POSITIVE_INFINITY, newHistory())
      expect(total).toBeGreaterThan(100)
      for (let stopAt = 0; stopAt < total; stopAt += 1) {
        const disk = createMemoryDisk()
        const history = newHistory()
        await runUntil(disk, stopAt, history)
        try {
          await crashAndCheck(disk, createPrng(stopAt), mode, history)
        } catch (error) {
          throw new Error(`after a ${mode} at change ${stopAt} of ${total}: ${String(error)}`, { cause: error })
        }
      }
    },
    60_000,
  )
})
