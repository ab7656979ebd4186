import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { hexOf } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import type { EngineFactory } from './key-value-store.contract.ts'
import { type ModelEntry, SegmentedModel } from './segmented-model.contract.ts'
import { createSessionStore } from './session-store.ts'
import { sessionStore, sessionStoreWithHeaders } from './specs.ts'
import { type HarnessOptions, StoreHarness } from './store-harness.contract.ts'
import { aggregationWithHeaders, textFace } from './text-face.contract.ts'
import type {
  CachedStore,
  KeyValue,
  ManagedStore,
  SessionStore,
  StoreEnvironment,
  StoreIterator,
  Windowed,
} from './types.ts'

const RETENTION_MS = 100
const INTERVAL_MS = 30

const options = {
  name: 'store',
  key: serdes.string,
  value: serdes.string,
  retentionMs: RETENTION_MS,
  segmentIntervalMs: INTERVAL_MS,
} as const

type Store = ManagedStore & SessionStore<string, string> & CachedStore<Windowed<string>, string>

const session = (key: string, startMs: number, endMs: number): Windowed<string> => ({ key, window: { startMs, endMs } })
const rows = (iterator: StoreIterator<KeyValue<Windowed<string>, string>>): string[] =>
  Array.from(iterator, ({ key, value }) => `${key.key}@${key.window.startMs}-${key.window.endMs}=${value}`)

export function sessionStoreContract(engineName: string, newEngine: EngineFactory): void {
  describe(`session store over ${engineName}`, () => {
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
      caching = false,
      harnessOptions: HarnessOptions = {},
      withHeaders = false,
    ): Promise<StoreHarness<Store>> => {
      const create = (environment: StoreEnvironment): Store =>
        withHeaders
          ? textFace(
              createSessionStore(sessionStoreWithHeaders({ ...options, caching }), environment),
              aggregationWithHeaders,
            )
          : createSessionStore<string, string>(sessionStore({ ...options, caching }), environment)
      const harness = new StoreHarness<Store>(made.engine, create, harnessOptions)
      closing.push(() => harness.close())
      return await harness.open()
    }

    test('sessions that overlap are found, by end and start, before and after the commit', async () => {
      const harness = await open()
      const { store } = harness
      store.put(session('a', 40, 50), '3')
      store.put(session('a', 0, 10), '1')
      store.put(session('a', 15, 30), '2')
      store.put(session('aa', 5, 12), 'x')
      const check = () => {
        expect(rows(store.findSessions('a', 10, 15))).toEqual(['a@0-10=1', 'a@15-30=2'])
        expect(rows(store.findSessions('a', 11, 39))).toEqual(['a@15-30=2'])
        expect(rows(store.findSessions('a', 51, 60))).toEqual([])
        expect(rows(store.fetch('a'))).toEqual(['a@0-10=1', 'a@15-30=2', 'a@40-50=3'])
        expect(store.fetchSession('a', 15, 30)).toBe('2')
        expect(store.fetchSession('a', 15, 31)).toBe(undefined)
        expect(rows(store.findSessionsKeyRange('a', 'b', 0, 20))).toEqual(['a@0-10=1', 'aa@5-12=x', 'a@15-30=2'])
        expect(rows(store.fetchKeyRange('aa', undefined))).toEqual(['aa@5-12=x'])
      }
      check()
      harness.commit()
      check()
      await harness.crash()
      expect(rows(harness.store.findSessions('a', 10, 15))).toEqual(['a@0-10=1', 'a@15-30=2'])
      harness.store.remove(session('a', 15, 30))
      harness.store.put(session('a', 15, 50), 'merged')
      harness.store.put(session('a', 40, 50), null)
      expect(rows(harness.store.fetch('a'))).toEqual(['a@0-10=1', 'a@15-50=merged'])
      harness.commit()
      await harness.crash()
      expect(rows(harness.store.fetch('a'))).toEqual(['a@0-10=1', 'a@15-50=merged'])
    })

    test('a session that came and went between two commits is logged, but not deleted from the engine', async () => {
      const harness = await open()
      const { store } = harness
      store.put(session('a', 0, 10), 'kept')
      harness.commit()
      store.put(session('a', 0, 20), 'x')
      store.remove(session('a', 0, 20))
      store.remove(session('a', 0, 10))
      const batch = harness.database.batch()
      const deletions = vi.spyOn(batch, 'delete')
      let logged = 0
      store.prepareCommit(batch, () => logged++)
      expect([deletions.mock.calls.length, logged]).toEqual([1, 2])
      batch.write()
      store.committed()
      expect(harness.database.keyspace('store').approximateCount()).toBe(0)
    })

    test('retention goes by the end; removing what has expired is not counted', async () => {
      const harness = await open()
      const { store } = harness
      store.put(session('a', 0, 20), 'old')
      store.put(session('a', 10, 25), 'kept')
      store.put(session('a', 121, 121), 'new')
      expect(store.fetchSession('a', 0, 20)).toBe(undefined)
      expect(rows(store.fetch('a'))).toEqual(['a@10-25=kept', 'a@121-121=new'])
      store.put(session('b', 500, 500), 'x')
      store.remove(session('a', 10, 25))
      expect(harness.dropped).toEqual([])
      store.put(session('a', 10, 26), 'late')
      expect(harness.dropped).toEqual(['Skipping record for expired segment.'])
      harness.commit()
      expect(harness.database.keyspace('store').approximateCount()).toBe(1)
    })

    test('the changelog has Java keys: end before start', async () => {
      const harness = await open()
      harness.context.timestampMs = 9
      harness.store.put(session('k', 3, 5), 'v')
      harness.store.remove(session('k', 1, 2))
      const records = harness
        .commit()
        .map(({ key, value, timestampMs }) => [hexOf(key as Uint8Array), value && hexOf(value), timestampMs])
      expect(records).toEqual([
        ['6b00000000000000050000000000000003', '76', 9],
        ['6b00000000000000020000000000000001', null, 9],
      ])
      await harness.restore()
      expect(rows(harness.store.fetch('k'))).toEqual(['k@3-5=v'])
    })

    test('a record cache gives the session with its old value', async () => {
      const harness = await open(true, { cacheBytesMax: 100_000 })
      const seen: unknown[] = []
      const listen = () =>
        harness.store.setFlushListener(
          ({ key, window }, newValue, oldValue) => seen.push([key, window.startMs, window.endMs, oldValue, newValue]),
          true,
        )
      expect(listen()).toBe(true)
      harness.store.put(session('a', 0, 10), '1')
      harness.commit()
      await harness.crash()
      listen()
      harness.store.remove(session('a', 0, 10))
      harness.store.put(session('a', 0, 15), '2')
      harness.store.remove(session('a', 0, 15))
      harness.store.put(session('a', 0, 20), '3')
      expect(rows(harness.store.fetch('a'))).toEqual(['a@0-20=3'])
      harness.commit()
      expect(seen).toEqual([
        ['a', 0, 10, undefined, '1'],
        ['a', 0, 10, '1', undefined],
        ['a', 0, 20, undefined, '3'],
      ])
    })

    test.each([
      ['without a cache', undefined, false],
      ['with a record cache', 3000, false],
      ['with headers', undefined, true],
      ['with headers and a record cache', 3000, true],
      ['nothing kept', undefined, false, 0],
    ])(
      'random operations agree with the rules: %s',
      async (_name, cacheBytesMax, withHeaders, cleanEntriesMax = 6) => {
        const harnessOptions = { cleanEntriesMax, ...(cacheBytesMax === undefined ? {} : { cacheBytesMax }) }
        await fc.assert(
          fc.asyncProperty(steps, async (sequence) => {
            const harness = await open(cacheBytesMax !== undefined, harnessOptions, withHeaders)
            try {
              await checkRun(harness, sequence)
            } finally {
              await harness.close()
              closing = []
              await made.cleanUp()
              made = await newEngine()
            }
          }),
          { seed: 12, numRuns: engineName === 'memory' ? 300 : 8 },
        )
      },
      60_000,
    )
  })
}

