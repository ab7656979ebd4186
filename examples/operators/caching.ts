import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const byMember = builder.stream('payments', { key: serdes.string, value: serdes.int64 }).groupByKey()

  byMember.count({ store: 'counts' }).toStream().to('counts')
  // Every update goes out, whatever the size of the record caches.
  byMember
    .count({ store: { name: 'all-counts', caching: false } })
    .toStream()
    .to('all-counts')
  return builder.build()
}
