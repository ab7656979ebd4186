import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const amounts = { key: serdes.string, value: serdes.int64 }
  const savings = builder.table('savings', amounts)
  const loans = builder.table('loans', amounts)
  const texts = { value: serdes.string }

  savings
    .join(loans, (saved, owed) => saved - owed, { store: 'net', value: serdes.int64 })
    .toStream()
    .to('net')
  savings
    .leftJoin(loans, (saved, owed) => `${saved}/${owed ?? '-'}`, texts)
    .toStream()
    .to('savers')
  savings
    .outerJoin(loans, (saved, owed) => `${saved ?? '-'}/${owed ?? '-'}`, texts)
    .toStream()
    .to('all')
  return builder.build()
}
