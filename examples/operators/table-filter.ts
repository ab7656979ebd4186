import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const balances = builder.table('balances', { key: serdes.string, value: serdes.int64 })
  // The store makes the result queryable.
  const overdrawn = balances.filter((_memberId, balance) => balance < 0, { store: 'overdrawn' })
  overdrawn.toStream().to('overdrawn-members')
  return builder.build()
}
