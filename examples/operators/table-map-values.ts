import { createStreamsBuilder, keyValueStore, serdes, type TableValueTransformerSupplier } from 'mto'

type Member = { readonly name: string; readonly county: string | null }

/** With a store of its own: how many versions of the row there were. */
const versions = keyValueStore({ name: 'versions', key: serdes.string, value: serdes.int32 })
const numbered: TableValueTransformerSupplier<string, Member, string> = {
  stores: [versions],
  get: () => {
    let store: { get(key: string): number | undefined; put(key: string, value: number): void }
    return {
      init: (context) => {
        store = context.store(versions)
      },
      transform: (memberId, member) => {
        const version = (store.get(memberId) ?? 0) + 1
        store.put(memberId, version)
        return member && `${member.name} v${version}`
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder()
  const members = builder.table('members', { key: serdes.string, value: serdes.json<Member>(), store: 'members' })

  // Null removes the row. With a store the result can be queried; without one it is computed when it is read.
  members
    .mapValues(({ county }) => county, { store: 'county-of-member', value: serdes.string })
    .toStream()
    .to('counties')
  members.transformValues(numbered, { store: 'numbered', value: serdes.string }).toStream().to('versions')
  return builder.build()
}
