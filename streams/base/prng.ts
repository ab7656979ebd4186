/** A seeded generator of uniform numbers (sfc32): the same seed gives the same sequence on every machine. */
export type Prng = {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, bound). */
  below(bound: number): number
}

export function createPrng(seed: number): Prng {
  let a = 0x9e3779b9 | 0
  let b = 0x243f6a88 | 0
  let c = seed | 0
  let counter = Math.floor(seed / 0x1_0000_0000) | 1
  const nextUint32 = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let i = 0; i < 15; i++) nextUint32()
  return {
    next: () => nextUint32() / 0x1_0000_0000,
    below: (bound) => Math.floor((nextUint32() / 0x1_0000_0000) * bound),
  }
}
