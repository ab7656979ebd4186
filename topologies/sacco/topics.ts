import { RETENTION_SEVEN_YEARS_MS, saccoTopicSpecs } from '#schemas'
import { STATE_PARTITIONS } from './shared/limits.ts'
import { DEAD_LETTER_TOPIC, ENTITY_SIGNALS_TOPIC, LATE_TOPIC, MEMBER_SIGNALS_TOPIC } from './shared/names.ts'

const kept = { cleanupPolicy: 'delete', retentionMs: RETENTION_SEVEN_YEARS_MS } as const
/** Purged of what was processed (`ownedTopics`), never by time: events may be older than any time that one would choose. */
const passing = { cleanupPolicy: 'delete', retentionMs: -1 } as const

/** Topics that are the application's own. The requirement document asks for dead letters, but does not size them. */
const OWN_TOPICS = [
  { name: DEAD_LETTER_TOPIC, partitions: 3, config: kept },
  { name: LATE_TOPIC, partitions: 3, config: kept },
  { name: MEMBER_SIGNALS_TOPIC, partitions: STATE_PARTITIONS, config: passing },
  { name: ENTITY_SIGNALS_TOPIC, partitions: STATE_PARTITIONS, config: passing },
] as const

/** Every topic of the SACCO, with so many copies of each; -1: as many as the brokers say (an embedded log has one). */
export function saccoTopics(replicationFactor = -1): ReturnType<typeof saccoTopicSpecs> {
  return [...saccoTopicSpecs(replicationFactor), ...OWN_TOPICS.map((topic) => ({ ...topic, replicationFactor }))]
}
