import { createStreamsBuilder, serdes, slidingWindows } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('payments', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .windowedBy(slidingWindows({ timeDifferenceMs: 10_000, graceMs: 5_000 }))
    .reduce((total, amount) => total + amount, { store: 'totals-of-10-seconds' })
    .toStream()
    .to('totals-of-10-seconds')
  return builder.build()
}
