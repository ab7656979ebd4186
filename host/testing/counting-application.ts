import { createStreamsBuilder, serdes } from '#streams'

/** Counts values by key. A value 'poison' makes a thread fail, until a thread is started with MTO_TEST_POISON_TAKEN=1. */
const PARTITIONS = 6
export const topics = ['in', 'out'].map((name) => ({ name, partitions: PARTITIONS }))

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('in', { key: serdes.string, value: serdes.string })
    .peek((_key, value) => {
      if (value === 'poison' && process.env.MTO_TEST_POISON_TAKEN !== '1') throw new Error('poison')
    })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to('out')
  return builder.build()
}
