import type { TopicSpec } from '#streams/ports'

/** Seven years as the document writes it (7 × 365 days). */
export const RETENTION_SEVEN_YEARS_MS = 220_752_000_000
/** As in the document. A cluster of fewer brokers refuses it: see `saccoTopicSpecs`. */
export const REPLICATION_FACTOR = 3

export type SaccoTopic = TopicSpec & {
  readonly replicationFactor: number
  /** Who fixed partitions and policy: the requirement document, or we, because the document does not size the topic. */
  readonly origin: 'document' | 'ours'
  readonly doc: string
}

/**
 * A compacted topic keeps the newest record per key only, and the document wants both compaction and seven years of
 * history for audit. Compaction that leaves everything younger than seven years alone gives both.
 */
const COMPACT_AFTER_SEVEN_YEARS = {
  cleanupPolicy: 'compact',
  retentionMs: RETENTION_SEVEN_YEARS_MS,
  minCompactionLagMs: RETENTION_SEVEN_YEARS_MS,
} as const
const DELETE_AFTER_SEVEN_YEARS = { cleanupPolicy: 'delete', retentionMs: RETENTION_SEVEN_YEARS_MS } as const

function topic(
  name: string,
  partitions: number,
  origin: SaccoTopic['origin'],
  config: NonNullable<TopicSpec['config']>,
  doc: string,
): SaccoTopic {
  return { name, partitions, replicationFactor: REPLICATION_FACTOR, config, origin, doc }
}

export const SACCO_TOPICS: readonly SaccoTopic[] = [
  topic('sacco.member.events', 6, 'document', COMPACT_AFTER_SEVEN_YEARS, 'Member lifecycle.'),
  topic('sacco.transaction.events', 12, 'document', DELETE_AFTER_SEVEN_YEARS, 'Financial transactions.'),
  topic('sacco.loan.events', 8, 'document', DELETE_AFTER_SEVEN_YEARS, 'Loan management.'),
  topic('sacco.accounting.events', 12, 'ours', DELETE_AFTER_SEVEN_YEARS, 'Accounting and ledger.'),
  topic('sacco.compliance.events', 3, 'ours', DELETE_AFTER_SEVEN_YEARS, 'Compliance and reporting.'),
  topic('sacco.payment.events', 12, 'ours', DELETE_AFTER_SEVEN_YEARS, 'Payments: what providers said.'),
  topic('sacco.notification.events', 6, 'ours', DELETE_AFTER_SEVEN_YEARS, 'Notifications to members.'),
  topic('sacco.analytics.events', 6, 'ours', DELETE_AFTER_SEVEN_YEARS, 'Risk scores and fraud flags.'),
  topic(
    'sacco.fraud.rules',
    1,
    'ours',
    COMPACT_AFTER_SEVEN_YEARS,
    'Fraud rules as versioned data, read as a global table.',
  ),
  topic(
    'sacco.delinquency.bands',
    1,
    'ours',
    COMPACT_AFTER_SEVEN_YEARS,
    'Bands of delinquency, read as a global table.',
  ),
]

/** What to create on a log: with fewer copies where there are fewer than three brokers. */
export function saccoTopicSpecs(replicationFactor = REPLICATION_FACTOR): readonly TopicSpec[] {
  return SACCO_TOPICS.map(({ name, partitions, config }) => ({
    name,
    partitions,
    replicationFactor,
    config: config ?? {},
  }))
}
