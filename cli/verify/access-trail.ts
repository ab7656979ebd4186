import { type AuditEntry, problemsOfAuditTrail } from '#api'
import { createTopicSerde, type RegisteredSchemas } from '#schemas'
import type { Log } from '#streams/ports'
import { readTopics } from '../platform/read-topic.ts'
import type { Checks } from './differences.ts'

export const ACCESS_CHECK = 'the access log is whole: nothing changed or taken out'
const TOPIC = 'sacco.compliance.events'

/** Who saw whose data: each entry holds the hash of the one before. Nobody who has signed in: nothing to compare. */
export async function checkAccessTrail(log: Log, schemas: RegisteredSchemas, checks: Checks): Promise<void> {
  const serde = createTopicSerde(TOPIC, schemas)
  const entries: AuditEntry[] = []
  await readTopics({
    log,
    topics: [TOPIC],
    onRecord: ({ offset, value, headers }, { topic, partition }) => {
      if (value === null) return
      try {
        const event = serde.deserialize(value, topic, headers)
        if (event.event_type === 'audit.trail.updated') entries.push(event)
      } catch {
        checks.compare(ACCESS_CHECK, `the record at ${topic}-${partition}@${offset} cannot be read`)
      }
    },
  })
  const problems = problemsOfAuditTrail(entries)
  for (const problem of problems) checks.compare(ACCESS_CHECK, problem)
  for (let whole = problems.length; whole < entries.length; whole++) checks.compare(ACCESS_CHECK, undefined)
}
