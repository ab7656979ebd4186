import type { RegisteredSchemas } from '#schemas'
import { createTopicSerde } from '#schemas'
import { AUDIT_TOPIC, type AuditEntry, auditEntryOf } from '../access/access-log.ts'
import type { ApiApplication } from '../application.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { logFreshness } from '../http/freshness.ts'
import { anything, dateTime, integer, object, string } from '../http/json-schema.ts'
import { optionalText, pageCursor, pageLimit } from '../http/parameters.ts'
import { ApiProblem } from '../http/problem.ts'
import { json, type Route, route } from '../http/route.ts'
import { isPositions, type PlacedRecord, readBackwards } from '../queries/backward-reader.ts'
import { pageOf } from './sacco-schemas.ts'

export const ACCESS_LOG_SCHEMAS = {
  AccessLogEntry: object({
    time: dateTime('When.'),
    actor: string('Who.'),
    action: string('viewed or reviewed.'),
    entityType: string('member, flag or store.'),
    entityId: string('Which one.'),
    detail: anything('Role, operation and path of the API, and whether it was masked.'),
    chain: string('Run of a process whose chain of hashes it belongs to.'),
    sequence: integer('Its number in the chain.'),
    hash: string('SHA-256 of the entry with that of the entry before.'),
    hashBefore: string(),
  }),
}

const SCANNED_MAX = 5_000

/** Who saw whose data: for whoever answers for it. */
export function accessLogRoutes(application: ApiApplication, schemas: RegisteredSchemas | undefined): readonly Route[] {
  return [
    route({
      path: '/v1/access-log',
      operation: 'listAccesses',
      right: 'access-log',
      tag: 'Access',
      summary: 'Who saw or changed what about whom, the newest first',
      description:
        'Read from `sacco.compliance.events`. Who looks at the same member through the same operation again within ' +
        'fifteen minutes is not recorded anew. With filters a page may hold fewer items than `limit`.',
      pathParameters: {},
      queryParameters: {
        actor: optionalText('Only what this person saw.'),
        entity: optionalText('Only who saw this member, flag or store.'),
        limit: pageLimit,
        cursor: pageCursor,
      },
      answer: { description: 'A page of entries.', content: { 'application/json': pageOf('AccessLogEntry') } },
      handle: async ({ query: { actor, entity, limit, cursor } }) => {
        if (schemas === undefined)
          throw new ApiProblem('not-offered', 'The application that runs here keeps no access log.')
        const serde = createTopicSerde(AUDIT_TOPIC, schemas)
        const page = await readBackwards(application.log, [AUDIT_TOPIC], SCANNED_MAX, decodeCursor(cursor, isPositions))
        const items: object[] = []
        let looked = 0
        for (; looked < page.records.length && items.length < limit; looked++) {
          const { record } = page.records[looked] as PlacedRecord
          const event = auditEntryOf(record, serde)
          if (event === undefined) continue
          if (actor !== undefined && event.data.actor_id !== actor) continue
          if (entity !== undefined && event.data.entity_id !== entity) continue
          items.push(entryView(event))
        }
        const next = page.below(looked)
        const newestMs = page.records[0]?.record.timestampMs
        return json({ items, next: next === undefined ? null : encodeCursor(next) }, logFreshness(page.ends, newestMs))
      },
    }),
  ]
}

function entryView({ data, metadata }: AuditEntry): object {
  return {
    time: data.recorded_at,
    actor: data.actor_id,
    action: data.action,
    entityType: data.entity_type,
    entityId: data.entity_id,
    detail: detailOf(data.detail),
    chain: metadata.source,
    sequence: data.sequence,
    hash: data.hash,
    hashBefore: data.hash_before,
  }
}

/** Other programs write audit entries too, with details of their own. */
function detailOf(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return text
  }
}
