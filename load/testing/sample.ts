import type { EventOf, EventType, SaccoEvent } from '#schemas'
import { DAY_MS } from '../calendar.ts'
import { type EventStream, type EventStreamOptions, events } from '../event-stream.ts'
import type { Label } from '../labels.ts'
import { createSacco, type Sacco } from '../population.ts'
import type { LoadRecord } from '../records.ts'

/** Friday before the last payday of February: market day, payday and month end within nine days. */
export const SAMPLE_START_MS = Date.parse('2026-02-20T00:00:00+03:00')

export type Sample = {
  readonly sacco: Sacco
  readonly stream: EventStream
  readonly records: readonly LoadRecord[]
  readonly labels: readonly Label[]
  readonly eventById: ReadonlyMap<string, SaccoEvent>
}

export type SampleOptions = EventStreamOptions & { readonly members?: number; readonly days?: number }

export function takeSample({ seed = 1, members = 1_000, days = 5, ...options }: SampleOptions = {}): Sample {
  const sacco = createSacco({ seed, members, startMs: SAMPLE_START_MS })
  const stream = events(sacco, { untilMs: SAMPLE_START_MS + days * DAY_MS, ...options })
  const records = [...stream]
  const eventById = new Map<string, SaccoEvent>(records.map(({ event }) => [event.event_id, event]))
  return { sacco, stream, records, labels: stream.takeLabels(), eventById }
}

export const ofType = <Type extends EventType>(found: readonly SaccoEvent[], type: Type): readonly EventOf<Type>[] =>
  found.filter((event) => event.event_type === type) as unknown as readonly EventOf<Type>[]

export const NO_FLAWS = { late: 0, outOfOrder: 0, duplicate: 0, malformed: 0 } as const
