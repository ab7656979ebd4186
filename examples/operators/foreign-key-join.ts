import { createStreamsBuilder, serdes } from 'mto'

type Loan = { readonly memberId: string | null; readonly owed: number }

export function topology() {
  const builder = createStreamsBuilder()
  const loans = builder.table('loans', { key: serdes.string, value: serdes.json<Loan>(), store: 'loans' })
  const members = builder.table('members', { key: serdes.string, value: serdes.string, store: 'members' })

  // Each loan with the member whom it names; a change of either side updates the result.
  loans
    .join(
      members,
      ({ memberId }) => memberId,
      ({ owed }, name) => `${name} owes ${owed}`,
      { name: 'loans-of-members', store: 'loans-of-members', value: serdes.string },
    )
    .toStream()
    .to('loans-of-members')
  return builder.build()
}
