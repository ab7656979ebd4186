import { createStreamsBuilder, serdes, tumblingWindows } from '#streams'
import { consumed, EVENTS_TOPIC, OUTPUT_TOPIC } from './event.ts'

export { topics } from './event.ts'

/** Sums per member over tumbling windows of a minute: every update goes out. */
export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream(EVENTS_TOPIC, consumed)
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs: 30_000 }))
    .aggregate(
      () => 0,
      (_member, event, sum) => sum + event.amountMinor,
      { store: 'sums', value: serdes.int64 },
    )
    .toStream()
    .to(OUTPUT_TOPIC)
  return builder.build()
}
