import type { Counter, Latency, MetricName, Metrics } from '#streams/ports'

/** A metric as data: it can cross threads. */
export type MetricSample = {
  readonly group: string
  readonly name: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
} & (
  | { readonly kind: 'counter' | 'gauge'; readonly value: number }
  | { readonly kind: 'latency'; readonly count: number; readonly totalMs: number; readonly maxMs: number }
)

type CounterState = { readonly metric: MetricName; value: number }
type LatencyState = { readonly metric: MetricName; count: number; totalMs: number; maxMs: number }
type GaugeState = { readonly metric: MetricName; readonly read: () => number }

export type MetricsRegistry = Metrics & { samples(): readonly MetricSample[] }

/** Keeps the metrics of one thread. The same name and tags give the same counter. */
export function createMetricsRegistry(): MetricsRegistry {
  const counters = new Map<string, CounterState & Counter>()
  const latencies = new Map<string, LatencyState & Latency>()
  const gauges = new Map<string, GaugeState>()
  return {
    counter: (metric) => {
      const id = identity(metric)
      const found = counters.get(id)
      if (found !== undefined) return found
      const state: CounterState & Counter = {
        metric,
        value: 0,
        add: (count) => {
          state.value += count
        },
      }
      counters.set(id, state)
      return state
    },
    latency: (metric) => {
      const id = identity(metric)
      const found = latencies.get(id)
      if (found !== undefined) return found
      const state: LatencyState & Latency = {
        metric,
        count: 0,
        totalMs: 0,
        maxMs: 0,
        record: (durationMs) => {
          state.count++
          state.totalMs += durationMs
          if (durationMs > state.maxMs) state.maxMs = durationMs
        },
      }
      latencies.set(id, state)
      return state
    },
    gauge: (metric, read) => {
      const id = identity(metric)
      gauges.set(id, { metric, read })
      return () => {
        gauges.delete(id)
      }
    },
    samples: () => [
      ...[...counters.values()].map(({ metric, value }): MetricSample => ({ ...metric, kind: 'counter', value })),
      ...[...gauges.values()].map(({ metric, read }): MetricSample => ({ ...metric, kind: 'gauge', value: read() })),
      ...[...latencies.values()].map(
        ({ metric, count, totalMs, maxMs }): MetricSample => ({ ...metric, kind: 'latency', count, totalMs, maxMs }),
      ),
    ],
  }
}

function identity({ group, name, tags }: MetricName): string {
  return JSON.stringify([group, name, Object.entries(tags).sort()])
}
