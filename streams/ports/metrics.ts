/**
 * Metrics under Kafka Streams' names (`group` is Java's, such as `stream-task-metrics`; `name` such as
 * `dropped-records-total`). A counter or latency is asked for once and kept: `add` and `record` are on the path of a
 * record and must not allocate.
 *
 * Java's names of what is derived come from these: a counter `x-total` also shows as `x-rate`; a latency `x-latency` as
 * `x-latency-avg`, `x-latency-max`, `x-rate` and `x-total`; any other latency `x` as `x-avg` and `x-max`.
 */
export type RecordingLevel = 'info' | 'debug' | 'trace'

export type MetricName = {
  readonly group: string
  readonly name: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  /** From which level on it is kept; default info. */
  readonly level?: RecordingLevel
  /** The smallest value too, as `x-min`. */
  readonly hasMinimum?: boolean
  /** The share of time too, as `x-ratio` (of an `x-latency`). */
  readonly hasRatio?: boolean
}
export type Counter = { add(count: number): void }
/** Of durations in milliseconds, or of any other values whose average and maximum count. */
export type Latency = { record(durationMs: number): void }
export type Metrics = {
  /** What is recorded; absent = info. What is above it costs nothing: ask `records` before measuring it. */
  readonly level?: RecordingLevel
  counter(metric: MetricName): Counter
  latency(metric: MetricName): Latency
  /** `read` is called when metrics are collected. Returns a function that removes the gauge. */
  gauge(metric: MetricName, read: () => number): () => void
  /** Forgets every metric that has all of these tags: of a task that is closed. */
  remove?(tags: Readonly<Record<string, string>>): void
}

const NOTHING = { add: () => {}, record: () => {} }
export const NO_METRICS: Metrics = { counter: () => NOTHING, latency: () => NOTHING, gauge: () => () => {} }

const order: Readonly<Record<RecordingLevel, number>> = { info: 0, debug: 1, trace: 2 }

export function records(recorded: RecordingLevel | undefined, level: RecordingLevel | undefined): boolean {
  return order[recorded ?? 'info'] >= order[level ?? 'info']
}
