import { present } from '../base/assert.ts'
import { utf8Decode, utf8Encode } from '../base/bytes.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import type { TaskId } from '../base/ids.ts'
import type {
  Clock,
  Counter,
  Logger,
  LogRecord,
  Metrics,
  PartitionOffset,
  StateDatabase,
  TopicPartition,
} from '../ports/index.ts'
import { createStore, type ManagedStore, type RecordContext, storeLayout } from '../stores/index.ts'
import type { Cancellable } from '../topology/index.ts'
import type { StreamsConfig } from './config.ts'
import { type FailureKind, handleFailure } from './error-handling.ts'
import { NodeContext } from './node-context.ts'
import type { NodeHost } from './node-host.ts'
import { ProcessorInstance } from './node-instance.ts'
import { readPart } from './read-part.ts'
import type { RecordCollector } from './record-collector.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { taskTags } from './task-metrics.ts'
import { POSITIONS_KEYSPACE } from './task-stores.ts'

export type GlobalTaskOptions = {
  readonly topology: ResolvedTopology
  readonly config: StreamsConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly database: StateDatabase
  readonly threadName?: string
}

/** How far a global store has read its topic: offsets behind the last record, by partition. */
export type GlobalPosition = { readonly topic: string; readonly offsets: ReadonlyMap<number, number> }

type GlobalEntry = {
  readonly topic: string
  readonly processor: ProcessorInstance
  readonly store: ManagedStore
  readonly layout: string
  readonly source: ResolvedTopology['globalStores'][number]['store']['source']
  readonly nullsAllowed: false
}

/** Beside a store's positions; no store's name has a colon. */
function layoutKey(storeName: string): Uint8Array {
  return utf8Encode(`${storeName}:layout`)
}

const NO_COLLECTOR: RecordCollector = {
  send: (topic) => {
    throw new StreamsError('TOPOLOGY_INVALID', `a processor of a global store cannot write (to ${topic})`)
  },
  partitionCount: () => undefined,
  producedOffset: () => undefined,
}

/**
 * Keeps the global stores: every instance reads all partitions of their topics, to the end before the first task
 * starts, then as records come. Always through the store's processor, also at start (Java restores bytes as they are,
 * past the processor and past the deserialization handler: KAFKA-7663). A global store has no notion of time and no
 * changelog: its topic is the changelog. Java: GlobalStateUpdateTask.
 */
export class GlobalTask implements NodeHost {
  readonly id = 'global' as TaskId
  readonly threadName: string
  turnMs = 0
  readonly applicationId: string
  readonly recordContext: RecordContext = {
    topic: '',
    partition: -1,
    offset: -1,
    timestampMs: -1,
    headers: [],
  }
  readonly collector = NO_COLLECTOR
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly globalStores = new Map<string, ManagedStore>()
  readonly times: ReadonlyMap<string, number> = new Map()
  readonly streamTimeMs = -1
  commitRequested = false
  readonly #config: StreamsConfig
  readonly #database: StateDatabase
  readonly #entries = new Map<string, GlobalEntry>()
  readonly #positions = new Map<string, Map<number, number>>()
  readonly #dropped: Counter
  #raw: LogRecord | undefined

