import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .table('members', { key: serdes.string, value: serdes.string, store: 'members' })
    .mapValues((name) => name.toUpperCase(), { value: serdes.string })
    .toStream()
    .to('names')
  return builder.build()
}
