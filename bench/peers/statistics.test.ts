import { describe, expect, it } from 'vitest'
import { percentilesOf, ratiosOf, spreadOf } from './statistics.ts'

describe('spread', () => {
  it.each([
    { figures: [3], expected: { min: 3, median: 3, max: 3 } },
    { figures: [9, 1, 4], expected: { min: 1, median: 4, max: 9 } },
    { figures: [10, 1, 2, 4], expected: { min: 1, median: 3, max: 10 } },
  ])('of $figures', ({ figures, expected }) => {
    expect(spreadOf(figures)).toEqual(expected)
  })

  it('of nothing is refused', () => {
    expect(() => spreadOf([])).toThrow('at least one figure')
  })
})

describe('ratios', () => {
  it('are those of the rounds, not of the middles', () => {
    // The machine was slow in the second round: the middles alone would say 300 / 150.
    expect(ratiosOf([300, 100, 400], [100, 50, 200])).toEqual({ min: 2, median: 2, max: 3 })
  })

  it('need as many figures of one as of the other', () => {
    expect(() => ratiosOf([1, 2], [1])).toThrow('2 figures cannot be compared with 1')
  })
})

describe('percentiles', () => {
  it('are nearest ranks, by number and not by text', () => {
    const figures = Float64Array.from({ length: 200 }, (_, index) => 200 - index)
    expect(percentilesOf(figures)).toEqual({ p50: 100, p95: 190, p99: 198, max: 200 })
  })

  it('of one figure are that figure', () => {
    expect(percentilesOf(Float64Array.of(7))).toEqual({ p50: 7, p95: 7, p99: 7, max: 7 })
  })
})
