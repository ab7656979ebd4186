import { expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { NO_HEADERS } from '../ports/index.ts'
import { serdes } from '../serdes/index.ts'
import {
  keyspacesOf,
  type OpenStore,
  type StoreSpec,
  sessionStore,
  sessionStoreWithHeaders,
  timestampedWindowStore,
  timestampedWindowStoreWithHeaders,
  windowStore,
} from '../stores/index.ts'
import { POSITIONS_KEYSPACE, TaskStores } from './task-stores.ts'

const clock = { wallClockMs: () => 0, monotonicMs: () => 0, sleep: async () => {} }
const options = { name: 's', key: serdes.string, value: serdes.string, retentionMs: 1_000, segmentIntervalMs: 10 }
const window = { ...options, windowSizeMs: 10 }
const headers = [{ key: 'h', value: Uint8Array.of(1) }]
const session = (startMs: number, endMs: number) => ({ key: 'k', window: { startMs, endMs } })

/** The state of one task, opened with one spec after the other. */
async function taskState() {
  const engine = createMemoryEngine()
  return async <S extends StoreSpec>(spec: S, use: (store: OpenStore<S>) => void): Promise<void> => {
    const database = await engine.open('0_0', [POSITIONS_KEYSPACE, ...keyspacesOf(spec)])
    const stores = new TaskStores({
      taskName: '0_0',
      partition: 0,
      definitions: [{ spec, changelog: undefined, changelogIsSource: false }],
      topicName: (name) => name,
      changelogName: (name) => name,
      database,
      memoryDatabase: database,
      recordContext: { topic: 'in', partition: 0, offset: 0, timestampMs: 5, headers: NO_HEADERS },
      clock,
      recordCache: undefined,
      cleanEntriesMax: 0,
      droppedRecord: () => {},
    })
    use(stores.get('s') as OpenStore<S>)
    const collector = { send: () => {}, partitionCount: () => 1, producedOffset: () => undefined }
    stores.prepareCommit(collector)
    stores.committed(collector, () => undefined)
    stores.close((message) => expect.unreachable(message))
    await database.close()
  }
}

test('sessions that were kept without headers are read, merged and removed', async () => {
  const open = await taskState()
  await open(sessionStore(options), (store) => {
    store.put(session(10, 20), 'first')
    store.put(session(40, 50), 'second')
    store.put(session(70, 80), 'third')
  })
  const spec = sessionStoreWithHeaders(options)
  await open(spec, (store) => {
    expect(Array.from(store.fetch('k'), ({ value }) => value)).toEqual(
      ['first', 'second', 'third'].map((aggregation) => ({ aggregation, headers: NO_HEADERS })),
    )
    store.remove(session(10, 20))
    store.put(session(40, 50), { aggregation: 'again', headers })
  })
  for (let i = 0; i < 2; i++)
    await open(spec, (store) => {
      expect(
        Array.from(store.fetchKeyRange(undefined, undefined), ({ key, value }) => [key.window.endMs, value]),
      ).toEqual([
        [50, { aggregation: 'again', headers }],
        [80, { aggregation: 'third', headers: NO_HEADERS }],
      ])
    })
  // Time goes on: old and new segments expire.
  await open(spec, (store) => store.put(session(5_000, 5_000), { aggregation: 'late', headers }))
  await open(spec, (store) => expect(Array.from(store.fetch('k')).length).toBe(1))
})

test.each([
  ['with timestamps', timestampedWindowStore(window), 7],
  ['plain', windowStore(window), -1],
])('windows that were kept without headers are read: %s', async (_name, before, timestampMs) => {
  const open = await taskState()
  await open(before as StoreSpec, (store) => {
    const value = before.timestamped ? { value: 'old', timestampMs: 7 } : 'old'
    const window = store as OpenStore<ReturnType<typeof windowStore<string, unknown>>>
    window.put('k', value, 10)
    window.put('k', value, 20)
  })
  const spec = timestampedWindowStoreWithHeaders(window)
  await open(spec, (store) => {
    expect(store.fetch('k', 10)).toEqual({ value: 'old', timestampMs, headers: NO_HEADERS })
    store.put('k', { value: 'new', timestampMs: 9, headers }, 20)
  })
  await open(spec, (store) => {
    expect(Array.from(store.all(), ({ value }) => value)).toEqual([
      { value: 'old', timestampMs, headers: NO_HEADERS },
      { value: 'new', timestampMs: 9, headers },
    ])
  })
})
