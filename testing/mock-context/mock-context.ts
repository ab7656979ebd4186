import { createMemoryDatabase } from '#state-stores'
import { present, StreamsError, taskId } from '#streams/base'
import { type Headers, type Metrics, NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '#streams/ports'
import { createProcessorMetrics } from '#streams/runtime'
import { createStore, type ManagedStore, type RecordContext, type StoreSpec } from '#streams/stores'
import type {
  InternalProcessorContext,
  PunctuationType,
  Punctuator,
  RecordMetadata,
  StreamRecord,
} from '#streams/topology'
import { createVirtualClock } from '../test-driver/virtual-clock.ts'

export type MockContextOptions = {
  readonly applicationId?: string
  /** Stores that the processor is connected to; they are in memory. */
  readonly stores?: readonly StoreSpec[]
  /** Wall clock at start; default 0. */
  readonly startMs?: number
  /** Takes what the processor counts and measures; default: nobody. */
  readonly metrics?: Metrics
}

export type CapturedForward<K, V> = { readonly record: StreamRecord<K, V>; readonly childName: string | undefined }

export type CapturedPunctuator = {
  readonly intervalMs: number
  readonly type: PunctuationType
  readonly startTimeMs: number | undefined
  readonly isCancelled: boolean
  /** Calls it, as the engine does when its time has come. */
  fire(timestampMs: number): void
}

/** A context for one processor alone: what it does is captured instead of done. Java: MockProcessorContext. */
export type MockContext<K, V> = InternalProcessorContext<K, V> & {
  readonly forwarded: readonly CapturedForward<K, V>[]
  readonly punctuators: readonly CapturedPunctuator[]
  readonly commitRequested: boolean
  readonly dropped: readonly string[]
  /** Where the record in process comes from, for `recordMetadata` and for stores. */
  setRecord(record: Partial<RecordMetadata> & { readonly timestampMs?: number; readonly headers?: Headers }): void
  setStreamTimeMs(timeMs: number): void
  advanceWallClock(durationMs: number): void
  resetForwarded(): void
}

export function createMockContext<K = unknown, V = unknown>(options: MockContextOptions = {}): MockContext<K, V> {
  const { applicationId = 'test', stores: specs = [], startMs = 0, metrics = NO_METRICS } = options
  const clock = createVirtualClock(startMs)
  const recordContext: RecordContext = { topic: '', partition: 0, offset: -1, timestampMs: 0, headers: NO_HEADERS }
  const stores = openStores(specs, recordContext, clock)
  const forwarded: CapturedForward<K, V>[] = []
  const punctuators: CapturedPunctuator[] = []
  const dropped: string[] = []
  const times = new Map<string, number>()
  let streamTimeMs = -1
  let commitRequested = false
  const managedStore = (name: string): ManagedStore => {
    const found = stores.get(name)
    if (found !== undefined) return found
    const known = [...stores.keys()].join(', ') || 'none'
    throw new StreamsError('STORE_UNKNOWN', `the mock context has no store ${name}; stores: ${known}`)
  }
  return {
    applicationId,
    taskId: taskId(0, 0),
    nodeName: 'mock',
    logger: SILENT_LOGGER,
    metrics: createProcessorMetrics(metrics, { 'thread-id': applicationId, 'task-id': taskId(0, 0) }),
    forwarded,
    punctuators,
    dropped,
    get commitRequested() {
      return commitRequested
    },
    get recordHeaders() {
      return recordContext.headers
    },
    get recordTimestampMs() {
      return recordContext.timestampMs
    },
    store: (spec) => managedStore(spec.name) as never,
    storeByName: <S>(name: string): S => managedStore(name) as unknown as S,
    managedStore,
    forward: (record, childName) => void forwarded.push({ record, childName }),
    schedule: (schedule, punctuator) => capture(punctuators, schedule, punctuator),
    requestCommit: () => {
      commitRequested = true
    },
    recordMetadata: () => {
      const { topic, partition, offset } = recordContext
      return topic === '' ? undefined : { topic, partition, offset }
    },
    currentStreamTimeMs: () => streamTimeMs,
    currentSystemTimeMs: () => clock.wallClockMs(),
    timeMetadata: (name) => times.get(name),
    setTimeMetadata: (name, timeMs) => void times.set(name, Math.max(timeMs, times.get(name) ?? timeMs)),
    droppedRecord: (reason) => void dropped.push(reason),
    counter: (group, name, description) => metrics.counter({ group, name, description, tags: {} }),
    latency: (group, name, description) => metrics.latency({ group, name, description, tags: {} }),
    setRecord: (record) => void Object.assign(recordContext, record),
    setStreamTimeMs: (timeMs) => {
      streamTimeMs = timeMs
    },
    advanceWallClock: (durationMs) => clock.advance(durationMs),
    resetForwarded: () => {
      forwarded.length = 0
    },
  }
}

function openStores(
  specs: readonly StoreSpec[],
  recordContext: RecordContext,
  clock: ReturnType<typeof createVirtualClock>,
): ReadonlyMap<string, ManagedStore> {
  const names = specs.map(({ name }) => name)
  const database = createMemoryDatabase('mock', names)
  return new Map(
    specs.map((spec) => [
      spec.name,
      createStore(spec, {
        keyspace: present(database.keyspace(spec.name), `no keyspace ${spec.name}`),
        changelogTopic: `test-${spec.name}-changelog`,
        recordContext,
        clock,
        recordCache: undefined,
        cleanEntriesMax: 1000,
        freezeValues: true,
        droppedRecord: () => {},
      }) as ManagedStore,
    ]),
  )
}

function capture(
  punctuators: CapturedPunctuator[],
  schedule: { readonly intervalMs: number; readonly type: PunctuationType; readonly startTimeMs?: number },
  punctuator: Punctuator,
): { cancel(): void } {
  let isCancelled = false
  punctuators.push({
    intervalMs: schedule.intervalMs,
    type: schedule.type,
    startTimeMs: schedule.startTimeMs,
    get isCancelled() {
      return isCancelled
    },
    fire: (timestampMs) => {
      if (!isCancelled) punctuator(timestampMs)
    },
  })
  return {
    cancel: () => {
      isCancelled = true
    },
  }
}
