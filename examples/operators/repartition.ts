import { createStreamsBuilder, serdes } from 'mto'

type Trip = { readonly county: string; readonly fare: number }

export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('trips', { key: serdes.string, value: serdes.json<Trip>() })
    .selectKey((_tripId, { county }) => county, { key: serdes.string })
    // Through <application.id>-trips-by-county-repartition, which has 2 partitions however many `trips` has.
    .repartition({ name: 'trips-by-county', partitions: 2 })
    .mapValues(({ fare }) => fare, { value: serdes.int64 })
    .to('fares-by-county')
  return builder.build()
}
