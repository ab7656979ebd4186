import { createStreamsBuilder, serdes } from 'mto'

type Payment = { readonly memberId: string; readonly amountMinor: number; readonly paidAtMs: number }

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream(['mpesa-payments', 'bank-payments'], {
      key: serdes.string,
      value: serdes.json<Payment>(),
      // The time of the event, not of its arrival. A negative time leaves the record out.
      timestampExtractor: ({ value }) => value.paidAtMs,
    })
    .mapValues(({ amountMinor }) => amountMinor, { value: serdes.int64 })
    .to('payments')
  return builder.build()
}
