import { createStreamsBuilder, serdes } from 'mto'

export function topology() {
  const builder = createStreamsBuilder()
  const { small, large } = builder
    .stream('payments', { key: serdes.string, value: serdes.int64 })
    .split({ name: 'by-size-' })
    .branch((_memberId, amount) => amount < 0, { chain: (refunds) => refunds.to('refunds') })
    .branch((_memberId, amount) => amount < 1_000, { name: 'small' })
    .defaultBranch({ name: 'large' })

  small.to('small-payments')
  large.to('large-payments')
  return builder.build()
}
