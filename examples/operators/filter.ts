import { createStreamsBuilder, nullable, serdes } from 'mto'

type Payment = { readonly amountMinor: number; readonly channel: string }

export function topology() {
  const builder = createStreamsBuilder()
  const payments = builder
    .stream('payments', { key: serdes.string, value: nullable(serdes.json<Payment>()) })
    // A type guard narrows: from here on there is no null.
    .filter((_memberId, payment) => payment !== null)

  payments.filter((_memberId, { amountMinor }) => amountMinor >= 100_000).to('large-payments')
  payments.filterNot((_memberId, { channel }) => channel === 'mpesa').to('other-payments')
  return builder.build()
}
