import type { Bytes } from './bytes.ts'

/**
 * Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils.murmur2), signed result. The partition of a key must be
 * the one that a Java producer chooses, or co-partitioned topics would not be.
 */
export function murmur2(data: Bytes): number {
  const length = data.length
  const seed = 0x9747b28c
  const m = 0x5bd1e995
  let h = (seed ^ length) | 0
  const wordCount = length >> 2
  for (let i = 0; i < wordCount; i++) {
    const at = i << 2
    let k =
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    h = Math.imul(h, m) ^ k
  }
  const tail = wordCount << 2
  const rest = length & 3
  if (rest === 3) h ^= (data[tail + 2] as number) << 16
  if (rest >= 2) h ^= (data[tail + 1] as number) << 8
  if (rest >= 1) h = Math.imul(h ^ (data[tail] as number), m)
  h ^= h >>> 13
  h = Math.imul(h, m)
  h ^= h >>> 15
  return h
}

/** The partition that Kafka's default partitioner gives a non-null key. */
export function partitionForKey(key: Bytes, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}
