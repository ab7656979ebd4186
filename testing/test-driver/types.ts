import type { CommittedOffset, Headers, Logger, LogRecord, Metrics, Serde } from '#streams/ports'
import type { ResolvedTopology, StreamsOptions } from '#streams/runtime'

export type TestDriverOptions = {
  readonly applicationId?: string
  /** Partitions of each topic that is not named in `partitionsOf`; default 1. */
  readonly partitions?: number
  readonly partitionsOf?: Readonly<Record<string, number>>
  /** Wall clock at start; default 0. */
  readonly startMs?: number
  /** Commits after so many input records (and whenever `commit` is called); default 1, as Java's driver. */
  readonly commitEvery?: number
  /** Settings of the application. Record caches are off unless `cacheBytesMax` is given. */
  readonly config?: Partial<StreamsOptions>
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** What the application finds at its start: records of any topic, and offsets that were committed before. */
  readonly existing?: {
    readonly records: readonly (Omit<LogRecord, 'offset'> & { readonly topic: string; readonly partition: number })[]
    readonly committed: readonly CommittedOffset[]
  }
}

export type InputRecord<K, V> = {
  readonly key: K
  readonly value: V
  readonly timestampMs?: number
  readonly headers?: Headers
  /** Default: Kafka's partition of the key; 0 where the key is null. */
  readonly partition?: number
}

export type OutputRecord<K, V> = {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers
  readonly partition: number
}

export type TestInputTopic<K, V> = {
  /** Processes the record to the end, through repartition topics too, before it returns. */
  pipe(key: K, value: V, timestampMs?: number): void
  pipeRecord(record: InputRecord<K, V>): void
  pipeAll(records: readonly InputRecord<K, V>[]): void
  /** Moves the timestamp that records without one are given. */
  advanceTime(durationMs: number): void
}

export type TestOutputTopic<K, V> = {
  /** The next record that was not read yet: partition by partition. */
  read(): OutputRecord<K, V> | undefined
  readAll(): readonly OutputRecord<K, V>[]
  /** The last value of each key among what was not read yet. */
  readToMap(): ReadonlyMap<K, V>
  readonly isEmpty: boolean
}

/**
 * Runs a topology synchronously, in memory, on a clock of its own: what a data engineer tests with. Unlike Java's
 * TopologyTestDriver it has several partitions, real repartition topics, commits, and it can crash, lose its state
 * directory and be rebalanced in the middle of a test; the tasks, stores and commits are those of the real runtime.
 */
export type TestDriver = Disposable & {
  inputTopic<K, V>(
    topic: string,
    options: { key: Serde<K>; value: Serde<V>; startTimestampMs?: number; advanceMs?: number },
  ): TestInputTopic<K, V>
  outputTopic<K, V>(topic: string, options: { key: Serde<K>; value: Serde<V> }): TestOutputTopic<K, V>
  /** Moves the wall clock, and fires wall-clock punctuation that becomes due. */
  advanceWallClock(durationMs: number): void
  /** The store of a task (typed by the caller); `partition` where the topic has several. */
  store<S>(name: string, partition?: number): S
  commit(): void
  /** The process dies: what was not committed is gone, tasks start again from what was. */
  crash(): void
  /** The process and its state directory are gone: stores are restored from their changelogs. */
  crashAndLoseState(): void
  /** Tasks are closed after a commit, and opened again (as on another member, with a restore). */
  rebalance(): void
  /** Every topic that exists, internal ones with their real names. */
  topics(): readonly string[]
  readonly topology: ResolvedTopology
  close(): void
}
