import { StreamsError } from '../base/errors.ts'
import { type MetricName, type Metrics, records } from '../ports/index.ts'
import type { OwnMetric, ProcessorMetrics } from '../topology/index.ts'

/** Words that make names of metrics and tags: what Prometheus and JMX both take. */
const WORD = /^[a-z][a-z0-9-]*$/

/** `tags` are those of the task: its metrics go with it when it is closed. */
export function createProcessorMetrics(metrics: Metrics, tags: Readonly<Record<string, string>>): ProcessorMetrics {
  const named = (own: OwnMetric, suffix: string): MetricName => {
    const { scope, entity, operation, description, level } = own
    for (const word of [scope, operation]) {
      if (WORD.test(word)) continue
      throw new StreamsError(
        'CONFIG_INVALID',
        `'${word}' is no name for a metric: scope and operation are lower-case letters, digits and hyphens`,
      )
    }
    return {
      group: `stream-${scope}-metrics`,
      name: `${operation}${suffix}`,
      description: description ?? operation,
      tags: { ...own.tags, ...tags, [`${scope}-id`]: entity },
      ...(level === undefined ? {} : { level }),
    }
  }
  return {
    records: (level) => records(metrics.level, level),
    counter: (own) => metrics.counter(named(own, '-total')),
    latency: (own) => metrics.latency(named(own, '-latency')),
    values: (own) => metrics.latency({ ...named(own, ''), hasMinimum: true }),
    gauge: (own, read) => metrics.gauge(named(own, ''), read),
  }
}
