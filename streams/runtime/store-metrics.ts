import type { TaskId } from '../base/ids.ts'
import { type Clock, type Latency, type MetricName, type Metrics, records, type StateDatabase } from '../ports/index.ts'
import type { ManagedStore, StoreIterator, StoreSpec } from '../stores/index.ts'
import { taskTags } from './task-metrics.ts'

const GROUP = 'stream-state-metrics'

/** Java's names of operations, by the method of ours. */
const operations: Readonly<Record<string, string>> = {
  get: 'get',
  getAsOf: 'get',
  versions: 'get',
  put: 'put',
  putIfAbsent: 'put-if-absent',
  delete: 'delete',
  remove: 'remove',
  fetch: 'fetch',
  fetchRange: 'fetch',
  fetchRangeBackward: 'fetch',
  fetchKeyRange: 'fetch',
  fetchAll: 'fetch',
  fetchAllBackward: 'fetch',
  fetchKeyRangeBackward: 'fetch',
  fetchBackward: 'fetch',
  fetchSession: 'fetch',
  findSessions: 'fetch',
  findSessionsKeyRange: 'fetch',
  findSessionsBackward: 'fetch',
  findSessionsKeyRangeBackward: 'fetch',
  range: 'range',
  reverseRange: 'range',
  all: 'all',
  reverseAll: 'all',
  allBackward: 'all',
  prefixScan: 'prefix-scan',
  flushCache: 'flush',
  prepareCommit: 'commit',
  restoreBatch: 'restore',
}

/** Java: the metrics scope of the store supplier, with `-state-id` behind it. */
function scopeTag(spec: StoreSpec): string {
  const engine = spec.persistence === 'memory' ? 'in-memory' : 'rocksdb'
  switch (spec.kind) {
    case 'window':
      return `${engine}-window-state-id`
    case 'session':
      return `${engine}-session-state-id`
    case 'custom':
      return 'in-memory-suppression-state-id'
    case 'key-value':
    case 'versioned':
      return `${engine}-state-id`
    default:
      return spec satisfies never
  }
}

export type StoreMetricsContext = {
  readonly metrics: Metrics
  readonly clock: Clock
  readonly threadName: string
  readonly taskId: TaskId
}

/** Methods that read what is stored of one key, which may be in memory. */
const keyReads: ReadonlySet<string> = new Set([
  'get',
  'fetch',
  'fetchRange',
  'fetchRangeBackward',
  'fetchSession',
  'fetchBackward',
  'findSessions',
  'findSessionsBackward',
])

type Timed = {
  readonly latency: Latency
  readonly clock: Clock
  readonly iterators: OpenIterators
  readonly hits: HitRatio | undefined
}

/**
 * At info: what can be read off a store at any time. From debug on its methods are wrapped, each in one that measures;
 * a store that is not measured pays nothing. Java: MeteredKeyValueStore and the like.
 */
export function measureStore(store: ManagedStore, spec: StoreSpec, context: StoreMetricsContext): void {
  const { metrics, clock } = context
  const tags = { ...taskTags(context.threadName, context.taskId), [scopeTag(spec)]: spec.name }
  const metric = (name: string, description: string, level: MetricName['level'] = 'info'): MetricName => ({
    group: GROUP,
    name,
    description,
    tags,
    level,
  })
  metrics.gauge(metric('num-open-iterators', 'Iterators that are open'), () => store.iteratorsOpen)
  if (isSuppressBuffer(store)) {
    metrics.gauge(metric('suppression-buffer-count', 'Changes held back'), () => store.recordsBuffered)
    metrics.gauge(metric('suppression-buffer-size', 'Bytes of changes held back'), () => store.bytesBuffered)
  }
  metrics.gauge(metric('uncommitted-bytes', 'Bytes of writes that are not committed'), () => store.dirtyBytes)
  if (spec.persistence === 'memory' && 'approximateEntryCount' in store) {
    const counted = store as unknown as { approximateEntryCount(): number }
    metrics.gauge(metric('num-keys', 'Keys of the store'), () => counted.approximateEntryCount())
  }
  if (!records(metrics.level, 'debug')) return
  const hits = store.engineReads === undefined ? undefined : new HitRatio(store, context)
  const iterators = new OpenIterators(
    metrics.latency(metric('iterator-duration', 'From opening to closing', 'debug')),
    clock,
  )
  metrics.gauge(metric('oldest-iterator-open-since-ms', 'When the oldest open iterator was opened', 'debug'), () =>
    iterators.oldestMs(),
  )
  const methods = store as unknown as Record<string, unknown>
  for (const [method, operation] of Object.entries(operations)) {
    const original = methods[method]
    if (typeof original !== 'function') continue
    const latency = metrics.latency(metric(`${operation}-latency`, `Calls of ${operation}`, 'debug'))
    const timing = { latency, clock, iterators, hits: keyReads.has(method) ? hits : undefined }
    methods[method] = timed(original.bind(store) as AnyFunction, timing)
  }
}

