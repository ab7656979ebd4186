import { StreamsError } from '../base/errors.ts'
import type { TimestampExtractor } from '../topology/topology.ts'
import {
  type DeserializationExceptionHandler,
  logAndFail,
  type ProcessingExceptionHandler,
  type ProductionExceptionHandler,
} from './exception-handlers.ts'

export type ProcessingGuarantee = 'exactly_once_v2' | 'at_least_once'

/**
 * Settings of an application. Names are Kafka Streams' own in camel case with the unit at the end; `defaults` below
 * says what applies where one is left out, and which of them differ from Java's.
 */
export type StreamsConfig = {
  /** Names the consumer group, the internal topics, the transactional ids and the state directories. */
  readonly applicationId: string
  readonly processingGuarantee: ProcessingGuarantee
  /** Longest time between commits. */
  readonly commitIntervalMs: number
  /**
   * Share of a thread's time that commits before the interval may take, from 0 to 1; 0 = commits are made at the
   * interval only. Above it a thread that has caught up with its inputs commits as soon as it has something to commit,
   * and then does other things for long enough. Default: 0.5 under exactly-once where no interval is given, else 0.
   * Java: none.
   */
  readonly commitShareMax: number
  /** Longest wait of a poll when there is nothing to do. */
  readonly pollMs: number
  readonly pollRecordsMax: number
  readonly pollBytesMax: number
  /** A partition is paused while this many of its records are buffered, and resumed below. */
  readonly bufferedRecordsPerPartitionMax: number
  /** All partitions of a thread together: no more is fetched above it. Java: none (KIP-770). */
  readonly bufferedBytesMax: number
  /** How long a task waits for data on its empty inputs, so that records are taken in timestamp order; -1 = never. */
  readonly maxTaskIdleMs: number
  /** How long a task may fail to make progress because the log does not answer, before its thread gives up. */
  readonly taskTimeoutMs: number
  /** Record caches of a thread; 0 = every update is forwarded. */
  readonly cacheBytesMax: number
  /** Uncommitted writes to stores, per thread: reaching it commits early. Java: statestore.uncommitted.max.bytes. */
  readonly uncommittedBytesMax: number
  /**
   * How long committed writes of small commits may wait in memory before they are written to the state engine together;
   * 0 = each commit is written at once. They are in the changelogs already: after a crash this much more is restored.
   * Stores without a changelog are always written at once. Java: none (RocksDB's memtable without its log does the same).
   */
  readonly stateFlushIntervalMs: number
  /** Output and changelog bytes not yet written: reaching it commits early (or flushes, at-least-once). */
  readonly producerBufferBytesMax: number
  /** Clean entries kept as objects, per store. */
  readonly cleanEntriesPerStoreMax: number
  /** Records of one task before the next one has its turn and the clock is looked at. */
  readonly recordsPerTurnMax: number
  /** How often repartition topics (and `ownedTopics`) are purged of what was processed. */
  readonly repartitionPurgeIntervalMs: number
  /**
   * Topics that nobody but this application reads, such as a way back to itself: purged of what was processed, as
   * repartition topics are. Give them no retention by time: a record may be older than that before it is read.
   */
  readonly ownedTopics: readonly string[]
  /** Added to the retention of window changelogs. */
  readonly windowStoreChangelogAdditionalRetentionMs: number
  readonly defaultTimestampExtractor: TimestampExtractor | undefined
  readonly deserializationExceptionHandler: DeserializationExceptionHandler
  readonly processingExceptionHandler: ProcessingExceptionHandler
  readonly productionExceptionHandler: ProductionExceptionHandler
  /** How often a handler's `retry` is followed for one failure, before it counts as `fail`. */
  readonly handlerRetriesMax: number
  /** KIP-1034: built-in handlers also send what they fail on or skip to this topic. */
  readonly deadLetterTopic: string | undefined
  /** Of internal topics; -1 = as the brokers make topics by default. */
  readonly replicationFactor: number
  /**
   * Values are frozen when a store takes or reads them, and initial aggregates too: user code that changes one in place
   * fails at that line, where otherwise state would be wrong in silence. The test driver does so unless told otherwise;
   * it costs a walk over each value that is put or read. Java: none (every access of a store makes a copy).
   */
  readonly freezeValues: boolean
}

export type StreamsOptions = { readonly applicationId: string } & {
  readonly [Name in keyof StreamsConfig]?: StreamsConfig[Name] | undefined
}

const MIB = 1024 * 1024

