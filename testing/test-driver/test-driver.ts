import { createMemoryDatabase } from '#state-stores'
import { assert, parseTaskId, partitionForKey, present, StreamsError, type TaskId } from '#streams/base'
import {
  type CommittedOffset,
  NO_HEADERS,
  NO_METRICS,
  type Serde,
  SILENT_LOGGER,
  type StateDatabase,
  type StateEngine,
} from '#streams/ports'
import {
  GlobalTask,
  POSITIONS_KEYSPACE,
  type RecordCollector,
  type ResolvedTopology,
  resolveConfig,
  resolveTopology,
  type StreamsConfig,
  StreamTask,
} from '#streams/runtime'
import { createRecordCache, keyspacesOf, type ManagedStore, type RecordCache } from '#streams/stores'
import type { Topology } from '#streams/topology'
import { createMemoryTopics, type MemoryTopics, type PendingRecord } from './memory-topics.ts'
import type {
  InputRecord,
  OutputRecord,
  TestDriver,
  TestDriverOptions,
  TestInputTopic,
  TestOutputTopic,
} from './types.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

type Running = { readonly task: StreamTask; readonly database: StateDatabase; readonly memoryDatabase: StateDatabase }

/** A driver whose stores are in memory. */
export function createTestDriver(topology: Topology, options: TestDriverOptions = {}): TestDriver {
  return new Driver(topology, options, createMemoryDatabase)
}

/**
 * A driver whose persistent stores are kept by the given engine, which it opens here and closes with `closeAll`:
 * for tests of the stores themselves.
 */
export async function openTestDriver(
  topology: Topology,
  options: TestDriverOptions & { readonly stateEngine: StateEngine },
): Promise<TestDriver & { closeAll(): Promise<void> }> {
  const resolved = resolve(topology, configOf(options), options)
  const databases = new Map<string, StateDatabase>()
  for (const id of resolved.tasks) {
    const { stores } = resolved.subTopology(parseTaskId(id).subTopology)
    databases.set(
      id,
      await options.stateEngine.open(id, [POSITIONS_KEYSPACE, ...stores.flatMap(({ spec }) => keyspacesOf(spec))]),
    )
  }
  const open = (name: string, keyspaces: readonly string[]): StateDatabase =>
    databases.get(name) ?? createMemoryDatabase(name, keyspaces)
  const driver = new Driver(topology, options, open)
  const closeAll = async (): Promise<void> => {
    driver.close()
    for (const database of databases.values()) await database.close()
  }
  return Object.assign(driver, { closeAll })
}

function configOf(options: TestDriverOptions): StreamsConfig {
  return resolveConfig({
    cacheBytesMax: 0,
    freezeValues: true,
    ...options.config,
    applicationId: options.applicationId ?? options.config?.applicationId ?? 'test',
  })
}

function resolve(topology: Topology, config: StreamsConfig, options: TestDriverOptions): ResolvedTopology {
  const partitionsOf = (topic: string): number => options.partitionsOf?.[topic] ?? options.partitions ?? 1
  return resolveTopology(topology, config, { partitionsOf, names: Object.keys(options.partitionsOf ?? {}) })
}

class Driver implements TestDriver {
  readonly topology: ResolvedTopology
  readonly #options: TestDriverOptions
  readonly #config: StreamsConfig
  readonly #clock: VirtualClock
  readonly #topics: MemoryTopics = createMemoryTopics()
  readonly #open: (name: string, keyspaces: readonly string[]) => StateDatabase
  readonly #committed = new Map<string, CommittedOffset>()
  readonly #running = new Map<TaskId, Running>()
  readonly #read = new Map<string, number>()
  readonly #global: GlobalTask | undefined
  /** Sent by tasks and not committed yet. */
  #pending: PendingRecord[] = []
  #pipedSinceCommit = 0
  #commits = 0
  #recordCache: RecordCache | undefined
  readonly #namesTopicsByRecord: boolean

  constructor(
    topology: Topology,
    options: TestDriverOptions,
    open: (name: string, keyspaces: readonly string[]) => StateDatabase,
  ) {
    this.#options = options
    this.#config = configOf(options)
    this.#clock = createVirtualClock(options.startMs ?? 0)
    this.#open = open
    this.topology = resolve(topology, this.#config, options)
    this.#createTopics(topology)
    for (const { topic, partition, ...record } of options.existing?.records ?? []) {
      this.#topics.append(topic, partition, record)
    }
    for (const offset of options.existing?.committed ?? [])
      this.#committed.set(`${offset.topic}/${offset.partition}`, offset)
    this.#namesTopicsByRecord = [...topology.nodes.values()].some(
      (node) => node.kind === 'sink' && typeof node.topic === 'function',
    )
    this.#global = this.topology.globalStores.length === 0 ? undefined : this.#openGlobal()
    this.#openTasks()
  }

