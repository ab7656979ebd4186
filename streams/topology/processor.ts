import type { TaskId } from '../base/ids.ts'
import type { Counter, Headers, Latency, Logger, RecordingLevel } from '../ports/index.ts'
import type { ManagedStore, StoreOf, StoreSpec } from '../stores/types.ts'
import type { StreamRecord } from './record.ts'

/**
 * The Processor API (KIP-478): what every operator is made of and what users write when the DSL does not suffice.
 * A step is synchronous: `process` and punctuators do not await.
 */
export type Processor<KIn, VIn, KOut, VOut> = {
  /** Called once per task before the first record, and again on a new instance after a restart. */
  init?(context: ProcessorContext<KOut, VOut>): void
  process(record: StreamRecord<KIn, VIn>): void
  close?(): void
}

/** Cannot change the key, so records stay in their partition (KIP-820). */
export type FixedKeyProcessor<K, VIn, VOut> = {
  init?(context: FixedKeyProcessorContext<K, VOut>): void
  process(record: StreamRecord<K, VIn>): void
  close?(): void
}

/** Must return a new instance each time: one per task. `stores` are added to the topology and connected (KIP-401). */
export type ProcessorSupplier<KIn, VIn, KOut, VOut> = {
  get(): Processor<KIn, VIn, KOut, VOut>
  readonly stores?: readonly StoreSpec[]
}
export type FixedKeyProcessorSupplier<K, VIn, VOut> = {
  get(): FixedKeyProcessor<K, VIn, VOut>
  readonly stores?: readonly StoreSpec[]
}

/** Where the record came from. Absent in wall-clock punctuation. */
export type RecordMetadata = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export type PunctuationType = 'stream-time' | 'wall-clock-time'
/** `timestampMs`: stream time or wall-clock time at which it fired. */
export type Punctuator = (timestampMs: number) => void
export type Cancellable = { cancel(): void }

/**
 * A metric of a user's processor: what Java's StreamsMetrics makes of the same words. It is in group
 * `stream-<scope>-metrics`, has the tags `thread-id`, `task-id` and `<scope>-id` = entity, and is named after the
 * operation. It goes when the task is closed.
 */
export type OwnMetric = {
  readonly scope: string
  readonly entity: string
  readonly operation: string
  readonly description?: string
  /** From which level on it is kept; default info. */
  readonly level?: RecordingLevel
  readonly tags?: Readonly<Record<string, string>>
}

/** Asked for in `init` and kept: asking is not for the path of a record. */
export type ProcessorMetrics = {
  /** Whether this level is recorded: for what is costly to measure. */
  records(level: RecordingLevel): boolean
  /** `<operation>-total` and `-rate`. Java: addRateTotalSensor. */
  counter(metric: OwnMetric): Counter
  /** `<operation>-latency-avg`, `-latency-max`, `-rate` and `-total`. Java: addLatencyRateTotalSensor. */
  latency(metric: OwnMetric): Latency
  /** `<operation>-avg`, `-max` and `-min`, of any values. Java: addSensor with Avg, Max and Min. */
  values(metric: OwnMetric): Latency
  /** `<operation>`, read when metrics are collected. Returns a function that removes it. Java: addSensor with a gauge. */
  gauge(metric: OwnMetric, read: () => number): () => void
}

type ContextCommon = {
  readonly applicationId: string
  readonly taskId: TaskId
  readonly nodeName: string
  readonly logger: Logger
  /** For metrics of the processor's own. */
  readonly metrics: ProcessorMetrics
  /** The store, by its spec (typed) or by its name; it must be connected to this processor. */
  store<S extends StoreSpec>(spec: S): StoreOf<S>
  storeByName<S>(name: string): S
  /**
   * Calls back every `intervalMs` of stream time (only when records come) or wall-clock time (between steps).
   * Stream-time punctuation is aligned to the epoch, wall-clock to the moment of the call, or to `startTimeMs`.
   */
  schedule(
    schedule: {
      readonly intervalMs: number
      readonly type: PunctuationType
      readonly startTimeMs?: number
    },
    punctuator: Punctuator,
  ): Cancellable
  /** Asks for a commit soon; it happens between steps. */
  requestCommit(): void
  recordMetadata(): RecordMetadata | undefined
  /** Highest timestamp seen by the task; -1 before the first record. */
  currentStreamTimeMs(): number
  currentSystemTimeMs(): number
}

export type ProcessorContext<KOut, VOut> = ContextCommon & {
  /** To all children in order, or to the child of that name. */
  forward(record: StreamRecord<KOut, VOut>, childName?: string): void
}

export type FixedKeyProcessorContext<K, VOut> = ContextCommon & {
  forward(record: StreamRecord<K, VOut>, childName?: string): void
}

/**
 * What the engine's own operators also need. Users' processors are not given this type, but the same object.
 */
export type InternalProcessorContext<KOut, VOut> = ProcessorContext<KOut, VOut> & {
  /** Managed face of a connected store. */
  managedStore(name: string): ManagedStore
  /**
   * Numbers that an operator keeps with the committed offsets, so that a restart does not reopen closed windows:
   * observed stream time, last emitted close time (KIP-825's processor metadata). Keyed per operator; `undefined` at
   * first. Never falls.
   */
  timeMetadata(name: string): number | undefined
  setTimeMetadata(name: string, timeMs: number): void
  /** Headers and timestamp of the record in process, as the source read it. */
  readonly recordHeaders: Headers
  readonly recordTimestampMs: number
  /** The setting `freezeValues`: initial aggregates are to be frozen as stored ones are. */
  readonly freezesValues?: boolean
  /** `dropped-records`: counts, and logs the reason with topic, partition, offset at most once a second. */
  droppedRecord(reason: string): void
  counter(group: string, name: string, description: string): Counter
  latency(group: string, name: string, description: string): Latency
}

/** The value of a table by key, without reading its topic: how joins look into the other side. Java: KTableValueGetter. */
export type TableValueGetter<K, V> = {
  init(context: InternalProcessorContext<unknown, unknown>): void
  get(key: K): { readonly value: V | null; readonly timestampMs: number } | undefined
  /** Only where the table is versioned. */
  getAsOf?(key: K, asOfMs: number): { readonly value: V | null; readonly timestampMs: number } | undefined
  readonly isVersioned: boolean
}
export type TableValueGetterSupplier<K, V> = {
  get(): TableValueGetter<K, V>
  /** Stores that the reading node must be connected to. */
  readonly storeNames: readonly string[]
}
