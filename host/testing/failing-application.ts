import { createStreamsBuilder, serdes } from '#streams'

/** Counts, until it meets a value that it cannot take. */
export const topics = [{ name: 'failing-in', partitions: 2 }]

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('failing-in', { key: serdes.string, value: serdes.string })
    .mapValues((value) => {
      if (value === 'poison') throw new Error('this value is poison')
      return value
    })
    .groupByKey()
    .count({ store: 'counts' })
  return builder.build()
}
