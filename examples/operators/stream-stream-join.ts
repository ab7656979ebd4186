import { createStreamsBuilder, joinWindows, serdes } from 'mto'

type Request = { readonly amount: number }
type Receipt = { readonly code: string }

export function topology() {
  const builder = createStreamsBuilder()
  const requests = builder.stream('payment-requests', { key: serdes.string, value: serdes.json<Request>() })
  const receipts = builder.stream('mpesa-receipts', { key: serdes.string, value: serdes.json<Receipt>() })
  // The receipt comes up to 30 seconds after the request.
  const windows = joinWindows({ beforeMs: 0, afterMs: 30_000, graceMs: 5_000 })

  requests
    .join(receipts, ({ amount }, { code }) => `${amount} paid with ${code}`, windows, {
      name: 'paid',
      storeName: 'paid',
      value: serdes.string,
    })
    .to('paid')

  requests
    .leftJoin(receipts, ({ amount }, receipt) => `${amount} ${receipt === null ? 'not paid' : 'paid'}`, windows, {
      name: 'outcome',
      storeName: 'outcome',
      value: serdes.string,
      emitIntervalMs: 0, // look for unpaid ones with each record, not at most once per second of wall-clock time
    })
    .to('outcomes')
  return builder.build()
}
