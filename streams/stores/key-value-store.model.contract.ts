import fc from 'fast-check'
import { expect } from 'vitest'
import { compareBytes, utf8Encode } from '../base/index.ts'
import type { StoreHarness } from './store-harness.contract.ts'
import type { KeyValueStore, ManagedStore } from './types.ts'

type Step =
  | { readonly do: 'put'; readonly key: string; readonly value: string | null }
  | { readonly do: 'get'; readonly key: string }
  | {
      readonly do: 'range'
      readonly from?: string | undefined
      readonly to?: string | undefined
      readonly reverse: boolean
    }
  | { readonly do: 'scan-and-put'; readonly stopAfter: number; readonly key: string }
  | { readonly do: 'commit' | 'abort' | 'crash' | 'restore' }

const keys = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\u0000', 'z'), minLength: 0, maxLength: 3 })
const bound = fc.option(keys, { nil: undefined })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('put' as const), key: keys, value: fc.option(fc.string()) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key: keys }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('range' as const), from: bound, to: bound, reverse: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('scan-and-put' as const), stopAfter: fc.nat(6), key: keys }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'abort' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'restore' as const) }) },
  ),
  { minLength: 1, maxLength: 80, size: 'max' },
)

const inOrder = (left: string, right: string): number => compareBytes(utf8Encode(left), utf8Encode(right))

/** The store must give what a sorted map gives that forgets what was not committed. */
export function keyValueStoreModel(harness: StoreHarness<ManagedStore & KeyValueStore<string, string>>) {
  return fc.asyncProperty(steps, async (run) => {
    for (const key of [...Array.from(harness.store.all(), (entry) => entry.key)]) harness.store.put(key, null)
    harness.commit()
    let committed = new Map<string, string>()
    let current = new Map<string, string>()
    for (const step of run) {
      if (step.do === 'commit') {
        harness.commit()
        committed = new Map(current)
      } else if (step.do === 'put') {
        if (step.value === null) current.delete(step.key)
        else current.set(step.key, step.value)
        harness.store.put(step.key, step.value)
      } else if (step.do === 'get') {
        expect(harness.store.get(step.key)).toBe(current.get(step.key))
      } else if (step.do === 'range') {
        checkRange(harness.store, current, step)
      } else if (step.do === 'scan-and-put') {
        scanAndPut(harness.store, current, step)
      } else {
        if (step.do === 'abort') harness.abort()
        if (step.do === 'crash') await harness.crash()
        if (step.do === 'restore') await harness.restore()
        current = new Map(committed)
      }
    }
    checkRange(harness.store, current, { from: undefined, to: undefined, reverse: false })
    expect(harness.store.iteratorsOpen).toBe(0)
    expect(harness.database.iteratorsOpen).toBe(0)
  })
}

function checkRange(
  store: KeyValueStore<string, string>,
  current: ReadonlyMap<string, string>,
  { from, to, reverse }: { from?: string | undefined; to?: string | undefined; reverse: boolean },
): void {
  const expected = [...current]
    .filter(([key]) => (from === undefined || inOrder(key, from) >= 0) && (to === undefined || inOrder(key, to) <= 0))
    .sort(([left], [right]) => inOrder(left, right))
  if (reverse) expected.reverse()
  const found = reverse ? store.reverseRange(from, to) : store.range(from, to)
  expect(Array.from(found, ({ key, value }) => [key, value])).toEqual(expected)
}

/** Puts while iterating: entries that were there are seen once each and in order, new ones are not. */
function scanAndPut(
  store: KeyValueStore<string, string>,
  current: Map<string, string>,
  { stopAfter, key }: { readonly stopAfter: number; readonly key: string },
): void {
  const expected = [...current.keys()].sort(inOrder).slice(0, stopAfter + 1)
  const seen: string[] = []
  for (const entry of store.all()) {
    seen.push(entry.key)
    store.put(key + entry.key, 'while scanning')
    current.set(key + entry.key, 'while scanning')
    if (seen.length > stopAfter) break
  }
  expect(seen).toEqual(expected)
}
