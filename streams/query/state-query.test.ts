import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk, type LogOwner } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { partitionForKey, utf8Encode } from '../base/index.ts'
import {
  createStreamsBuilder,
  lruStore,
  type Processor,
  type StreamRecord,
  serdes,
  sessionStoreWithHeaders,
  sessionWindows,
  timestampedKeyValueStoreWithHeaders,
  timestampedWindowStoreWithHeaders,
  tumblingWindows,
} from '../index.ts'
import { type Headers, type Log, NO_METRICS, SILENT_LOGGER } from '../ports/index.ts'
import { createLocalMembership, createStreamThread, resolveConfig, type StreamThread } from '../runtime/index.ts'
import {
  executeQuery,
  executeStateQuery,
  mergePositions,
  mergeStateResults,
  type Position,
  type StateQuery,
  type StateQueryRequest,
} from './index.ts'

const PARTITIONS = 2
const TEXTS = { key: serdes.string, value: serdes.string }

const kept = timestampedKeyValueStoreWithHeaders({ name: 'kept', ...TEXTS })
const keptWindows = timestampedWindowStoreWithHeaders({
  name: 'kept-windows',
  ...TEXTS,
  windowSizeMs: 10,
  retentionMs: 1e6,
})
const keptSessions = sessionStoreWithHeaders({ name: 'kept-sessions', ...TEXTS, retentionMs: 1e6 })
const few = lruStore({ name: 'few', ...TEXTS, entriesMax: 2 })

/** Keeps each record with its headers, and one without a timestamp. */
function createKeeper(): Processor<string, string, never, never> {
  let keep: (record: StreamRecord<string, string>) => void = () => {}
  return {
    init(context) {
      const store = context.store(kept)
      const windows = context.store(keptWindows)
      const sessions = context.store(keptSessions)
      const lru = context.store(few)
      keep = ({ key, value, timestampMs, headers }) => {
        store.put(key, { value, timestampMs, headers })
        store.put(`${key}!`, { value, timestampMs: -1, headers })
        windows.put(key, { value, timestampMs, headers }, timestampMs)
        sessions.put({ key, window: { startMs: timestampMs, endMs: timestampMs + 1 } }, { aggregation: value, headers })
        lru.put(key, value)
      }
    },
    process: (record) => keep(record),
  }
}

function topology() {
  const builder = createStreamsBuilder()
  const input = builder.stream('in', TEXTS)
  input.toTable({ store: { name: 'table', caching: false } })
  input.toTable({ store: { name: 'history', historyRetentionMs: 100_000 } })
  const grouped = input.groupByKey()
  grouped.windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 1000 })).count({ store: 'windows' })
  grouped.windowedBy(sessionWindows({ inactivityGapMs: 5, graceMs: 1000 })).count({ store: 'sessions' })
  builder.globalTable('rates', { ...TEXTS, store: 'rates' })
  const withHeaders = true
  input.toTable({ store: { name: 'table-h', withHeaders } })
  grouped
    .windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 1000 }))
    .count({ store: { name: 'windows-h', withHeaders } })
  grouped
    .windowedBy(sessionWindows({ inactivityGapMs: 5, graceMs: 1000 }))
    .count({ store: { name: 'sessions-h', withHeaders } })
  input.process({ stores: [kept, keptWindows, keptSessions, few], get: createKeeper })
  return builder.build()
}

let owner: LogOwner
let log: Log
let thread: StreamThread
let ended: Promise<void>

beforeAll(async () => {
  owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  log = owner.connect()
  await log.admin.createTopics(['in', 'rates'].map((name) => ({ name, partitions: PARTITIONS })))
  await write('rates', [['x', '7', 1]])
  await write('in', [
    ['a', 'a1', 1],
    ['b', 'b1', 2],
    ['a', 'a2', 12],
    ['c', 'c1', 13],
    ['a', 'a3', 30],
  ])
  // Commits only when it is told to.
  const config = resolveConfig({ applicationId: 'app', commitIntervalMs: 3_600_000, pollMs: 5, cacheBytesMax: 0 })
  thread = createStreamThread({
    name: 'app-1',
    topology: topology(),
    config,
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: createMemoryEngine(),
    memoryEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  ended = thread.run()
  await until(() => processed() === 5)
})

afterAll(async () => {
  thread.stop()
  await ended
  await log.close()
  await owner.close()
})

const headersOf = (value: string): Headers => [{ key: 'of', value: utf8Encode(value) }]

async function write(topic: string, records: readonly (readonly [string, string, number])[]): Promise<void> {
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1_000_000 })
  await producer.prepareTopics([topic])
  for (const [key, value, timestampMs] of records) {
    const bytes = utf8Encode(key)
    producer.send(topic, partitionForKey(bytes, PARTITIONS), bytes, utf8Encode(value), timestampMs, headersOf(value))
  }
  await producer.flush()
  await producer.close()
}

