import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { utf8Decode } from '../base/index.ts'
import type { StateEngine } from '../ports/index.ts'
import { serdes, timestampOf, valueBytesOf } from '../serdes/index.ts'
import { keyValueStoreModel } from './key-value-store.model.contract.ts'
import { createKeyValueStore } from './key-value-store.ts'
import { type HarnessOptions, StoreHarness } from './store-harness.contract.ts'
import { textFace, timestampedWithHeaders } from './text-face.contract.ts'
import type {
  KeyValue,
  KeyValueStore,
  KeyValueStoreSpec,
  ManagedStore,
  StoreIterator,
  ValueAndTimestamp,
} from './types.ts'

export type EngineFactory = () => Promise<{ readonly engine: StateEngine; cleanUp(): Promise<void> }>

const common = {
  kind: 'key-value',
  name: 'store',
  keySerde: serdes.string,
  valueSerde: serdes.string,
  persistence: 'persistent',
  logging: {},
  caching: false,
} as const
const plain = { ...common, timestamped: false } as const satisfies KeyValueStoreSpec<string, string>
const timestamped = { ...common, timestamped: true } as const satisfies KeyValueStoreSpec<string, string>

const list = <K, V>(iterator: StoreIterator<KeyValue<K, V>>): [K, V][] =>
  Array.from(iterator, ({ key, value }) => [key, value])

type OpenTextStore = ManagedStore & KeyValueStore<string, string>

