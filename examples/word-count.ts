import { createStreamsBuilder, nullable, serdes } from 'mto'

export const topics = [
  { name: 'lines', partitions: 3 },
  { name: 'counts', partitions: 3 },
]

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('lines', { key: nullable(serdes.string), value: serdes.string })
    .flatMapValues((line) => line.toLowerCase().split(/\W+/).filter(Boolean), { value: serdes.string })
    .groupBy((_key, word) => word, { name: 'by-word', key: serdes.string })
    .count({ store: 'word-counts' })
    .toStream()
    .to('counts')
  return builder.build()
}
