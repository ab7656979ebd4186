import { createEventSerde, type RegisteredSchemas, SACCO_EVENTS, type SaccoEvent } from '#schemas'
import { utf8Decode } from '#streams/base'
import { type Headers, type Log, lastHeader } from '#streams/ports'
import { DEAD_LETTER_TOPIC, LATE_TOPIC, REASON_HEADER } from '#topologies/sacco'
import { readTopics } from '../platform/read-topic.ts'

/** What was refused, as the dead-letter and late topics say: by event, or by position where it has no readable event. */
export type Refusals = {
  /** Event id → reasons, one per record that was refused. */
  readonly byEvent: ReadonlyMap<string, readonly string[]>
  /** The refused events themselves, to judge whether they had to be. */
  readonly events: readonly { readonly event: SaccoEvent; readonly reason: string }[]
  /** `topic-partition@offset` of inputs that could not be read or processed. */
  readonly unreadable: ReadonlySet<string>
  readonly countByReason: ReadonlyMap<string, number>
  /** Dead letters that name neither. */
  readonly unexplained: readonly string[]
}

/** Says which record of which topic a dead letter is of. */
const ERROR_HEADER = '__streams.errors.'
const DUPLICATE = 'duplicate'

export async function readRefusals(log: Log, schemas: RegisteredSchemas): Promise<Refusals> {
  const serde = createEventSerde(SACCO_EVENTS, schemas)
  const byEvent = new Map<string, string[]>()
  const events: Refusals['events'][number][] = []
  const unreadable = new Set<string>()
  const countByReason = new Map<string, number>()
  const unexplained: string[] = []
  await readTopics({
    log,
    topics: [DEAD_LETTER_TOPIC, LATE_TOPIC],
    onRecord: ({ offset, value, headers }, { topic, partition }) => {
      const reason = textOf(headers, REASON_HEADER)
      const source = textOf(headers, `${ERROR_HEADER}topic`)
      const sourceOffset = textOf(headers, `${ERROR_HEADER}offset`)
      countByReason.set(reason ?? 'unreadable', (countByReason.get(reason ?? 'unreadable') ?? 0) + 1)
      if (reason !== undefined && value !== null) {
        // Which of several records with one id is the duplicate, the ids themselves say.
        if (reason === DUPLICATE) return
        const event = serde.deserialize(value, topic, headers)
        byEvent.set(event.event_id, [...(byEvent.get(event.event_id) ?? []), reason])
        events.push({ event, reason })
      } else if (source !== undefined && sourceOffset !== undefined) {
        unreadable.add(`${source}-${textOf(headers, `${ERROR_HEADER}partition`)}@${sourceOffset}`)
      } else unexplained.push(`${topic}-${partition}@${offset}`)
    },
  })
  return { byEvent, events, unreadable, countByReason, unexplained }
}

function textOf(headers: Headers, key: string): string | undefined {
  const value = lastHeader(headers, key)?.value
  return value === undefined || value === null ? undefined : utf8Decode(value)
}
