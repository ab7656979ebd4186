import { createHash, randomUUID } from 'node:crypto'
import {
  type ComplianceEvent,
  createEvent,
  createTopicSerde,
  type EventOf,
  eventId,
  type RegisteredSchemas,
} from '#schemas'
import type { Clock, Log, LogRecord, Serde } from '#streams/ports'
import { ApiProblem } from '../http/problem.ts'
import { readBackwards } from '../queries/backward-reader.ts'
import type { EventWriter } from '../writes/event-writer.ts'
import type { Caller } from './roles.ts'

export const AUDIT_TOPIC = 'sacco.compliance.events'
export type AuditEntry = EventOf<'audit.trail.updated'>

/** Whose data somebody saw. */
export type AccessedThing = { readonly type: 'member' | 'store' | 'dead-letters' | 'flag'; readonly id: string }
export type Access = {
  readonly caller: Caller
  readonly action: 'viewed' | 'reviewed'
  /** The operation of the API, and its path without values: those may be personal data. */
  readonly operation: string
  readonly path: string
  /** True: without what identifies people. */
  readonly isMasked: boolean
  readonly things: readonly AccessedThing[]
}

/**
 * Who saw whose data, when, and through what: `audit.trail.updated` events, one per person seen, each with the hash of
 * the one before. An answer goes out when its entries are durable, so that nothing is seen that is not recorded.
 *
 * A chain belongs to one run of one process (`metadata.source` names it), and begins with the hash of the newest entry
 * that was there: chains of several processes branch, but none can be taken out unseen.
 */
export type AccessLog = {
  record(access: Access): Promise<void>
}

export type AccessLogOptions = {
  readonly log: Log
  readonly clock: Clock
  readonly writer: EventWriter
  readonly schemas: RegisteredSchemas
}

/** Who looks at the same member through the same operation again within this time is not recorded anew. */
export const REPEAT_MS = 15 * 60_000
const REMEMBERED_MAX = 50_000
/** Entries among which the newest is looked for at the start. */
const LOOKED_BACK = 500

type Chain = { readonly source: string; sequence: number; hash: string }

export function createAccessLog({ log, clock, writer, schemas }: AccessLogOptions): AccessLog {
  const serde = createTopicSerde(AUDIT_TOPIC, schemas)
  const seen = new Map<string, number>()
  let chain: Chain | undefined
  let last: Promise<unknown> = Promise.resolve()

  const newest = async (): Promise<AuditEntry | undefined> => {
    const { records } = await readBackwards(log, [AUDIT_TOPIC], LOOKED_BACK)
    const entries = records.flatMap(({ record }) => auditEntryOf(record, serde) ?? [])
    const isLater = (one: AuditEntry, other: AuditEntry): boolean =>
      one.timestamp === other.timestamp ? one.data.sequence > other.data.sequence : one.timestamp > other.timestamp
    return entries.reduce<AuditEntry | undefined>(
      (best, entry) => (best === undefined || isLater(entry, best) ? entry : best),
      undefined,
    )
  }
  const append = async (access: Access, things: readonly AccessedThing[]): Promise<void> => {
    const current = chain ?? { source: `mto-api/${randomUUID()}`, sequence: 0, hash: (await newest())?.data.hash ?? '' }
    // Until it is known that these are written: if they are not, another chain begins.
    chain = undefined
    const entries = things.map((thing) => {
      const entry = entryOf(access, thing, current, clock.wallClockMs())
      current.sequence++
      current.hash = entry.data.hash
      return entry
    })
    await writer.write(entries)
    chain = current
  }
  return {
    async record(access) {
      const nowMs = clock.monotonicMs()
      const keyOf = ({ type, id }: AccessedThing): string =>
        `${access.caller.id}|${access.action}|${access.operation}|${access.isMasked}|${type}|${id}`
      const isNew = (thing: AccessedThing): boolean =>
        access.action !== 'viewed' || nowMs - (seen.get(keyOf(thing)) ?? Number.NEGATIVE_INFINITY) >= REPEAT_MS
      const result = last.then(async () => {
        const things = access.things.filter(isNew)
        if (things.length === 0) return
        await append(access, things)
        for (const thing of things) {
          seen.delete(keyOf(thing))
          seen.set(keyOf(thing), nowMs)
        }
        for (const key of seen.keys()) {
          if (seen.size <= REMEMBERED_MAX) break
          seen.delete(key)
        }
      })
      last = result.catch(() => {})
      await result.catch((error: unknown) => {
        if (!(error instanceof ApiProblem)) throw error
        throw new ApiProblem('unavailable', 'The access cannot be recorded right now, so nothing is shown: ask again.')
      })
    },
  }
}

/** Other programs write to the topic too: what is no audit entry, or cannot be read, is none of ours. */
export function auditEntryOf(record: LogRecord, serde: Serde<ComplianceEvent>): AuditEntry | undefined {
  if (record.value === null) return undefined
  try {
    const event = serde.deserialize(record.value, AUDIT_TOPIC, record.headers)
    return event.event_type === 'audit.trail.updated' ? event : undefined
  } catch {
    return undefined
  }
}

function entryOf(access: Access, { type, id }: AccessedThing, { source, sequence, hash }: Chain, nowMs: number) {
  const { caller, action, operation, path, isMasked } = access
  const recordedAt = new Date(nowMs).toISOString()
  const data = {
    entity_type: type,
    entity_id: id,
    action,
    actor_id: caller.id ?? 'nobody',
    sequence: sequence + 1,
    hash_before: hash,
    detail: JSON.stringify({ role: caller.role, operation, path, masked: isMasked }),
    recorded_at: recordedAt,
  }
  return createEvent('audit.trail.updated', {
    event_id: eventId(randomUUID()),
    timestamp: recordedAt,
    data: { ...data, hash: hashOfEntry({ ...data, source_event_id: null, hash: '' }) },
    metadata: { source, user_id: caller.id },
  })
}

export function hashOfEntry(data: AuditEntry['data']): string {
  const { entity_type, entity_id, action, actor_id, source_event_id, sequence, hash_before, detail, recorded_at } = data
  const parts = [hash_before, sequence, entity_type, entity_id, action, actor_id, source_event_id, detail, recorded_at]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** What does not fit in a list of entries, in any order: changed, taken out, or put in. Empty: nothing. */
export function problemsOfAuditTrail(entries: readonly AuditEntry[]): readonly string[] {
  const problems: string[] = []
  const hashes = new Set(entries.map(({ data }) => data.hash))
  const chains = new Map<string, AuditEntry[]>()
  for (const entry of entries) {
    const { data, metadata, event_id } = entry
    if (hashOfEntry(data) !== data.hash)
      problems.push(`entry ${event_id} was changed: its hash is not that of its content`)
    if (data.hash_before !== '' && !hashes.has(data.hash_before)) {
      problems.push(`entry ${event_id} follows an entry that is not there`)
    }
    chains.set(metadata.source, [...(chains.get(metadata.source) ?? []), entry])
  }
  for (const [source, chain] of chains) {
    chain.sort((left, right) => left.data.sequence - right.data.sequence)
    chain.forEach(({ data, event_id }, index) => {
      if (data.sequence !== index + 1)
        problems.push(`chain ${source} goes from ${index} to ${data.sequence} (${event_id})`)
    })
  }
  return problems
}
