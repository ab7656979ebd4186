import { assert, present } from '../base/assert.ts'
import { hasCode, messageOf, StreamsError } from '../base/errors.ts'
import type { TaskId } from '../base/ids.ts'
import type {
  Clock,
  Consumer,
  FetchedBatch,
  GroupMembership,
  Log,
  Logger,
  MembershipEvent,
  Metrics,
  PartitionOffset,
  Producer,
  StateEngine,
  TopicPartition,
} from '../ports/index.ts'
import { createRecordCache, type ManagedStore, type RecordCache } from '../stores/index.ts'
import type { Topology } from '../topology/topology.ts'
import type { StreamsConfig } from './config.ts'
import type { GlobalPosition } from './global-task.ts'
import { GlobalUpdater } from './global-updater.ts'
import { LogCollector } from './log-collector.ts'
import { describeMember } from './member-description.ts'
import { prepareApplication } from './prepare-application.ts'
import { prepareRecords } from './prepare-records.ts'
import type { ResolvedTopology } from './resolved-topology.ts'
import { StandbyTasks } from './standby-task.ts'
import { type RestoreEvent, type RestoreSummary, StateRestorer } from './state-restorer.ts'
import type { StreamTask } from './task.ts'
import { isMendedByRestore, type OpenTask, offsetOf, openTask } from './task-opener.ts'
import { lagOf, type StoreLag, type ThreadMetadata, taskMetadata } from './thread-metadata.ts'
import { createThreadMetrics, processRatioGauge, type ThreadMetrics } from './thread-metrics.ts'

/** What the thread is doing, for health checks and people. Java: StreamThread.State, without its hand-shakes. */
export type ThreadState = 'created' | 'starting' | 'restoring' | 'running' | 'stopping' | 'dead'

export type StreamThreadOptions = {
  readonly name: string
  readonly topology: Topology
  readonly config: StreamsConfig
  readonly log: Log
  readonly membership: GroupMembership
  /** Where persistent stores live. */
  readonly stateEngine: StateEngine
  /** For stores that are kept in memory. */
  readonly memoryEngine: StateEngine
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly onState?: (state: ThreadState) => void
  readonly onRestored?: (summary: RestoreSummary) => void
  readonly onRestore?: (event: RestoreEvent) => void
}

export type StreamThread = {
  readonly name: string
  /** Copies of the state of tasks that run elsewhere. */
  readonly standbys: Pick<StandbyTasks, 'ids' | 'hasStore' | 'storesOf'>
  readonly state: ThreadState
  /** Running tasks, for queries within this thread between steps. */
  readonly tasks: ReadonlyMap<TaskId, StreamTask>
  readonly globalStores: ReadonlyMap<string, ManagedStore>
  globalPosition(storeName: string): GlobalPosition | undefined
  readonly topology: ResolvedTopology | undefined
  /** Runs until stopped; rejects with the error that ended it, after closing everything without a commit. */
  run(): Promise<void>
  /** Asks for a clean end: commit, close, leave. `run` resolves then. */
  stop(): void
  /**
   * KIP-834: no record is processed and no punctuation fires until `resume`. Tasks stay owned, inputs are fetched up to
   * their bounds, restores and commits go on. Not kept over a restart.
   */
  pause(): void
  resume(): void
  metadata(): ThreadMetadata
}

export function createStreamThread(options: StreamThreadOptions): StreamThread {
  return new Thread(options)
}

/** How often the bounds on uncommitted data are looked at, in records: a power of two, minus one. */
const BOUND_CHECK_MASK = 63
/** However many tasks and records there are: commits, queries and the membership have their turn after this. */
const TURN_MS_MAX = 100
/** From the start of one early commit to the next: below it, nobody notices. */
const EARLY_COMMIT_INTERVAL_MS_MIN = 10
const ERROR_BACKOFF_MS = 200
const LOCKED_RETRY_MS = 100
const NS_PER_MS = 1_000_000

/**
 * The loop that owns tasks: poll → process → punctuate → commit. All awaiting of the runtime is in here and in the
 * restorer; between two awaits tasks only make synchronous steps, so a commit always falls between records.
 *
 * The order of a commit under exactly-once: caches flushed, stores serialised, outputs + changelogs + input offsets in
 * one transaction, then data and positions of each store in one batch. If the process dies
 *   - before the transaction commits: nothing happened; the inputs are read again;
 *   - after it, before the batches: the stores are behind their changelogs by this commit and those whose batches waited
 *     (TaskStores), and restore them;
 *   - between two tasks' batches: the same, for those that are behind.
 * At-least-once: outputs and changelogs are flushed, then the batches, then the offsets.
 */
