import { assert, present } from '../base/assert.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import { parseTaskId, type TaskId } from '../base/ids.ts'
import type { Clock, CommittedOffset, Logger, LogRecord, Metrics, StateDatabase } from '../ports/index.ts'
import type { ManagedStore, RecordCache, RecordContext } from '../stores/index.ts'
import type { Cancellable, PunctuationType, Punctuator, StreamRecord } from '../topology/index.ts'
import type { TimestampExtractor } from '../topology/topology.ts'
import { CommittedTimes } from './committed-times.ts'
import type { StreamsConfig } from './config.ts'
import { type FailureKind, handleFailure } from './error-handling.ts'
import type { ExceptionContext, ExceptionHandler } from './exception-handlers.ts'
import { NodeContext } from './node-context.ts'
import type { NodeHost } from './node-host.ts'
import { isEngineError, type NodeInstance, ProcessorInstance, SinkInstance, SourceInstance } from './node-instance.ts'
import { decodeOffsetMetadata } from './offset-metadata.ts'
import { PartitionGroup } from './partition-group.ts'
import { PunctuationQueue } from './punctuation.ts'
import { readPart } from './read-part.ts'
import type { RecordCollector } from './record-collector.ts'
import { emptyHead, type HeadRecord, RecordQueue } from './record-queue.ts'
import type { ResolvedSubTopology, ResolvedTopology } from './resolved-topology.ts'
import { measureCaches, measureDatabase, measureStore } from './store-metrics.ts'
import { createTaskMetrics, endToEndLatency, nodeTags, type TaskMetrics, taskGauges, taskTags } from './task-metrics.ts'
import { nextTaskState, type TaskState } from './task-state.ts'
import { type Changelog, TaskStores } from './task-stores.ts'
import { consumedBytes, TopicMeter } from './topic-meter.ts'

export type TaskOptions = {
  readonly id: TaskId
  readonly topology: ResolvedTopology
  readonly config: StreamsConfig
  readonly collector: RecordCollector
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly database: StateDatabase
  readonly memoryDatabase: StateDatabase
  readonly recordCache: RecordCache | undefined
  readonly globalStores: ReadonlyMap<string, ManagedStore>
  /** Where each input starts, with the metadata that was committed there ('' if none). One per input partition. */
  readonly positions: readonly CommittedOffset[]
  /** For metrics. */
  readonly threadName?: string
}

const DROP_LOG_INTERVAL_MS = 1000
/** The last time that a Date can be. Beyond it, ends of windows would soon be no safe integers. */
const TIMESTAMP_MAX_MS = 8.64e15

function isTimestamp(timeMs: number): boolean {
  return Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= TIMESTAMP_MAX_MS
}

/**
 * One sub-topology on one partition of each of its inputs: the unit of work, of ownership and of state. Everything in
 * here is synchronous; awaiting (poll, restore, log commit) is the stream thread's. Java: StreamTask.
 *
 * The order of a commit, kept by the thread: `prepareCommit` → log commits outputs, changelogs and `offsets` →
 * `committed`. After `aborted` (or a crash) the task is as at the last commit; its inputs must be read again.
 */
export class StreamTask implements NodeHost {
  readonly id: TaskId
  readonly partition: number
  readonly applicationId: string
  readonly threadName: string
  turnMs = 0
  /** Time spent processing records, for metrics. */
  processingMs = 0
  readonly group: PartitionGroup
  readonly recordContext: RecordContext = {
    topic: '',
    partition: -1,
    offset: -1,
    timestampMs: -1,
    headers: [],
  }
  readonly collector: RecordCollector
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly globalStores: ReadonlyMap<string, ManagedStore>
  readonly stores: TaskStores
  commitRequested = false
  readonly #config: StreamsConfig
  readonly #topology: ResolvedTopology
  readonly #subTopology: ResolvedSubTopology
  readonly #nodes = new Map<string, NodeInstance>()
  readonly #sources = new Map<string, SourceInstance>()
  /** By topic. */
  readonly #inputs = new Map<string, InputOfTask>()
  readonly #streamTimePunctuation = new PunctuationQueue()
  readonly #wallClockPunctuation = new PunctuationQueue()
  readonly #times: CommittedTimes
  readonly #committedOffsets = new Map<RecordQueue, number>()
  readonly #keylessTurns = new Map<string, number>()
  readonly #counters: TaskMetrics
  /** By input topic. */
  readonly #consumed = new Map<string, TopicMeter>()
  #timesChanged = false
  #state: TaskState = 'created'
  #rawKey: Uint8Array | null = null
  #rawValue: Uint8Array | null = null
  #droppedLoggedMs = Number.NEGATIVE_INFINITY
  /** Records processed and punctuations fired since the last commit; a commit with nothing new writes nothing. */
  #workSinceCommit = false
  #streamPunctuationNextMs = Number.POSITIVE_INFINITY
  /** As it was seen last. */
  #wallClockMs = Number.NEGATIVE_INFINITY

