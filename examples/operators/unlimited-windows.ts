import { createStreamsBuilder, customWindows, serdes, unlimitedWindows } from 'mto'

const DAY_MS = 86_400_000

/** Financial years from July to June, for the years that matter here. */
const financialYears = [2024, 2025].map((year) => ({
  startMs: Date.UTC(year, 6, 1),
  endMs: Date.UTC(year + 1, 6, 1),
}))

export function topology() {
  const builder = createStreamsBuilder()
  const byMember = builder.stream('deposits', { key: serdes.string, value: serdes.int64 }).groupByKey()
  const add = (total: number, amount: number): number => total + amount

  byMember
    .windowedBy(unlimitedWindows({ startMs: Date.UTC(2025, 0, 1) }))
    .reduce(add, { store: 'since-2025' })
    .toStream((window) => window.key, { key: serdes.string })
    .to('since-2025')

  byMember
    .windowedBy(
      customWindows({
        sizeMs: 366 * DAY_MS, // the longest: the store keeps windows that long, and the grace
        graceMs: 10 * DAY_MS,
        windowsFor: (timeMs) => financialYears.filter(({ startMs, endMs }) => startMs <= timeMs && timeMs < endMs),
      }),
    )
    .reduce(add, { store: 'by-financial-year' })
    .toStream(({ key, window }) => `${key}/${new Date(window.startMs).getUTCFullYear()}`, { key: serdes.string })
    .to('by-financial-year')
  return builder.build()
}
