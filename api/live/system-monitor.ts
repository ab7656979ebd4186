import type { MetricSample } from '#host'
import { messageOf } from '#streams/base'
import type { Clock, Logger, PartitionOffset, TopicPartition } from '#streams/ports'
import { type ApiApplication, inputTopicsOf, storesOf } from '../application.ts'
import { isoOf } from '../http/freshness.ts'
import { drawTopology } from '../topology/drawing.ts'
import { createLatencyMeter, type LatencyMeter, type LatencyPercentiles } from './latency-meter.ts'

/** What the system page shows and the metrics are made of: one look per second at counters and offsets. */
export type SystemSnapshot = {
  readonly at: string
  readonly state: string
  readonly streamTime: string | null
  /** Records of the application's own inputs (not internal topics) that were committed, and that were appended. */
  readonly consumedPerSecond: number
  readonly producedPerSecond: number
  /** Records processed by all tasks, those of repartition topics among them. */
  readonly processedPerSecond: number
  /** Records appended to all topics that the topology knows. */
  readonly appendedPerSecond: number
  readonly lagRecords: number
  readonly lagSeconds: number
  readonly latency: LatencyPercentiles
  readonly commitAverageMs: number | null
  readonly commitsPerSecond: number
  readonly deadLetters: number
  readonly late: number
  readonly topics: readonly TopicSnapshot[]
  readonly subTopologies: readonly {
    readonly id: number
    readonly tasks: number
    readonly processedPerSecond: number
    readonly processed: number
  }[]
}
export type TopicSnapshot = {
  readonly name: string
  readonly role: 'input' | 'internal' | 'output'
  readonly partitions: number
  readonly records: number
  readonly perSecond: number
  /** Null for topics that the application does not read. */
  readonly lagRecords: number | null
}

export type SystemMonitor = {
  readonly latest: SystemSnapshot | undefined
  readonly history: readonly SystemSnapshot[]
  readonly samples: readonly MetricSample[]
  readonly meter: LatencyMeter
  /** Called with every snapshot until the returned function is called. */
  watch(onSnapshot: (snapshot: SystemSnapshot) => void): () => void
  close(): Promise<void>
}

export type MonitorOptions = {
  readonly application: ApiApplication
  readonly applicationId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly deadLetterTopics: readonly string[]
  readonly lateTopics: readonly string[]
}

const SNAPSHOT_INTERVAL_MS = 1_000
/** Five minutes of charts. */
const HISTORY_MAX = 300
const TASK_GROUP = 'stream-task-metrics'
/** How often offsets are looked at: latency is as exact as this. Finer while somebody watches. */
const LOOK_INTERVAL_MS = 100
const LOOK_INTERVAL_WATCHED_MS = 25

