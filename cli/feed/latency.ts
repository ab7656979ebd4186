/**
 * Latencies in buckets that grow by two percent, so that percentiles of any number of records take little memory and
 * are right to about two percent. Minimum and maximum are exact.
 */
export type LatencySummary = {
  readonly count: number
  readonly minMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export type LatencyHistogram = { add(latencyMs: number): void; summary(): LatencySummary }

const GROWTH = 1.02
const SMALLEST_MS = 0.1
const BUCKETS = 1_024
const LOG_GROWTH = Math.log(GROWTH)

export function createLatencyHistogram(): LatencyHistogram {
  const counts = new Float64Array(BUCKETS)
  let count = 0
  let minMs = Number.POSITIVE_INFINITY
  let maxMs = 0

  const valueAt = (share: number): number => {
    const wanted = share * count
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += counts[bucket] ?? 0
      // The upper edge of the bucket: never better than it was, but for the exact maximum.
      if (seen >= wanted) return Math.min(maxMs, SMALLEST_MS * GROWTH ** bucket)
    }
    return maxMs
  }
  return {
    add(latencyMs) {
      const value = Math.max(0, latencyMs)
      const bucket = value <= SMALLEST_MS ? 0 : Math.ceil(Math.log(value / SMALLEST_MS) / LOG_GROWTH)
      const index = Math.min(BUCKETS - 1, bucket)
      counts[index] = (counts[index] ?? 0) + 1
      count++
      if (value < minMs) minMs = value
      if (value > maxMs) maxMs = value
    },
    summary() {
      if (count === 0) return { count, minMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 }
      return { count, minMs, p50Ms: valueAt(0.5), p95Ms: valueAt(0.95), p99Ms: valueAt(0.99), maxMs }
    },
  }
}