const processed = (): number =>
  thread
    .metadata()
    .tasks.reduce((sum, { inputs }) => sum + inputs.reduce((total, input) => total + input.position, 0), 0)

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error('it did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const partitionOf = (key: string): number => partitionForKey(utf8Encode(key), PARTITIONS)
const ask = (store: string, query: StateQuery, more: Partial<StateQueryRequest> = {}) =>
  executeStateQuery(thread, { store, query, ...more })
/** Entries of all partitions; failures as text. */
const entriesOf = (...request: Parameters<typeof ask>): readonly unknown[] =>
  Object.values(ask(...request).partitions).flatMap((result): readonly unknown[] =>
    result.isSuccess ? result.entries : [result.reason],
  )

describe('interactive queries, version 2', () => {
  test('by key: the plain value, or with its timestamp', () => {
    expect(entriesOf('table', { kind: 'key', key: 'a' })).toEqual([{ key: 'a', value: 'a3' }])
    expect(entriesOf('table', { kind: 'timestamped-key', key: 'a' })).toEqual([
      { key: 'a', value: 'a3', timestampMs: 30 },
    ])
    expect(entriesOf('table', { kind: 'key', key: 'nobody' })).toEqual([])
  })

  test('by range, in both orders, cut at a limit', () => {
    const all = entriesOf('table', { kind: 'range' }).map((entry) => (entry as { key: string }).key)
    expect([...all].sort()).toEqual(['a', 'b', 'c'])
    const partitions = [partitionOf('a')]
    const own = ['a', 'b', 'c'].filter((key) => partitionOf(key) === partitionOf('a'))
    const keys = (order: 'ascending' | 'descending') =>
      entriesOf('table', { kind: 'timestamped-range', order }, { partitions }).map(
        (entry) => (entry as { key: string }).key,
      )
    expect(keys('ascending')).toEqual(own)
    expect(keys('descending')).toEqual([...own].reverse())
    const cut = ask('table', { kind: 'range' }, { partitions, limit: 0 }).partitions[partitionOf('a')]
    expect(cut).toMatchObject({ isSuccess: true, entries: [], isCut: true })
  })

  test('windows of a key and of all keys, sessions', () => {
    expect(entriesOf('windows', { kind: 'window-key', key: 'a', fromMs: 0, toMs: 20 })).toEqual([
      { key: 'a', startMs: 0, endMs: 10, value: 1, timestampMs: 1 },
      { key: 'a', startMs: 10, endMs: 20, value: 1, timestampMs: 12 },
    ])
    const starts = entriesOf('windows', { kind: 'window-range', fromMs: 10, toMs: 30 }) as readonly { key: string }[]
    expect(starts.map(({ key }) => key).sort()).toEqual(['a', 'a', 'c'])
    expect(entriesOf('sessions', { kind: 'session', key: 'a' })).toEqual([
      { key: 'a', startMs: 1, endMs: 1, value: 1 },
      { key: 'a', startMs: 12, endMs: 12, value: 1 },
      { key: 'a', startMs: 30, endMs: 30, value: 1 },
    ])
  })

  test('versions: the latest, as of a time, all in either order', () => {
    expect(entriesOf('history', { kind: 'versioned-key', key: 'a' })).toMatchObject([{ value: 'a3', timestampMs: 30 }])
    expect(entriesOf('history', { kind: 'versioned-key', key: 'a', asOfMs: 15 })).toMatchObject([
      { value: 'a2', startMs: 12, endMs: 30 },
    ])
    const values = (order?: 'ascending') =>
      (
        entriesOf('history', { kind: 'multi-versioned-key', key: 'a', ...(order && { order }) }) as { value: string }[]
      ).map(({ value }) => value)
    expect(values()).toEqual(['a3', 'a2', 'a1'])
    expect(values('ascending')).toEqual(['a1', 'a2', 'a3'])
  })

  test('a global store answers for itself', () => {
    const { partitions, global } = ask('rates', { kind: 'key', key: 'x' })
    expect(partitions).toEqual({})
    expect(global).toMatchObject({ isSuccess: true, entries: [{ key: 'x', value: '7' }] })
  })

  test('a global store says how far it is, in all partitions, and keeps to a bound', async () => {
    const at = partitionOf('x')
    const query = { kind: 'key', key: 'x' } as const
    expect(ask('rates', query).global).toMatchObject({ isSuccess: true, position: { rates: { [at]: 0 } } })
    const bounded = (positionBound: Position) => ask('rates', query, { positionBound }).global
    expect(bounded({ rates: { [at]: 0 } })).toMatchObject({ isSuccess: true })
    expect(bounded({ other: {} })).toMatchObject({ isSuccess: true })
    for (const bound of [{ [at]: 1 }, { [at]: 0, [1 - at]: 0 }])
      expect(bounded({ rates: bound })).toMatchObject({ isSuccess: false, reason: 'NOT_UP_TO_BOUND' })
    await write('rates', [['x', '8', 2]])
    await until(() => bounded({ rates: { [at]: 1 } })?.isSuccess === true)
    const plainly = (atLeast: Position) => executeQuery(thread, { store: 'rates', ...query, atLeast }).entries
    expect(plainly({ rates: { [at]: 1 } })).toEqual([{ key: 'x', value: { value: '8', timestampMs: 2 } }])
    expect(() => plainly({ rates: { [at]: 2 } })).toThrow(/rates-\d was read up to offset 1, the bound asks for 2/)
    for (const isolation of ['read-committed', 'read-uncommitted'] as const)
      expect(ask('rates', query, { isolation }).global).toMatchObject({ entries: [{ key: 'x', value: '8' }] })
  })

  test('stores with headers answer with them, and without where they are not asked for', () => {
    const a3 = { key: 'a', value: 'a3' }
    const headers = headersOf('a3')
    expect(entriesOf('kept', { kind: 'key', key: 'a' })).toEqual([a3])
    expect(entriesOf('kept', { kind: 'timestamped-key', key: 'a' })).toEqual([{ ...a3, timestampMs: 30 }])
    const whole = { ...a3, timestampMs: 30, headers }
    expect(entriesOf('kept', { kind: 'timestamped-key-with-headers', key: 'a' })).toEqual([whole])
    const range = { kind: 'timestamped-range-with-headers', from: 'a', to: 'a', order: 'descending' } as const
    expect(entriesOf('kept', range)).toEqual([whole])
    expect(entriesOf('kept', { kind: 'range', from: 'a', to: 'a' })).toEqual([a3])
    expect(entriesOf('kept', { kind: 'timestamped-key', key: 'a!' })).toMatchObject([{ timestampMs: -1 }])
    const partitions = [partitionOf('a')]
    // It was put by the task that has a.
    expect(entriesOf('kept', { kind: 'timestamped-key-with-headers', key: 'a!' }, { partitions })).toEqual([
      'STORE_EXCEPTION',
    ])

    const window = { ...a3, startMs: 30, endMs: 40, timestampMs: 30 }
    const times = { key: 'a', fromMs: 20, toMs: 99 } as const
    expect(entriesOf('kept-windows', { kind: 'window-key', ...times })).toEqual([window])
    expect(entriesOf('kept-windows', { kind: 'window-key-with-headers', ...times })).toEqual([{ ...window, headers }])
    expect(entriesOf('kept-windows', { kind: 'window-range-with-headers', fromMs: 20, toMs: 99 })).toEqual([
      { ...window, headers },
    ])
    const sessions = entriesOf('kept-sessions', { kind: 'session', key: 'a' })
    expect(sessions.at(-1)).toEqual({ ...a3, startMs: 30, endMs: 31 })
    expect(entriesOf('kept-sessions', { kind: 'session-with-headers', key: 'a' }).at(-1)).toEqual({
      ...a3,
      startMs: 30,
      endMs: 31,
      timestampMs: 31,
      headers,
    })
  })

  test("the DSL's stores with headers have empty ones; other stores know no such query", () => {
    expect(entriesOf('table-h', { kind: 'timestamped-key-with-headers', key: 'a' })).toEqual([
      { key: 'a', value: 'a3', timestampMs: 30, headers: [] },
    ])
    expect(entriesOf('windows-h', { kind: 'window-key-with-headers', key: 'a', fromMs: 0, toMs: 9 })).toEqual([
      { key: 'a', startMs: 0, endMs: 10, value: 1, timestampMs: 1, headers: [] },
    ])
    expect(entriesOf('sessions-h', { kind: 'session-with-headers', key: 'c' })).toEqual([
      { key: 'c', startMs: 13, endMs: 13, value: 1, timestampMs: 13, headers: [] },
    ])
    const partitions = [0]
    const unknown = (store: string, query: StateQuery) =>
      expect(entriesOf(store, query, { partitions })).toEqual(['UNKNOWN_QUERY_TYPE'])
    unknown('table', { kind: 'timestamped-key-with-headers', key: 'a' })
    unknown('table', { kind: 'timestamped-range-with-headers' })
    unknown('windows', { kind: 'window-key-with-headers', key: 'a', fromMs: 0, toMs: 9 })
    unknown('windows', { kind: 'window-range-with-headers', fromMs: 0, toMs: 9 })
    unknown('sessions', { kind: 'session-with-headers', key: 'a' })
    unknown('sessions-h', { kind: 'window-range-with-headers', fromMs: 0, toMs: 9 })
  })

  test('an LRU store answers as a key-value store', () => {
    expect(entriesOf('few', { kind: 'key', key: 'a' })).toEqual([{ key: 'a', value: 'a3' }])
    expect(entriesOf('few', { kind: 'range' }, { partitions: [partitionOf('a')] })).toHaveLength(2)
    expect(entriesOf('few', { kind: 'timestamped-key', key: 'a' }, { partitions: [0] })).toEqual(['UNKNOWN_QUERY_TYPE'])
    expect(entriesOf('few', { kind: 'key', key: 'a' }, { isolation: 'read-committed' })).toEqual([])
  })

  test('what is not committed is seen unless it is asked not to be', async () => {
    expect(entriesOf('table', { kind: 'key', key: 'a' }, { isolation: 'read-committed' })).toEqual([])
    expect(
      entriesOf('windows', { kind: 'window-range', fromMs: 0, toMs: 99 }, { isolation: 'read-committed' }),
    ).toEqual([])
    expect(entriesOf('table', { kind: 'key', key: 'a' }, { skipCache: true })).toEqual([])
    for (const task of thread.tasks.values()) task.commitRequested = true
    await until(() => entriesOf('table', { kind: 'key', key: 'a' }, { isolation: 'read-committed' }).length === 1)
    await write('in', [['a', 'a4', 31]])
    await until(() => processed() === 6)
    const value = (isolation: 'read-committed' | 'read-uncommitted') =>
      entriesOf('table', { kind: 'key', key: 'a' }, { isolation })
    expect(value('read-committed')).toEqual([{ key: 'a', value: 'a3' }])
    expect(value('read-uncommitted')).toEqual([{ key: 'a', value: 'a4' }])
    expect(
      entriesOf('windows', { kind: 'window-key', key: 'a', fromMs: 0, toMs: 99 }, { isolation: 'read-committed' }),
    ).toHaveLength(3)
    expect(entriesOf('sessions', { kind: 'session', key: 'a' }, { isolation: 'read-committed' })).toHaveLength(3)
    expect(entriesOf('history', { kind: 'versioned-key', key: 'a' }, { isolation: 'read-committed' })).toMatchObject([
      { value: 'a3' },
    ])
  })

  test('an answer is at least as far as the bound, or says that it is not', () => {
    const query = { kind: 'key', key: 'a' } as const
    const partition = partitionOf('a')
    const seen = ask('table', query, { partitions: [partition] }).partitions[partition]
    const offset = seen?.position.in?.[partition] ?? -1
    expect(offset).toBeGreaterThan(1)
    const bound = (at: number) =>
      ask('table', query, { partitions: [partition], positionBound: { in: { [partition]: at } } })
    expect(bound(offset).partitions[partition]?.isSuccess).toBe(true)
    expect(bound(offset + 1).partitions[partition]).toMatchObject({ isSuccess: false, reason: 'NOT_UP_TO_BOUND' })
    expect(mergePositions({ in: { 0: 5, 1: 2 } }, { in: { 0: 3 }, other: { 0: 1 } })).toEqual({
      in: { 0: 5, 1: 2 },
      other: { 0: 1 },
    })
  })

  test('each partition says why it has no answer', () => {
    expect(entriesOf('table', { kind: 'session', key: 'a' })).toEqual(['UNKNOWN_QUERY_TYPE', 'UNKNOWN_QUERY_TYPE'])
    expect(entriesOf('history', { kind: 'key', key: 'a' })).toEqual(['UNKNOWN_QUERY_TYPE', 'UNKNOWN_QUERY_TYPE'])
    expect(entriesOf('table', { kind: 'key', key: 5 }, { partitions: [0] })).toEqual(['STORE_EXCEPTION'])
    expect(entriesOf('table', { kind: 'key', key: 'a' }, { partitions: [7] })).toEqual(['DOES_NOT_EXIST'])
    expect(() => ask('nothing', { kind: 'key', key: 'a' })).toThrow(/there is no store nothing/)
    const request = { store: 'table', query: { kind: 'key', key: 'a' }, partitions: [1] } as const
    expect(mergeStateResults(request, [{ partitions: {} }]).partitions[1]).toMatchObject({ reason: 'NOT_PRESENT' })
  })

  test('execution info says who answered', () => {
    const partition = partitionOf('a')
    const answer = ask('table', { kind: 'key', key: 'a' }, { executionInfo: true }).partitions[partition]
    expect(answer?.executionInfo).toEqual([`key query answered by thread app-1, task 0_${partition}, read-uncommitted`])
  })
})
