import { createStreamsBuilder } from '#streams'
import { consumed, EVENTS_TOPIC, eventSerde, OUTPUT_TOPIC } from './event.ts'

export { topics } from './event.ts'

/** Reads, filters out a quarter, changes a field, writes. */
export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream(EVENTS_TOPIC, consumed)
    .filter((_member, event) => event.kind !== 'transfer')
    .mapValues((event) => ({ ...event, amountMinor: event.amountMinor + 100 }), { value: eventSerde })
    .to(OUTPUT_TOPIC)
  return builder.build()
}
