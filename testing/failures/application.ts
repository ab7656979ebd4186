import { createStreamsBuilder, serdes } from '#streams'
import type { TopicSpec } from '#streams/ports'

/** Sums numbers per key. What is not a number of eight bytes cannot be read. */
export const topics: readonly TopicSpec[] = [
  { name: 'numbers', partitions: 2 },
  { name: 'sums', partitions: 2 },
  { name: 'dead', partitions: 1 },
]

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('numbers', { key: serdes.string, value: serdes.int64 })
    .groupByKey()
    .reduce((sum, value) => sum + value, { store: 'sums' })
    .toStream()
    .to('sums')
  return builder.build()
}

export const config = { commitIntervalMs: 20, cacheBytesMax: 0 }