class Thread implements StreamThread {
  readonly name: string
  readonly #options: StreamThreadOptions
  readonly #config: StreamsConfig
  readonly #collector: LogCollector
  readonly #restorer: StateRestorer
  readonly #standbys: StandbyTasks
  readonly #recordCache: RecordCache | undefined
  readonly #latencies: ThreadMetrics
  readonly #open = new Map<TaskId, OpenTask>()
  readonly #running = new Map<TaskId, StreamTask>()
  readonly #taskOfInput = new Map<string, StreamTask>()
  readonly #paused = new Set<string>()
  readonly #purgeable = new Map<string, PartitionOffset>()
  #topology: ResolvedTopology | undefined
  #consumer: Consumer | undefined
  #producer: Producer | undefined
  #globals: GlobalUpdater | undefined
  #state: ThreadState = 'created'
  #stopping = false
  #isPaused = false
  #target: readonly TaskId[] = []
  #standbyTarget: readonly TaskId[] = []
  /** To be opened when another thread of this process has closed them. */
  #waitingForDatabase = new Set<TaskId>()
  #lastOpeningMs = 0
  /** Taken from the membership, and not carried out to its end yet. */
  #membershipEvent: MembershipEvent | undefined
  /** Since an error of the log: tasks are to be opened anew, with a new producer. */
  #mustReopen = false
  /** Topics that the topology does not name, each with the error of the first record that went there. */
  readonly #topicsNamedByRecords = new Map<string, unknown>()
  #lastCommitMs = 0
  /** Not before that time is there a commit ahead of the interval. */
  #earlyCommitMs = Number.POSITIVE_INFINITY
  #lastPurgeMs = 0
  #turn = 0
  /** Of all tasks. */
  #processingMs = 0
  /** Goes round the running tasks, one in each turn, so that they do not all write their state at once. */
  #flushHand: Iterator<StreamTask> = this.#running.values()
  /** Since when the log has not answered; undefined = it does. */
  #troubleSinceMs: number | undefined

