import { StreamsError } from '../base/errors.ts'
import type { CleanupPolicy, TopicConfig } from '../ports/index.ts'
import type { StoreSpec } from '../stores/types.ts'

const DAY_MS = 86_400_000

/** Kafka's names of topic settings, by the port's. */
const settingNames = {
  'cleanup.policy': 'cleanupPolicy',
  'retention.ms': 'retentionMs',
  'retention.bytes': 'retentionBytes',
  'segment.bytes': 'segmentBytes',
  'min.compaction.lag.ms': 'minCompactionLagMs',
  'delete.retention.ms': 'deleteRetentionMs',
  'max.message.bytes': 'maxMessageBytes',
} as const satisfies Record<string, keyof TopicConfig>

/**
 * Settings of a store's changelog: those of its kind, then what the store's `logging` says under Kafka's names. Java:
 * Windowed-, Unwindowed- and VersionedChangelogTopicConfig.
 */
export function changelogConfig(spec: StoreSpec, additionalRetentionMs: number): TopicConfig {
  return { ...ownConfig(spec, additionalRetentionMs), ...overridesOf(spec) }
}

function ownConfig(spec: StoreSpec, additionalRetentionMs: number): TopicConfig {
  const expiring = (cleanupPolicy: CleanupPolicy, retentionMs: number): TopicConfig => ({
    cleanupPolicy,
    retentionMs: retentionMs + additionalRetentionMs,
  })
  switch (spec.kind) {
    case 'key-value':
      return { cleanupPolicy: 'compact' }
    case 'window':
      // Several records of one key and window are told apart by a number that begins anew: nothing to compact by.
      return expiring(spec.retainDuplicates ? 'delete' : 'compact,delete', spec.retentionMs)
    case 'session':
      return expiring('compact,delete', spec.retentionMs)
    case 'versioned':
      return { cleanupPolicy: 'compact', minCompactionLagMs: spec.historyRetentionMs + DAY_MS }
    case 'custom':
      return spec.retentionMs === undefined
        ? { cleanupPolicy: 'compact' }
        : expiring('compact,delete', spec.retentionMs)
    default:
      return spec satisfies never
  }
}

function overridesOf(spec: StoreSpec): TopicConfig {
  const overrides: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(spec.logging?.config ?? {})) {
    const setting = settingNames[name as keyof typeof settingNames]
    if (setting === undefined) {
      throw new StreamsError(
        'TOPOLOGY_INVALID',
        `store ${spec.name} sets ${name} for its changelog, which is not known; known: ${Object.keys(settingNames).join(', ')}`,
      )
    }
    overrides[setting] = setting === 'cleanupPolicy' ? policyOf(spec, value) : numberOf(spec, name, value)
  }
  return overrides as TopicConfig
}

function policyOf(spec: StoreSpec, value: string): CleanupPolicy {
  const words = value.split(',').map((word) => word.trim())
  const isKnown = words.every((word) => word === 'compact' || word === 'delete')
  if (!isKnown) {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `store ${spec.name} sets cleanup.policy to '${value}' for its changelog: it is compact, delete, or compact,delete`,
    )
  }
  if (words.includes('compact')) return words.includes('delete') ? 'compact,delete' : 'compact'
  return 'delete'
}

function numberOf(spec: StoreSpec, name: string, value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && Number.isSafeInteger(number)) return number
  throw new StreamsError(
    'TOPOLOGY_INVALID',
    `store ${spec.name} sets ${name} to '${value}' for its changelog: it is a whole number`,
  )
}
