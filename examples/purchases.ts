import { createStreamsBuilder, serdes } from 'mto'

type Purchase = { readonly item: string; readonly amount: number }

export const topics = ['purchases', 'spent'].map((name) => ({ name, partitions: 3 }))

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('purchases', { key: serdes.string, value: serdes.json<Purchase>() })
    .groupByKey()
    .aggregate(
      () => 0,
      (_customer, purchase, total) => total + purchase.amount,
      { store: 'totals', value: serdes.int64 },
    )
    .toStream()
    .to('spent')
  return builder.build()
}
