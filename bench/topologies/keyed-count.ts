import { createStreamsBuilder, serdes } from '#streams'

export const topics = [
  { name: 'events', partitions: 12 },
  { name: 'counts-out', partitions: 12 },
]

/** A running count per key: one store, one output per record. */
export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('events', { key: serdes.string, value: serdes.bytes })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to('counts-out')
  return builder.build()
}