type Step =
  | {
      readonly do: 'put' | 'remove'
      readonly key: string
      readonly start: number
      readonly length: number
      readonly value: string
    }
  | { readonly do: 'find'; readonly key: string; readonly from: number; readonly to: number }
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
        do: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
        key: keys,
        start: times,
        length: fc.constantFrom(0, 1, 10, 40),
        value: fc.string({ maxLength: 3 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('find' as const), key: keys, from: times, to: times }) },
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

const ANY_TIME = Number.POSITIVE_INFINITY

async function checkRun(harness: StoreHarness<Store>, sequence: readonly Step[]): Promise<void> {
  const model = new SegmentedModel('session', RETENTION_MS, INTERVAL_MS)
  const counts = { dropped: 0 }
  for (const step of sequence) await take(step, harness, model, counts)
  const expected = model.find(undefined, undefined, 0, ANY_TIME).map(row)
  expect(rows(harness.store.fetchKeyRange(undefined, undefined))).toEqual(expected)
  expect(rows(harness.store.fetchKeyRangeBackward(undefined, undefined))).toEqual(expected.toReversed())
  expect(harness.store.iteratorsOpen + harness.database.iteratorsOpen).toBe(0)
}

/** Does a step to the store and to the model. */
async function take(
  step: Step,
  harness: StoreHarness<Store>,
  model: SegmentedModel,
  counts: { dropped: number },
): Promise<void> {
  const { store } = harness
  switch (step.do) {
    case 'put':
      store.put(session(step.key, step.start, step.start + step.length), step.value)
      if (!model.put(step.key, step.start + step.length, step.start, step.value)) counts.dropped++
      expect(harness.dropped.length).toBe(counts.dropped)
      return
    case 'remove':
      store.remove(session(step.key, step.start, step.start + step.length))
      model.put(step.key, step.start + step.length, step.start, null)
      return
    case 'find': {
      const expected = model.find(step.key, step.key, step.from, ANY_TIME, step.to)
      expect(rows(store.findSessions(step.key, step.from, step.to))).toEqual(expected.map(row))
      expect(rows(store.findSessionsBackward(step.key, step.from, step.to))).toEqual(expected.map(row).reverse())
      for (const { key, minor, timeMs, value } of expected) expect(store.fetchSession(key, minor, timeMs)).toBe(value)
      return
    }
    case 'range': {
      const [from, to] = step.keys ?? [undefined, undefined]
      const expected = model.find(from, to, step.from, ANY_TIME, step.to).map(row)
      expect(rows(store.findSessionsKeyRange(from, to, step.from, step.to))).toEqual(expected)
      expect(rows(store.findSessionsKeyRangeBackward(from, to, step.from, step.to))).toEqual(expected.toReversed())
      return
    }
    case 'commit':
      harness.commit()
      model.commit()
      return
    default:
      await harness.lose(step.do)
      model.rollBack()
  }
}

function row({ key, timeMs, minor, value }: ModelEntry): string {
  return `${key}@${minor}-${timeMs}=${value}`
}