  constructor(options: TaskOptions) {
    const { id, topology, config } = options
    this.id = id
    const { subTopology, partition } = parseTaskId(id)
    this.partition = partition
    this.applicationId = config.applicationId
    this.threadName = options.threadName ?? 'test'
    this.collector = options.collector
    this.clock = options.clock
    this.logger = options.logger
    this.metrics = options.metrics
    this.globalStores = options.globalStores
    this.#config = config
    this.#topology = topology
    this.#subTopology = topology.subTopology(subTopology)
    this.#times = new CommittedTimes(id)
    this.#counters = createTaskMetrics(options.metrics, this.threadName, id)
    this.group = new PartitionGroup(this.#createQueues(options.positions), config.maxTaskIdleMs)
    taskGauges(options.metrics, this.threadName, id, this.group)
    this.#restoreTimes(options.positions)
    this.stores = new TaskStores({
      taskName: id,
      partition,
      definitions: this.#subTopology.stores,
      topicName: topology.topicName,
      changelogName: topology.changelogName,
      database: options.database,
      memoryDatabase: options.memoryDatabase,
      recordContext: this.recordContext,
      clock: options.clock,
      recordCache: options.recordCache,
      cleanEntriesMax: config.cleanEntriesPerStoreMax,
      flushIntervalMs: config.stateFlushIntervalMs,
      freezeValues: config.freezeValues,
      droppedRecord: (reason) => this.droppedRecord(reason, undefined),
    })
    const measured = { metrics: this.metrics, clock: this.clock, threadName: this.threadName, taskId: id }
    for (const { spec } of this.#subTopology.stores)
      measureStore(present(this.stores.get(spec.name), `no store ${spec.name}`), spec, measured)
    measureCaches(this.stores.all(), measured)
    measureDatabase(options.database, measured)
  }

  get freezesValues(): boolean {
    return this.#config.freezeValues
  }

  get state(): TaskState {
    return this.#state
  }

  get times(): ReadonlyMap<string, number> {
    return this.#times.times
  }

  get streamTimeMs(): number {
    return this.group.streamTimeMs
  }

  /** Offset of the next record behind what is committed. */
  committedOffset(queue: RecordQueue): number {
    return this.#committedOffsets.get(queue) ?? 0
  }

  get changelogs(): readonly Changelog[] {
    return this.stores.changelogs()
  }

  beginRestore(): void {
    this.#state = nextTaskState(this.id, this.#state, 'restoring')
  }

  /**
   * What of these changelog records a store is to hold. Of a source topic that serves as changelog it is what the source
   * gave on: what cannot be read and what has no valid time was never in the table, and the time in it is the extracted
   * one. Java restores the bytes as they are.
   */
  recordsToRestore({ topic, isSource }: Changelog, records: readonly LogRecord[]): readonly LogRecord[] {
    const input = this.#inputs.get(topic)
    if (!isSource || input === undefined) return records
    const head = emptyHead()
    const kept: LogRecord[] = []
    for (const raw of records) {
      if (!this.#readRecord(raw, input.restoredTimeMs, head, input)) continue
      if (head.timestampMs > input.restoredTimeMs) input.restoredTimeMs = head.timestampMs
      kept.push(head.timestampMs === raw.timestampMs ? raw : { ...raw, timestampMs: head.timestampMs })
    }
    return kept
  }

  /** State is there: creates the processors and calls their `init` in topological order. */
  start(): void {
    this.#state = nextTaskState(this.id, this.#state, 'running')
    for (const node of this.#subTopology.nodes) this.#createNode(node.name)
    for (const node of this.#subTopology.nodes) {
      const instance = present(this.#nodes.get(node.name), `node ${node.name} was not created`)
      for (const child of this.#topology.children(node.name)) {
        instance.children.push(
          present(this.#nodes.get(child), `child ${child} of ${node.name} is in another sub-topology`),
        )
      }
    }
    for (const node of this.#subTopology.nodes) {
      const instance = this.#nodes.get(node.name)
      if (node.kind !== 'processor' || !(instance instanceof ProcessorInstance)) continue
      instance.prepareMetrics()
      instance.processor.init?.(new NodeContext(this, instance, node.stores))
    }
    this.#updatePunctuationTime()
  }

  // Inputs ---------------------------------------------------------------------------------------------------------

  addRecords(
    topic: string,
    partition: number,
    records: readonly LogRecord[],
    nextOffset: number,
    endOffset: number,
  ): void {
    assert(this.#state === 'running', `task ${this.id} was given records while it is ${this.#state}`)
    const bytes = this.group.queue(topic, partition).add(records, nextOffset, endOffset)
    if (records.length === 0) return
    this.#consumed.get(topic)?.add(records.length, consumedBytes(records.length, bytes, topic))
  }

  /** Whether `processNext` may take a record now. */
  canProcess(wallClockMs: number): boolean {
    return this.#state === 'running' && this.group.isReady(wallClockMs)
  }

  /** Processes one record to the end of every path it takes; false if there was none. */
  processNext(): boolean {
    const { processing } = this.#counters
    if (processing === undefined) return this.#processNext()
    const startedMs = this.clock.monotonicMs()
    const isProcessed = this.#processNext()
    if (isProcessed) processing.record(this.clock.monotonicMs() - startedMs)
    return isProcessed
  }

  #processNext(): boolean {
    const queue = this.group.next()
    if (queue === undefined) return false
    const head = queue.head
    const record: StreamRecord<unknown, unknown> = {
      key: head.key,
      value: head.value,
      timestampMs: head.timestampMs,
      headers: head.headers,
    }
    const context = this.recordContext
    context.topic = queue.topic
    context.partition = queue.partition
    context.offset = head.offset
    context.timestampMs = head.timestampMs
    context.headers = head.headers
    this.#rawKey = head.rawKey
    this.#rawValue = head.rawValue
    this.#workSinceCommit = true
    if (head.timestampMs > this.group.streamTimeMs) this.group.streamTimeMs = head.timestampMs
    this.#counters.lateness?.record(this.group.streamTimeMs - head.timestampMs)
    const source = this.#sources.get(queue.topic) as SourceInstance
    source.endToEnd.record(this.turnMs - head.timestampMs)
    const children = source.children
    for (let i = 0; i < children.length; i++) (children[i] as NodeInstance).process(record)
    this.#counters.processed.add(1)
    queue.advance()
    if (this.group.streamTimeMs >= this.#streamPunctuationNextMs) this.#punctuateStreamTime()
    return true
  }

  // Punctuation ----------------------------------------------------------------------------------------------------

  /** Fires wall-clock punctuation that is due; true if anything fired. */
  punctuateWallClock(): boolean {
    if (this.#state !== 'running') return false
    const nowMs = this.clock.wallClockMs()
    if (nowMs < this.#wallClockMs) this.#wallClockPunctuation.clockSetBack(this.#wallClockMs, nowMs)
    this.#wallClockMs = nowMs
    return this.#fire(this.#wallClockPunctuation, nowMs)
  }

  nextWallClockPunctuationMs(): number {
    return this.#wallClockPunctuation.nextMs()
  }

  schedule(
    node: NodeInstance,
    schedule: {
      readonly intervalMs: number
      readonly type: PunctuationType
      readonly startTimeMs?: number
    },
    punctuator: Punctuator,
    metadataName: string,
  ): Cancellable {
    const { intervalMs } = schedule
    // Java begins anew with each restart: stream-time punctuation at 0, so that it fires once more with the first record,
    // wall-clock punctuation an interval from now. Here the next time of both is committed, and a restart keeps it.
    const saved = this.times.get(metadataName)
    if (schedule.type === 'wall-clock-time') {
      const latestMs = this.clock.wallClockMs() + intervalMs
      const nextMs = Math.min(saved ?? schedule.startTimeMs ?? latestMs, saved === undefined ? Infinity : latestMs)
      this.setTime(metadataName, nextMs)
      return this.#forgetting(
        metadataName,
        this.#wallClockPunctuation.schedule({ nextMs, intervalMs, node, punctuator, metadataName }),
      )
    }
    this.#times.requireRoom(metadataName, node.name, intervalMs)
    const nextMs = saved ?? schedule.startTimeMs ?? 0
    const cancellable = this.#streamTimePunctuation.schedule({
      nextMs,
      intervalMs,
      node,
      punctuator,
      metadataName,
    })
    this.#updatePunctuationTime()
    return this.#forgetting(metadataName, cancellable)
  }

  /** What is cancelled leaves no time behind: processors may schedule and cancel with every record. */
  #forgetting(metadataName: string, cancellable: Cancellable): Cancellable {
    return {
      cancel: () => {
        cancellable.cancel()
        if (this.#times.delete(metadataName)) this.#timesChanged = true
        this.#updatePunctuationTime()
      },
    }
  }

  #punctuateStreamTime(): void {
    this.#fire(this.#streamTimePunctuation, this.group.streamTimeMs)
    this.#updatePunctuationTime()
  }

  #updatePunctuationTime(): void {
    this.#streamPunctuationNextMs = this.#streamTimePunctuation.nextMs()
  }

  #fire(queue: PunctuationQueue, nowMs: number): boolean {
    return queue.fire(nowMs, this.#punctuate, this.#saveTime)
  }

  readonly #saveTime = (name: string, timeMs: number): void => this.setTime(name, timeMs)

  /** Punctuation has no record: what it forwards carries its own time, and errors name no offset (Java: a dummy context). */
  readonly #punctuate = (node: NodeInstance, punctuator: Punctuator, nowMs: number): void => {
    const { punctuation } = this.#counters
    const startedMs = punctuation === undefined ? 0 : this.clock.monotonicMs()
    const context = this.recordContext
    context.topic = ''
    context.partition = this.partition
    context.offset = -1
    context.timestampMs = nowMs
    context.headers = []
    this.#rawKey = null
    this.#rawValue = null
    this.#workSinceCommit = true
    for (let attempt = 1; ; attempt++) {
      try {
        punctuator(nowMs)
        break
      } catch (error) {
        if (isEngineError(error)) throw error
        if (!this.handleProcessingError(error, node.name, attempt)) break
      }
    }
    punctuation?.record(this.clock.monotonicMs() - startedMs)
  }

  // Commit ---------------------------------------------------------------------------------------------------------

  /** Records were processed, or punctuation has fired, since the last commit. */
  get hasUncommittedWork(): boolean {
    return this.#workSinceCommit
  }

  /** Anything to commit: records processed, or positions that moved over control and dropped records. */
  needsCommit(): boolean {
    if (this.#state !== 'running') return false
    return this.#workSinceCommit || this.#timesChanged || this.#movedQueues().length > 0
  }

  /** Flushes caches (which may still send downstream), then serialises every dirty key into changelogs and batches. */
  prepareCommit(): readonly CommittedOffset[] {
    this.stores.flushCaches()
    this.stores.prepareCommit(this.collector)
    const queues = this.#timesChanged ? this.group.queues : this.#movedQueues()
    return queues.map((queue) => ({
      topic: queue.topic,
      partition: queue.partition,
      offset: queue.committableOffset,
      metadata: this.#times.encode(queue.partitionTimeMs),
    }))
  }

  committed(): void {
    this.stores.committed(this.collector, (topic) => this.#queueOf(topic)?.committableOffset)
    for (const queue of this.group.queues) this.#committedOffsets.set(queue, queue.committableOffset)
    this.#timesChanged = false
    this.#workSinceCommit = false
    this.commitRequested = false
  }

  /** Closes without keeping anything that was not committed. Never throws: it runs when something already failed. */
  close(): void {
    if (this.#state === 'closed') return
    const wasRunning = this.#state === 'running'
    this.#state = nextTaskState(this.id, this.#state, 'closed')
    const warn = (message: string): void => this.logger.warn(message, { task: this.id })
    try {
      this.stores.aborted()
    } catch (error) {
      warn(`Uncommitted writes of task ${this.id} could not be dropped: ${messageOf(error)}`)
    }
    if (wasRunning) for (const node of this.#nodes.values()) this.#closeNode(node)
    this.stores.close(warn)
    this.metrics.remove?.(taskTags(this.threadName, this.id))
  }

  #closeNode(node: NodeInstance): void {
    if (!(node instanceof ProcessorInstance)) return
    try {
      node.processor.close?.()
    } catch (error) {
      this.logger.warn(`close() of processor ${node.name} failed: ${messageOf(error)}`, { task: this.id })
    }
  }

  #movedQueues(): readonly RecordQueue[] {
    return this.group.queues.filter((queue) => this.#committedOffsets.get(queue) !== queue.committableOffset)
  }

  #queueOf(topic: string): RecordQueue | undefined {
    return this.group.queues.find((queue) => queue.topic === topic)
  }

  // What nodes ask for ----------------------------------------------------------------------------------------------

  store(name: string): ManagedStore {
    const found = this.stores.get(name) ?? this.globalStores.get(name)
    return present(found, `task ${this.id} has no store ${name}`)
  }

  setTime(name: string, timeMs: number): void {
    if (this.#times.set(name, timeMs)) this.#timesChanged = true
  }

  /** Records without a key go to the partitions in turn; the turn starts at this task's own partition. */
  nextKeylessPartition(topic: string, partitionCount: number): number {
    const turn = this.#keylessTurns.get(topic) ?? this.partition
    this.#keylessTurns.set(topic, turn + 1)
    return turn % partitionCount
  }

  /** Java's `dropped-records`: counted always, logged at most once a second. */
  droppedRecord(reason: string, nodeName: string | undefined): void {
    this.#counters.dropped.add(1)
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.#droppedLoggedMs < DROP_LOG_INTERVAL_MS) return
    this.#droppedLoggedMs = nowMs
    const { topic, partition, offset, timestampMs } = this.recordContext
    this.logger.warn(`A record was dropped: ${reason}`, {
      task: this.id,
      node: nodeName,
      topic,
      partition,
      offset,
      timestampMs,
    })
  }

  handleProcessingError(error: unknown, nodeName: string, attempt: number): boolean {
    return this.#handle('PROCESSING_FAILED', error, nodeName, attempt, this.#config.processingExceptionHandler)
  }

  handleProductionError(error: unknown, nodeName: string, attempt: number): boolean {
    return this.#handle('RECORD_UNWRITABLE', error, nodeName, attempt, this.#config.productionExceptionHandler)
  }

  #handle(kind: FailureKind, error: unknown, nodeName: string, attempt: number, handler: ExceptionHandler): boolean {
    const context: ExceptionContext = {
      ...this.recordContext,
      taskId: this.id,
      nodeName,
      sourceKey: this.#rawKey,
      sourceValue: this.#rawValue,
      deadLetterTopic: this.#config.deadLetterTopic,
      attempt,
    }
    return handleFailure(kind, error, handler, context, {
      collector: this.collector,
      logger: this.logger,
      dropped: this.#counters.dropped,
      deadLettered: this.#counters.deadLettered,
      retriesMax: this.#config.handlerRetriesMax,
    })
  }

  // Building --------------------------------------------------------------------------------------------------------

  #createQueues(positions: readonly CommittedOffset[]): readonly RecordQueue[] {
    return this.#subTopology.sources.flatMap(({ node, topics }) => {
      // One for all topics of the node: it is the parent of what reads them.
      const tags = nodeTags(this.threadName, this.id, node.name)
      const endToEnd = endToEndLatency(this.metrics, tags)
      const source = new SourceInstance(node.name, node.keySerde, node.valueSerde, endToEnd)
      this.#nodes.set(node.name, source)
      return topics.flatMap(({ name, internal }) => {
        const position = positions.find((candidate) => candidate.topic === name)
        // A topic that is narrower than the task's other inputs has no such partition.
        if (position === undefined) return []
        this.#sources.set(name, source)
        this.#consumed.set(name, new TopicMeter(this.metrics, 'consumed', name, tags))
        const extract = node.timestampExtractor ?? this.#config.defaultTimestampExtractor
        const input: InputOfTask = { topic: name, source, extract, nullsAllowed: internal, restoredTimeMs: -1 }
        this.#inputs.set(name, input)
        const read = (raw: LogRecord, partitionTimeMs: number, head: HeadRecord): boolean =>
          this.#readRecord(raw, partitionTimeMs, head, input)
        const queue = new RecordQueue(name, this.partition, position.offset, read)
        this.#committedOffsets.set(queue, position.offset)
        return queue
      })
    })
  }

  #restoreTimes(positions: readonly CommittedOffset[]): void {
    for (const position of positions) {
      const { partitionTimeMs, times } = decodeOffsetMetadata(position.metadata)
      const queue = this.group.queue(position.topic, this.partition)
      queue.partitionTimeMs = partitionTimeMs
      if (partitionTimeMs > this.group.streamTimeMs) this.group.streamTimeMs = partitionTimeMs
      const nodes = this.#subTopology.nodes.map(({ name }) => name)
      this.#times.restore(times, nodes)
    }
  }

  #createNode(name: string): void {
    if (this.#nodes.has(name)) return
    const node = this.#topology.node(name)
    if (node.kind === 'processor') this.#nodes.set(name, new ProcessorInstance(name, node.supplier.get(), this))
    else if (node.kind === 'sink') this.#nodes.set(name, new SinkInstance(node, this.#topology.sinkTopic(node), this))
  }

  // Reading ---------------------------------------------------------------------------------------------------------

  #readRecord(raw: LogRecord, partitionTimeMs: number, head: HeadRecord, input: InputOfTask): boolean {
    for (let attempt = 1; ; attempt++) {
      try {
        head.key = readPart(input.source.keySerde, raw.key, 'key', input, raw)
        head.value = readPart(input.source.valueSerde, raw.value, 'value', input, raw)
        break
      } catch (error) {
        if (!this.#handleUnreadable(error, raw, input, attempt)) return false
      }
    }
    head.headers = raw.headers
    const extract = input.extract
    if (extract === undefined) {
      head.timestampMs = raw.timestampMs
      // Java: FailOnInvalidTimestamp.
      if (isTimestamp(raw.timestampMs)) return true
      throw new StreamsError(
        'RECORD_UNREADABLE',
        `the record at ${input.topic}-${this.partition}@${raw.offset} has the timestamp ${raw.timestampMs}, which is not from 0 to ${TIMESTAMP_MAX_MS}; set a timestamp extractor that handles it`,
      )
    }
    head.timestampMs = this.#extractTimestamp(extract, raw, partitionTimeMs, head, input)
    if (isTimestamp(head.timestampMs)) return true
    const range = `a whole number from 0 to ${TIMESTAMP_MAX_MS}`
    this.#droppedAt(raw, input, `the extracted timestamp is ${head.timestampMs}, which is not ${range}`)
    return false
  }

  #extractTimestamp(
    extract: TimestampExtractor,
    { offset, timestampMs, headers }: LogRecord,
    partitionTimeMs: number,
    { key, value }: HeadRecord,
    { topic }: InputOfTask,
  ): number {
    try {
      return extract({ offset, timestampMs, headers, key, value }, partitionTimeMs)
    } catch (cause) {
      throw new StreamsError(
        'RECORD_UNREADABLE',
        `the timestamp extractor failed with the record at ${topic}-${this.partition}@${offset}: ${messageOf(cause)}`,
        { cause },
      )
    }
  }

