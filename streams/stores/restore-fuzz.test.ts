import { describe, expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { type Bytes, createPrng, hasCode } from '../base/index.ts'
import { type LogRecord, NO_HEADERS } from '../ports/index.ts'
import { encodeSessionKey, encodeWindowStoreKey, serdes } from '../serdes/index.ts'
import {
  createStore,
  type KeyValueStore,
  keyValueStore,
  type ManagedStore,
  type SessionStore,
  type StoreSpec,
  sessionStore,
  sessionStoreWithHeaders,
  timestampedKeyValueStore,
  timestampedKeyValueStoreWithHeaders,
  timestampedWindowStore,
  type VersionedKeyValueStore,
  versionedKeyValueStore,
  type WindowStore,
  windowStore,
} from './index.ts'
import { StoreHarness } from './store-harness.contract.ts'
import { mutatedBytes } from './testing/mutated-bytes.ts'

const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES = 250
const RECORDS = 4

const options = { key: serdes.string, value: serdes.int64 } as const
const window = { ...options, windowSizeMs: 10_000, retentionMs: 1_000_000 } as const
const plainKey = serdes.string.serialize('key', 't')
const windowKey = encodeWindowStoreKey(plainKey, 20_000, 3)
const sessionKey = encodeSessionKey(plainKey, 10_000, 20_000)

const kinds: readonly (readonly [StoreSpec, Bytes])[] = [
  [keyValueStore({ ...options, name: 'plain' }), plainKey],
  [timestampedKeyValueStore({ ...options, name: 'timestamped' }), plainKey],
  [timestampedKeyValueStoreWithHeaders({ ...options, name: 'with-headers' }), plainKey],
  [windowStore({ ...window, name: 'window' }), windowKey],
  [windowStore({ ...window, name: 'duplicates', retainDuplicates: true }), windowKey],
  [timestampedWindowStore({ ...window, name: 'timestamped-window' }), windowKey],
  [sessionStore({ ...options, name: 'session', retentionMs: 1_000_000 }), sessionKey],
  [sessionStoreWithHeaders({ ...options, name: 'session-with-headers', retentionMs: 1_000_000 }), sessionKey],
  [versionedKeyValueStore({ ...options, name: 'versioned', historyRetentionMs: 100_000 }), plainKey],
]

async function openHarness(spec: StoreSpec): Promise<StoreHarness<ManagedStore>> {
  const create = (environment: Parameters<typeof createStore>[1]): ManagedStore => createStore(spec, environment)
  return new StoreHarness(createMemoryEngine(), create).open()
}

/** Everything that is in it. */
function readAll(spec: StoreSpec, store: unknown): void {
  if (spec.kind === 'versioned') (store as VersionedKeyValueStore<string, number>).get('key')
  else if (spec.kind === 'session') for (const _ of (store as SessionStore<string, number>).fetch('key'));
  else if (spec.kind === 'window') for (const _ of (store as WindowStore<string, number>).all());
  else for (const _ of (store as KeyValueStore<string, number>).all());
}

const record = (offset: number, key: Bytes | null, value: Bytes | null, timestampMs = 20_000): LogRecord => ({
  ...{ offset, key, value, timestampMs },
  headers: NO_HEADERS,
})

describe(`changelogs with mutated bytes (seed ${SEED})`, () => {
  test.each(kinds.map(([spec, key]) => [spec.name, spec, key] as const))(
    '%s: restored and read, or RECORD_UNREADABLE',
    async (_name, spec, soundKey) => {
      let refused = 0
      for (let i = 0; i < CASES; i++) {
        const prng = createPrng(SEED + i)
        const harness = await openHarness(spec)
        for (let offset = 0; offset < RECORDS; offset++) {
          const key = prng.below(3) === 0 ? soundKey : mutatedBytes(prng, soundKey)
          const value =
            prng.below(3) === 0 ? mutatedBytes(prng, serdes.int64.serialize(5, 't')) : serdes.int64.serialize(5, 't')
          harness.changelog.push(record(offset, key, value, [20_000, 0, -1, 30_000][prng.below(4)]))
        }
        try {
          harness.restoreInPlace(0, 2)
          readAll(spec, harness.store)
        } catch (error) {
          expect(hasCode(error, 'RECORD_UNREADABLE'), `SEED=${SEED + i}: ${(error as Error).stack}`).toBe(true)
          refused++
        }
        await harness.close()
      }
      expect(refused).toBeGreaterThan(0)
      expect(refused).toBeLessThan(CASES)
    },
  )

  test.each<[string, StoreSpec, Bytes]>([
    ['a window that is cut off', windowStore({ ...window, name: 'w' }), windowKey.slice(4)],
    ['a window without a time', windowStore({ ...window, name: 'w' }), new Uint8Array(5)],
    ['a window before time began', windowStore({ ...window, name: 'w' }), new Uint8Array(15).fill(0xff)],
    ['a session that is cut off', sessionStore({ ...options, name: 's', retentionMs: 10 }), new Uint8Array(15)],
    [
      'a session that ends before it starts',
      sessionStore({ ...options, name: 's', retentionMs: 10 }),
      encodeSessionKey(plainKey, 9, 5),
    ],
  ])('%s names the changelog and the offset', async (_what, spec, key) => {
    const harness = await openHarness(spec)
    harness.changelog.push(record(0, key, serdes.int64.serialize(5, 't')))
    expect(() => harness.restoreInPlace(0)).toThrow(
      /key at offset 0 of the changelog app-store-changelog cannot be read/,
    )
    await harness.close()
  })

  test('a stored value without its whole timestamp is unreadable, not of the year 1970', async () => {
    const harness = await openHarness(timestampedKeyValueStore({ ...options, name: 't' }))
    const batch = harness.database.batch()
    batch.put(harness.database.keyspace('store'), plainKey, Uint8Array.of(0, 0, 0))
    batch.write()
    const store = harness.store as unknown as KeyValueStore<string, unknown>
    expect(() => store.get('key')).toThrow(/cannot read a stored value: 3 bytes are too few/)
    await harness.close()
  })
})
