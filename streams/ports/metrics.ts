/**
 * Metrics under Kafka Streams' names (`group` is Java's, such as `stream-task-metrics`; `name` such as
 * `dropped-records-total`). A counter or latency is asked for once and kept: `add` and `record` are on the path of a
 * record and must not allocate.
 */
export type MetricName = {
  readonly group: string
  readonly name: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
}
export type Counter = { add(count: number): void }
export type Latency = { record(durationMs: number): void }
export type Metrics = {
  counter(metric: MetricName): Counter
  latency(metric: MetricName): Latency
  /** `read` is called when metrics are collected. Returns a function that removes the gauge. */
  gauge(metric: MetricName, read: () => number): () => void
}

const NOTHING = { add: () => {}, record: () => {} }
export const NO_METRICS: Metrics = { counter: () => NOTHING, latency: () => NOTHING, gauge: () => () => {} }
