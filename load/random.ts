import { createPrng, type Prng } from '#streams/base'

/** Draws that the model needs, on one seeded generator: the same seed gives the same run on every machine. */
export type Random = Prng & {
  /** True with this probability. */
  chance(probability: number): boolean
  /** Uniform in [from, to). */
  between(from: number, to: number): number
  /** Uniform whole number, both ends included. */
  whole(from: number, to: number): number
  pick<T>(items: readonly T[]): T
  /** Waiting time of a Poisson process with this mean. */
  exponential(mean: number): number
  /** Log-normal with this median: most near it, a long tail above. `sigma` is the spread of the logarithm. */
  around(median: number, sigma: number): number
}

export function createRandom(seed: number): Random {
  const prng = createPrng(seed)
  const { next, below } = prng
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    between: (from, to) => from + next() * (to - from),
    whole: (from, to) => from + below(to - from + 1),
    pick: (items) => items[below(items.length)] as never,
    exponential: (mean) => -Math.log(1 - next()) * mean,
    around: (median, sigma) => median * Math.exp(sigma * normal(next)),
  }
}

/** Box-Muller, one of the pair: the other is not kept, so that a draw never depends on who drew before. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** A seed of its own for a part of the model: drawing more in one part does not change what another draws. */
export function subSeed(seed: number, part: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193)
  return (hash >>> 0) + seed * 0x1_0000
}
