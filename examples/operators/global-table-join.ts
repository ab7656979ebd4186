import { createStreamsBuilder, serdes } from 'mto'

type Payment = { readonly branch: string | null; readonly amountMinor: number }

export function topology() {
  const builder = createStreamsBuilder()
  const branches = builder.globalTable('branches', { key: serdes.string, value: serdes.string, store: 'branches' })

  // By any key that the record names: no repartition, no co-partitioning. The stream keeps its own key.
  builder
    .stream('payments', { key: serdes.string, value: serdes.json<Payment>() })
    .leftJoin(
      branches,
      (_memberId, { branch }) => branch,
      ({ amountMinor }, town, _memberId, branch) => `${amountMinor} in ${town ?? `unknown branch ${branch}`}`,
      { value: serdes.string },
    )
    .to('payments-with-town')
  return builder.build()
}
