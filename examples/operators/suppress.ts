import { boundedBuffer, createStreamsBuilder, serdes, tumblingWindows, untilTimeLimit, untilWindowCloses } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const payments = builder.stream('payments', { key: serdes.string, value: serdes.int64 }).groupByKey()

  // One result for each window: the final one.
  payments
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs: 0 }))
    .count({ store: 'counts' })
    .suppress(untilWindowCloses({ name: 'final-counts' }))
    .toStream()
    .to('final-counts')

  // At most one change of a member per 30 seconds of stream time; with more than 1000 members waiting, earlier.
  payments
    .reduce((total, amount) => total + amount, { store: 'totals' })
    .suppress(
      untilTimeLimit(30_000, { name: 'calm', buffer: boundedBuffer({ recordsMax: 1000, whenFull: 'emit-early' }) }),
    )
    .toStream()
    .to('calm-totals')
  return builder.build()
}
