import { describe, expect, it } from 'vitest'
import { differenceOf, outputsOf, type State, type Work } from './outputs.ts'

/** As they are read: records of different keys in any order, those of one key in theirs. */
const outputs = (...records: readonly (readonly [key: string, value: string])[]): Work => ({
  outputs: outputsOf(
    records.map(([key, value]) => `${key}=${value}`),
    new Map(records),
  ),
  states: [],
})
const reference = outputs(['a', '1'], ['a', '2'], ['b', '7'])

describe('two runs did the same work', () => {
  it('whatever the order of their keys', () => {
    expect(differenceOf(reference, outputs(['b', '7'], ['a', '1'], ['a', '2']), false)).toBeUndefined()
  })

  it('with a cache also where updates in between did not go out', () => {
    const cached = outputs(['a', '2'], ['b', '7'])
    expect(differenceOf(reference, cached, true)).toBeUndefined()
    expect(differenceOf(reference, cached, false)).toBe('3 output records, and 2')
  })
})

describe('two runs did not do the same work', () => {
  it.each([
    { other: outputs(['a', '1'], ['a', '2']), difference: 'outputs for 2 windows of members, and for 1' },
    { other: outputs(['a', '1'], ['a', '3'], ['b', '7']), difference: 'different last values of 2 windows of members' },
  ])('$difference: with a cache, too', ({ other, difference }) => {
    expect(differenceOf(reference, other, false)).toBe(difference)
    expect(differenceOf(reference, other, true)).toBe(difference)
  })

  it.each([
    { state: { keys: 9, digest: 'x' }, difference: '10 keys in store balances, and 9' },
    { state: { keys: 10, digest: 'y' }, difference: 'different values of 10 keys in store balances' },
  ])('$difference: with the same outputs', ({ state, difference }) => {
    const having = (states: Omit<State, 'store'>): Work => ({
      ...reference,
      states: [{ store: 'balances', ...states }],
    })
    expect(differenceOf(having({ keys: 10, digest: 'x' }), having(state), true)).toBe(difference)
  })

  it('where as many records lead to the same end by another way', () => {
    const other = outputs(['a', '0'], ['a', '2'], ['b', '7'])
    expect(differenceOf(reference, other, false)).toBe('different values in 3 output records')
  })
})
