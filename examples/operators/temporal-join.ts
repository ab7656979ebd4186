import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const rates = builder.table('rates', {
    key: serdes.string,
    value: serdes.float64,
    store: { name: 'rates', historyRetentionMs: 3_600_000 }, // every version of the last hour
  })
  builder
    .stream('exchanges', { key: serdes.string, value: serdes.int64 })
    // Each record waits 10 seconds of stream time, then takes the rate that held at its own time.
    .join(rates, (amount, rate) => amount * rate, { name: 'exchange', graceMs: 10_000, value: serdes.float64 })
    .to('exchanged')
  return builder.build()
}
