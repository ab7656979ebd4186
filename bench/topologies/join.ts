import { createStreamsBuilder, serdes } from '#streams'
import { consumed, EVENTS_TOPIC, eventSerde, MEMBERS_TOPIC, OUTPUT_TOPIC } from './event.ts'

export { topics } from './event.ts'

export type Member = { readonly name: string; readonly limitMinor: number }

/** Looks each event's member up in a table of 10,000 and writes the event with the member's limit. */
export function topology() {
  const builder = createStreamsBuilder()
  const members = builder.table(MEMBERS_TOPIC, { key: serdes.string, value: serdes.json<Member>(), store: 'members' })
  builder
    .stream(EVENTS_TOPIC, consumed)
    .join(members, (event, member) => ({ ...event, amountMinor: Math.min(event.amountMinor, member.limitMinor) }), {
      value: eventSerde,
    })
    .to(OUTPUT_TOPIC)
  return builder.build()
}
