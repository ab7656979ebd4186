/** One look at a running process. Missing figures are NaN: what the process does not tell is not judged. */
export type Look = {
  readonly second: number
  readonly residentMib: number
  readonly heapMib: number
  readonly files: number
  readonly timers: number
  readonly handles: number
  readonly iterators: number
}

export type Gauge = Exclude<keyof Look, 'second'>

/** How much a gauge may be higher at the end of the run than after the warm-up: a share, and something for noise. */
const TOLERANCE: Readonly<Record<Gauge, { readonly share: number; readonly absolute: number }>> = {
  residentMib: { share: 0.05, absolute: 32 },
  heapMib: { share: 0.1, absolute: 32 },
  // RocksDB opens and closes files as it flushes and compacts.
  files: { share: 0.1, absolute: 40 },
  timers: { share: 0, absolute: 20 },
  handles: { share: 0, absolute: 10 },
  iterators: { share: 0, absolute: 4 },
}

export type Verdict = {
  readonly gauge: Gauge
  readonly before: number
  readonly after: number
  readonly allowed: number
  readonly isFlat: boolean
}

/**
 * Compares the median of the third quarter of a run with that of the last: the first half is warm-up, in which caches
 * and memtables fill up. Medians, since collectors make single figures jump.
 */
export function judge(looks: readonly Look[]): readonly Verdict[] {
  const quarter = Math.floor(looks.length / 4)
  if (quarter < 3) throw new Error(`${looks.length} looks are too few to judge by: let it run for longer`)
  const third = looks.slice(2 * quarter, 3 * quarter)
  const last = looks.slice(3 * quarter)
  return (Object.keys(TOLERANCE) as Gauge[]).flatMap((gauge) => {
    const before = median(third.map((look) => look[gauge]))
    const after = median(last.map((look) => look[gauge]))
    if (Number.isNaN(before) || Number.isNaN(after)) return []
    const { share, absolute } = TOLERANCE[gauge]
    const allowed = before * (1 + share) + absolute
    return [{ gauge, before, after, allowed, isFlat: after <= allowed }]
  })
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
