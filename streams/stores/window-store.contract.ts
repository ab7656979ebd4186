import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { hexOf } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import type { EngineFactory } from './key-value-store.contract.ts'
import { type ModelEntry, SegmentedModel } from './segmented-model.contract.ts'
import { timestampedWindowStoreWithHeaders, windowStore } from './specs.ts'
import { type HarnessOptions, StoreHarness } from './store-harness.contract.ts'
import { textFace, timestampedWithHeaders } from './text-face.contract.ts'
import type {
  KeyValue,
  ManagedStore,
  StoreEnvironment,
  StoreIterator,
  WindowEntry,
  Windowed,
  WindowStore,
} from './types.ts'
import { createWindowStore } from './window-store.ts'

const SIZE_MS = 10
const RETENTION_MS = 100
const INTERVAL_MS = 30

const options = {
  name: 'store',
  key: serdes.string,
  value: serdes.string,
  windowSizeMs: SIZE_MS,
  retentionMs: RETENTION_MS,
  segmentIntervalMs: INTERVAL_MS,
} as const

type Store = ManagedStore & WindowStore<string, string>

const rows = (iterator: StoreIterator<KeyValue<Windowed<string>, string>>): string[] =>
  Array.from(iterator, ({ key, value }) => `${key.key}@${key.window.startMs}-${key.window.endMs}=${value}`)
const entries = (iterator: StoreIterator<WindowEntry<string>>): string[] =>
  Array.from(iterator, ({ startMs, value }) => `${startMs}=${value}`)