  #droppedAt(raw: LogRecord, input: InputOfTask, reason: string): void {
    this.#withRawContext(raw, input, () => this.droppedRecord(reason, input.source.name))
  }

  #handleUnreadable(error: unknown, raw: LogRecord, input: InputOfTask, attempt: number): boolean {
    const ask = this.#config.deserializationExceptionHandler
    // While a table is restored from its source, what is skipped was a dead letter when it was processed.
    const handler: ExceptionHandler =
      this.#state === 'running' ? ask : (failure, context) => ({ action: ask(failure, context).action })
    return this.#withRawContext(raw, input, () =>
      this.#handle('RECORD_UNREADABLE', error, input.source.name, attempt, handler),
    )
  }

  /** Reading happens ahead of processing: the record in process must be the same afterwards. */
  #withRawContext<T>(raw: LogRecord, input: InputOfTask, body: () => T): T {
    const context = this.recordContext
    const saved = { ...context }
    const savedKey = this.#rawKey
    const savedValue = this.#rawValue
    Object.assign(context, {
      topic: input.topic,
      partition: this.partition,
      offset: raw.offset,
      timestampMs: raw.timestampMs,
      headers: raw.headers,
    })
    this.#rawKey = raw.key
    this.#rawValue = raw.value
    const result = body()
    Object.assign(context, saved)
    this.#rawKey = savedKey
    this.#rawValue = savedValue
    return result
  }
}

type InputOfTask = {
  readonly topic: string
  readonly source: SourceInstance
  readonly extract: StreamsConfig['defaultTimestampExtractor']
  /** Internal topics hold what the engine wrote: nulls there are data. */
  readonly nullsAllowed: boolean
  /** Highest timestamp that was seen while a table was restored from the topic. */
  restoredTimeMs: number
}
