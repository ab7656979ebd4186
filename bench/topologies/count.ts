import { createStreamsBuilder } from '#streams'
import { consumed, EVENTS_TOPIC, OUTPUT_TOPIC } from './event.ts'

export { topics } from './event.ts'

/** A running count per member: every update goes out. */
export function topology() {
  const builder = createStreamsBuilder()
  builder.stream(EVENTS_TOPIC, consumed).groupByKey().count({ store: 'counts' }).toStream().to(OUTPUT_TOPIC)
  return builder.build()
}
