/** Smallest, middle and largest; the middle of an even number of figures is the mean of the two. */
export type Spread = { readonly min: number; readonly median: number; readonly max: number }

export function spreadOf(figures: readonly number[]): Spread {
  if (figures.length === 0) throw new Error('a spread needs at least one figure')
  const sorted = [...figures].sort((left, right) => left - right)
  const at = (index: number): number => sorted[index] as number
  const middle = (sorted.length - 1) / 2
  return { min: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, max: at(sorted.length - 1) }
}

/** Each round's pair, not the middles: what the machine did in a round it did to both. */
export function ratiosOf(numerators: readonly number[], denominators: readonly number[]): Spread {
  if (numerators.length !== denominators.length)
    throw new Error(`${numerators.length} figures cannot be compared with ${denominators.length}`)
  return spreadOf(numerators.map((figure, round) => figure / (denominators[round] as number)))
}

export type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number }

/** Nearest rank. Sorts what it is given. */
export function percentilesOf(figures: Float64Array): Percentiles {
  if (figures.length === 0) throw new Error('percentiles need at least one figure')
  figures.sort()
  const at = (share: number): number => figures[Math.max(0, Math.ceil(share * figures.length) - 1)] as number
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