type Look = {
  readonly atMs: number
  readonly ends: readonly PartitionOffset[]
  readonly committed: ReadonlyMap<string, number>
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

export async function startMonitor(options: MonitorOptions): Promise<SystemMonitor> {
  const { application, applicationId, clock, logger } = options
  const world = await lookAround(options)
  const meter = createLatencyMeter()
  const history: SystemSnapshot[] = []
  const watchers = new Set<(snapshot: SystemSnapshot) => void>()
  const stopped = new AbortController()
  let samples: readonly MetricSample[] = []
  let before: { readonly look: Look; readonly samples: readonly MetricSample[] } | undefined

  const inputs = world.partitions.filter(({ topic }) => world.roles.get(topic) === 'input')
  const look = async (partitions: readonly TopicPartition[]): Promise<Look> => {
    const [ends, commits] = await Promise.all([
      application.log.admin.endOffsets(partitions),
      application.log.admin.committedOffsets(applicationId),
    ])
    const committed = new Map(commits.map((each) => [nameOf(each), each.offset]))
    return { atMs: clock.monotonicMs(), ends, committed }
  }

  const takeSnapshot = async (): Promise<void> => {
    const now = await look(world.partitions)
    samples = await application.samples()
    const streamTimeMs = application.state === 'running' ? await streamTime(application) : undefined
    const starts = new Map(
      (await application.log.admin.startOffsets(world.partitions)).map((s) => [nameOf(s), s.offset]),
    )
    const snapshot = snapshotOf({ ...options, world, now, before, samples, meter, starts, streamTimeMs })
    before = { look: now, samples }
    history.push(snapshot)
    if (history.length > HISTORY_MAX) history.shift()
    for (const watcher of watchers) watcher(snapshot)
  }
  /** While the application stops its log is closed under the monitor: there is nothing left to watch. */
  const isOver = (): boolean =>
    stopped.signal.aborted || application.state === 'stopped' || application.state === 'failed'
  const repeat = async (intervalMs: () => number, action: () => Promise<void>): Promise<void> => {
    while (!isOver()) {
      try {
        await action()
      } catch (error) {
        logger.debug('the monitor could not look', { error: messageOf(error) })
        await clock.sleep(SNAPSHOT_INTERVAL_MS, stopped.signal)
      }
      await clock.sleep(intervalMs(), stopped.signal)
    }
  }
  const observe = async (): Promise<void> => {
    const { atMs, ends, committed } = await look(inputs)
    meter.observe(atMs, ends, committed)
  }
  // Apart from each other: a thread that is slow to answer must not make the latencies look coarse.
  const running = Promise.all([
    repeat(() => (watchers.size > 0 ? LOOK_INTERVAL_WATCHED_MS : LOOK_INTERVAL_MS), observe),
    repeat(() => SNAPSHOT_INTERVAL_MS, takeSnapshot),
  ])
  return {
    get latest() {
      return history.at(-1)
    },
    history,
    get samples() {
      return samples
    },
    meter,
    watch: (onSnapshot) => {
      watchers.add(onSnapshot)
      return () => {
        watchers.delete(onSnapshot)
      }
    },
    close: async () => {
      stopped.abort()
      await running
    },
  }
}

type World = {
  readonly partitions: readonly TopicPartition[]
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly roles: ReadonlyMap<string, TopicSnapshot['role']>
}

/** All topics that the topology reads or writes, with those of dead letters and late records. */
async function lookAround(options: MonitorOptions): Promise<World> {
  const { application, applicationId, deadLetterTopics, lateTopics } = options
  const { topology, log } = application
  const roles = new Map<string, TopicSnapshot['role']>()
  for (const topic of [...deadLetterTopics, ...lateTopics]) roles.set(topic, 'output')
  for (const sub of drawTopology(topology, applicationId).subTopologies) {
    for (const topic of sub.sinks) roles.set(topic, 'output')
  }
  for (const { name, internal } of inputTopicsOf(topology, applicationId)) {
    roles.set(name, internal ? 'internal' : 'input')
  }
  const described = await log.admin.describeTopics([...roles.keys()])
  const partitionCounts = new Map([...described.values()].map(({ name, partitions }) => [name, partitions]))
  const partitions = [...partitionCounts].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  )
  return { partitions, partitionCounts, roles }
}

async function streamTime(application: ApiApplication): Promise<number | undefined> {
  const store = storesOf(application.topology).find(({ spec, scope }) => spec.kind === 'key-value' && scope === 'task')
  if (store === undefined) return undefined
  // No entries are wanted, only what comes with every answer. (A count would walk over the keys.)
  const { freshness } = await application.query({ store: store.name, kind: 'range', limit: 0 })
  const timesMs = freshness.map(({ streamTimeMs }) => streamTimeMs).filter((timeMs) => timeMs > 0)
  return timesMs.length === 0 ? undefined : Math.max(...timesMs)
}

type SnapshotInput = MonitorOptions & {
  readonly world: World
  readonly now: Look
  readonly before: { readonly look: Look; readonly samples: readonly MetricSample[] } | undefined
  readonly samples: readonly MetricSample[]
  readonly meter: LatencyMeter
  readonly starts: ReadonlyMap<string, number>
  readonly streamTimeMs: number | undefined
}

function snapshotOf(input: SnapshotInput): SystemSnapshot {
  const { world, now, before, samples, meter, streamTimeMs } = input
  const seconds = before === undefined ? Number.NaN : (now.atMs - before.look.atMs) / 1_000
  const rate = (after: number, earlier: number | undefined): number =>
    earlier === undefined || !(seconds > 0) ? 0 : round(Math.max(0, after - earlier) / seconds)
  const topics = topicSnapshots(input, rate)
  const ofRole = (role: TopicSnapshot['role']) => topics.filter((topic) => topic.role === role)
  const sum = (values: readonly number[]): number => round(values.reduce((total, value) => total + value, 0))
  const sizeOf = (names: readonly string[]): number =>
    sum(topics.filter(({ name }) => names.includes(name)).map(({ records }) => records))
  const committedOfInputs = (look: Look): number =>
    sum([...look.committed].filter(([name]) => isInput(world, name)).map(([, offset]) => offset))
  const readTopics = topics.filter(({ lagRecords }) => lagRecords !== null)
  const lags = now.ends
    .filter(({ topic }) => world.roles.get(topic) === 'input')
    .map((each) => meter.lagMsOf(nameOf(each), now.atMs))
  return {
    at: isoOf(input.clock.wallClockMs()),
    state: input.application.state,
    streamTime: streamTimeMs === undefined ? null : isoOf(streamTimeMs),
    consumedPerSecond: rate(committedOfInputs(now), before === undefined ? undefined : committedOfInputs(before.look)),
    producedPerSecond: sum(ofRole('input').map(({ perSecond }) => perSecond)),
    processedPerSecond: rate(
      totalOf(samples, 'process-total'),
      before === undefined ? undefined : totalOf(before.samples, 'process-total'),
    ),
    appendedPerSecond: sum(topics.map(({ perSecond }) => perSecond)),
    lagRecords: sum(readTopics.map(({ lagRecords }) => lagRecords ?? 0)),
    lagSeconds: round(Math.max(0, ...lags) / 1_000),
    latency: meter.percentiles(now.atMs),
    ...commitsOf(samples, before?.samples, seconds),
    deadLetters: sizeOf(input.deadLetterTopics),
    late: sizeOf(input.lateTopics),
    topics,
    subTopologies: subTopologySnapshots(input, rate),
  }
}

