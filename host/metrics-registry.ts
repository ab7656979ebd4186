import {
  type Counter,
  type Latency,
  type MetricName,
  type Metrics,
  NO_METRICS,
  type RecordingLevel,
  records,
} from '#streams/ports'

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

/** Java: metrics.sample.window.ms. Rates, averages and extremes are of this window and the one before. */
const WINDOW_MS = 30_000

class CounterState implements Counter {
  readonly metric: MetricName
  value = 0
  /** At the start of the current window and of the one before. */
  readonly starts: [number, number] = [0, 0]

  constructor(metric: MetricName) {
    this.metric = metric
  }

  add(count: number): void {
    this.value += count
  }

  roll(): void {
    this.starts[1] = this.starts[0]
    this.starts[0] = this.value
  }
}

class LatencyState implements Latency {
  readonly metric: MetricName
  count = 0
  totalMs = 0
  maxMs = 0
  windowMinMs = Number.POSITIVE_INFINITY
  windowMaxMs = Number.NEGATIVE_INFINITY
  lastMinMs = Number.POSITIVE_INFINITY
  lastMaxMs = Number.NEGATIVE_INFINITY
  readonly countStarts: [number, number] = [0, 0]
  readonly totalStarts: [number, number] = [0, 0]

  constructor(metric: MetricName) {
    this.metric = metric
  }

  record(durationMs: number): void {
    this.count++
    this.totalMs += durationMs
    if (durationMs > this.windowMaxMs) this.windowMaxMs = durationMs
    if (durationMs < this.windowMinMs) this.windowMinMs = durationMs
  }

  roll(): void {
    this.lastMinMs = this.windowMinMs
    this.lastMaxMs = this.windowMaxMs
    this.maxMs = Math.max(this.maxMs, this.windowMaxMs)
    this.windowMinMs = Number.POSITIVE_INFINITY
    this.windowMaxMs = Number.NEGATIVE_INFINITY
    this.countStarts[1] = this.countStarts[0]
    this.countStarts[0] = this.count
    this.totalStarts[1] = this.totalStarts[0]
    this.totalStarts[0] = this.totalMs
  }
}

type GaugeState = { readonly metric: MetricName; readonly read: () => number }

export type MetricsRegistry = Metrics & {
  readonly level: RecordingLevel
  samples(): readonly MetricSample[]
}

/**
 * Keeps the metrics of one thread. The same name and tags give the same counter. Nothing is computed when a record
 * passes but sums; what Java calls rate, avg, max and ratio is made of them when metrics are collected.
 */
export function createMetricsRegistry(
  options: { readonly level?: RecordingLevel; readonly nowMs?: () => number } = {},
): MetricsRegistry {
  return new Registry(options.level ?? 'info', options.nowMs ?? (() => performance.now()))
}

class Registry implements MetricsRegistry {
  readonly level: RecordingLevel
  readonly #nowMs: () => number
  readonly #counters = new Map<string, CounterState>()
  readonly #latencies = new Map<string, LatencyState>()
  readonly #gauges = new Map<string, GaugeState>()
  /** When the current window and the one before began. */
  #starts: [number, number]

  constructor(level: RecordingLevel, nowMs: () => number) {
    this.level = level
    this.#nowMs = nowMs
    this.#starts = [nowMs(), nowMs()]
  }

