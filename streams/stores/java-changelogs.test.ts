import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { hexOf } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import {
  createStore,
  keyValueStore,
  type ManagedStore,
  type OpenStore,
  type StoreSpec,
  sessionStore,
  sessionStoreWithHeaders,
  timestampedKeyValueStore,
  timestampedKeyValueStoreWithHeaders,
  timestampedWindowStore,
  timestampedWindowStoreWithHeaders,
  versionedKeyValueStore,
  windowStore,
} from './index.ts'
import { StoreHarness } from './store-harness.contract.ts'

/** What Kafka Streams 4.3.1 wrote, made by testdata/JavaChangelogs.java: store, key, value, timestamp, headers. */
const golden = readFileSync(new URL('./testdata/java-changelogs.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')

const options = { key: serdes.string, value: serdes.int64 } as const
const window = { ...options, windowSizeMs: 10_000, retentionMs: 100_000 } as const

async function changelogOf<S extends StoreSpec>(spec: S, write: (store: OpenStore<S>) => void): Promise<string[]> {
  const create = (environment: Parameters<typeof createStore>[1]): ManagedStore => createStore(spec, environment)
  const harness = await new StoreHarness(createMemoryEngine(), create).open()
  harness.context.timestampMs = 123_456
  harness.context.headers = [{ key: 'of-the-record', value: Uint8Array.of(1) }]
  write(harness.store as OpenStore<S>)
  const lines = harness.commit().map(({ key, value, timestampMs, headers }) => {
    const shown = value === null ? '-' : hexOf(value)
    return [
      spec.name,
      hexOf(key as Uint8Array),
      shown,
      timestampMs,
      headers.map((each) => each.key).join() || '-',
    ].join('\t')
  })
  await harness.close()
  return lines
}

test('changelogs are those that Java writes', async () => {
  const headers = [
    { key: 'source', value: Uint8Array.of(9, 8) },
    { key: 'empty', value: null },
  ]
  const session = (startMs: number, endMs: number) => ({ key: 'k', window: { startMs, endMs } })
  const lines = [
    ...(await changelogOf(keyValueStore({ ...options, name: 'plain' }), (store) => {
      store.put('k', 7)
      store.put('gone', null)
    })),
    ...(await changelogOf(timestampedKeyValueStore({ ...options, name: 'timestamped' }), (store) => {
      store.put('k', { value: 7, timestampMs: 42 })
      store.put('gone', null)
    })),
    ...(await changelogOf(windowStore({ ...window, name: 'window' }), (store) => {
      store.put('k', 7, 10_000)
      store.put('k', null, 20_000)
    })),
    ...(await changelogOf(timestampedWindowStore({ ...window, name: 'timestamped-window' }), (store) => {
      store.put('k', { value: 7, timestampMs: 42 }, 10_000)
      store.put('k', null, 20_000)
    })),
    ...(await changelogOf(windowStore({ ...window, name: 'duplicates', retainDuplicates: true }), (store) => {
      store.put('k', 7, 10_000)
      store.put('k', 8, 10_000)
      store.put('k', null, 10_000)
    })),
    ...(await changelogOf(sessionStore({ ...options, name: 'session', retentionMs: 100_000 }), (store) => {
      store.put(session(5_000, 15_000), 7)
      store.remove(session(1_000, 2_000))
    })),
    ...(await changelogOf(timestampedKeyValueStoreWithHeaders({ ...options, name: 'with-headers' }), (store) => {
      store.put('k', { value: 7, timestampMs: 42, headers })
      store.put('none', { value: 8, timestampMs: 43, headers: [] })
      store.put('gone', null)
    })),
    ...(await changelogOf(timestampedWindowStoreWithHeaders({ ...window, name: 'window-with-headers' }), (store) => {
      store.put('k', { value: 7, timestampMs: 42, headers }, 10_000)
      store.put('k', null, 20_000)
    })),
    ...(await changelogOf(
      sessionStoreWithHeaders({ ...options, name: 'session-with-headers', retentionMs: 100_000 }),
      (store) => {
        store.put(session(5_000, 15_000), { aggregation: 7, headers })
        store.remove(session(1_000, 2_000))
      },
    )),
    ...(await changelogOf(
      versionedKeyValueStore({ ...options, name: 'versioned', historyRetentionMs: 100_000 }),
      (store) => {
        store.put('k', 7, 500)
        store.put('k', 6, 400)
        store.put('k', null, 600)
      },
    )),
  ]
  // Java also logs a deletion from a store of duplicates, under a sequence number of its own, which deletes nothing.
  const isOfNothing = (line: string): boolean => line.startsWith('duplicates\t6b000000000000271000000003\t-')
  expect(golden.filter(isOfNothing).length).toBe(1)
  expect(lines).toEqual(golden.filter((line) => !isOfNothing(line)))
})