function isInput(world: World, partition: string): boolean {
  return world.roles.get(partition.slice(0, partition.lastIndexOf('-'))) === 'input'
}

function topicSnapshots(
  { world, now, before, starts }: SnapshotInput,
  rate: (after: number, earlier: number | undefined) => number,
): readonly TopicSnapshot[] {
  const earlier = new Map(before?.look.ends.map((end) => [nameOf(end), end.offset]))
  return [...world.partitionCounts].map(([name, partitions]): TopicSnapshot => {
    const ends = now.ends.filter(({ topic }) => topic === name)
    const total = (of: (partition: string) => number): number => ends.reduce((sum, end) => sum + of(nameOf(end)), 0)
    const endOf = new Map(ends.map((end) => [nameOf(end), end.offset]))
    const end = total((partition) => endOf.get(partition) ?? 0)
    const role = world.roles.get(name) ?? 'output'
    return {
      name,
      role,
      partitions,
      records: end - total((partition) => starts.get(partition) ?? 0),
      perSecond: rate(end, before === undefined ? undefined : total((partition) => earlier.get(partition) ?? 0)),
      lagRecords:
        role === 'output'
          ? null
          : total((partition) =>
              Math.max(0, (endOf.get(partition) ?? 0) - (now.committed.get(partition) ?? starts.get(partition) ?? 0)),
            ),
    }
  })
}

function subTopologySnapshots(
  { application, samples, before }: SnapshotInput,
  rate: (after: number, earlier: number | undefined) => number,
): SystemSnapshot['subTopologies'] {
  return application.topology.subTopologies.map(({ id }) => {
    const isOwn = (sample: MetricSample): boolean => sample.tags['task-id']?.startsWith(`${id}_`) ?? false
    const own = samples.filter(
      (sample) =>
        sample.group === 'stream-task-metrics' &&
        sample.name === 'process-total' &&
        sample.group === TASK_GROUP &&
        isOwn(sample),
    )
    const processed = totalOf(own, 'process-total')
    const earlier = before === undefined ? undefined : totalOf(before.samples.filter(isOwn), 'process-total')
    return { id, tasks: own.length, processed, processedPerSecond: rate(processed, earlier) }
  })
}

/** Of all tasks. Nodes and threads count the same records under the same name. */
function totalOf(samples: readonly MetricSample[], name: string): number {
  let total = 0
  for (const sample of samples) {
    if (sample.name === name && sample.group === TASK_GROUP && sample.kind === 'counter') total += sample.value
  }
  return total
}

function commitsOf(
  samples: readonly MetricSample[],
  before: readonly MetricSample[] | undefined,
  seconds: number,
): { readonly commitAverageMs: number | null; readonly commitsPerSecond: number } {
  const total = (list: readonly MetricSample[]) => {
    let count = 0
    let totalMs = 0
    for (const sample of list) {
      if (sample.kind !== 'latency' || sample.group !== 'stream-thread-metrics' || sample.name !== 'commit-latency')
        continue
      count += sample.count
      totalMs += sample.totalMs
    }
    return { count, totalMs }
  }
  if (before === undefined) return { commitAverageMs: null, commitsPerSecond: 0 }
  const now = total(samples)
  const then = total(before)
  const count = now.count - then.count
  return {
    commitAverageMs: count > 0 ? round((now.totalMs - then.totalMs) / count) : null,
    commitsPerSecond: seconds > 0 ? round(Math.max(0, count) / seconds) : 0,
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
