import { createStreamsBuilder, hoppingWindows, serdes, tumblingWindows } from 'mto'

const MINUTE_MS = 60_000

export function topology() {
  const builder = createStreamsBuilder()
  const byMember = builder.stream('payments', { key: serdes.string, value: serdes.int64 }).groupByKey()

  byMember
    .windowedBy(tumblingWindows({ sizeMs: MINUTE_MS, graceMs: 10_000 }))
    .reduce((total, amount) => total + amount, { store: 'totals-by-minute' })
    .toStream()
    .to('totals-by-minute')

  // Two windows hold each record: they are a minute long and start every 30 seconds.
  byMember
    .windowedBy(hoppingWindows({ sizeMs: MINUTE_MS, advanceMs: 30_000, graceMs: 0 }))
    .count({ store: 'counts-by-half-minute' })
    .toStream()
    .to('counts-by-half-minute')
  return builder.build()
}