  counter(metric: MetricName): Counter {
    if (!records(this.level, metric.level)) return NO_METRICS.counter(metric)
    return findOrMake(this.#counters, metric, (name) => new CounterState(name))
  }

  latency(metric: MetricName): Latency {
    if (!records(this.level, metric.level)) return NO_METRICS.latency(metric)
    return findOrMake(this.#latencies, metric, (name) => new LatencyState(name))
  }

  gauge(metric: MetricName, read: () => number): () => void {
    if (!records(this.level, metric.level)) return () => {}
    const id = identity(metric)
    const state = { metric, read }
    this.#gauges.set(id, state)
    return () => {
      // Another one may have taken the name meanwhile.
      if (this.#gauges.get(id) === state) this.#gauges.delete(id)
    }
  }

  remove(tags: Readonly<Record<string, string>>): void {
    const entries = Object.entries(tags)
    for (const map of [this.#counters, this.#latencies, this.#gauges]) {
      for (const [id, { metric }] of map) {
        if (entries.every(([name, value]) => metric.tags[name] === value)) map.delete(id)
      }
    }
  }

  samples(): readonly MetricSample[] {
    const nowMs = this.#nowMs()
    this.#roll(nowMs)
    const elapsedMs = Math.max(1, nowMs - this.#starts[1])
    const samples: MetricSample[] = []
    for (const state of this.#counters.values()) samples.push(...counterSamples(state, elapsedMs))
    for (const { metric, read } of this.#gauges.values())
      samples.push({ ...plain(metric), kind: 'gauge', value: read() })
    for (const state of this.#latencies.values()) samples.push(...latencySamples(state, elapsedMs))
    return samples
  }

  /** Windows begin when metrics are collected: a process that nobody looks at does no work for them. */
  #roll(nowMs: number): void {
    if (nowMs - this.#starts[0] < WINDOW_MS) return
    for (const state of this.#counters.values()) state.roll()
    for (const state of this.#latencies.values()) state.roll()
    this.#starts = [nowMs, this.#starts[0]]
  }
}

function findOrMake<S>(states: Map<string, S>, metric: MetricName, make: (metric: MetricName) => S): S {
  const id = identity(metric)
  const found = states.get(id)
  if (found !== undefined) return found
  const state = make(metric)
  states.set(id, state)
  return state
}

function plain({ group, name, description, tags }: MetricName) {
  return { group, name, description, tags }
}

const stemOf = (name: string, suffix: string): string | undefined =>
  name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined

function counterSamples({ metric, value, starts }: CounterState, elapsedMs: number): readonly MetricSample[] {
  const total: MetricSample = { ...plain(metric), kind: 'counter', value }
  const stem = stemOf(metric.name, '-total')
  if (stem === undefined) return [total]
  const perSecond = ((value - starts[1]) * 1000) / elapsedMs
  return [total, derived(metric, `${stem}-rate`, perSecond, 'per second')]
}

function latencySamples(state: LatencyState, elapsedMs: number): readonly MetricSample[] {
  const { metric, count, totalMs } = state
  const { name, hasMinimum = false, hasRatio = false } = metric
  const counted = count - state.countStarts[1]
  const summed = totalMs - state.totalStarts[1]
  const maxMs = Math.max(state.maxMs, state.windowMaxMs)
  const average = counted === 0 ? Number.NaN : summed / counted
  const orNothing = (value: number): number => (Number.isFinite(value) ? value : Number.NaN)
  const samples: MetricSample[] = [
    { ...plain(metric), kind: 'latency', count, totalMs, maxMs },
    derived(metric, `${name}-avg`, average, 'average'),
    derived(metric, `${name}-max`, orNothing(Math.max(state.windowMaxMs, state.lastMaxMs)), 'maximum'),
  ]
  if (hasMinimum) {
    const least = Math.min(state.windowMinMs, state.lastMinMs)
    samples.push(derived(metric, `${name}-min`, orNothing(least), 'minimum'))
  }
  const stem = hasMinimum ? undefined : stemOf(name, '-latency')
  if (stem === undefined) return samples
  samples.push(derived(metric, `${stem}-rate`, (counted * 1000) / elapsedMs, 'per second'))
  samples.push({ ...derived(metric, `${stem}-total`, count, 'number'), kind: 'counter' })
  if (hasRatio) samples.push(derived(metric, `${stem}-ratio`, Math.min(1, summed / elapsedMs), 'share of the time'))
  return samples
}

function derived(metric: MetricName, name: string, value: number, what: string) {
  const { group, tags, description } = metric
  return { group, name, tags, description: `${description}: ${what}`, kind: 'gauge' as const, value }
}

function identity({ group, name, tags }: MetricName): string {
  return JSON.stringify([group, name, Object.entries(tags).sort()])
}
