import { createStreamsBuilder, serdes, sessionWindows } from 'mto'

type Visit = { readonly pages: readonly string[] }

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('page-views', { key: serdes.string, value: serdes.string })
    .groupByKey()
    .windowedBy(sessionWindows({ inactivityGapMs: 30_000, graceMs: 30_000 }))
    .aggregate(
      (): Visit => ({ pages: [] }),
      (_memberId, page, visit) => ({ pages: [...visit.pages, page] }),
      // Two visits that a late record has connected.
      (_memberId, earlier, later) => ({ pages: [...earlier.pages, ...later.pages] }),
      { store: 'visits', value: serdes.json<Visit>() },
    )
    .toStream()
    .to('visits')
  return builder.build()
}
