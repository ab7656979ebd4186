/** Randomness (for ids and jitter): seeded in tests and simulation. */
export type Entropy = {
  /** Uniform in [0, 1). */
  next(): number
}
