import { type Bytes, concatBytes, type Prng } from '../../base/index.ts'

/** Bytes that were sound: cut off, gone on with, changed in a few places, or replaced by noise. */
export function mutatedBytes(prng: Prng, original: Bytes): Bytes {
  const kind = prng.below(6)
  if (kind === 0) return randomBytes(prng, prng.below(64))
  if (kind === 1) return original.slice(0, prng.below(original.length))
  if (kind === 2) return concatBytes(original, randomBytes(prng, 1 + prng.below(9)))
  if (kind === 3) return original.slice(1 + prng.below(Math.max(1, original.length)))
  const bytes = original.slice()
  if (bytes.length === 0) return bytes
  // Lengths, flags and signs are where it hurts: extremes come more often than chance would have it.
  for (let i = 0; i <= prng.below(4); i++) {
    bytes[prng.below(bytes.length)] =
      prng.below(2) === 0 ? prng.below(256) : ([0, 1, 0x7f, 0x80, 0xff][prng.below(5)] as number)
  }
  return bytes
}

export function randomBytes(prng: Prng, length: number): Bytes {
  return Uint8Array.from({ length }, () => prng.below(256))
}
