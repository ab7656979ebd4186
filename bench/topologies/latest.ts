import { createStreamsBuilder } from '#streams'
import { consumed, EVENTS_TOPIC, eventSerde } from './event.ts'

export { topics } from './event.ts'

/** The last event of each member: about 250 bytes of state a key, nothing goes out. */
export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream(EVENTS_TOPIC, consumed)
    .groupByKey()
    .reduce((_before, event) => event, { store: 'latest', value: eventSerde })
  return builder.build()
}
