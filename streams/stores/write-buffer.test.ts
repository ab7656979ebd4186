import { describe, expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { serdes } from '../serdes/index.ts'
import { createKeyValueStore } from './key-value-store.ts'
import { keyValueStore, windowStore } from './specs.ts'
import { StoreHarness } from './store-harness.contract.ts'
import type { ManagedStore } from './types.ts'
import { createWindowStore } from './window-store.ts'

const common = { name: 'store', key: serdes.string, value: serdes.string }
const KEYS = 50

type Opened = { readonly store: ManagedStore; write(key: string, value: string): void; commit(): void }

async function openKeyValue(): Promise<Opened> {
  const harness = await new StoreHarness(createMemoryEngine(), (environment) =>
    createKeyValueStore(keyValueStore(common), environment),
  ).open()
  const { store } = harness
  return { store, write: (key, value) => store.put(key, value), commit: () => void harness.commit() }
}

async function openWindows(): Promise<Opened> {
  const spec = windowStore({ ...common, windowSizeMs: 1000, retentionMs: 10_000 })
  const harness = await new StoreHarness(createMemoryEngine(), (environment) =>
    createWindowStore(spec, environment),
  ).open()
  const { store } = harness
  return { store, write: (key, value) => store.put(key, value, 0), commit: () => void harness.commit() }
}

/** Writes all keys so often, with values of these lengths; gives what is really held. */
function fill(write: Opened['write'], lengths: readonly number[], keys = KEYS): number {
  for (const length of lengths) for (let key = 0; key < keys; key++) write(`key-${key}`, 'x'.repeat(length))
  return (lengths.at(-1) ?? 0) * keys
}

const upTo = (count: number, step: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => (index + 1) * step)

describe.each([
  ['key-value store', openKeyValue],
  ['window store', openWindows],
])('what is uncommitted in a %s', (_name, open) => {
  test('grows with values that grow between two commits', async () => {
    const { store, write, commit } = await open()
    const held = fill(write, upTo(200, 100))
    expect(store.dirtyBytes).toBeGreaterThan(held / 2)
    expect(store.dirtyBytes).toBeLessThan(held * 2)
    commit()
    expect(store.dirtyBytes).toBe(0)
  })

  test('shrinks with values that shrink', async () => {
    const { store, write } = await open()
    fill(write, [...upTo(200, 100)].reverse())
    expect(store.dirtyBytes).toBeGreaterThan(0)
    expect(store.dirtyBytes).toBeLessThan(200 * 100 * KEYS)
  })

  test('one large value that is often written does not count for the others', async () => {
    const { store, write } = await open()
    fill(write, [10], 10_000)
    const before = store.dirtyBytes
    for (let i = 0; i < 1000; i++) write('key-0', 'x'.repeat(100_000))
    // Its growth from 10 to 100,000 bytes is one write in a thousand, which is weighed with a probability of 1 in 64.
    expect(store.dirtyBytes).toBeLessThanOrEqual(before + 64 * 100_000)
  })
})
