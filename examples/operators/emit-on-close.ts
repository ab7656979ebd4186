import { createStreamsBuilder, ON_WINDOW_CLOSE, serdes, tumblingWindows } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('payments', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs: 10_000 }))
    // Closed windows are looked for with each record, rather than at most once per second of wall-clock time.
    .emitStrategy({ ...ON_WINDOW_CLOSE, intervalMs: 0 })
    .reduce((total, amount) => total + amount, { store: 'totals' })
    .toStream()
    .to('final-totals')
  return builder.build()
}