export function windowStoreContract(engineName: string, newEngine: EngineFactory): void {
  describe(`window store over ${engineName}`, () => {
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
    const open = async (
      spec: Partial<Parameters<typeof windowStore>[0]> = {},
      harnessOptions: HarnessOptions = {},
      withHeaders = false,
    ): Promise<StoreHarness<Store>> => {
      const given = { ...options, ...(spec as object) }
      const create = (environment: StoreEnvironment): Store =>
        withHeaders
          ? textFace(createWindowStore(timestampedWindowStoreWithHeaders(given), environment), timestampedWithHeaders)
          : createWindowStore<string, string>(windowStore(given), environment)
      const harness = new StoreHarness<Store>(made.engine, create, harnessOptions)
      closing.push(() => harness.close())
      return await harness.open()
    }

    test('puts are fetched by key and time, before and after the commit', async () => {
      const harness = await open()
      const { store } = harness
      store.put('a', '1', 0)
      store.put('a', '2', 10)
      store.put('aa', '3', 10)
      const check = () => {
        expect([store.fetch('a', 0), store.fetch('a', 5), store.fetch('aa', 10)]).toEqual(['1', undefined, '3'])
        expect(entries(store.fetchRange('a', 0, 100))).toEqual(['0=1', '10=2'])
        expect(entries(store.fetchRangeBackward('a', 0, 100))).toEqual(['10=2', '0=1'])
        expect(entries(store.fetchRange('a', 1, 9))).toEqual([])
        expect(entries(store.fetchRange('a', 100, 0))).toEqual([])
        expect(rows(store.all())).toEqual(['a@0-10=1', 'a@10-20=2', 'aa@10-20=3'])
        expect(rows(store.fetchKeyRange('aa', undefined, 0, 100))).toEqual(['aa@10-20=3'])
        expect(rows(store.fetchKeyRange('b', 'a', 0, 100))).toEqual([])
      }
      check()
      harness.commit()
      check()
      await harness.crash()
      expect(entries(harness.store.fetchRange('a', 0, 100))).toEqual(['0=1', '10=2'])
      harness.store.put('a', null, 0)
      expect(entries(harness.store.fetchRange('a', 0, 100))).toEqual(['10=2'])
      harness.commit()
      expect([harness.store.fetch('a', 0), harness.database.iteratorsOpen]).toEqual([undefined, 0])
    })

    test('order of many keys: segment, key bytes, start; both ways', async () => {
      const harness = await open()
      const { store } = harness
      for (const [key, start] of [
        ['b', 0],
        ['a', 40],
        ['b', 5],
        ['a', 10],
        ['c', 35],
      ] as const)
        store.put(key, 'x', start)
      const expected = ['a@10-20=x', 'b@0-10=x', 'b@5-15=x', 'a@40-50=x', 'c@35-45=x']
      expect(rows(store.fetchAll(0, 50))).toEqual(expected)
      harness.commit()
      expect(rows(store.fetchAll(0, 50))).toEqual(expected)
      expect(rows(store.fetchAllBackward(0, 50))).toEqual(expected.toReversed())
      expect(rows(store.fetchAll(5, 35))).toEqual(['a@10-20=x', 'b@5-15=x', 'c@35-45=x'])
    })

    test('reads hide what is older than the retention, puts go as long as the segment lives', async () => {
      const harness = await open()
      const { store } = harness
      store.put('a', 'old', 20)
      store.put('a', 'new', 121)
      // 121 - 100 + 1 = 22 is the oldest that is shown; segment 0 (0-29) is live until 130 is seen.
      expect([store.fetch('a', 20), store.fetch('a', 21)]).toEqual([undefined, undefined])
      store.put('a', 'late', 22)
      expect(entries(store.fetchRange('a', 0, 200))).toEqual(['22=late', '121=new'])
      expect(harness.dropped).toEqual([])
      harness.commit()
      store.put('b', 'x', 130)
      store.put('a', 'too late', 29)
      expect(harness.dropped).toEqual(['Skipping record for expired segment.'])
      harness.commit()
      // The segment is gone from the engine, not only hidden.
      expect(harness.database.keyspace('store').approximateCount()).toBe(2)
      await harness.crash()
      expect(rows(harness.store.all())).toEqual(['a@121-131=new', 'b@130-140=x'])
      harness.store.put('a', 'too late', 29)
      expect(harness.dropped.length).toBe(2)
    })

    test('an abort takes stream time back', async () => {
      const harness = await open()
      const { store } = harness
      store.put('a', '1', 20)
      harness.commit()
      store.put('a', '2', 500)
      expect(entries(store.fetchRange('a', 0, 1000))).toEqual(['500=2'])
      harness.abort()
      expect(entries(store.fetchRange('a', 0, 1000))).toEqual(['20=1'])
      expect(rows(store.all())).toEqual(['a@20-30=1'])
    })

    test('an abort after the commit was prepared loses nothing', async () => {
      const { store, database, ...harness } = await open()
      void harness
      store.put('a', '1', 20)
      const batch = database.batch()
      store.prepareCommit(batch, undefined)
      batch.write()
      store.committed()
      store.put('a', '2', 500)
      store.prepareCommit(database.batch(), undefined)
      store.aborted()
      expect(rows(store.fetchAll(0, 1000))).toEqual(['a@20-30=1'])
    })

    test('the changelog has Java keys, values and times, and rebuilds the store', async () => {
      const harness = await open()
      harness.context.timestampMs = 77
      harness.store.put('k', 'v', 5)
      harness.store.put('k', null, 6)
      const records = harness
        .commit()
        .map(({ key, value, timestampMs }) => [hexOf(key as Uint8Array), value && hexOf(value), timestampMs])
      expect(records).toEqual([
        ['6b000000000000000500000000', '76', 77],
        ['6b000000000000000600000000', null, 77],
      ])
      harness.store.put('k', 'w', 300)
      harness.commit()
      await harness.restore()
      expect(rows(harness.store.all())).toEqual(['k@300-310=w'])
      harness.store.put('k', 'late', 5)
      expect(harness.dropped.length).toBe(1)
    })

    test('duplicates are all kept, in the order in which they came, also after a crash', async () => {
      const harness = await open({ retainDuplicates: true })
      harness.store.put('a', '1', 5)
      harness.store.put('a', '2', 5)
      harness.store.put('a', null, 5)
      expect(harness.store.fetch('a', 5)).toBe('2')
      harness.commit()
      expect(harness.lastCommit.length).toBe(2)
      await harness.crash()
      harness.store.put('a', '3', 5)
      harness.abort()
      harness.store.put('a', '4', 5)
      expect(entries(harness.store.fetchRange('a', 0, 10))).toEqual(['5=1', '5=2', '5=4'])
      harness.commit()
      await harness.restore()
      harness.store.put('a', '5', 5)
      expect(entries(harness.store.fetchRange('a', 0, 10))).toEqual(['5=1', '5=2', '5=4', '5=5'])
      expect(rows(harness.store.all()).length).toBe(4)
    })

    test('a key with very many windows is read from the engine', async () => {
      const harness = await open({ retentionMs: 1_000_000, segmentIntervalMs: 100_000 }, { cleanEntriesMax: 10 })
      for (let i = 0; i < 5000; i++) harness.store.put('a', `${i}`, i * 100)
      for (let i = 0; i < 50; i++) harness.store.put('b', `${i}`, i * 100)
      harness.commit()
      await harness.crash()
      const { store } = harness
      expect(entries(store.fetchRange('a', 0, 1_000_000)).length).toBe(5000)
      store.put('a', 'new', 150)
      store.put('a', null, 200)
      const all = entries(store.fetchRange('a', 0, 1_000_000))
      expect([all.length, all[2], all[3]]).toEqual([5000, '150=new', '300=3'])
      expect(entries(store.fetchRangeBackward('a', 0, 200))).toEqual(['150=new', '100=1', '0=0'])
      harness.commit()
      expect(entries(store.fetchRange('a', 0, 1_000_000)).length).toBe(5000)
      for (let i = 0; i < 6000; i++) store.put('c', `${i}`, i * 100)
      harness.commit()
      expect(entries(store.fetchRange('c', 0, 1_000_000)).length).toBe(6000)
      expect([store.iteratorsOpen, harness.database.iteratorsOpen]).toEqual([0, 0])
    })

    test('clean entries are bounded: keys that were not used lately are read from the engine again', async () => {
      const harness = await open({}, { cleanEntriesMax: 10 })
      const { store } = harness
      for (let i = 0; i < 50; i++) store.put(`k${i}`, `${i}`, i)
      harness.commit()
      const reads = vi.spyOn(harness.database.keyspace('store'), 'iterate')
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 50; i++) expect(entries(store.fetchRange(`k${i}`, 0, 60))).toEqual([`${i}=${i}`])
      }
      expect(reads.mock.calls.length).toBeGreaterThan(100)
      reads.mockClear()
      for (let round = 0; round < 30; round++) store.fetchRange('k1', 0, 60).close()
      expect(reads.mock.calls.length).toBeLessThan(5)
      reads.mockRestore()
    })

    test('a loop that puts into the windows it reads ends, and sees what was there', async () => {
      const harness = await open()
      const { store } = harness
      for (const start of [0, 10, 20]) store.put('a', 'old', start)
      harness.commit()
      const seen: string[] = []
      for (const { startMs } of store.fetchRange('a', 0, 1000)) {
        seen.push(`${startMs}`)
        store.put('a', 'new', startMs + 1)
        store.put('a', null, 10)
      }
      for (const { key } of store.all()) {
        seen.push(`${key.key}${key.window.startMs}`)
        store.put('b', 'new', key.window.startMs + 2)
        if (key.window.startMs === 0) harness.commit()
      }
      expect(seen).toEqual(['0', '20', 'a0', 'a1', 'a20', 'a21', 'b2'])
      expect(store.iteratorsOpen).toBe(0)
    })

    test.each([
      ['one window per key and time', false, undefined, false],
      ['duplicates', true, undefined, false],
      ['a record cache', false, 3000, false],
      ['headers', false, undefined, true],
      ['headers, duplicates', true, undefined, true],
      ['headers, a record cache', false, 3000, true],
      ['nothing kept', false, undefined, false, 0],
      ['duplicates, nothing kept', true, undefined, false, 0],
    ])(
      'random operations agree with the rules: %s',
      async (_name, retainDuplicates, cacheBytesMax, withHeaders, cleanEntriesMax = 6) => {
        const caching = cacheBytesMax !== undefined
        const harnessOptions = { cleanEntriesMax, ...(caching ? { cacheBytesMax } : {}) }
        let run = 0
        await fc.assert(
          fc.asyncProperty(steps, async (sequence) => {
            // Each run in its own range of times, far behind the one before: the store starts empty.
            const base = run++ * 10_000
            const harness = await open({ retainDuplicates, caching }, harnessOptions, withHeaders)
            try {
              await checkRun(harness, sequence, base, retainDuplicates)
            } finally {
              await harness.close()
              closing = []
              await made.cleanUp()
              made = await newEngine()
            }
          }),
          { seed: 11, numRuns: engineName === 'memory' ? 300 : 8 },
        )
      },
      60_000,
    )
  })
}

