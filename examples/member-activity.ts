import { createStreamsBuilder, serdes, tumblingWindows } from 'mto'

type Transaction = { readonly amountMinor: number; readonly channel: string }
type Member = { readonly name: string; readonly dailyLimitMinor: number }

export const topics = ['transactions', 'members', 'limit-alerts'].map((name) => ({ name, partitions: 6 }))

export function topology() {
  const builder = createStreamsBuilder()
  const members = builder.table('members', { key: serdes.string, value: serdes.json<Member>(), store: 'members' })

  builder
    .stream('transactions', { key: serdes.string, value: serdes.json<Transaction>() })
    .filter((_memberId, transaction) => transaction.channel !== 'reversal')
    .groupByKey()
    .windowedBy(tumblingWindows({ sizeMs: 86_400_000, graceMs: 3_600_000 }))
    .aggregate(
      () => 0,
      (_memberId, transaction, totalMinor) => totalMinor + transaction.amountMinor,
      { store: 'daily-totals', value: serdes.int64 },
    )
    .toStream()
    .map((day, totalMinor) => ({ key: day.key, value: totalMinor ?? 0 }), { key: serdes.string, value: serdes.int64 })
    .join(members, (totalMinor, member) => ({ totalMinor, member }), { name: 'with-member' })
    .filter((_memberId, { totalMinor, member }) => totalMinor > member.dailyLimitMinor)
    .mapValues(({ totalMinor, member }) => `${member.name} moved ${totalMinor / 100} KES in a day`)
    .to('limit-alerts', { value: serdes.string })

  return builder.build()
}