  constructor({ topology, config, clock, logger, metrics, database, threadName = 'test' }: GlobalTaskOptions) {
    this.threadName = threadName
    this.applicationId = config.applicationId
    this.#config = config
    this.#database = database
    this.clock = clock
    this.logger = logger
    this.metrics = metrics
    this.#dropped = metrics.counter({
      group: 'stream-task-metrics',
      name: 'dropped-records-total',
      description: 'Records dropped: late, skipped by an exception handler, or with a null key',
      tags: taskTags(threadName, this.id),
    })
    for (const { store, topic } of topology.globalStores) this.#open(store, topic)
  }

  #open(
    { storeName, spec, source, processor }: ResolvedTopology['globalStores'][number]['store'],
    topic: string,
  ): void {
    const store: ManagedStore = createStore(
      { ...spec, caching: false, logging: undefined },
      {
        keyspace: this.#database.keyspace(storeName),
        changelogTopic: topic,
        recordContext: this.recordContext,
        clock: this.clock,
        recordCache: undefined,
        cleanEntriesMax: this.#config.cleanEntriesPerStoreMax,
        freezeValues: this.#config.freezeValues,
        droppedRecord: (reason) => this.droppedRecord(reason, undefined),
      },
    )
    this.globalStores.set(storeName, store)
    const layout = storeLayout(spec)
    this.#checkLayout(storeName, layout)
    const saved = this.#database.keyspace(POSITIONS_KEYSPACE).get(utf8Encode(storeName))
    const positions = saved === undefined ? {} : (JSON.parse(utf8Decode(saved)) as Record<string, number>)
    this.#positions.set(
      topic,
      new Map(Object.entries(positions).map(([partition, offset]) => [Number(partition), offset])),
    )
    const instance = new ProcessorInstance(processor.name, processor.supplier.get(), this)
    this.#entries.set(topic, { topic, processor: instance, store, layout, source, nullsAllowed: false })
    instance.processor.init?.(new NodeContext(this, instance, [storeName]))
  }

  /** What another layout was written in is read anew from the topic. */
  #checkLayout(storeName: string, wanted: string): void {
    const saved = this.#database.keyspace(POSITIONS_KEYSPACE).get(layoutKey(storeName))
    const layout = saved === undefined ? wanted : utf8Decode(saved)
    if (layout === wanted) return
    throw new StreamsError(
      'STATE_CORRUPTED',
      `global store ${storeName} was written as '${layout}' and is now '${wanted}'`,
    )
  }

  get freezesValues(): boolean {
    return this.#config.freezeValues
  }

  /** Where to read on: the position that the stores hold; undefined = from the start of the partition. */
  position({ topic, partition }: TopicPartition): number | undefined {
    return this.#positions.get(topic)?.get(partition)
  }

  /** Of the store: the offset behind the last record in it, by partition of its topic. */
  storePosition(storeName: string): GlobalPosition | undefined {
    for (const { topic, store } of this.#entries.values())
      if (store === this.globalStores.get(storeName)) return { topic, offsets: this.#positions.get(topic) ?? new Map() }
    return undefined
  }

  get topics(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Applies records of one partition and commits them to the store with the position behind them. */
  update({ topic, partition, offset: nextOffset }: PartitionOffset, records: readonly LogRecord[]): void {
    const entry = present(this.#entries.get(topic), `no global store reads ${topic}`)
    this.turnMs = this.clock.wallClockMs()
    for (const record of records) this.#process(entry, partition, record)
    const positions = present(this.#positions.get(topic), `no positions of ${topic}`)
    positions.set(partition, nextOffset)
    const batch = this.#database.batch()
    if (entry.store.dirtyEntries > 0) entry.store.prepareCommit(batch, undefined)
    const keyspace = this.#database.keyspace(POSITIONS_KEYSPACE)
    batch.put(keyspace, utf8Encode(entry.store.name), utf8Encode(JSON.stringify(Object.fromEntries(positions))))
    batch.put(keyspace, layoutKey(entry.store.name), utf8Encode(entry.layout))
    batch.write()
    if (entry.store.dirtyEntries > 0) entry.store.committed()
  }

  #process(entry: GlobalEntry, partition: number, raw: LogRecord): void {
    const context = this.recordContext
    context.topic = entry.topic
    context.partition = partition
    context.offset = raw.offset
    context.timestampMs = raw.timestampMs
    context.headers = raw.headers
    this.#raw = raw
    let key: unknown
    let value: unknown
    for (let attempt = 1; ; attempt++) {
      try {
        key = readPart(entry.source.keySerde, raw.key, 'key', entry, raw)
        value = readPart(entry.source.valueSerde, raw.value, 'value', entry, raw)
        break
      } catch (error) {
        if (!this.#handle('RECORD_UNREADABLE', error, entry.source.name, attempt)) return
      }
    }
    entry.processor.process({
      key,
      value,
      timestampMs: raw.timestampMs,
      headers: raw.headers,
    })
  }

  store(name: string): ManagedStore {
    return present(this.globalStores.get(name), `there is no global store ${name}`)
  }

  setTime(): void {}

  schedule(): Cancellable {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      'a processor of a global store cannot schedule punctuation: it has no stream time',
    )
  }

  nextKeylessPartition(): number {
    return 0
  }

  droppedRecord(reason: string, nodeName: string | undefined): void {
    this.#dropped.add(1)
    const { topic, partition, offset } = this.recordContext
    this.logger.warn(`A record of a global store was dropped: ${reason}`, {
      node: nodeName,
      topic,
      partition,
      offset,
    })
  }

  handleProcessingError(error: unknown, nodeName: string, attempt: number): boolean {
    return this.#handle('PROCESSING_FAILED', error, nodeName, attempt)
  }

  handleProductionError(error: unknown, nodeName: string): boolean {
    throw new StreamsError('RECORD_UNWRITABLE', `global store processor ${nodeName}: ${messageOf(error)}`, {
      cause: error,
    })
  }

  /** Dead letters are not for global tables, as in Java: each instance would send them. */
  #handle(kind: Exclude<FailureKind, 'RECORD_UNWRITABLE'>, error: unknown, nodeName: string, attempt: number): boolean {
    const handler =
      kind === 'RECORD_UNREADABLE'
        ? this.#config.deserializationExceptionHandler
        : this.#config.processingExceptionHandler
    const raw = this.#raw
    return handleFailure(
      kind,
      error,
      (failure, context) => ({ action: handler(failure, context).action }),
      {
        ...this.recordContext,
        taskId: this.id,
        nodeName,
        sourceKey: raw?.key ?? null,
        sourceValue: raw?.value ?? null,
        deadLetterTopic: undefined,
        attempt,
      },
      {
        collector: this.collector,
        logger: this.logger,
        dropped: this.#dropped,
        deadLettered: this.#dropped,
        retriesMax: this.#config.handlerRetriesMax,
      },
    )
  }

  close(): void {
    for (const { processor, store } of this.#entries.values()) {
      processor.processor.close?.()
      store.close()
    }
  }
}
