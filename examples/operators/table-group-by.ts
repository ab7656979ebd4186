import { createStreamsBuilder, serdes } from 'mto'

type Member = { readonly branch: string; readonly savings: number }

export function topology() {
  const builder = createStreamsBuilder()
  const byBranch = builder
    .table('members', { key: serdes.string, value: serdes.json<Member>(), store: 'members' })
    .groupBy((_memberId, { branch, savings }) => ({ key: branch, value: savings }), {
      name: 'members-by-branch',
      key: serdes.string,
      value: serdes.int64,
    })

  byBranch.count({ store: 'members-of-branch' }).toStream().to('members-of-branch')
  byBranch
    .reduce(
      (total, savings) => total + savings,
      (total, savings) => total - savings,
      { store: 'savings-of-branch' },
    )
    .toStream()
    .to('savings-of-branch')
  return builder.build()
}
