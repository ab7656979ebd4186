import { createStreamsBuilder, serdes } from 'mto'

export const seen: string[] = []

export function topology() {
  const builder = createStreamsBuilder()
  const payments = builder.stream('payments', { key: serdes.string, value: serdes.int64 })

  payments.peek((memberId, amount) => seen.push(`peek ${memberId} ${amount}`)).to('payments-copy')
  payments.foreach((memberId, amount) => {
    seen.push(`foreach ${memberId} ${amount}`)
  })
  payments.print({ label: 'payments', write: (line) => seen.push(line) })
  return builder.build()
}
