import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { serdes } from '../serdes/index.ts'
import { createKeyValueStore } from './key-value-store.ts'
import { flushCaches } from './record-cache.ts'
import { keyValueStore } from './specs.ts'
import { StoreHarness } from './store-harness.contract.ts'

const spec = keyValueStore({ name: 'store', key: serdes.string, value: serdes.string, caching: true })

type Seen = { key: string; new: string | undefined; old: string | undefined; timestampMs: number; at: string }

async function open(cacheBytesMax: number | undefined, sendOldValues = true) {
  const options = cacheBytesMax === undefined ? {} : { cacheBytesMax }
  const harness = await new StoreHarness(
    createMemoryEngine(),
    (environment) => createKeyValueStore(spec, environment),
    options,
  ).open()
  const { store, context } = harness
  const seen: Seen[] = []
  const caches = store.setFlushListener((key, newValue, oldValue, timestampMs) => {
    const at = `${context.topic}-${context.partition}@${context.offset}`
    seen.push({ key, new: newValue, old: oldValue, timestampMs, at })
  }, sendOldValues)
  const put = (offset: number, key: string, value: string | null): void => {
    context.offset = offset
    context.timestampMs = offset * 10
    store.put(key, value)
  }
  const changes = (): unknown[] =>
    seen.splice(0).map((each) => [each.key, each.old, each.new, each.at, each.timestampMs])
  return { harness, store, context, put, changes, caches }
}

