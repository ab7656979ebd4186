import { createStreamsBuilder, serdes } from 'mto'

type Payment = { readonly amountMinor: number; readonly currency: 'KES' | 'UGX' }

export function topology() {
  const builder = createStreamsBuilder()
  const payments = builder.stream('payments', { key: serdes.string, value: serdes.json<Payment>() })

  // The topic is chosen record by record.
  payments.to((_memberId, { currency }) => `payments-${currency.toLowerCase()}`)

  // The partition too: several partitions send the record to each, none (an empty list) leaves it out.
  payments.to('payments-audit', { partitioner: (_topic, _memberId, _payment, partitionCount) => partitionCount - 1 })
  return builder.build()
}
