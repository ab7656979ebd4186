import { describe, expect, test } from 'vitest'
import { judge, type Look } from './flatness.ts'

const flat: Omit<Look, 'second'> = { residentMib: 900, heapMib: 300, files: 400, timers: 12, handles: 9, iterators: 0 }
const run = (at: (second: number) => Partial<Look>): Look[] =>
  Array.from({ length: 40 }, (_, second) => ({ ...flat, second, ...at(second) }))
const growing = (looks: readonly Look[]) => judge(looks).filter(({ isFlat }) => !isFlat)

describe('a soak is judged by what grows after the warm-up', () => {
  test('growth in the first half, and noise, are no leaks', () => {
    const looks = run((second) => ({
      residentMib: Math.min(900, 200 + 40 * second),
      heapMib: 300 + (second % 2) * 80,
      files: 400 + (second % 5) * 6,
    }))
    expect(growing(looks)).toEqual([])
  })

  const LEAKS: readonly { readonly name: string; readonly at: (second: number) => Partial<Look> }[] = [
    { name: 'residentMib', at: (second) => ({ residentMib: 900 + 10 * second }) },
    { name: 'heapMib', at: (second) => ({ heapMib: 300 + 15 * second }) },
    { name: 'files', at: (second) => ({ files: 400 + 15 * second }) },
    { name: 'timers', at: (second) => ({ timers: 12 + 3 * second }) },
    { name: 'handles', at: (second) => ({ handles: 9 + 2 * second }) },
    { name: 'iterators', at: (second) => ({ iterators: second }) },
  ]
  test.each(LEAKS)('a leak of $name is seen', ({ name, at }) => {
    expect(growing(run(at)).map(({ gauge }) => gauge)).toEqual([name])
  })

  test('what is not told is not judged, and too few looks are refused', () => {
    expect(judge(run(() => ({ iterators: Number.NaN }))).map(({ gauge }) => gauge)).not.toContain('iterators')
    expect(() => judge(run(() => ({})).slice(0, 8))).toThrow('too few')
  })
})
