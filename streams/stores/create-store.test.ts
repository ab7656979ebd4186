import { expect, expectTypeOf, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { serdes } from '../serdes/index.ts'
import {
  createStore,
  keyValueStore,
  sessionStore,
  storeIteratorsOpen,
  timestampedKeyValueStore,
  timestampedWindowStore,
  versionedKeyValueStore,
  windowStore,
} from './index.ts'
import { StoreHarness } from './store-harness.contract.ts'
import type { CustomStoreSpec, ManagedStore, StoreSpec, ValueAndTimestamp } from './types.ts'

const options = { name: 'store', key: serdes.string, value: serdes.int64 } as const
const windows = { ...options, windowSizeMs: 10, retentionMs: 100 } as const

async function open<S extends StoreSpec>(spec: S) {
  const harness = new StoreHarness(createMemoryEngine(), (environment) => createStore(spec, environment))
  return (await harness.open()).store
}

test('each kind of spec opens its kind of store', async () => {
  const plain = await open(keyValueStore(options))
  plain.put('a', 1)
  expectTypeOf(plain.get('a')).toEqualTypeOf<number | undefined>()
  const timestamped = await open(timestampedKeyValueStore(options))
  timestamped.put('a', { value: 1, timestampMs: 5 })
  expectTypeOf(timestamped.get('a')).toEqualTypeOf<ValueAndTimestamp<number> | undefined>()
  const window = await open(windowStore(windows))
  window.put('a', 1, 0)
  expectTypeOf(window.fetch('a', 0)).toEqualTypeOf<number | undefined>()
  const timestampedWindow = await open(timestampedWindowStore(windows))
  timestampedWindow.put('a', { value: 1, timestampMs: 5 }, 0)
  const session = await open(sessionStore({ ...options, retentionMs: 100 }))
  session.put({ key: 'a', window: { startMs: 0, endMs: 1 } }, 1)
  const versioned = await open(versionedKeyValueStore({ ...options, historyRetentionMs: 100 }))
  versioned.put('a', 1, 5)
  expect([
    plain.get('a'),
    timestamped.get('a'),
    window.fetch('a', 0),
    timestampedWindow.fetch('a', 0),
    session.fetchSession('a', 0, 1),
    versioned.get('a'),
  ]).toEqual([1, { value: 1, timestampMs: 5 }, 1, { value: 1, timestampMs: 5 }, 1, { value: 1, timestampMs: 5 }])
  expect(plain.setFlushListener(() => {}, true)).toBe(false)

  const iterators = [plain.all(), window.all()]
  expect(storeIteratorsOpen([plain, window, session])).toBe(2)
  for (const iterator of iterators) iterator.close()
  expect(storeIteratorsOpen([plain, window, session])).toBe(0)
})

test('a custom spec opens its own store', async () => {
  const plain = keyValueStore(options)
  const spec: CustomStoreSpec<ManagedStore> = {
    kind: 'custom',
    name: 'mine',
    persistence: 'memory',
    logging: undefined,
    caching: false,
    create: (environment) => createStore(plain, environment),
  }
  expect((await open(spec)).dirtyEntries).toBe(0)
})

test('keys that are objects are found by their bytes', async () => {
  type Key = { readonly member: string; readonly year: number }
  const store = await open(keyValueStore({ ...options, key: serdes.json<Key>() }))
  store.put({ member: 'm', year: 1 }, 1)
  store.put({ member: 'm', year: 2 }, 2)
  store.put({ member: 'm', year: 1 }, 3)
  expect([store.get({ member: 'm', year: 1 }), store.get({ member: 'm', year: 2 })]).toEqual([3, 2])
  expect(Array.from(store.all(), ({ key, value }) => [key.year, value])).toEqual([
    [1, 3],
    [2, 2],
  ])
  const window = await open(windowStore({ ...windows, key: serdes.json<Key>() }))
  window.put({ member: 'm', year: 1 }, 5, 0)
  expect(window.fetch({ member: 'm', year: 1 }, 0)).toBe(5)
  expect(window.fetch({ member: 'm', year: 2 }, 0)).toBe(undefined)
})

test('defaults are those of Java', () => {
  expect(windowStore({ ...windows, retentionMs: 300_000 })).toMatchObject({
    segmentIntervalMs: 150_000,
    persistence: 'persistent',
    caching: false,
    retainDuplicates: false,
    logging: {},
  })
  expect(windowStore(windows).segmentIntervalMs).toBe(60_000)
  const versioned = [60_000, 300_000, 3_600_000, 86_400_000, 3_000].map(
    (historyRetentionMs) => versionedKeyValueStore({ ...options, historyRetentionMs }).segmentIntervalMs,
  )
  expect(versioned).toEqual([20_000, 60_000, 300_000, 3_600_000, 2_000])
  expect(keyValueStore({ ...options, logging: false }).logging).toBe(undefined)
  expect(keyValueStore({ ...options, logging: { 'segment.bytes': '1' } }).logging).toEqual({
    config: { 'segment.bytes': '1' },
  })
})

test.each([
  ['a retention shorter than the window', () => windowStore({ ...windows, retentionMs: 9 })],
  ['a retention that is no whole number', () => sessionStore({ ...options, retentionMs: 1.5 })],
  ['a segment interval of 0', () => sessionStore({ ...options, retentionMs: 10, segmentIntervalMs: 0 })],
])('refuses %s', (_what, make) => {
  expect(make).toThrow(/store 'store'/)
})