/** Properties of RocksDB that hold for a database, and so for all stores of a task; Java has a database for each store. */
const databaseProperties = [
  'background-errors',
  'num-running-compactions',
  'num-running-flushes',
  'actual-delayed-write-rate',
  'is-write-stopped',
] as const

/** What a task's state takes, and what its engine says of itself. Java: RocksDBMetrics' property gauges. */
export function measureDatabase(database: StateDatabase, context: StoreMetricsContext): void {
  const tags = { ...taskTags(context.threadName, context.taskId), 'rocksdb-state-id': 'all' }
  const gauge = (name: string, description: string, read: () => number): void => {
    context.metrics.gauge({ group: GROUP, name, description, tags }, read)
  }
  gauge('total-sst-files-size', 'Bytes of state on disk', () => database.stats().bytesOnDisk)
  gauge('size-all-mem-tables', 'Bytes of state in memory', () => database.stats().bytesInMemory)
  if (database.property === undefined) return
  for (const name of databaseProperties) {
    gauge(name, `RocksDB's property of that name`, () => database.property?.(`rocksdb.${name}`) ?? Number.NaN)
  }
}

type SuppressBuffer = ManagedStore & { readonly recordsBuffered: number; readonly bytesBuffered: number }

function isSuppressBuffer(store: ManagedStore): store is SuppressBuffer {
  return 'recordsBuffered' in store && 'bytesBuffered' in store
}

type AnyFunction = (...parameters: readonly unknown[]) => unknown

/** Of a task: what its record caches hold back. Java: cache-size-bytes-total of TaskMetrics. */
export function measureCaches(stores: readonly ManagedStore[], context: StoreMetricsContext): void {
  const name = 'cache-size-bytes-total'
  const description = "Bytes in the task's record caches"
  const tags = taskTags(context.threadName, context.taskId)
  context.metrics.gauge({ group: 'stream-task-metrics', name, description, tags, level: 'debug' }, () => {
    let bytes = 0
    for (const store of stores) bytes += store.heldBytes ?? 0
    return bytes
  })
}

/**
 * How many of the reads of a key are answered from memory: by the write buffer and the entries kept for reading. Java's
 * record cache is both of them. Java: NamedCacheMetrics, which also gives the ratio since the start at each read.
 */
class HitRatio {
  readonly #store: ManagedStore
  readonly #ratio: Latency
  #reads = 0

  constructor(store: ManagedStore, { metrics, threadName, taskId }: StoreMetricsContext) {
    this.#store = store
    this.#ratio = metrics.latency({
      group: 'stream-record-cache-metrics',
      name: 'hit-ratio',
      description: 'Reads answered from memory, of all reads',
      tags: { ...taskTags(threadName, taskId), 'record-cache-id': store.name },
      level: 'debug',
      hasMinimum: true,
    })
  }

  read(): void {
    this.#reads++
    this.#ratio.record(Math.max(0, 1 - (this.#store.engineReads ?? 0) / this.#reads))
  }
}

function timed(call: AnyFunction, { latency, clock, iterators, hits }: Timed): AnyFunction {
  return (...parameters) => {
    const startedMs = clock.monotonicMs()
    const result = call(...parameters)
    latency.record(clock.monotonicMs() - startedMs)
    hits?.read()
    if (isIterator(result)) iterators.follow(result)
    return result
  }
}

function isIterator(value: unknown): value is StoreIterator<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'close' in value && 'next' in value
}

class OpenIterators {
  /** When each open one was opened, oldest first. */
  readonly #openedMs = new Map<StoreIterator<unknown>, { readonly wallClockMs: number; readonly monotonicMs: number }>()
  readonly #duration: Latency
  readonly #clock: Clock

  constructor(duration: Latency, clock: Clock) {
    this.#duration = duration
    this.#clock = clock
  }

  oldestMs(): number {
    for (const { wallClockMs } of this.#openedMs.values()) return wallClockMs
    return Number.NaN
  }

  /** However it is closed: at its end, by `close`, by `return`. */
  follow(iterator: StoreIterator<unknown>): void {
    this.#openedMs.set(iterator, {
      wallClockMs: this.#clock.wallClockMs(),
      monotonicMs: this.#clock.monotonicMs(),
    })
    // Its end, `return` and `using` all come by here.
    const close = iterator.close.bind(iterator)
    iterator.close = () => {
      close()
      this.#closed(iterator)
    }
  }

  #closed(iterator: StoreIterator<unknown>): void {
    const opened = this.#openedMs.get(iterator)
    if (opened === undefined) return
    this.#openedMs.delete(iterator)
    this.#duration.record(this.#clock.monotonicMs() - opened.monotonicMs)
  }
}