  // What tests use ---------------------------------------------------------------------------------------------------

  inputTopic<K, V>(
    topic: string,
    options: { key: Serde<K>; value: Serde<V>; startTimestampMs?: number; advanceMs?: number },
  ): TestInputTopic<K, V> {
    this.#requireInput(topic)
    let timestampMs = options.startTimestampMs ?? 0
    const pipeRecord = (record: InputRecord<K, V>): void => {
      const key = serialize(options.key, record.key, topic)
      const value = serialize(options.value, record.value, topic)
      const count = present(this.#topics.partitionCount(topic), `topic ${topic} has no partitions`)
      const partition = record.partition ?? (key === null ? 0 : partitionForKey(key, count))
      const at = record.timestampMs ?? timestampMs
      if (record.timestampMs === undefined) timestampMs += options.advanceMs ?? 0
      this.#pipe({ topic, partition, key, value, timestampMs: at, headers: record.headers ?? NO_HEADERS })
    }
    return {
      pipe: (key, value, at) => pipeRecord(at === undefined ? { key, value } : { key, value, timestampMs: at }),
      pipeRecord,
      pipeAll: (records) => {
        for (const record of records) pipeRecord(record)
      },
      advanceTime: (durationMs) => {
        timestampMs += durationMs
      },
    }
  }

  outputTopic<K, V>(topic: string, options: { key: Serde<K>; value: Serde<V> }): TestOutputTopic<K, V> {
    this.#requireOutput(topic)
    const read = (): OutputRecord<K, V> | undefined => {
      const count = present(this.#topics.partitionCount(topic), `topic ${topic} has no partitions`)
      for (let partition = 0; partition < count; partition++) {
        const at = this.#read.get(`${topic}/${partition}`) ?? 0
        const record = this.#topics.records(topic, partition)[at]
        if (record === undefined) continue
        this.#read.set(`${topic}/${partition}`, at + 1)
        return {
          key: deserialize(options.key, record.key, topic),
          value: deserialize(options.value, record.value, topic),
          timestampMs: record.timestampMs,
          headers: record.headers,
          partition,
        }
      }
      return undefined
    }
    const readAll = (): readonly OutputRecord<K, V>[] => {
      const all: OutputRecord<K, V>[] = []
      for (let record = read(); record !== undefined; record = read()) all.push(record)
      return all
    }
    const isEmpty = (): boolean => {
      const count = this.#topics.partitionCount(topic) ?? 0
      const unread = (partition: number): number =>
        this.#topics.endOffset(topic, partition) - (this.#read.get(`${topic}/${partition}`) ?? 0)
      return Array.from({ length: count }, (_, partition) => unread(partition)).every((left) => left === 0)
    }
    return {
      read,
      readAll,
      readToMap: () => new Map(readAll().map(({ key, value }) => [key, value])),
      get isEmpty() {
        return isEmpty()
      },
    }
  }

  advanceWallClock(durationMs: number): void {
    this.#clock.advance(durationMs)
    for (const { task } of this.#running.values()) task.punctuateWallClock()
    this.#settle()
  }

  store<S>(name: string, partition = 0): S {
    const global = this.#global?.globalStores.get(name)
    if (global !== undefined) return global as unknown as S
    for (const { task } of this.#running.values()) {
      if (task.partition === partition && task.stores.get(name) !== undefined) return task.store(name) as unknown as S
    }
    const known = [...this.#running.values()].flatMap(({ task }) => task.stores.names())
    throw new StreamsError(
      'STORE_UNKNOWN',
      `there is no store ${name} in partition ${partition}; stores: ${[...new Set(known)].join(', ') || 'none'}`,
    )
  }

  commit(): void {
    for (const { task } of this.#running.values()) {
      const offsets = task.prepareCommit()
      this.#publish()
      for (const offset of offsets) this.#committed.set(`${offset.topic}/${offset.partition}`, offset)
      task.committed()
    }
    // So that half of the commits are read while they wait to be written, and get lost in a crash.
    if (this.#commits++ % 2 === 0)
      for (const { task } of this.#running.values()) task.stores.flushWaiting(Number.POSITIVE_INFINITY)
    this.#pipedSinceCommit = 0
  }

  crash(): void {
    for (const { task } of this.#running.values()) task.stores.loseWaiting()
    this.#closeTasks()
    this.#pending = []
    this.#openTasks()
    this.#settle()
  }

  crashAndLoseState(): void {
    this.#closeTasks()
    this.#pending = []
    this.#loseState()
    this.#openTasks()
    this.#settle()
  }

  rebalance(): void {
    this.#commitAll()
    this.crashAndLoseState()
  }

  topics(): readonly string[] {
    return this.#topics.names()
  }

  close(): void {
    this.#closeTasks()
    this.#global?.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  // Running ----------------------------------------------------------------------------------------------------------

  #pipe(record: PendingRecord): void {
    this.#deliver(record)
    this.#process()
    this.#pipedSinceCommit++
    if (this.#pipedSinceCommit >= (this.#options.commitEvery ?? 1)) this.#commitAll()
  }

  #settle(): void {
    this.#process()
    if ((this.#options.commitEvery ?? 1) === 1) this.#commitAll()
  }

  /** Commits until nothing new comes: a commit flushes caches, which may feed other tasks. */
  #commitAll(): void {
    this.commit()
    while (this.#process()) this.commit()
  }

  #process(): boolean {
    let worked = false
    for (let progress = true; progress; ) {
      progress = false
      for (const { task } of this.#running.values()) {
        while (task.canProcess(this.#clock.wallClockMs()) && task.processNext()) progress = true
        if (progress && (this.#options.commitEvery ?? 1) === 1) this.commit()
      }
      worked ||= progress
    }
    return worked
  }

  /** What was committed can be read: by tests, by other tasks and by restores. */
  #publish(): void {
    const pending = this.#pending
    this.#pending = []
    for (const record of pending) this.#deliver(record)
  }

  #deliver({ topic, partition, ...record }: PendingRecord): void {
    const appended = this.#topics.append(topic, partition, record)
    if (this.#global?.topics.includes(topic))
      this.#global.update({ topic, partition, offset: appended.offset + 1 }, [appended])
    for (const { task } of this.#running.values()) {
      const queue = task.group.queues.find(
        (candidate) => candidate.topic === topic && candidate.partition === partition,
      )
      if (queue !== undefined) task.addRecords(topic, partition, [appended], appended.offset + 1, appended.offset + 1)
    }
  }

  readonly #collector: RecordCollector = {
    send: (topic, partition, key, value, timestampMs, headers) => {
      if (!this.#topics.has(topic))
        this.#topics.create(topic, this.#options.partitionsOf?.[topic] ?? this.#options.partitions ?? 1)
      this.#pending.push({ topic, partition, key, value, timestampMs, headers })
    },
    partitionCount: (topic) =>
      this.#topics.partitionCount(topic) ?? this.#options.partitionsOf?.[topic] ?? this.#options.partitions ?? 1,
    producedOffset: (topic, partition) => this.#topics.endOffset(topic, partition),
  }

  // Opening and closing ----------------------------------------------------------------------------------------------

  #createTopics(topology: Topology): void {
    const partitionsOf = (topic: string): number => this.#options.partitionsOf?.[topic] ?? this.#options.partitions ?? 1
    for (const topic of Object.keys(this.#options.partitionsOf ?? {})) this.#topics.create(topic, partitionsOf(topic))
    for (const { name, partitions } of this.topology.internalTopics) this.#topics.create(name, partitions)
    for (const { topic } of this.topology.globalStores) this.#topics.create(topic, partitionsOf(topic))
    for (const sub of this.topology.subTopologies) {
      for (const { topics } of sub.sources) for (const { name } of topics) this.#topics.create(name, partitionsOf(name))
    }
    for (const node of topology.nodes.values()) {
      if (node.kind === 'sink' && typeof node.topic !== 'function' && !node.topic.internal) {
        this.#topics.create(node.topic.name, partitionsOf(node.topic.name))
      }
    }
    if (this.#config.deadLetterTopic !== undefined) {
      this.#topics.create(this.#config.deadLetterTopic, partitionsOf(this.#config.deadLetterTopic))
    }
  }

  #openGlobal(): GlobalTask {
    const names = this.topology.globalStores.map(({ store }) => store.storeName)
    return new GlobalTask({
      topology: this.topology,
      config: this.#config,
      clock: this.#clock,
      logger: this.#options.logger ?? SILENT_LOGGER,
      metrics: this.#options.metrics ?? NO_METRICS,
      database: createMemoryDatabase('global', [POSITIONS_KEYSPACE, ...names]),
    })
  }

  readonly #databases = new Map<TaskId, { readonly database: StateDatabase; readonly memoryDatabase: StateDatabase }>()

  #openTasks(): void {
    const cacheBytesMax = this.#config.cacheBytesMax
    this.#recordCache = cacheBytesMax > 0 ? createRecordCache({ bytesMax: cacheBytesMax }) : undefined
    for (const id of this.topology.tasks) this.#openTask(id)
  }

  #openTask(id: TaskId): void {
    const { subTopology, partition } = parseTaskId(id)
    const { stores } = this.topology.subTopology(subTopology)
    const named = (persistence: string): readonly string[] =>
      stores.filter(({ spec }) => spec.persistence === persistence).flatMap(({ spec }) => keyspacesOf(spec))
    const database = this.#databases.get(id)?.database ?? this.#open(id, [POSITIONS_KEYSPACE, ...named('persistent')])
    // What is only in memory does not outlive the task.
    const memoryDatabase = createMemoryDatabase(`${id}-memory`, [POSITIONS_KEYSPACE, ...named('memory')])
    this.#databases.set(id, { database, memoryDatabase })
    const positions = this.topology
      .inputsOf({ subTopology, partition })
      .map(
        (input): CommittedOffset =>
          this.#committed.get(`${input.topic}/${input.partition}`) ?? { ...input, offset: 0, metadata: '' },
      )
    const task = new StreamTask({
      id,
      topology: this.topology,
      config: this.#config,
      collector: this.#collector,
      clock: this.#clock,
      logger: this.#options.logger ?? SILENT_LOGGER,
      metrics: this.#options.metrics ?? NO_METRICS,
      database,
      memoryDatabase,
      recordCache: this.#recordCache,
      globalStores: this.#global?.globalStores ?? new Map<string, ManagedStore>(),
      positions,
    })
    this.#restore(task, positions)
    task.start()
    this.#running.set(id, { task, database, memoryDatabase })
    for (const { topic, offset } of positions) {
      const records = this.#topics.records(topic, partition).slice(offset)
      const end = this.#topics.endOffset(topic, partition)
      task.addRecords(topic, partition, records, end, end)
    }
  }

  #restore(task: StreamTask, positions: readonly CommittedOffset[]): void {
    task.beginRestore()
    for (const changelog of task.changelogs) {
      const end = changelog.isSource
        ? (positions.find(({ topic }) => topic === changelog.topic)?.offset ?? 0)
        : this.#topics.endOffset(changelog.topic, changelog.partition)
      const from = task.stores.position(changelog.storeName) ?? 0
      assert(from <= end, `store ${changelog.storeName} is at ${from}, its changelog ends at ${end}`)
      const records = this.#topics.records(changelog.topic, changelog.partition).slice(from, end)
      if (records.length > 0) task.stores.restore(changelog.storeName, task.recordsToRestore(changelog, records), end)
    }
  }

  #closeTasks(): void {
    for (const { task } of this.#running.values()) {
      const leaked = task.stores.iteratorsOpen()
      assert(leaked === 0, `${leaked} store iterators of task ${task.id} were not closed`)
      task.close()
    }
    this.#running.clear()
  }

  #loseState(): void {
    for (const [id, { database }] of this.#databases) {
      const { subTopology } = parseTaskId(id)
      const { stores } = this.topology.subTopology(subTopology)
      const batch = database.batch()
      const persistent = stores
        .filter(({ spec }) => spec.persistence === 'persistent')
        .flatMap(({ spec }) => keyspacesOf(spec))
      for (const name of [POSITIONS_KEYSPACE, ...persistent])
        batch.deleteRange(database.keyspace(name), new Uint8Array(0), undefined)
      batch.write()
    }
  }

  /** A record for a topic that nobody reads would be a test of nothing; but those that the options name do exist. */
  #requireInput(topic: string): void {
    const read = this.topology.subTopologies.flatMap(({ sources }) => sources.flatMap(({ topics }) => topics))
    const inputs = [...read.map(({ name }) => name), ...this.topology.globalStores.map((store) => store.topic)]
    if (inputs.includes(topic) || this.#options.partitionsOf?.[topic] !== undefined) return
    throw new StreamsError(
      'TOPIC_MISSING',
      `the topology reads no topic ${topic}, so records for it would do nothing; it reads: ${inputs.join(', ')}`,
    )
  }

  /** Reading nothing from a topic that nobody writes would be a test of nothing. */
  #requireOutput(topic: string): void {
    if (this.#topics.has(topic)) return
    if (!this.#namesTopicsByRecord) {
      throw new StreamsError(
        'TOPIC_MISSING',
        `there is no topic ${topic} to read; topics: ${this.topics().join(', ')}. One that only an exception handler ` +
          'writes to is made known by partitionsOf',
      )
    }
    // A topic that only a name extractor writes to comes into being with its first record.
    this.#topics.create(topic, this.#options.partitionsOf?.[topic] ?? this.#options.partitions ?? 1)
  }
}

function serialize<T>(serde: Serde<T>, data: T, topic: string): Uint8Array | null {
  return data === null || data === undefined ? null : serde.serialize(data, topic)
}

function deserialize<T>(serde: Serde<T>, bytes: Uint8Array | null, topic: string): T {
  return bytes === null ? (null as T) : serde.deserialize(bytes, topic)
}
