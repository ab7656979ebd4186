import type { CleanupPolicy, TopicConfig } from '#streams/ports'

/** Kafka's names of the settings that the port knows. */
const NAMES = {
  cleanupPolicy: 'cleanup.policy',
  retentionMs: 'retention.ms',
  retentionBytes: 'retention.bytes',
  segmentBytes: 'segment.bytes',
  minCompactionLagMs: 'min.compaction.lag.ms',
  deleteRetentionMs: 'delete.retention.ms',
  maxMessageBytes: 'max.message.bytes',
} as const satisfies Record<keyof TopicConfig, string>

export const TOPIC_SETTING_NAMES: readonly string[] = Object.values(NAMES)

export type Setting = { readonly name: string; readonly value: string }

export function settingsOf(config: TopicConfig): readonly Setting[] {
  return Object.entries(NAMES).flatMap(([key, name]) => {
    const value = config[key as keyof TopicConfig]
    return value === undefined ? [] : [{ name, value: String(value) }]
  })
}

export function configOf(
  settings: readonly { readonly name: string; readonly value?: string | null | undefined }[],
): TopicConfig {
  const found = new Map(settings.map(({ name, value }) => [name, value]))
  const config: Record<string, string | number> = {}
  for (const [key, name] of Object.entries(NAMES)) {
    const value = found.get(name)
    if (value === undefined || value === null) continue
    config[key] = key === 'cleanupPolicy' ? policyOf(value) : Number(value)
  }
  return config as TopicConfig
}

/** Brokers give the words of a list in any order. */
function policyOf(value: string): CleanupPolicy {
  const words = new Set(value.split(',').map((word) => word.trim()))
  if (words.has('compact')) return words.has('delete') ? 'compact,delete' : 'compact'
  return 'delete'
}
