import { createStreamsBuilder, serdes } from 'mto'

type Login = { readonly memberId: string; readonly device: string }

export function topology() {
  const builder = createStreamsBuilder()
  const members = builder.table('members', { key: serdes.string, value: serdes.string, store: 'members' })
  const payments = builder.stream('payments', { key: serdes.string, value: serdes.int64 })

  payments.join(members, (amount, name) => `${name} paid ${amount}`, { value: serdes.string }).to('named-payments')

  // Another key first: the stream goes through a repartition topic, which `name` names.
  builder
    .stream('logins', { key: serdes.string, value: serdes.json<Login>() })
    .selectKey((_sessionId, { memberId }) => memberId, { key: serdes.string })
    .leftJoin(members, ({ device }, name) => `${name ?? 'somebody'} on ${device}`, {
      name: 'logins-by-member',
      value: serdes.string,
    })
    .to('named-logins')
  return builder.build()
}
