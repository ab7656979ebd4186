import { expect, test } from 'vitest'
import { type Bytes, createPrng, readInt32, writeInt32 } from '#streams/base'
import { SortedTree, TreeCursor, type TreeSnapshot } from './sorted-tree.ts'

/** Enough keys for three levels: more than 64 × 64. */
const KEYS_MAX = 12_000

function keyOf(number: number): Bytes {
  const key = new Uint8Array(4)
  writeInt32(key, 0, number)
  return key
}

function numbersIn(root: TreeSnapshot, from?: number, to?: number, reverse = false): number[] {
  const range = { from: from === undefined ? undefined : keyOf(from), to: to === undefined ? undefined : keyOf(to) }
  const cursor = new TreeCursor(root, range, reverse)
  const numbers: number[] = []
  while (cursor.next()) numbers.push(readInt32(cursor.key, 0))
  return numbers
}

const ORDERS: readonly { name: string; numberAt: (i: number) => number }[] = [
  { name: 'rising', numberAt: (i) => i },
  { name: 'falling', numberAt: (i) => KEYS_MAX - 1 - i },
  { name: 'shuffled', numberAt: (i) => (i * 7919) % KEYS_MAX },
]

test.each(ORDERS)('keys in $name order: put, walked both ways, deleted until empty', ({ numberAt }) => {
  const tree = new SortedTree()
  for (let i = 0; i < KEYS_MAX; i++) tree.put(keyOf(numberAt(i)), keyOf(i))
  expect([tree.count, tree.bytes]).toEqual([KEYS_MAX, KEYS_MAX * 8])
  const all = Array.from({ length: KEYS_MAX }, (_, i) => i)
  expect(numbersIn(tree.snapshot())).toEqual(all)
  expect(numbersIn(tree.snapshot(), 100, 9000, true)).toEqual(all.slice(100, 9000).reverse())
  const full = tree.snapshot()
  for (let i = 0; i < KEYS_MAX; i += 2) tree.delete(keyOf(numberAt(i)))
  const kept = all.filter((number) => tree.get(keyOf(number)) !== undefined)
  expect(kept.length).toBe(KEYS_MAX / 2)
  expect(numbersIn(tree.snapshot())).toEqual(kept)
  for (const number of kept) tree.delete(keyOf(number))
  expect([tree.count, tree.bytes, numbersIn(tree.snapshot()).length]).toEqual([0, 0, 0])
  expect(numbersIn(full)).toEqual(all)
})

test('every snapshot of a random history stays as it was', () => {
  const prng = createPrng(7)
  const tree = new SortedTree()
  const model = new Map<number, number>()
  const snapshots: { root: TreeSnapshot; numbers: number[] }[] = []
  for (let i = 0; i < 40_000; i++) {
    const number = prng.below(6000)
    if (prng.below(3) === 0) {
      tree.delete(keyOf(number))
      model.delete(number)
    } else {
      tree.put(keyOf(number), keyOf(i))
      model.set(number, i)
    }
    if (i % 2000 === 0) snapshots.push({ root: tree.snapshot(), numbers: [...model.keys()].sort((a, b) => a - b) })
  }
  for (const { root, numbers } of snapshots) expect(numbersIn(root)).toEqual(numbers)
  for (const [number, value] of model) expect(readInt32(tree.get(keyOf(number)) as Bytes, 0)).toBe(value)
  expect(tree.count).toBe(model.size)
})
