import { createStreamsBuilder, serdes } from 'mto'

type Standing = { readonly savings: number; readonly loans: number }

export function topology() {
  const builder = createStreamsBuilder()
  const amounts = { key: serdes.string, value: serdes.int64 }
  const deposits = builder.stream('deposits', amounts).groupByKey()
  const loans = builder.stream('loans', amounts).groupByKey()

  // One aggregate, one store, two streams: no join, and no order between the two.
  deposits
    .cogroup((_memberId, amount, standing: Standing) => ({ ...standing, savings: standing.savings + amount }))
    .cogroup(loans, (_memberId, amount, standing) => ({ ...standing, loans: standing.loans + amount }))
    .aggregate(() => ({ savings: 0, loans: 0 }), { store: 'standings', value: serdes.json<Standing>() })
    .toStream()
    .to('standings')
  return builder.build()
}
