import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { MetricSample } from '#host'
import { HISTOGRAM_BOUNDS_MS } from '../live/latency-meter.ts'
import type { RefusalCount } from '../live/refusal-counts.ts'
import type { SystemMonitor } from '../live/system-monitor.ts'

/**
 * Metrics for Prometheus. Kafka Streams' metrics keep their names: group and name joined, `-` as `_`, behind
 * `kafka_streams_`; tags are labels; latencies are sums and counts in seconds with the maximum beside them. The eight
 * metrics that the requirement document names keep theirs too, with `.` as `_`.
 */
export type ApiMetrics = {
  readonly contentType: string
  answered(path: string, status: number, durationMs: number): void
  text(): Promise<string>
}

export type MetricsOptions = {
  readonly monitor: SystemMonitor
  /** Live clients now, by feed. */
  readonly liveClients: () => Readonly<Record<string, number>>
  readonly refusals: () => readonly RefusalCount[]
  /** Requests that the schema registry has answered; absent where there is none in this process. */
  readonly registryRequests?: () => number
}

type Value = {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly suffix?: string
}
type Family = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly values: readonly Value[]
}

const REQUEST_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

export function createApiMetrics(options: MetricsOptions): ApiMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of requests by path and status.',
    labelNames: ['path', 'status'],
    buckets: REQUEST_BUCKETS_SECONDS,
    registers: [registry],
  })
  return {
    contentType: registry.contentType,
    answered: (path, status, durationMs) => requests.observe({ path, status: String(status) }, durationMs / 1_000),
    text: async () => {
      const families = [...documentFamilies(options), ...streamsFamilies(options.monitor.samples)]
      return `${await registry.metrics()}\n${families.map(textOf).join('\n')}`
    },
  }
}

/** The eight of the requirement document, and what the API itself adds. */
function documentFamilies({ monitor, liveClients, refusals, registryRequests }: MetricsOptions): readonly Family[] {
  const { meter } = monitor
  if (monitor.latest === undefined) return []
  const latest = monitor.latest
  const one = (value: number): readonly Value[] => [{ labels: {}, value }]
  const byTopic = (role: string, of: (topic: (typeof latest.topics)[number]) => number): readonly Value[] =>
    latest.topics
      .filter((topic) => role === '' || topic.role === role)
      .map((topic) => ({ labels: { topic: topic.name }, value: of(topic) }))
  const gauge = (name: string, help: string, values: readonly Value[]): Family => ({
    name,
    help,
    type: 'gauge',
    values,
  })
  return [
    gauge(
      'events_produced_per_second',
      'Events appended to the input topics.',
      byTopic('input', ({ perSecond }) => perSecond),
    ),
    gauge(
      'events_consumed_per_second',
      'Events of the input topics that were processed and committed.',
      one(latest.consumedPerSecond),
    ),
    {
      name: 'event_processing_latency_seconds',
      help: 'From an event being in the log to its effects being committed.',
      type: 'histogram',
      values: histogramValues(meter.histogram),
    },
    gauge('dead_letter_queue_size', 'Records in the dead-letter topics.', one(latest.deadLetters)),
    gauge(
      'dead_letters',
      'Records in the dead-letter and late topics, by reason and the topic that they were read from.',
      refusals().map(({ kind, topic, reason, count }) => ({
        labels: { kind, topic: topic ?? '', reason },
        value: count,
      })),
    ),
    gauge('late_events_size', 'Records in the topics of events that came too late.', one(latest.late)),
    gauge(
      'kafka_broker_throughput',
      'Records appended per second to all topics of the application.',
      one(latest.appendedPerSecond),
    ),
    gauge(
      'consumer_lag_seconds',
      'How long the oldest event that is not committed has been waiting.',
      one(latest.lagSeconds),
    ),
    gauge(
      'consumer_lag_records',
      'Records that are not committed, by topic.',
      latest.topics
        .filter(({ lagRecords }) => lagRecords !== null)
        .map(({ name, lagRecords }) => ({ labels: { topic: name }, value: lagRecords ?? 0 })),
    ),
    gauge(
      'topic_partition_count',
      'Partitions by topic.',
      byTopic('', ({ partitions }) => partitions),
    ),
    ...(registryRequests === undefined
      ? []
      : [
          {
            name: 'schema_registry_requests',
            help: 'Requests that the schema registry answered.',
            type: 'counter' as const,
            values: one(registryRequests()),
          },
        ]),
    gauge(
      'live_clients',
      'Clients of live feeds.',
      Object.entries(liveClients()).map(([feed, value]) => ({ labels: { feed }, value })),
    ),
  ]
}

function histogramValues({ counts, totalMs, count }: SystemMonitor['meter']['histogram']): readonly Value[] {
  let below = 0
  const buckets = HISTOGRAM_BOUNDS_MS.map((bound, index): Value => {
    below += counts[index] ?? 0
    return { labels: { le: bound / 1_000 }, value: below, suffix: '_bucket' }
  })
  return [
    ...buckets,
    { labels: { le: '+Inf' }, value: count, suffix: '_bucket' },
    { labels: {}, value: totalMs / 1_000, suffix: '_sum' },
    { labels: {}, value: count, suffix: '_count' },
  ]
}

export function streamsFamilies(samples: readonly MetricSample[]): readonly Family[] {
  const families = new Map<string, { -readonly [Key in keyof Family]: Family[Key] } & { values: Value[] }>()
  const add = (name: string, help: string, type: Family['type'], values: readonly Value[]): void => {
    const family = families.get(name) ?? { name, help, type, values: [] }
    family.values.push(...values)
    families.set(name, family)
  }
  for (const sample of samples) {
    const name = `kafka_streams_${identifier(sample.group)}_${identifier(sample.name)}`
    const labels = Object.fromEntries(Object.entries(sample.tags).map(([tag, value]) => [identifier(tag), value]))
    if (sample.kind === 'latency') {
      add(`${name}_seconds`, `${sample.description}.`, 'summary', [
        { labels, value: sample.totalMs / 1_000, suffix: '_sum' },
        { labels, value: sample.count, suffix: '_count' },
      ])
      add(`${name}_max_seconds`, `${sample.description}: the longest.`, 'gauge', [
        { labels, value: sample.maxMs / 1_000 },
      ])
    } else add(name, `${sample.description}.`, sample.kind, [{ labels, value: sample.value }])
  }
  return [...families.values()]
}

const identifier = (text: string): string => text.replace(/[^a-zA-Z0-9_]/g, '_')

/** The text format of Prometheus, for values that are kept elsewhere. */
function textOf({ name, help, type, values }: Family): string {
  const lines = values.map(({ labels, value, suffix = '' }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`)
    return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${Number.isFinite(value) ? value : 'NaN'}`
  })
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
