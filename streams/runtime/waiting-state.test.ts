import { expect, test } from 'vitest'
import { createMemoryDatabase } from '#state-stores'
import { utf8Encode } from '../base/index.ts'
import { NO_HEADERS, type StateDatabase } from '../ports/index.ts'
import { serdes } from '../serdes/index.ts'
import { type KeyValueStore, keyValueStore } from '../stores/index.ts'
import { POSITIONS_KEYSPACE, TaskStores } from './task-stores.ts'

const FLUSH_MS = 1000
const spec = keyValueStore({ name: 's', key: serdes.string, value: serdes.string })

/** The stores of a task on one database, opened as often as one likes, with a changelog that only counts. */
function createState({ isLogged = true }: { readonly isLogged?: boolean } = {}) {
  const database = createMemoryDatabase('0_0', [POSITIONS_KEYSPACE, 's'])
  let nowMs = 0
  let end = 0
  let isFull = false
  const fragile: StateDatabase = {
    ...database,
    keyspace: (name) => database.keyspace(name),
    iteratorsOpen: 0,
    stats: () => database.stats(),
    close: async () => {},
    batch: () => {
      const batch = database.batch()
      return {
        put: (keyspace, key, value) => batch.put(keyspace, key, value),
        delete: (keyspace, key) => batch.delete(keyspace, key),
        deleteRange: (keyspace, from, to) => batch.deleteRange(keyspace, from, to),
        write: () => {
          if (isFull) throw new Error('no space left')
          batch.write()
        },
      }
    },
  }
  const collector = { send: () => void end++, partitionCount: () => 1, producedOffset: () => end }
  const open = () =>
    new TaskStores({
      taskName: '0_0',
      partition: 0,
      definitions: [
        { spec, changelog: isLogged ? { name: 'log', internal: true } : undefined, changelogIsSource: false },
      ],
      topicName: (name) => name,
      changelogName: (name) => name,
      database: fragile,
      memoryDatabase: fragile,
      recordContext: { topic: 'in', partition: 0, offset: 0, timestampMs: 5, headers: NO_HEADERS },
      clock: { wallClockMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} },
      recordCache: undefined,
      cleanEntriesMax: 0,
      flushIntervalMs: FLUSH_MS,
      droppedRecord: () => {},
    })
  const put = (stores: TaskStores, key: string, value: string): void => {
    const store = stores.get('s') as unknown as KeyValueStore<string, string>
    store.put(key, value)
    stores.prepareCommit(collector)
    stores.committed(collector, () => undefined)
  }
  return {
    open,
    put,
    advance: (ms: number) => {
      nowMs += ms
      return nowMs
    },
    fill: (full: boolean) => {
      isFull = full
    },
    onDisk: (key: string) => {
      const bytes = database.keyspace('s').get(utf8Encode(key))
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
    },
  }
}

const get = (stores: TaskStores, key: string) => (stores.get('s') as unknown as KeyValueStore<string, string>).get(key)

test('small commits wait, are read by everybody, and reach the disk together with their position', () => {
  const state = createState()
  const stores = state.open()
  state.put(stores, 'a', '1')
  state.put(stores, 'a', '2')
  state.put(stores, 'b', '3')
  expect([state.onDisk('a'), get(stores, 'a'), stores.position('s')]).toEqual([undefined, '2', 3])
  const committed = stores.openCommitted('s') as unknown as KeyValueStore<string, string>
  expect([committed.get('a'), committed.get('b')]).toEqual(['2', '3'])
  expect(stores.flushWaiting(state.advance(FLUSH_MS - 1))).toBe(false)
  expect(stores.flushWaiting(state.advance(1))).toBe(true)
  expect([state.onDisk('a'), state.onDisk('b'), state.open().position('s')]).toEqual(['2', '3', 3])
  expect(stores.flushWaiting(state.advance(FLUSH_MS))).toBe(false)
})

test('a crash loses what waits, and the position says from where it has to be restored', () => {
  const state = createState()
  const stores = state.open()
  state.put(stores, 'a', '1')
  stores.flushWaiting(state.advance(FLUSH_MS))
  state.put(stores, 'a', '2')
  // No close: the process is gone.
  const after = state.open()
  expect([get(after, 'a'), after.position('s')]).toEqual(['1', 1])
})

test('closing keeps what is committed', () => {
  const state = createState()
  const stores = state.open()
  state.put(stores, 'a', '1')
  stores.close((message) => expect.unreachable(message))
  const after = state.open()
  expect([get(after, 'a'), after.position('s')]).toEqual(['1', 1])
})

test('after a commit that could not be written nothing more is, since the positions speak of it', () => {
  const state = createState()
  const stores = state.open()
  state.put(stores, 'a', '1')
  state.fill(true)
  const store = stores.get('s') as unknown as KeyValueStore<string, string>
  for (let i = 0; i < 600; i++) store.put(`k${i}`, 'many, so they do not wait')
  expect(() => state.put(stores, 'b', '2')).toThrow('no space left')
  state.fill(false)
  stores.close((message) => expect.unreachable(message))
  expect([state.onDisk('a'), state.onDisk('b'), state.open().position('s')]).toEqual([undefined, undefined, undefined])
})

test('what cannot be written when the stores close is told, and restored later', () => {
  const state = createState()
  const stores = state.open()
  state.put(stores, 'a', '1')
  state.fill(true)
  const warnings: string[] = []
  stores.close((message) => warnings.push(message))
  expect(warnings).toEqual([expect.stringContaining('no space left')])
  expect(state.open().position('s')).toBeUndefined()
})

test('a store without a changelog never waits: nothing could restore it', () => {
  const state = createState({ isLogged: false })
  const stores = state.open()
  state.put(stores, 'a', '1')
  expect(state.onDisk('a')).toBe('1')
})