  constructor(options: StreamThreadOptions) {
    this.name = options.name
    this.#options = options
    this.#config = options.config
    this.#collector = new LogCollector(options.metrics, options.name)
    this.#latencies = createThreadMetrics(options.metrics, options.name, {
      startedAtMs: options.clock.wallClockMs(),
      state: () => this.#state,
      restoreRemaining: () => this.#restorer.recordsRemaining,
    })
    this.#recordCache =
      options.config.cacheBytesMax > 0 ? createRecordCache({ bytesMax: options.config.cacheBytesMax }) : undefined
    this.#restorer = new StateRestorer({
      log: options.log,
      clock: options.clock,
      logger: options.logger,
      threadName: options.name,
      pollBytesMax: options.config.pollBytesMax,
      metrics: options.metrics,
      onRestored: options.onRestored,
      onRestore: options.onRestore,
    })
    this.#standbys = new StandbyTasks({ ...options, threadName: options.name })
  }

  get state(): ThreadState {
    return this.#state
  }

  get tasks(): ReadonlyMap<TaskId, StreamTask> {
    return this.#running
  }

  get standbys(): StandbyTasks {
    return this.#standbys
  }

  get topology(): ResolvedTopology | undefined {
    return this.#topology
  }

  get globalStores(): ReadonlyMap<string, ManagedStore> {
    return this.#globals?.stores ?? new Map()
  }

  globalPosition(storeName: string): GlobalPosition | undefined {
    return this.#globals?.position(storeName)
  }

  stop(): void {
    this.#stopping = true
    this.#consumer?.wakeup()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#consumer?.wakeup()
  }

  metadata(): ThreadMetadata {
    const tasks = [...this.#open.values()].map(({ task }) => task)
    return {
      name: this.name,
      state: this.#state,
      isPaused: this.#isPaused,
      tasks: tasks.map(taskMetadata),
      storeLags: [
        ...this.#restorer.lags(),
        ...this.#standbys.lags(),
        ...[...this.#running.values()].flatMap(lagsOfRunning),
      ],
    }
  }

  async run(): Promise<void> {
    assert(this.#state === 'created', `thread ${this.name} was started twice`)
    try {
      await this.#start()
      while (!this.#stopping) await this.#runOnceWithRetries()
      await this.#shutDown()
    } catch (error) {
      await this.#closeAfterFailure(error)
      throw error
    }
  }

  // Life -----------------------------------------------------------------------------------------------------------

  #setState(state: ThreadState): void {
    if (this.#state === state) return
    this.#state = state
    this.#options.onState?.(state)
  }

  async #start(): Promise<void> {
    this.#setState('starting')
    const { log, topology, clock, membership } = this.#options
    this.#topology = await prepareApplication(log, topology, this.#config, membership.createsInternalTopics)
    this.#consumer = await log.createConsumer({
      clientId: `${this.name}-consumer`,
      isolation: this.#isExactlyOnce() ? 'read_committed' : 'read_uncommitted',
      pollRecordsMax: this.#config.pollRecordsMax,
      pollBytesMax: this.#config.pollBytesMax,
    })
    // First, since on Kafka the group makes the topics that the producer is to write.
    await membership.join(describeMember(this.name, topology, this.#topology))
    await this.#createProducer()
    this.#globals = await GlobalUpdater.start({
      ...this.#options,
      topology: this.#topology,
      threadName: this.name,
    })
    this.#lastCommitMs = clock.monotonicMs()
    if (this.#config.commitShareMax > 0) this.#earlyCommitMs = this.#lastCommitMs
    this.#lastPurgeMs = this.#lastCommitMs
    this.#setState('restoring')
  }

  #isExactlyOnce(): boolean {
    return this.#config.processingGuarantee === 'exactly_once_v2'
  }

  /** Under exactly-once this fences every earlier owner of the id, and so must come before end offsets are read. */
  async #createProducer(): Promise<void> {
    const { log } = this.#options
    const { producerBufferBytesMax, uncommittedBytesMax } = this.#config
    this.#producer = await log.createProducer({
      clientId: `${this.name}-producer`,
      // The commit itself adds changelogs of all uncommitted writes to what the steps have sent.
      bufferBytesMax: 2 * (producerBufferBytesMax + uncommittedBytesMax),
      ...(this.#isExactlyOnce() ? { transactionalId: this.name } : {}),
    })
    await this.#producer.prepareTopics(present(this.#topology, 'no topology').writtenTopics)
    for (const [topic, firstError] of this.#topicsNamedByRecords) {
      await this.#producer.prepareTopics([topic]).catch((error: unknown) => {
        throw hasCode(error, 'TOPIC_MISSING') ? firstError : error
      })
    }
    this.#collector.use(this.#producer)
  }

  async #shutDown(): Promise<void> {
    this.#setState('stopping')
    await this.#commit()
    await this.#standbys.closeAll()
    await this.#closeAllTasks()
    await this.#closeClients()
    await this.#options.membership.leave()
    this.#setState('dead')
  }

  async #closeAfterFailure(error: unknown): Promise<void> {
    const { logger } = this.#options
    const what = `Stream thread ${this.name} ends: ${messageOf(error)}`
    // Nothing runs yet: who starts the application is told the reason by the rejection, and need not read it twice.
    if (this.#state === 'starting') logger.debug(what, { thread: this.name })
    else logger.error(what, { thread: this.name })
    for (const step of [
      () => this.#standbys.closeAll(),
      () => this.#closeAllTasks(),
      () => this.#closeClients(),
      () => this.#options.membership.leave(),
    ]) {
      try {
        await step()
      } catch (secondary) {
        logger.warn(`While closing thread ${this.name}: ${messageOf(secondary)}`, { thread: this.name })
      }
    }
    this.#setState('dead')
  }

  async #closeClients(): Promise<void> {
    await this.#restorer.close()
    await this.#globals?.close()
    await this.#consumer?.close()
    await this.#producer?.close()
    this.#collector.use(undefined)
  }

  // The loop -------------------------------------------------------------------------------------------------------

  /**
   * What the log could not do in time is tried again up to `taskTimeoutMs`: after a commit of unknown outcome all
   * tasks are closed without keeping anything, and opened again from what is committed.
   */
  async #runOnceWithRetries(): Promise<void> {
    try {
      if (this.#mustReopen) await this.#reopen()
      await this.#runOnce()
      this.#troubleSinceMs = undefined
    } catch (error) {
      const { clock, logger } = this.#options
      if (isMendedByRestore(error)) throw error
      if (hasCode(error, 'TOPIC_MISSING')) this.#expectTopic(error)
      else if (!hasCode(error, 'LOG_UNAVAILABLE', 'FENCED', 'TASK_MIGRATED')) throw error
      const nowMs = clock.monotonicMs()
      this.#troubleSinceMs ??= nowMs
      if (nowMs - this.#troubleSinceMs > this.#config.taskTimeoutMs) throw error
      if (hasCode(error, 'FENCED') && this.#options.membership.committingMember === undefined) throw error
      logger.warn(`Thread ${this.name} gives its tasks up and opens them again: ${messageOf(error)}`, {
        thread: this.name,
      })
      // Opening them again may fail in the same way, and is then repeated too.
      this.#mustReopen = true
      await this.#closeAllTasks()
      await clock.sleep(ERROR_BACKOFF_MS)
    }
  }

  /**
   * A record may name a topic that the producer does not know yet, and a step cannot wait until it does: the work since
   * the last commit is given up, and done again with a producer that was prepared for it. Java waits within the step.
   */
  #expectTopic(error: unknown): void {
    const topic = this.#collector.takeUnknownTopic()
    if (topic === undefined || this.#topicsNamedByRecords.has(topic)) throw error
    this.#topicsNamedByRecords.set(topic, error)
  }

  async #reopen(): Promise<void> {
    await this.#closeAllTasks()
    await this.#producer?.close()
    await this.#createProducer()
    await this.#giveUpLost()
    await this.#openTasks(this.#target)
    this.#mustReopen = false
  }

  /** A refused commit is often the first word of having been put out of the group: then there is nothing to open. */
  async #giveUpLost(): Promise<void> {
    this.#membershipEvent = this.#options.membership.poll() ?? this.#membershipEvent
    if (this.#membershipEvent?.kind !== 'lost') return
    await this.#onMembership(this.#membershipEvent)
    this.#membershipEvent = undefined
  }

  async #runOnce(): Promise<void> {
    const { clock, membership } = this.#options
    // Kept until it is carried out: an error on the way (a commit that the log did not answer) must not lose it.
    this.#membershipEvent = membership.poll() ?? this.#membershipEvent
    if (this.#membershipEvent !== undefined) await this.#onMembership(this.#membershipEvent)
    this.#membershipEvent = undefined
    if (this.#waitingForDatabase.size > 0) await this.#openWaiting()
    if (this.#restorer.tasks.size > 0) await this.#restoreStep()
    await this.#standbys.update(present(this.#topology, 'no topology'))
    await this.#globals?.update()
    await this.#poll()
    if (!this.#isPaused) {
      this.#processTurn()
      this.#punctuate()
    }
    const nowMs = clock.monotonicMs()
    if (this.#mustCommit(nowMs)) await this.#commit()
    this.#flushState(nowMs)
    if (nowMs - this.#lastPurgeMs >= this.#config.repartitionPurgeIntervalMs) await this.#purge(nowMs)
    // Lets the event loop turn: messages from other threads, queries and timers have their chance between steps.
    await clock.sleep(0)
  }

  async #poll(): Promise<void> {
    const consumer = present(this.#consumer, 'no consumer')
    const startedMs = this.#options.clock.monotonicMs()
    let buffered = 0
    for (const task of this.#running.values()) buffered += task.group.byteCount
    let batches: readonly FetchedBatch[]
    if (buffered < this.#config.bufferedBytesMax) batches = await consumer.poll(this.#waitMs()).catch(givesUpPositions)
    else if (this.#isPaused) {
      // Nothing will be taken out of the buffers until the thread is resumed.
      await this.#options.clock.sleep(this.#config.pollMs)
      return
    } else if (this.#canProcess()) return
    else batches = await this.#pollEmptyInputs(consumer)
    if (batches.length === 0) return
    for (const batch of batches) {
      const preparation = this.#prepare(batch)
      if (preparation !== undefined) await preparation
    }
    for (const batch of batches) this.#addToTask(batch)
    this.#latencies.poll.record(this.#options.clock.monotonicMs() - startedMs)
  }

  #canProcess(): boolean {
    const wallClockMs = this.#options.clock.wallClockMs()
    for (const task of this.#running.values()) if (task.canProcess(wallClockMs)) return true
    return false
  }

  /**
   * The buffers are full, and every task waits for an input of which it has nothing yet: without those inputs the
   * buffers would stay full for ever. They may go beyond the bound by one poll.
   */
  async #pollEmptyInputs(consumer: Consumer): Promise<readonly FetchedBatch[]> {
    const filled: TopicPartition[] = []
    for (const task of this.#running.values()) {
      for (const { hasHead, topic, partition } of task.group.queues)
        if (hasHead && !this.#paused.has(inputKey(topic, partition))) filled.push({ topic, partition })
    }
    consumer.pause(filled)
    try {
      return await consumer.poll(this.#waitMs()).catch(givesUpPositions)
    } finally {
      consumer.resume(filled)
    }
  }

  /** How long there is nothing to do unless records come. */
  #waitMs(): number {
    if (this.#stopping || this.#restorer.tasks.size > 0 || this.#standbys.isBusy) return 0
    const { clock } = this.#options
    const wallClockMs = clock.wallClockMs()
    let waitMs = this.#config.pollMs
    for (const task of this.#running.values()) {
      if (this.#isPaused) continue
      if (task.canProcess(wallClockMs)) return 0
      if (task.group.hasRecords()) waitMs = Math.min(waitMs, Math.max(1, this.#config.maxTaskIdleMs))
      waitMs = Math.min(waitMs, task.nextWallClockPunctuationMs() - wallClockMs)
      if (task.needsCommit())
        waitMs = Math.min(waitMs, this.#lastCommitMs + this.#config.commitIntervalMs - clock.monotonicMs())
    }
    if (this.#earlyCommitMs < Number.POSITIVE_INFINITY && this.#isWorthAnEarlyCommit())
      waitMs = Math.min(waitMs, this.#earlyCommitMs - clock.monotonicMs())
    return Math.max(0, waitMs)
  }

  /** Loads what deserialising will need (schemas), before the records are queued. */
  #prepare({ topic, records }: FetchedBatch): Promise<void> | undefined {
    const source = this.#sourceOf(topic)
    if (source === undefined) return undefined
    return prepareRecords(topic, records, source.keySerde, source.valueSerde)
  }

  #sourceOf(topic: string) {
    for (const sub of this.#topology?.subTopologies ?? []) {
      const found = sub.sources.find(({ topics }) => topics.some(({ name }) => name === topic))
      if (found !== undefined) return found.node
    }
    return undefined
  }

  #addToTask({ topic, partition, records, nextOffset, endOffset }: FetchedBatch): void {
    const key = inputKey(topic, partition)
    const task = this.#taskOfInput.get(key)
    if (task === undefined) return
    task.addRecords(topic, partition, records, nextOffset, endOffset)
    if (task.group.queue(topic, partition).recordCount < this.#config.bufferedRecordsPerPartitionMax) return
    this.#paused.add(key)
    present(this.#consumer, 'no consumer').pause([{ topic, partition }])
  }

  /** Each task has at most `recordsPerTurnMax` records of a turn; the first one changes from turn to turn. */
  #processTurn(): void {
    const tasks = [...this.#running.values()]
    if (tasks.length === 0) return
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    const wallClockMs = clock.wallClockMs()
    this.#turn = (this.#turn + 1) % tasks.length
    let processed = 0
    let taskStartedMs = startedMs
    let isOver = false
    for (let i = 0; i < tasks.length && !isOver; i++) {
      const task = tasks[(this.#turn + i) % tasks.length] as StreamTask
      const processedBefore = processed
      task.turnMs = wallClockMs
      for (let count = 0; count < this.#config.recordsPerTurnMax && !isOver && task.canProcess(wallClockMs); count++) {
        task.processNext()
        if ((++processed & BOUND_CHECK_MASK) === 0)
          isOver = this.#isOverBounds() || clock.monotonicMs() - startedMs >= TURN_MS_MAX
      }
      if (processed > processedBefore) {
        const nowMs = clock.monotonicMs()
        task.processingMs += nowMs - taskStartedMs
        taskStartedMs = nowMs
      }
      this.#resumeDrained(task)
    }
    if (processed === 0) return
    this.#processingMs += taskStartedMs - startedMs
    this.#latencies.process.record(clock.monotonicMs() - startedMs)
    this.#latencies.processRecords.record(processed)
  }

  async #loseTasks(): Promise<void> {
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    await this.#standbys.closeAll()
    await this.#closeAllTasks()
    // What they have sent must not come with the next commit: others do it again.
    if (this.#isExactlyOnce()) await this.#producer?.abortTransaction()
    this.#latencies.lost.record(clock.monotonicMs() - startedMs)
  }

  #punctuate(): void {
    const { clock } = this.#options
    let startedMs = -1
    for (const task of this.#running.values()) {
      if (task.nextWallClockPunctuationMs() === Number.POSITIVE_INFINITY) continue
      if (startedMs < 0) startedMs = clock.monotonicMs()
      if (!task.punctuateWallClock()) continue
      this.#latencies.punctuate.record(clock.monotonicMs() - startedMs)
      startedMs = -1
    }
  }

  #resumeDrained(task: StreamTask): void {
    if (this.#paused.size === 0) return
    const drained: TopicPartition[] = []
    for (const queue of task.group.queues) {
      const key = inputKey(queue.topic, queue.partition)
      if (!this.#paused.has(key) || queue.recordCount >= this.#config.bufferedRecordsPerPartitionMax) continue
      this.#paused.delete(key)
      drained.push({ topic: queue.topic, partition: queue.partition })
    }
    if (drained.length > 0) present(this.#consumer, 'no consumer').resume(drained)
  }

  /** Uncommitted writes and unsent records are bounded: at the bound the thread commits before it goes on. */
  #isOverBounds(): boolean {
    if ((this.#producer?.bytesBuffered ?? 0) >= this.#config.producerBufferBytesMax) return true
    let dirty = 0
    for (const task of this.#running.values()) dirty += task.stores.dirtyBytes()
    return dirty >= this.#config.uncommittedBytesMax
  }

  // Commit ---------------------------------------------------------------------------------------------------------

  #mustCommit(nowMs: number): boolean {
    if (nowMs - this.#lastCommitMs >= this.#config.commitIntervalMs) return true
    for (const task of this.#running.values()) if (task.commitRequested) return true
    if (nowMs >= this.#earlyCommitMs && this.#isWorthAnEarlyCommit()) return true
    return this.#isOverBounds()
  }

  /**
   * Something was done since the last commit, and nothing is left to do: nobody sees a result before its commit, so what
   * there is to commit need not wait. Behind its inputs a thread goes on instead, and commits at its interval: a commit
   * costs the less the more is in it.
   */
  #isWorthAnEarlyCommit(): boolean {
    let hasWork = false
    const wallClockMs = this.#options.clock.wallClockMs()
    for (const task of this.#running.values()) {
      if (task.group.isBehind() || task.canProcess(wallClockMs)) return false
      if (task.hasUncommittedWork) hasWork = true
    }
    return hasWork
  }

  /** After a commit so much time goes to other work that commits have no more than their share of it. */
  #pauseEarlyCommits(startedMs: number): void {
    const { commitShareMax } = this.#config
    if (commitShareMax === 0) return
    const tookMs = this.#lastCommitMs - startedMs
    this.#earlyCommitMs = startedMs + Math.max(EARLY_COMMIT_INTERVAL_MS_MIN, tookMs / commitShareMax)
  }

  async #commit(): Promise<void> {
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    const tasks = [...this.#running.values()].filter((task) => task.needsCommit())
    // Also those of tasks that have nothing to commit: they would ask for ever.
    for (const task of this.#running.values()) task.commitRequested = false
    if (tasks.length > 0) {
      const producer = present(this.#producer, 'no producer')
      const offsets = tasks.flatMap((task) => task.prepareCommit())
      const preparedMs = clock.monotonicMs()
      this.#latencies.commitPrepare.record(preparedMs - startedMs)
      const member = this.#options.membership.committingMember
      if (this.#isExactlyOnce()) await producer.commitTransaction(this.#config.applicationId, offsets, member)
      else await producer.flush()
      const loggedMs = clock.monotonicMs()
      this.#latencies.commitLog.record(loggedMs - preparedMs)
      this.#latencies.blockedNs.add((loggedMs - preparedMs) * NS_PER_MS)
      for (const task of tasks) task.committed()
      this.#latencies.commitStores.record(clock.monotonicMs() - loggedMs)
      if (!this.#isExactlyOnce()) await producer.commitOffsets(this.#config.applicationId, offsets, member)
      for (const offset of offsets)
        if (this.#isPurged(offset.topic)) this.#purgeable.set(inputKey(offset.topic, offset.partition), offset)
    }
    this.#lastCommitMs = clock.monotonicMs()
    if (tasks.length === 0) return
    this.#pauseEarlyCommits(startedMs)
    this.#latencies.commit.record(this.#lastCommitMs - startedMs)
  }

  #flushState(nowMs: number): void {
    let position = this.#flushHand.next()
    if (position.done === true) {
      this.#flushHand = this.#running.values()
      position = this.#flushHand.next()
    }
    position.value?.stores.flushWaiting(nowMs)
  }

  #isPurged(topic: string): boolean {
    return this.#topology?.repartitionTopics.has(topic) === true || this.#config.ownedTopics.includes(topic)
  }

  /** What was processed and committed of repartition topics is not needed again. */
  async #purge(nowMs: number): Promise<void> {
    this.#lastPurgeMs = nowMs
    if (this.#purgeable.size === 0) return
    const before = [...this.#purgeable.values()]
    this.#purgeable.clear()
    try {
      await this.#options.log.admin.deleteRecords(before)
    } catch (error) {
      // Only disk space is at stake; the next purge covers these offsets too.
      this.#options.logger.warn(`Repartition topics could not be purged: ${messageOf(error)}`, { thread: this.name })
    }
  }

  // Tasks ----------------------------------------------------------------------------------------------------------

  async #onMembership(event: MembershipEvent): Promise<void> {
    const { logger, membership } = this.#options
    switch (event.kind) {
      case 'assigned': {
        const { clock } = this.#options
        const startedMs = clock.monotonicMs()
        const wanted = new Set(event.assignment.active)
        const revoked = [...this.#open.keys()].filter((id) => !wanted.has(id))
        if (revoked.length > 0) await this.#commit()
        for (const id of revoked) await this.#closeTask(id)
        if (revoked.length > 0) await this.#assignInputs([])
        const closedMs = clock.monotonicMs()
        if (revoked.length > 0) this.#latencies.revoked.record(closedMs - startedMs)
        const { active, standby } = event.assignment
        for (const id of this.#standbys.ids) if (!standby.includes(id)) await this.#standbys.close(id)
        this.#waitingForDatabase.clear()
        this.#target = active
        this.#standbyTarget = standby
        membership.acknowledge({ active, standby })
        await this.#openTasks(active.filter((id) => !this.#open.has(id)))
        await this.#openStandbys(standby.filter((id) => !this.#standbys.has(id)))
        this.#latencies.assigned.record(clock.monotonicMs() - closedMs)
        return
      }
      case 'lost':
        logger.warn(`Thread ${this.name} has lost its tasks: ${event.reason}`, {
          thread: this.name,
        })
        this.#target = []
        this.#standbyTarget = []
        await this.#loseTasks()
        return
      case 'not-ready':
        logger.warn(`The group cannot work yet: ${event.reason}`, {
          thread: this.name,
        })
        return
      default:
        return event satisfies never
    }
  }

  async #openTasks(ids: readonly TaskId[]): Promise<void> {
    for (const id of ids) await this.#unlessLocked(id, () => this.#openTask(id))
    if (this.#restorer.tasks.size > 0) this.#setState('restoring')
    await this.#restoreStep()
  }

  async #openStandbys(ids: readonly TaskId[]): Promise<void> {
    const topology = present(this.#topology, 'no topology')
    for (const id of ids) await this.#unlessLocked(id, () => this.#standbys.open(id, topology))
  }

  /** A task that comes from another thread of this process may be open there still: it is tried again. */
  async #unlessLocked(id: TaskId, open: () => Promise<void>): Promise<void> {
    try {
      await open()
      this.#waitingForDatabase.delete(id)
    } catch (error) {
      const isDecidedElsewhere = this.#options.membership.committingMember !== undefined
      if (!isDecidedElsewhere || !hasCode(error, 'DIRECTORY_LOCKED')) throw error
      this.#waitingForDatabase.add(id)
      this.#options.logger.debug(`Task ${id} waits for its state: ${error.message}`, { task: id })
    }
  }

  async #openWaiting(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#lastOpeningMs < LOCKED_RETRY_MS) return
    this.#lastOpeningMs = nowMs
    const waiting = [...this.#waitingForDatabase]
    await this.#openTasks(waiting.filter((id) => this.#target.includes(id)))
    await this.#openStandbys(waiting.filter((id) => this.#standbyTarget.includes(id)))
  }

  /** A store that does not fit its changelog is wiped once, and restored whole. */
  async #openTask(id: TaskId, isSecondTry = false): Promise<void> {
    const { stateEngine, logger } = this.#options
    const options = {
      ...this.#options,
      topology: present(this.#topology, 'no topology'),
      recordCache: this.#recordCache,
      globalStores: this.globalStores,
      threadName: this.name,
    }
    let opened: OpenTask | undefined
    try {
      opened = await openTask(id, this.#collector, options)
      const { positions, task } = opened
      await this.#restorer.add(task, (topic) => offsetOf(positions, { topic, partition: task.partition }))
      this.#open.set(id, opened)
      this.#latencies.tasksCreated.add(1)
    } catch (error) {
      if (opened !== undefined) {
        await this.#restorer.remove(opened.task)
        opened.task.close()
        await opened.closeDatabases()
      }
      if (isSecondTry || !isMendedByRestore(error)) throw error
      logger.warn(`The state of task ${id} is wiped and restored from its changelogs: ${messageOf(error)}`, {
        task: id,
      })
      await stateEngine.destroy(id)
      await this.#openTask(id, true)
    }
  }

  async #restoreStep(): Promise<void> {
    const isIdle = this.#running.size === 0
    const complete = await this.#restorer.step(isIdle ? this.#config.pollMs : 0)
    if (complete.length > 0) {
      for (const task of complete) {
        task.start()
        this.#running.set(task.id, task)
        processRatioGauge(this.#options.metrics, this.name, task, () => this.#processingMs)
        for (const queue of task.group.queues) this.#taskOfInput.set(inputKey(queue.topic, queue.partition), task)
      }
      await this.#assignInputs(complete)
    }
    if (this.#restorer.tasks.size === 0) this.#setState('running')
  }

  /** Started tasks read on from their committed offsets, the others from where they are. */
  async #assignInputs(started: readonly StreamTask[]): Promise<void> {
    const consumer = present(this.#consumer, 'no consumer')
    const isNew = new Set(started)
    const positions: PartitionOffset[] = []
    for (const task of this.#running.values()) {
      for (const { topic, partition } of task.group.queues) {
        const offset = isNew.has(task)
          ? offsetOf(present(this.#open.get(task.id), `task ${task.id} is not open`).positions, { topic, partition })
          : consumer.position({ topic, partition })
        positions.push({ topic, partition, offset })
      }
    }
    // How far behind each input is must be known before the first record is chosen among them.
    const inputs = started.flatMap((task) => task.group.queues.map(({ topic, partition }) => ({ topic, partition })))
    const ends = inputs.length === 0 ? [] : await this.#options.log.admin.endOffsets(inputs)
    for (const task of started) {
      for (const { topic, partition } of task.group.queues) {
        const offset = offsetOf(positions, { topic, partition })
        task.addRecords(topic, partition, [], offset, offsetOf(ends, { topic, partition }))
      }
    }
    consumer.assign(positions)
    this.#repause()
  }

  #repause(): void {
    const paused = [...this.#paused].flatMap((key) => {
      const task = this.#taskOfInput.get(key)
      const queue = task?.group.queues.find(({ topic, partition }) => inputKey(topic, partition) === key)
      if (queue === undefined) this.#paused.delete(key)
      return queue === undefined ? [] : [{ topic: queue.topic, partition: queue.partition }]
    })
    if (paused.length > 0) present(this.#consumer, 'no consumer').pause(paused)
  }

  async #closeTask(id: TaskId): Promise<void> {
    const opened = this.#open.get(id)
    if (opened === undefined) return
    this.#open.delete(id)
    this.#running.delete(id)
    this.#latencies.tasksClosed.add(1)
    await this.#restorer.remove(opened.task)
    for (const { topic, partition } of opened.task.group.queues) {
      this.#taskOfInput.delete(inputKey(topic, partition))
      this.#paused.delete(inputKey(topic, partition))
    }
    opened.task.close()
    await opened.closeDatabases()
  }

  async #closeAllTasks(): Promise<void> {
    for (const id of [...this.#open.keys()]) await this.#closeTask(id)
    this.#consumer?.assign([])
  }
}

function lagsOfRunning(task: StreamTask): readonly StoreLag[] {
  return task.changelogs.map(({ storeName, partition }) => {
    const position = task.stores.position(storeName) ?? 0
    return lagOf(storeName, partition, position, position)
  })
}

/**
 * Records that were not processed yet are gone: another member owns the partition and has purged it, or retention was
 * faster. Either way the committed offsets say where to go on, and openTask says what was lost.
 */
function givesUpPositions(error: unknown): never {
  if (!hasCode(error, 'OFFSET_OUT_OF_RANGE')) throw error
  throw new StreamsError('TASK_MIGRATED', `positions are no longer valid: ${error.message}`, { cause: error })
}

function inputKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
