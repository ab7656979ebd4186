import type { PartitionOffset } from '#streams/ports'

/**
 * How long a record waits from the moment it is in the log until the task that reads it has committed it: measured by
 * watermarks. Each look at a partition's end is remembered with its time; when the committed offset passes it, that
 * time has gone by. As exact as the interval between two looks, and it costs the records nothing.
 */
export type LatencyMeter = {
  observe(nowMs: number, ends: readonly PartitionOffset[], committed: ReadonlyMap<string, number>): void
  percentiles(nowMs: number): LatencyPercentiles
  /** How long the oldest record that is not committed has been waiting, by partition. */
  lagMsOf(partition: string, nowMs: number): number
  /** Counts by upper bounds of HISTOGRAM_BOUNDS_MS (and one for all above), since the start. */
  readonly histogram: { readonly counts: readonly number[]; readonly totalMs: number; readonly count: number }
}
export type LatencyPercentiles = {
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
  /** Records behind them. */
  readonly records: number
}

export const HISTOGRAM_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]
/** Percentiles are of the last minute. */
const WINDOW_MS = 60_000
const WATERMARKS_MAX = 4_000
const OBSERVATIONS_MAX = 60_000

type Watermark = { readonly offset: number; readonly atMs: number }
type Observation = { readonly atMs: number; readonly latencyMs: number; readonly records: number }

export function createLatencyMeter(): LatencyMeter {
  const watermarks = new Map<string, Watermark[]>()
  const lastPassed = new Map<string, number>()
  let lookedAtMs = Number.NaN
  let observations: Observation[] = []
  const histogram = { counts: HISTOGRAM_BOUNDS_MS.map(() => 0).concat(0), totalMs: 0, count: 0 }

  const record = (atMs: number, latencyMs: number, records: number): void => {
    const bucket = HISTOGRAM_BOUNDS_MS.findIndex((bound) => latencyMs <= bound)
    const index = bucket === -1 ? HISTOGRAM_BOUNDS_MS.length : bucket
    histogram.counts[index] = (histogram.counts[index] ?? 0) + records
    histogram.totalMs += latencyMs * records
    histogram.count += records
    if (observations.length < OBSERVATIONS_MAX) observations.push({ atMs, latencyMs, records })
  }
  /** Takes the watermarks that the commits have passed; each stands for the records since the one before it. */
  const takePassed = (nowMs: number, name: string, marks: Watermark[], committed: number): void => {
    for (let mark = marks[0]; mark !== undefined && mark.offset <= committed; mark = marks[0]) {
      marks.shift()
      const records = mark.offset - (lastPassed.get(name) ?? mark.offset)
      if (records > 0 && !Number.isNaN(mark.atMs)) record(nowMs, nowMs - mark.atMs, records)
      lastPassed.set(name, mark.offset)
    }
  }
  const observePartition = (nowMs: number, name: string, end: number, committed: number): void => {
    // What was there before the first look is of unknown age: it is not measured.
    const marks = watermarks.get(name) ?? [{ offset: end, atMs: Number.NaN }]
    watermarks.set(name, marks)
    takePassed(nowMs, name, marks, committed)
    const newest = marks.at(-1)?.offset ?? lastPassed.get(name) ?? 0
    if (end <= newest) return
    if (end > committed) {
      if (marks.length < WATERMARKS_MAX) marks.push({ offset: end, atMs: nowMs })
      return
    }
    // Came and went between two looks: it took at most the time between them.
    if (!Number.isNaN(lookedAtMs)) record(nowMs, nowMs - lookedAtMs, end - newest)
    lastPassed.set(name, end)
  }

  return {
    observe: (nowMs, ends, committed) => {
      for (const { topic, partition, offset } of ends) {
        const name = `${topic}-${partition}`
        observePartition(nowMs, name, offset, committed.get(name) ?? 0)
      }
      lookedAtMs = nowMs
    },
    percentiles: (nowMs) => {
      observations = observations.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS)
      return percentilesOf(observations)
    },
    lagMsOf: (name, nowMs) => {
      const oldest = watermarks.get(name)?.[0]
      return oldest === undefined || Number.isNaN(oldest.atMs) ? 0 : nowMs - oldest.atMs
    },
    histogram,
  }
}

function percentilesOf(observations: readonly Observation[]): LatencyPercentiles {
  const sorted = [...observations].sort((left, right) => left.latencyMs - right.latencyMs)
  const records = sorted.reduce((sum, each) => sum + each.records, 0)
  const at = (share: number): number | null => {
    let seen = 0
    for (const each of sorted) {
      seen += each.records
      if (seen >= share * records) return each.latencyMs
    }
    return null
  }
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: sorted.at(-1)?.latencyMs ?? null, records }
}
