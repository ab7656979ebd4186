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

type Harness = StoreHarness<ManagedStore & KeyValueStore<string, string>>

/** The store must give what a sorted map gives that forgets what was not committed. */
export function keyValueStoreModel(harness: Harness) {
  return fc.asyncProperty(steps, async (run) => {
    for (const { key } of harness.store.all()) harness.store.put(key, null)
    harness.commit()
    const state: State = { committed: new Map(), current: new Map() }
    for (const step of run) await take(step, harness, state)
    checkRange(harness.store, state.current, { from: undefined, to: undefined, reverse: false })
    expect(harness.store.iteratorsOpen).toBe(0)
    expect(harness.database.iteratorsOpen).toBe(0)
  })
}

type State = { committed: Map<string, string>; current: Map<string, string> }

async function take(step: Step, harness: Harness, state: State): Promise<void> {
  const { store } = harness
  switch (step.do) {
    case 'put':
      if (step.value === null) state.current.delete(step.key)
      else state.current.set(step.key, step.value)
      store.put(step.key, step.value)
      return
    case 'get':
      expect(store.get(step.key)).toBe(state.current.get(step.key))
      return
    case 'range':
      checkRange(store, state.current, step)
      return
    case 'scan-and-put':
      scanAndPut(store, state.current, step)
      return
    case 'commit':
      harness.commit()
      state.committed = new Map(state.current)
      return
    default:
      await harness.lose(step.do)
      state.current = new Map(state.committed)
  }
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
