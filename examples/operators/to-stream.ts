import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const members = builder.table('members', { key: serdes.string, value: serdes.string, store: 'members' })

  // Removed rows flow as null, which the type says: KStream<string, string | null>.
  members.toStream().to('member-changes')
  members
    .toStream((_memberId, name) => name?.slice(0, 1) ?? '-', { key: serdes.string })
    .mapValues((name) => name ?? '(left)', { value: serdes.string })
    .to('by-initial')
  return builder.build()
}
