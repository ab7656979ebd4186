import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hexOf } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import type { EngineFactory } from './key-value-store.contract.ts'
import { versionedKeyValueStore } from './specs.ts'
import { StoreHarness } from './store-harness.contract.ts'
import type { ManagedStore, VersionedKeyValueStore } from './types.ts'
import { createVersionedStore } from './versioned-store.ts'

const spec = versionedKeyValueStore({
  name: 'store',
  key: serdes.string,
  value: serdes.string,
  historyRetentionMs: 100,
  segmentIntervalMs: 30,
})

type Store = ManagedStore & VersionedKeyValueStore<string, string>

/** Equality with Java, operation by operation, is in java-stores.test.ts; here is what surrounds it. */
export function versionedStoreContract(engineName: string, newEngine: EngineFactory): void {
  describe(`versioned store over ${engineName}`, () => {
    let made: Awaited<ReturnType<EngineFactory>>
    let harness: StoreHarness<Store>
    beforeEach(async () => {
      made = await newEngine()
      harness = new StoreHarness<Store>(made.engine, (environment) => createVersionedStore(spec, environment), {
        cleanEntriesMax: 4,
      })
      await harness.open()
    })
    afterEach(async () => {
      await harness.close()
      await made.cleanUp()
    })
    const versions = (key: string, fromMs: number, toMs: number): string =>
      Array.from(
        harness.store.versions(key, fromMs, toMs),
        ({ timestampMs, validToMs, value }) => `${timestampMs}-${validToMs ?? ''}=${value}`,
      ).join(' ')

    test('versions come out of order and are found by time, across commits, crashes and a restore', async () => {
      const { store } = harness
      expect(store.put('a', '10', 10)).toBe(undefined)
      expect(store.put('a', '50', 50)).toBe(undefined)
      harness.commit()
      expect(store.put('a', '30', 30)).toBe(50)
      expect(store.put('a', null, 20)).toBe(30)
      expect(store.put('b', 'x', 40)).toBe(undefined)
      const check = () => {
        expect(harness.store.get('a')).toEqual({ value: '50', timestampMs: 50 })
        expect(harness.store.getAsOf('a', 9)).toBe(undefined)
        expect(harness.store.getAsOf('a', 19)).toEqual({ value: '10', timestampMs: 10, validToMs: 20 })
        expect(harness.store.getAsOf('a', 20)).toBe(undefined)
        expect(harness.store.getAsOf('a', 45)).toEqual({ value: '30', timestampMs: 30, validToMs: 50 })
        expect(harness.store.getAsOf('a', 500)).toEqual({ value: '50', timestampMs: 50 })
        expect(versions('a', 15, 35)).toBe('30-50=30 10-20=10')
        expect(versions('a', 0, 100)).toBe('50-=50 30-50=30 10-20=10')
        expect(versions('c', 0, 100)).toBe('')
      }
      check()
      harness.commit()
      check()
      await harness.crash()
      check()
      await harness.restore(2)
      check()
      expect(harness.store.dirtyEntries).toBe(0)
    })

    test('a deletion returns what was valid then', () => {
      const { store } = harness
      store.put('a', '10', 10)
      expect(store.delete('a', 20)).toEqual({ value: '10', timestampMs: 10 })
      expect(store.get('a')).toBe(undefined)
      expect(store.getAsOf('a', 15)).toEqual({ value: '10', timestampMs: 10, validToMs: 20 })
      expect(store.delete('a', 25)).toBe(undefined)
    })

    test('what is older than the history retention is refused and counted, and forgotten by whole segments', async () => {
      const { store } = harness
      store.put('a', 'old', 5)
      store.put('a', 'newer', 20)
      harness.commit()
      store.put('b', 'x', 200)
      expect(store.put('a', 'late', 99)).toBe('expired')
      expect(store.delete('a', 99)).toBe(undefined)
      expect(harness.dropped).toEqual(['Skipping record for expired put.', 'Skipping record for expired delete.'])
      // The latest version never expires.
      expect(store.get('a')).toEqual({ value: 'newer', timestampMs: 20 })
      expect(store.getAsOf('a', 50)).toEqual({ value: 'newer', timestampMs: 20 })
      expect(store.getAsOf('a', 10)).toBe(undefined)
      harness.commit()
      expect(harness.database.keyspace('store').approximateCount()).toBe(2)
      await harness.crash()
      expect(harness.store.put('a', 'late', 99)).toBe('expired')
    })

    test('an abort takes versions and stream time back', () => {
      const { store } = harness
      store.put('a', '10', 10)
      harness.commit()
      store.put('a', '500', 500)
      store.put('a', '450', 450)
      harness.abort()
      expect(versions('a', 0, 1000)).toBe('10-=10')
      expect(store.put('a', '20', 20)).toBe(undefined)
      expect(store.dirtyEntries).toBeGreaterThan(0)
      expect(store.dirtyBytes).toBeGreaterThan(0)
    })

    test('the changelog has each version once: key, raw value, its own timestamp', () => {
      harness.context.timestampMs = 99
      harness.store.put('k', 'v', 5)
      harness.store.put('k', 'w', 7)
      harness.store.put('k', 'x', 5)
      harness.store.delete('k', 9)
      const records = harness
        .commit()
        .map(({ key, value, timestampMs }) => [hexOf(key as Uint8Array), value && hexOf(value), timestampMs])
      expect(records).toEqual([
        ['6b', '78', 5],
        ['6b', '77', 7],
        ['6b', null, 9],
      ])
      expect(harness.commit()).toEqual([])
    })

    test('iterators are counted', () => {
      harness.store.put('a', '1', 1)
      const iterator = harness.store.versions('a', 0, 10)
      expect(harness.store.iteratorsOpen).toBe(1)
      iterator.close()
      expect(harness.store.iteratorsOpen).toBe(0)
    })
  })
}
