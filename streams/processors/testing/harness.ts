import { assert, present, taskId } from '../../base/index.ts'
import { type Headers, NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../../ports/index.ts'
import type { RecordContext, StoreSpec } from '../../stores/types.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
} from '../../topology/processor.ts'
import type { StreamRecord } from '../../topology/record.ts'

/**
 * Runs a few processors of one task, wired by hand, synchronously: for the tests of operators. No log, no serdes
 * between nodes, no threads; the test driver has those.
 */
export type HarnessNode = {
  readonly name: string
  /** Names of nodes, or of topics: a node with a topic as parent gets what is piped into it. */
  readonly parents: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: nodes of all types live in one graph
  readonly supplier: ProcessorSupplier<any, any, any, any>
}

export type HarnessInput<K = unknown, V = unknown> = {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers?: Headers
}

/** A store as the harness needs it; `openStore` makes it. */
export type HarnessStore = {
  readonly store: unknown
  commit(): void
  /** As after a crash: what was not committed is gone. Returns the store to go on with. */
  crash(): HarnessStore
}

export type HarnessOptions = {
  readonly nodes: readonly HarnessNode[]
  readonly openStore: (spec: StoreSpec, recordContext: RecordContext) => HarnessStore
}

export type Harness = {
  /** Returns what reached nodes without children, in order. */
  pipe<K, V>(topic: string, input: HarnessInput<K, V>): HarnessOutput[]
  /** Moves the wall clock and fires what is due. */
  advanceWallClock(durationMs: number): HarnessOutput[]
  commit(): HarnessOutput[]
  /** The process dies and comes back with what was committed. */
  crash(): void
  store<S>(name: string): S
  /** Reasons of dropped records so far. */
  readonly dropped: readonly string[]
}
export type HarnessOutput = StreamRecord<unknown, unknown> & { readonly node: string }

type Schedule = { readonly type: PunctuationType; readonly intervalMs: number; nextMs: number; punctuator: Punctuator }
type AnyProcessor = Processor<unknown, unknown, unknown, unknown>

export function createHarness({ nodes, openStore }: HarnessOptions): Harness {
  const recordContext: RecordContext = { topic: '', partition: 0, offset: -1, timestampMs: 0, headers: NO_HEADERS }
  const stores = new Map<string, HarnessStore>()
  const processors = new Map<string, AnyProcessor>()
  const dropped: string[] = []
  let schedules: Schedule[] = []
  let metadata = new Map<string, number>()
  let metadataCommitted = new Map<string, number>()
  let outputs: HarnessOutput[] = []
  let streamTimeMs = -1
  let wallClockMs = 0
  let offset = 0

  const childrenOf = (parent: string) => nodes.filter((node) => node.parents.includes(parent))
  const takeOutputs = (): HarnessOutput[] => {
    const taken = outputs
    outputs = []
    return taken
  }
  const deliver = (node: string, record: StreamRecord<unknown, unknown>): void =>
    present(processors.get(node), `${node} runs`).process(record)

  /** Children see the timestamp and headers of the record that they are given, as in Java's ProcessorContextImpl. */
  const forward = (from: string, record: StreamRecord<unknown, unknown>, childName?: string): void => {
    const children = childrenOf(from)
    if (children.length === 0) outputs.push({ ...record, node: from })
    const { timestampMs, headers } = recordContext
    recordContext.timestampMs = record.timestampMs
    recordContext.headers = record.headers
    for (const { name } of children) if (childName === undefined || name === childName) deliver(name, record)
    recordContext.timestampMs = timestampMs
    recordContext.headers = headers
  }

  const contextOf = (nodeName: string): InternalProcessorContext<unknown, unknown> => ({
    applicationId: 'test',
    taskId: taskId(0, 0),
    nodeName,
    logger: SILENT_LOGGER,
    metrics: {
      records: () => false,
      counter: NO_METRICS.counter as never,
      latency: NO_METRICS.latency as never,
      values: NO_METRICS.latency as never,
      gauge: () => () => {},
    },
    store: (spec) => present(stores.get(spec.name), `store ${spec.name} is there`).store as never,
    storeByName: (name) => present(stores.get(name), `store ${name} is there`).store as never,
    managedStore: (name) => present(stores.get(name), `store ${name} is there`).store as never,
    schedule: ({ intervalMs, type, startTimeMs }, punctuator) => {
      const nowMs = type === 'wall-clock-time' ? wallClockMs : 0
      const schedule = { type, intervalMs, nextMs: startTimeMs ?? nowMs + intervalMs, punctuator }
      if (type === 'stream-time' && startTimeMs === undefined) schedule.nextMs = 0
      schedules.push(schedule)
      return { cancel: () => void schedules.splice(schedules.indexOf(schedule), 1) }
    },
    requestCommit: () => {},
    recordMetadata: () =>
      recordContext.offset < 0
        ? undefined
        : { topic: recordContext.topic, partition: recordContext.partition, offset: recordContext.offset },
    currentStreamTimeMs: () => streamTimeMs,
    currentSystemTimeMs: () => wallClockMs,
    forward: (record, childName) => forward(nodeName, record, childName),
    timeMetadata: (name) => metadata.get(name),
    setTimeMetadata: (name, timeMs) => void metadata.set(name, Math.max(timeMs, metadata.get(name) ?? -1)),
    get recordHeaders() {
      return recordContext.headers
    },
    get recordTimestampMs() {
      return recordContext.timestampMs
    },
    droppedRecord: (reason) => void dropped.push(reason),
    counter: () => ({ add: () => {} }),
    latency: () => ({ record: () => {} }),
  })

  const punctuate = (type: PunctuationType, nowMs: number): void => {
    for (const schedule of [...schedules]) {
      if (schedule.type !== type || schedule.nextMs > nowMs) continue
      schedule.punctuator(nowMs)
      while (schedule.nextMs <= nowMs) schedule.nextMs += schedule.intervalMs
    }
  }

  const start = (): void => {
    schedules = []
    for (const { name, supplier } of nodes) processors.set(name, supplier.get())
    for (const { name } of nodes) processors.get(name)?.init?.(contextOf(name))
  }

  for (const { supplier } of nodes) {
    for (const spec of supplier.stores ?? []) {
      if (!stores.has(spec.name)) stores.set(spec.name, openStore(spec, recordContext))
    }
  }
  start()

  return {
    pipe(topic, input) {
      const children = childrenOf(topic)
      assert(children.length > 0, `somebody reads ${topic}`)
      const { key, value, timestampMs, headers = NO_HEADERS } = input
      Object.assign(recordContext, { topic, partition: 0, offset: offset++, timestampMs, headers })
      if (timestampMs > streamTimeMs) streamTimeMs = timestampMs
      for (const { name } of children) deliver(name, { key, value, timestampMs, headers })
      punctuate('stream-time', streamTimeMs)
      return takeOutputs()
    },
    advanceWallClock(durationMs) {
      wallClockMs += durationMs
      recordContext.offset = -1
      punctuate('wall-clock-time', wallClockMs)
      return takeOutputs()
    },
    commit() {
      for (const store of stores.values()) store.commit()
      metadataCommitted = new Map(metadata)
      return takeOutputs()
    },
    crash() {
      for (const [name, store] of stores) stores.set(name, store.crash())
      metadata = new Map(metadataCommitted)
      start()
    },
    store: (name) => present(stores.get(name), `store ${name} is there`).store as never,
    dropped,
  }
}
