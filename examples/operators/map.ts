import { createStreamsBuilder, serdes } from 'mto'

type Order = { readonly memberId: string; readonly items: readonly string[] }

export function topology() {
  const builder = createStreamsBuilder()
  const orders = builder.stream('orders', { key: serdes.string, value: serdes.json<Order>() })

  // The value only: the key stays, and with it the partition.
  orders.mapValues(({ items }) => items.length, { value: serdes.int32 }).to('item-counts')
  orders.flatMapValues(({ items }) => items, { value: serdes.string }).to('items')

  // The key too: what groups or joins after it goes through a repartition topic.
  orders.selectKey((_orderId, { memberId }) => memberId, { key: serdes.string }).to('orders-by-member')
  orders
    .map((orderId, { memberId }) => ({ key: memberId, value: orderId }), { key: serdes.string, value: serdes.string })
    .to('order-ids')
  orders
    .flatMap((orderId, { items }) => items.map((item) => ({ key: item, value: orderId })), {
      key: serdes.string,
      value: serdes.string,
    })
    .to('orders-of-item')
  return builder.build()
}
