import { createStreamsBuilder, nullable, serdes } from 'mto'

type Payment = { readonly channel: string | null; readonly amountMinor: number }

export function topology() {
  const builder = createStreamsBuilder()
  const payments = builder.stream('payments', { key: nullable(serdes.string), value: serdes.json<Payment>() })

  payments.groupByKey().count({ store: 'payments-of-member' }).toStream().to('payments-of-member')

  // A named repartition topic is shared by all aggregations of the grouped stream.
  const byChannel = payments.groupBy((_memberId, { channel }) => channel, {
    name: 'payments-by-channel',
    key: serdes.string,
  })
  byChannel.count({ store: 'payments-of-channel' }).toStream().to('payments-of-channel')
  byChannel
    .aggregate(
      () => 0,
      (_channel, { amountMinor }, largest) => Math.max(amountMinor, largest),
      { store: 'largest-of-channel', value: serdes.int64 },
    )
    .toStream()
    .to('largest-of-channel')
  return builder.build()
}
