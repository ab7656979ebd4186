import { expect, test } from 'vitest'
import { createPrng, writeInt32 } from '../base/index.ts'
import { DirtyCursor, DirtyIndex } from './dirty-index.ts'

type Entry = { readonly number: number; engineKey: Uint8Array | undefined }

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeInt32(bytes, 0, number)
  return bytes
}

const newIndex = () =>
  new DirtyIndex<Entry>((entry) => {
    entry.engineKey ??= bytesOf(entry.number)
    return entry.engineKey
  })

/** Numbers from `from` on in the direction, as a scan walks them. */
function walk(
  index: DirtyIndex<Entry>,
  from: number | undefined,
  reverse: boolean,
  onEach = (_: number) => {},
): number[] {
  const cursor = new DirtyCursor(index, reverse)
  const seen: number[] = []
  let last = from === undefined ? undefined : bytesOf(from)
  let isPassed = false
  for (;;) {
    const entry = cursor.peek(last, isPassed)
    if (entry === undefined) return seen
    seen.push(entry.number)
    last = entry.engineKey
    isPassed = true
    cursor.move()
    onEach(entry.number)
  }
}

test('thousands of entries in any order are walked in order, both ways and from anywhere', () => {
  const prng = createPrng(3)
  const index = newIndex()
  const dirty: Entry[] = []
  for (let i = 0; i < 5000; i++) {
    dirty.push({ number: i * 2, engineKey: undefined })
    const other = prng.below(dirty.length)
    ;[dirty[i], dirty[other]] = [dirty[other] as Entry, dirty[i] as Entry]
  }
  index.sync(dirty.slice(0, 1))
  const synced = [dirty[0] as Entry]
  for (let i = 1; i < dirty.length; i += 700) {
    synced.push(...dirty.slice(i, i + 700))
    index.sync(synced)
  }
  const all = Array.from({ length: 5000 }, (_, i) => i * 2)
  expect(walk(index, undefined, false)).toEqual(all)
  expect(walk(index, undefined, true)).toEqual(all.toReversed())
  for (const from of [0, 1, 511, 1023, 1024, 9998, 9999]) {
    expect(walk(index, from, false)).toEqual(all.filter((each) => each >= from))
    expect(walk(index, from, true)).toEqual(all.filter((each) => each < from).toReversed())
  }
  index.clear()
  expect(walk(index, undefined, false)).toEqual([])
})

test('a walk goes on where it was when entries are added', () => {
  for (const reverse of [false, true]) {
    const index = newIndex()
    const dirty: Entry[] = Array.from({ length: 600 }, (_, i) => ({ number: i * 10, engineKey: undefined }))
    index.sync(dirty)
    const seen = walk(index, undefined, reverse, (number) => {
      if (number % 10 !== 0) return
      dirty.push({ number: number + 1, engineKey: undefined }, { number: number + 5, engineKey: undefined })
      index.sync(dirty)
    })
    const sorted = seen.toSorted((left, right) => (reverse ? right - left : left - right))
    expect(seen).toEqual(sorted)
    expect(seen.length).toBe(reverse ? 600 : 1800)
  }
})