/** Defaults of Java Kafka Streams 4.3 but for those that say so. */
export const defaults: Omit<StreamsConfig, 'applicationId' | 'commitIntervalMs' | 'commitShareMax'> = {
  // Java: at_least_once. Exactly-once costs little here (one commit of the embedded log), and money is involved.
  processingGuarantee: 'exactly_once_v2',
  pollMs: 100,
  pollRecordsMax: 1000,
  pollBytesMax: 4 * MIB,
  bufferedRecordsPerPartitionMax: 1000,
  bufferedBytesMax: 64 * MIB,
  maxTaskIdleMs: 0,
  taskTimeoutMs: 300_000,
  cacheBytesMax: 10 * MIB,
  uncommittedBytesMax: 64 * MIB,
  stateFlushIntervalMs: 1000,
  producerBufferBytesMax: 32 * MIB,
  cleanEntriesPerStoreMax: 50_000,
  recordsPerTurnMax: 1000,
  repartitionPurgeIntervalMs: 30_000,
  ownedTopics: [],
  windowStoreChangelogAdditionalRetentionMs: 86_400_000,
  defaultTimestampExtractor: undefined,
  deserializationExceptionHandler: logAndFail,
  processingExceptionHandler: logAndFail,
  productionExceptionHandler: logAndFail,
  handlerRetriesMax: 10,
  deadLetterTopic: undefined,
  replicationFactor: -1,
  freezeValues: false,
}

/** Java: commit.interval.ms, 30 s, and 100 ms under exactly-once. */
export const commitIntervalDefaultMs: Readonly<Record<ProcessingGuarantee, number>> = {
  at_least_once: 30_000,
  exactly_once_v2: 100,
}

/** Under exactly-once nobody sees a result before it is committed (docs/adr/0010). */
const COMMIT_SHARE = 0.5

const positive: readonly (keyof StreamsConfig)[] = [
  'pollMs',
  'pollRecordsMax',
  'pollBytesMax',
  'bufferedRecordsPerPartitionMax',
  'bufferedBytesMax',
  'taskTimeoutMs',
  'uncommittedBytesMax',
  'producerBufferBytesMax',
  'recordsPerTurnMax',
  'repartitionPurgeIntervalMs',
]
const notNegative: readonly (keyof StreamsConfig)[] = [
  'commitIntervalMs',
  'stateFlushIntervalMs',
  'cacheBytesMax',
  'cleanEntriesPerStoreMax',
  'handlerRetriesMax',
  'windowStoreChangelogAdditionalRetentionMs',
]

function requireNumber(config: StreamsConfig, name: keyof StreamsConfig, minimum: number): void {
  const value = config[name]
  if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum) {
    throw new StreamsError('CONFIG_INVALID', `${name} is ${String(value)}, it must be a number of at least ${minimum}`)
  }
}

/** Fills in defaults and refuses what cannot work; CONFIG_INVALID names the setting and its range. */
export function resolveConfig(options: StreamsOptions): StreamsConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const known = new Set<string>([...Object.keys(defaults), 'applicationId', 'commitIntervalMs', 'commitShareMax'])
  for (const name of Object.keys(given)) {
    if (!known.has(name))
      throw new StreamsError('CONFIG_INVALID', `there is no setting ${name}; known: ${[...known].sort().join(', ')}`)
  }
  const guarantee = options.processingGuarantee ?? defaults.processingGuarantee
  if (!(guarantee in commitIntervalDefaultMs)) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `processingGuarantee is ${guarantee}, it must be exactly_once_v2 or at_least_once`,
    )
  }
  const config = {
    ...defaults,
    commitIntervalMs: commitIntervalDefaultMs[guarantee],
    commitShareMax: guarantee === 'exactly_once_v2' && options.commitIntervalMs === undefined ? COMMIT_SHARE : 0,
    ...given,
  } as StreamsConfig
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(config.applicationId)) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `applicationId is '${config.applicationId}': use 1 to 200 letters, digits, '.', '_' or '-', since topics are named after it`,
    )
  }
  for (const name of positive) requireNumber(config, name, 1)
  for (const name of notNegative) requireNumber(config, name, 0)
  requireNumber(config, 'maxTaskIdleMs', -1)
  requireNumber(config, 'commitShareMax', 0)
  if (config.commitShareMax > 1)
    throw new StreamsError('CONFIG_INVALID', `commitShareMax is ${config.commitShareMax}, it must be from 0 to 1`)
  if (config.replicationFactor !== -1) requireNumber(config, 'replicationFactor', 1)
  if (typeof config.freezeValues !== 'boolean') {
    throw new StreamsError('CONFIG_INVALID', `freezeValues is ${String(config.freezeValues)}, it must be true or false`)
  }
  return config
}