/** What every key-value store does, over one engine. */
export function keyValueStoreContract(engineName: string, newEngine: EngineFactory): void {
  describe(`key-value store over ${engineName}`, () => {
    let made: Awaited<ReturnType<EngineFactory>>
    let closing: (() => Promise<void>)[] = []
    beforeEach(async () => {
      made = await newEngine()
    })
    afterEach(async () => {
      for (const close of closing) await close()
      closing = []
      await made.cleanUp()
    })
    const open = async (options?: HarnessOptions) => {
      const spec = { ...plain, caching: options?.cacheBytesMax !== undefined }
      const harness = new StoreHarness(made.engine, (environment) => createKeyValueStore(spec, environment), options)
      closing.push(() => harness.close())
      return await harness.open()
    }
    const openTimestamped = async () => {
      const create = (environment: Parameters<typeof createKeyValueStore>[1]) =>
        createKeyValueStore(timestamped, environment)
      const harness = new StoreHarness(made.engine, create)
      closing.push(() => harness.close())
      return await harness.open()
    }

    test('a put is read back, before and after its commit, and removed', async () => {
      const harness = await open()
      const { store } = harness
      expect(store.get('a')).toBe(undefined)
      store.put('a', '1')
      expect(store.get('a')).toBe('1')
      harness.commit()
      expect(store.get('a')).toBe('1')
      expect(store.putIfAbsent('a', '2')).toBe('1')
      expect(store.putIfAbsent('b', '2')).toBe(undefined)
      expect(store.delete('a')).toBe('1')
      expect(store.delete('a')).toBe(undefined)
      expect(store.get('a')).toBe(undefined)
      expect(list(store.all())).toEqual([['b', '2']])
      harness.commit()
      expect(list(store.all())).toEqual([['b', '2']])
      expect(store.get('a')).toBe(undefined)
    })

    test('nothing reaches the engine before the batch is written', async () => {
      const { store, database } = await open()
      store.put('a', '1')
      const batch = database.batch()
      store.prepareCommit(batch, undefined)
      const keyspace = database.keyspace('store')
      expect(keyspace.get(serdes.string.serialize('a', 't'))).toBe(undefined)
      batch.write()
      expect(keyspace.get(serdes.string.serialize('a', 't'))).toEqual(expect.anything())
      store.committed()
      expect([store.dirtyEntries, store.dirtyBytes]).toEqual([0, 0])
    })

    test('each dirty key is written once per commit, with the time of its last put', async () => {
      const harness = await open()
      const { store, context } = harness
      context.timestampMs = 10
      store.put('b', '1')
      store.put('a', '1')
      context.timestampMs = 20
      store.put('b', '2')
      store.delete('c')
      expect(store.dirtyEntries).toBe(3)
      expect(store.dirtyBytes).toBeGreaterThan(3 * 100)
      const records = harness
        .commit()
        .map(({ key, value, timestampMs }) => [
          utf8Decode(key as Uint8Array),
          value === null ? null : utf8Decode(value),
          timestampMs,
        ])
      expect(records).toEqual([
        ['b', '2', 20],
        ['a', '1', 10],
        ['c', null, 20],
      ])
      expect(harness.commit()).toEqual([])
    })

    test('a timestamped store keeps time and value together on disk and apart in the changelog', async () => {
      const harness = await openTimestamped()
      const { store, context } = harness
      context.timestampMs = 99
      store.put('a', { value: 'x', timestampMs: 7 })
      store.put('b', null)
      const records = harness.commit().map(({ value, timestampMs }) => [value && utf8Decode(value), timestampMs])
      expect(records).toEqual([
        ['x', 7],
        [null, 99],
      ])
      const bytes = harness.database.keyspace('store').get(serdes.string.serialize('a', 't')) as Uint8Array
      expect([timestampOf(bytes), utf8Decode(valueBytesOf(bytes))]).toEqual([7, 'x'])
      await harness.restore()
      expect(harness.store.get('a')).toEqual({ value: 'x', timestampMs: 7 })
      expect(list<string, ValueAndTimestamp<string>>(harness.store.all())).toEqual([
        ['a', { value: 'x', timestampMs: 7 }],
      ])
    })

    test('ranges are inclusive, in byte order, both ways, and see dirty entries and deletions', async () => {
      const harness = await open()
      const { store } = harness
      for (const key of ['a', 'b', 'd', 'e', 'é', 'z']) store.put(key, key)
      harness.commit()
      store.put('c', 'new')
      store.put('b', 'changed')
      store.delete('d')
      const keys = (iterator: StoreIterator<KeyValue<string, string>>) => list(iterator).map(([key]) => key)
      expect(list(store.range('b', 'e'))).toEqual([
        ['b', 'changed'],
        ['c', 'new'],
        ['e', 'e'],
      ])
      expect(keys(store.reverseRange('b', 'e'))).toEqual(['e', 'c', 'b'])
      expect(keys(store.range(undefined, 'b'))).toEqual(['a', 'b'])
      expect(keys(store.range('e', undefined))).toEqual(['e', 'z', 'é'])
      expect(keys(store.reverseAll())).toEqual(['é', 'z', 'e', 'c', 'b', 'a'])
      expect(keys(store.range('e', 'b'))).toEqual([])
      expect(keys(store.reverseRange('e', 'b'))).toEqual([])
      expect(keys(store.range('bb', 'bb'))).toEqual([])
      expect(store.approximateEntryCount()).toBeGreaterThanOrEqual(6)
    })

    test('a prefix finds the keys whose bytes start with it', async () => {
      const harness = await open()
      const { store } = harness
      for (const key of ['m', 'ma', 'mb', 'mb1', 'mc', 'n']) store.put(key, key)
      harness.commit()
      store.put('mb2', 'x')
      store.delete('mb1')
      expect(list(store.prefixScan('mb', serdes.string)).map(([key]) => key)).toEqual(['mb', 'mb2'])
      expect(list(store.prefixScan('', serdes.string)).map(([key]) => key)).toEqual(['m', 'ma', 'mb', 'mb2', 'mc', 'n'])
      expect(list(store.prefixScan(Uint8Array.of(0xff), serdes.bytes))).toEqual([])
    })

    test('an iteration is not disturbed by puts, deletions and a commit in between', async () => {
      const harness = await open()
      const { store } = harness
      for (const key of ['a', 'c', 'e']) store.put(key, 'old')
      harness.commit()
      for (const key of ['b', 'd', 'f']) store.put(key, 'old')
      const seen: string[] = []
      for (const { key } of store.all()) {
        seen.push(key)
        store.put(`${key}+`, 'new')
        store.put(key, 'changed')
        if (key === 'b') store.delete('e')
        if (key === 'c') harness.commit()
      }
      // After the commit the scan goes on over what is there then: c+ was put before it.
      expect(seen).toEqual(['a', 'b', 'c', 'c+', 'd', 'f'])
      expect(store.iteratorsOpen).toBe(0)
    })

    test('an iteration goes on after an abort', async () => {
      const harness = await open()
      const { store } = harness
      for (const key of ['a', 'b', 'c']) store.put(key, 'old')
      harness.commit()
      store.delete('b')
      store.put('bb', 'dirty')
      store.put('g', 'dirty')
      const reverse: string[] = []
      for (const { key } of store.reverseRange('a', 'g')) {
        reverse.push(key)
        if (key === 'g') harness.abort()
      }
      expect(reverse).toEqual(['g', 'c', 'b', 'a'])
    })

    test('closing the store closes what is left open, in whatever order iterators came and went', async () => {
      const harness = await open()
      const { store, database } = harness
      store.put('a', 'a')
      harness.commit()
      const iterators = [store.all(), store.all(), store.all(), store.all()]
      for (const index of [1, 3]) iterators[index]?.close()
      expect([store.iteratorsOpen, database.iteratorsOpen]).toEqual([2, 2])
      store.close()
      expect([store.iteratorsOpen, database.iteratorsOpen]).toEqual([0, 0])
      for (const iterator of iterators) expect(iterator.next()).toEqual({ done: true, value: undefined })
    })

    test('iterators are counted until they end, are returned from, closed or disposed of', async () => {
      const harness = await open()
      const { store, database } = harness
      for (const key of ['a', 'b']) store.put(key, key)
      harness.commit()
      const iterator = store.all()
      expect([store.iteratorsOpen, database.iteratorsOpen]).toEqual([1, 1])
      iterator.close()
      iterator.close()
      expect(iterator.next()).toEqual({ done: true, value: undefined })
      for (const _ of store.all()) break
      {
        using held = store.range('a', undefined)
        held.next()
        expect(store.iteratorsOpen).toBe(1)
      }
      list(store.all())
      expect(() => {
        for (const _ of store.all()) throw new Error('in the loop')
      }).toThrow('in the loop')
      expect([store.iteratorsOpen, database.iteratorsOpen]).toEqual([0, 0])
    })

    test('an abort drops what was not committed', async () => {
      const harness = await open()
      const { store } = harness
      store.put('a', '1')
      harness.commit()
      store.put('a', '2')
      store.put('b', '2')
      harness.abort()
      expect([store.get('a'), store.get('b'), store.dirtyEntries]).toEqual(['1', undefined, 0])
      expect(list(store.all())).toEqual([['a', '1']])
    })

    test('a standby that has been read follows its changelog', async () => {
      const harness = await open()
      const { store } = harness
      store.put('a', '1')
      harness.commit()
      expect([store.get('a'), store.get('b')]).toEqual(['1', undefined])
      const value = (text: string) => serdes.string.serialize(text, 't')
      const record = { offset: 9, timestampMs: 5, headers: [] }
      harness.changelog.push(
        { ...record, key: value('a'), value: null },
        { ...record, key: value('b'), value: value('2') },
        { ...record, key: null, value: value('ignored') },
      )
      harness.restoreInPlace(1)
      expect([store.get('a'), store.get('b')]).toEqual([undefined, '2'])
    })

    test('clean entries are bounded, dirty ones are kept', async () => {
      const harness = await open({ cleanEntriesMax: 3 })
      const { store } = harness
      const numbers = Array.from({ length: 60 }, (_, i) => i)
      const values = () => numbers.map((i) => store.get(`k${i}`))
      for (const i of numbers) store.put(`k${i}`, `${i}`)
      expect(values()).toEqual(numbers.map(String))
      harness.commit()
      const reads = vi.spyOn(harness.database.keyspace('store'), 'get')
      for (let round = 0; round < 3; round++) expect(values()).toEqual(numbers.map(String))
      // Each round goes through all keys, so hardly any of the three kept ones is met again.
      expect(reads.mock.calls.length).toBeGreaterThan(3 * 50)
      reads.mockClear()
      for (let round = 0; round < 30; round++) store.get(`k${round % 2}`)
      expect(reads.mock.calls.length).toBeLessThan(6)
      reads.mockRestore()
    })

    test('errors of a serde name the store', async () => {
      const { store } = await open()
      expect(() => store.put(5 as never, 'x')).toThrow(/store 'store': the serde string cannot write a key/)
    })

    const openWithHeaders = async (options: HarnessOptions) => {
      const spec = { ...timestamped, withHeaders: true, caching: options.cacheBytesMax !== undefined } as const
      const create = (environment: Parameters<typeof createKeyValueStore>[1]) =>
        textFace<OpenTextStore>(createKeyValueStore(spec, environment), timestampedWithHeaders)
      const harness = new StoreHarness(made.engine, create, options)
      closing.push(() => harness.close())
      return await harness.open()
    }

    test.each([
      ['plain', open, 4],
      ['plain, nothing kept', open, 0],
      ['with headers', openWithHeaders, 4],
      ['with headers, nothing kept', openWithHeaders, 0],
    ])(
      'random operations with commits, aborts, crashes and restores agree with a map: %s',
      async (_name, openOne, cleanEntriesMax) => {
        const harness = await openOne({ cleanEntriesMax })
        await fc.assert(keyValueStoreModel(harness), { seed: 7, numRuns: engineName === 'memory' ? 60 : 8 })
      },
      60_000,
    )
  })
}
