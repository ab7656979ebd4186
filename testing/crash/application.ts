import { createStreamsBuilder, serdes, tumblingWindows } from '#streams'
import type { TopicSpec } from '#streams/ports'

/**
 * What the crash tests run: a keyed count, a windowed count, a running total behind a repartition topic, and a join of
 * the stream with a table of its own making. Three input partitions, four stores, two sub-topologies.
 */
export const PARTITIONS = 3
export const APPLICATION_ID = 'crash-test'
export const INPUT = 'crash-events'
export const OUTPUTS = ['crash-counts', 'crash-joined'] as const
/** Its key is another one than that of the input. */
export const REKEYED_OUTPUT = 'crash-windows'
/** Its records may interleave differently in each run: only the final totals are the same. */
export const REGROUPED_OUTPUT = 'crash-totals'

export const topics: readonly TopicSpec[] = [INPUT, ...OUTPUTS, REKEYED_OUTPUT, REGROUPED_OUTPUT].map((name) => ({
  name,
  partitions: PARTITIONS,
}))

export const STORES = ['counts', 'windows', 'totals'] as const

const WINDOW_MS = 10_000

export function topology() {
  const builder = createStreamsBuilder()
  const events = builder.stream(INPUT, { key: serdes.string, value: serdes.int64 })
  const byKey = events.groupByKey()

  const counts = byKey.count({ store: 'counts' })
  counts.toStream().to('crash-counts')

  byKey
    .windowedBy(tumblingWindows({ sizeMs: WINDOW_MS, graceMs: WINDOW_MS }))
    .count({ store: 'windows' })
    .toStream()
    .map((windowed, count) => ({ key: `${windowed.key}@${windowed.window.startMs}`, value: count ?? 0 }), {
      key: serdes.string,
      value: serdes.int64,
    })
    .to(REKEYED_OUTPUT)

  events.join(counts, (value, count) => value * 1000 + count).to('crash-joined', { value: serdes.int64 })

  events
    .groupBy((key) => key.slice(-1), { name: 'by-last-digit', key: serdes.string })
    .reduce((total, value) => total + value, { store: 'totals' })
    .toStream()
    .to(REGROUPED_OUTPUT)
  return builder.build()
}

/** The events are years old: without the retention, a broker would drop the changelog of windows behind them. */
export const config = {
  cacheBytesMax: 0,
  commitIntervalMs: 20,
  windowStoreChangelogAdditionalRetentionMs: 10 * 365 * 86_400_000,
}

/** The events of the test, from their number alone: any process makes the same ones. */
export function eventOf(number: number): {
  readonly key: string
  readonly value: number
  readonly timestampMs: number
} {
  const scrambled = Math.imul(number + 1, 0x9e3779b1) >>> 0
  const isLate = scrambled % 17 === 0
  return {
    key: `member-${scrambled % 97}`,
    value: (scrambled >>> 8) % 1000,
    timestampMs: 1_700_000_000_000 + number * 25 - (isLate ? 15_000 : 0),
  }
}