describe('record cache of a key-value store', () => {
  test('without a cache the operator forwards by itself', async () => {
    const { caches, put, changes, harness } = await open(undefined)
    expect(caches).toBe(false)
    put(1, 'a', 'x')
    harness.commit()
    expect(changes()).toEqual([])
  })

  test('updates collapse until the commit, leave in the order of the last put, with their own record', async () => {
    const { caches, harness, store, context, put, changes } = await open(1_000_000)
    expect(caches).toBe(true)
    put(1, 'a', '1')
    put(2, 'b', '1')
    put(3, 'a', '2')
    put(4, 'c', '1')
    expect(store.get('a')).toBe('2')
    expect(changes()).toEqual([])
    context.offset = 99
    harness.commit()
    expect(changes()).toEqual([
      ['b', undefined, '1', 'in-0@2', 20],
      ['a', undefined, '2', 'in-0@3', 30],
      ['c', undefined, '1', 'in-0@4', 40],
    ])
    expect(context.offset).toBe(99)
    expect([harness.recordCache?.updates, harness.recordCache?.bytes]).toEqual([0, 0])
    put(5, 'a', null)
    put(6, 'd', '1')
    put(7, 'd', null)
    put(8, 'b', '2')
    harness.commit()
    expect(changes()).toEqual([
      ['a', '2', undefined, 'in-0@5', 50],
      ['b', '1', '2', 'in-0@8', 80],
    ])
  })

  test('old values are read where nobody has read them before', async () => {
    const { harness, put, changes } = await open(1_000_000)
    put(1, 'a', '1')
    put(2, 'b', '1')
    harness.commit()
    changes()
    await harness.crash()
    const seen: unknown[] = []
    harness.store.setFlushListener((key, newValue, oldValue) => seen.push([key, oldValue, newValue]), true)
    harness.store.put('a', '2')
    harness.store.put('b', null)
    harness.commit()
    expect(seen).toEqual([
      ['a', '1', '2'],
      ['b', '1', undefined],
    ])
  })

  test('old values are left out where nobody wants them, but deletions of nothing still stay', async () => {
    const { harness, put, changes } = await open(1_000_000, false)
    put(1, 'a', '1')
    put(2, 'never', null)
    harness.commit()
    put(3, 'a', null)
    harness.commit()
    expect(changes()).toEqual([
      ['a', undefined, '1', 'in-0@1', 10],
      ['a', undefined, undefined, 'in-0@3', 30],
    ])
  })

  test('reaching the bound flushes the store that put last', async () => {
    const { harness, put, changes } = await open(500)
    const other = harness.recordCache?.open(() => {}, harness.context)
    put(1, 'a', '1')
    put(2, 'b', '1')
    expect(changes()).toEqual([])
    put(3, 'c', '1')
    put(4, 'd', '1')
    expect(changes().length).toBeGreaterThan(0)
    expect(harness.recordCache?.bytes).toBeLessThanOrEqual(500)
    expect(other?.updates).toBe(0)
    harness.commit()
  })

  test('what a flush puts into the same store is held for the next flush', async () => {
    const { harness, store } = await open(1_000_000)
    const seen: unknown[] = []
    store.setFlushListener((key, newValue, oldValue) => {
      seen.push([key, oldValue, newValue])
      if (key === 'a' && newValue === '1') store.put('a', '2')
    }, true)
    store.put('a', '1')
    store.flushCache()
    expect(seen).toEqual([['a', undefined, '1']])
    store.flushCache()
    expect(seen[1]).toEqual(['a', '1', '2'])
    harness.commit()
  })

  test('stores are flushed until none holds anything back, or it is said that they never will', async () => {
    const { harness, store } = await open(1_000_000)
    const seen: (string | undefined)[] = []
    store.setFlushListener((key, newValue) => {
      seen.push(newValue)
      if (seen.length < 3) store.put(key, `${seen.length}`)
    }, true)
    store.put('a', '0')
    expect(store.heldUpdates).toBe(1)
    flushCaches([store])
    expect([seen, store.heldUpdates]).toEqual([['0', '1', '2'], 0])
    store.setFlushListener((key, newValue) => store.put(key, `${newValue}+`), true)
    store.put('a', '0')
    expect(() => flushCaches([store])).toThrow(/record caches still hold updates/)
    harness.abort()
  })

  test('the changes of a key are a chain, however they are flushed', async () => {
    const keys = fc.constantFrom('a', 'b', 'c', 'd')
    const steps = fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.tuple(fc.constant('put' as const), keys, fc.option(fc.string({ maxLength: 2 }))) },
        {
          weight: 3,
          arbitrary: fc.tuple(
            fc.constantFrom('commit' as const, 'abort' as const, 'get' as const),
            keys,
            fc.constant(null),
          ),
        },
      ),
      { maxLength: 60, size: 'max' },
    )
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 0, max: 900 }), async (run, cacheBytesMax) => {
        const { harness, store, changes } = await open(cacheBytesMax)
        // What downstream knows; an abort takes it back too, since its transaction is aborted with ours.
        let known = new Map<string, string>()
        let committed = new Map<string, string>()
        const follow = (): void => {
          for (const [key, old, now] of changes() as [string, string | undefined, string | undefined][]) {
            expect(old).toBe(known.get(key))
            if (now === undefined) known.delete(key)
            else known.set(key, now)
          }
        }
        for (const [what, key, value] of run) {
          if (what === 'put') store.put(key, value as string | null)
          else if (what === 'get') store.get(key)
          else if (what === 'abort') {
            harness.abort()
            changes()
            known = new Map(committed)
            continue
          } else harness.commit()
          follow()
          if (what !== 'commit') continue
          expect(new Map(Array.from(store.all(), (entry) => [entry.key, entry.value]))).toEqual(known)
          committed = new Map(known)
        }
        await harness.close()
      }),
      { seed: 21, numRuns: 200 },
    )
  })

  test('an abort forgets what was held', async () => {
    const { harness, put, changes } = await open(1_000_000)
    put(1, 'a', '1')
    harness.abort()
    expect([harness.recordCache?.updates, harness.recordCache?.bytes]).toEqual([0, 0])
    harness.commit()
    expect(changes()).toEqual([])
  })

  test('size 0 sends every update at once', async () => {
    const { put, changes } = await open(0)
    put(1, 'a', '1')
    put(2, 'a', '2')
    expect(changes().map((change) => (change as unknown[]).slice(0, 3))).toEqual([
      ['a', undefined, '1'],
      ['a', '1', '2'],
    ])
  })
})
