import { createStreamsBuilder, serdes } from 'mto'

type Profile = { readonly payments: number; readonly largest: number }

export function topology() {
  const builder = createStreamsBuilder()
  const byMember = builder.stream('payments', { key: serdes.string, value: serdes.int64 }).groupByKey()

  byMember.count({ store: 'payment-counts' }).toStream().to('counts')

  // The first value is the first result. Null removes the row; the next value starts again.
  byMember
    .reduce((balance, amount) => (balance + amount === 0 ? null : balance + amount), { store: 'balances' })
    .toStream()
    .to('balances')

  byMember
    .aggregate(
      (): Profile => ({ payments: 0, largest: 0 }),
      // A new object each time: what the store handed out is never changed in place.
      (_memberId, amount, { payments, largest }) => ({ payments: payments + 1, largest: Math.max(largest, amount) }),
      { store: 'profiles', value: serdes.json<Profile>() },
    )
    .toStream()
    .to('profiles')
  return builder.build()
}