type Step =
  | { readonly do: 'put'; readonly key: string; readonly at: number; readonly value: string | null }
  | {
      readonly do: 'fetch'
      readonly key: string
      readonly from: number
      readonly to: number
      readonly reverse: boolean
    }
  | {
      readonly do: 'range'
      readonly keys: readonly [string, string] | null
      readonly from: number
      readonly to: number
    }
  | { readonly do: 'commit' | 'abort' | 'crash' | 'restore' }

const keys = fc.constantFrom('a', 'aa', 'ab', 'b', 'a\u0001', 'é')
const times = fc.integer({ min: 0, max: 260 })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        key: keys,
        at: times,
        value: fc.option(fc.string({ maxLength: 3 })),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('fetch' as const),
        key: keys,
        from: times,
        to: times,
        reverse: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('range' as const),
        keys: fc.option(fc.tuple(keys, keys)),
        from: times,
        to: times,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'commit' as const, 'abort' as const) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'restore' as const) }) },
  ),
  { minLength: 1, maxLength: 80, size: 'max' },
)

async function checkRun(
  harness: StoreHarness<Store>,
  sequence: readonly Step[],
  base: number,
  retainDuplicates: boolean,
): Promise<void> {
  const check = new ModelCheck(harness, base, retainDuplicates)
  for (const step of sequence) await check.take(step)
  check.end()
}

/** Does each step to the store and to the model. */
class ModelCheck {
  readonly #harness: StoreHarness<Store>
  readonly #base: number
  readonly #retainsDuplicates: boolean
  readonly #model = new SegmentedModel('window', RETENTION_MS, INTERVAL_MS)
  #sequenceNumber = 0
  #committedNumber = 0
  #droppedCount = 0

  constructor(harness: StoreHarness<Store>, base: number, retainsDuplicates: boolean) {
    this.#harness = harness
    this.#base = base
    this.#retainsDuplicates = retainsDuplicates
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'put':
        this.#put(step.key, this.#base + step.at, step.value)
        return
      case 'fetch':
        this.#fetch(step.key, this.#base + step.from, this.#base + step.to, step.reverse)
        return
      case 'range': {
        const [from, to] = step.keys ?? [undefined, undefined]
        const times = [this.#base + step.from, this.#base + step.to] as const
        const expected = this.#model.find(from, to, ...times).map(row)
        expect(rows(this.#harness.store.fetchKeyRange(from, to, ...times))).toEqual(expected)
        expect(rows(this.#harness.store.fetchKeyRangeBackward(from, to, ...times))).toEqual(expected.toReversed())
        return
      }
      case 'commit':
        this.#harness.commit()
        this.#model.commit()
        this.#committedNumber = this.#sequenceNumber
        return
      default:
        await this.#harness.lose(step.do)
        this.#model.rollBack()
        this.#sequenceNumber = this.#committedNumber
    }
  }

  end(): void {
    const { store, database } = this.#harness
    const expected = this.#model.find(undefined, undefined, 0, Number.POSITIVE_INFINITY).map(row)
    expect(rows(store.all())).toEqual(expected)
    expect(rows(store.allBackward())).toEqual(expected.toReversed())
    expect(store.iteratorsOpen + database.iteratorsOpen).toBe(0)
  }

  #put(key: string, startMs: number, value: string | null): void {
    this.#harness.store.put(key, value, startMs)
    if (this.#retainsDuplicates && value === null) return
    if (this.#retainsDuplicates) this.#sequenceNumber++
    if (!this.#model.put(key, startMs, this.#sequenceNumber, value)) this.#droppedCount++
    expect(this.#harness.dropped.length).toBe(this.#droppedCount)
  }

  #fetch(key: string, fromMs: number, toMs: number, reverse: boolean): void {
    const { store } = this.#harness
    const expected = this.#model.find(key, key, fromMs, toMs).map(({ timeMs, value }) => `${timeMs}=${value}`)
    const fetched = reverse ? store.fetchRangeBackward(key, fromMs, toMs) : store.fetchRange(key, fromMs, toMs)
    expect(entries(fetched)).toEqual(reverse ? expected.toReversed() : expected)
    if (this.#retainsDuplicates) return
    expect(store.fetch(key, fromMs)).toBe(this.#model.find(key, key, fromMs, fromMs)[0]?.value)
  }
}

function row({ key, timeMs, value }: ModelEntry): string {
  return `${key}@${timeMs}-${timeMs + SIZE_MS}=${value}`
}
