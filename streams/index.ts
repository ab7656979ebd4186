/**
 * Kafka Streams for TypeScript: what applications import (`#streams`). Topologies are built here, with the DSL
 * (`createStreamsBuilder`) or node by node (`createTopologyBuilder`). Running them is `#streams/runtime`; implementing a
 * log or a state engine is `#streams/ports`.
 */
export { hasCode, StreamsError, type StreamsErrorCode } from './base/index.ts'
export type { BranchedKStream } from './dsl/branched.ts'
export type {
  CogroupedKStream,
  KGroupedStream,
  SessionWindowedCogroupedKStream,
  SessionWindowedKStream,
  TimeWindowedCogroupedKStream,
  TimeWindowedKStream,
  UpdatingWindowedKStream,
} from './dsl/grouped-stream.ts'
export type { KGroupedTable } from './dsl/grouped-table.ts'
export type { KStream } from './dsl/kstream.ts'
export type { GlobalKTable, KTable } from './dsl/ktable.ts'
export type { Optimization } from './dsl/optimise.ts'
export type { Plan, PlanNode } from './dsl/plan.ts'
export {
  type BuildOptions,
  type Consumed,
  createStreamsBuilder,
  type GlobalStoreInput,
  type StreamsBuilder,
} from './dsl/streams-builder.ts'
export {
  boundedBuffer,
  type StrictSuppressBuffer,
  type SuppressBuffer,
  type Suppressed,
  type SuppressedUntilWindowCloses,
  unboundedBuffer,
  untilTimeLimit,
  untilWindowCloses,
} from './dsl/suppressed.ts'
export type { Missing, SerdeFor, StoreOptions, TableStoreOptions, WindowStoreOptions } from './dsl/types.ts'
export {
  customWindows,
  hoppingWindows,
  joinWindows,
  sessionWindows,
  slidingWindows,
  tumblingWindows,
  unlimitedWindows,
} from './dsl/windows.ts'
export type { Header, Headers, Serde } from './ports/index.ts'
export { NO_HEADERS } from './ports/index.ts'
export { type EmitStrategy, ON_WINDOW_CLOSE, ON_WINDOW_UPDATE } from './processors/emit-strategy.ts'
export type {
  Aggregator,
  Initializer,
  KeyValueMapper,
  KeyValuePair,
  Predicate,
  Reducer,
  SessionMerger,
  ValueMapper,
} from './processors/functions.ts'
export type { JoinWindows, ValueJoiner } from './processors/joins.ts'
export type { TableValueTransformer, TableValueTransformerSupplier } from './processors/table-transform-values.ts'
export type {
  CustomWindows,
  SessionWindows,
  SlidingWindows,
  TimeWindows,
  UnlimitedWindows,
} from './processors/windows.ts'
export { nullable, serdes } from './serdes/index.ts'
export { type LruStore, lruStore } from './stores/lru-store.ts'
export {
  keyValueStore,
  sessionStore,
  sessionStoreWithHeaders,
  timestampedKeyValueStore,
  timestampedKeyValueStoreWithHeaders,
  timestampedWindowStore,
  timestampedWindowStoreWithHeaders,
  versionedKeyValueStore,
  windowStore,
} from './stores/specs.ts'
export type {
  AggregationWithHeaders,
  KeyValue,
  KeyValueStore,
  KeyValueStoreSpec,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  SessionStore,
  SessionStoreSpec,
  SessionStoreWithHeaders,
  StoreIterator,
  StoreOf,
  StorePersistence,
  StoreSpec,
  TimestampedKeyValueStore,
  TimestampedKeyValueStoreWithHeaders,
  TimestampedWindowStoreWithHeaders,
  ValueAndTimestamp,
  ValueTimestampHeaders,
  VersionedKeyValueStore,
  VersionedRecord,
  VersionedStoreSpec,
  Window,
  WindowEntry,
  Windowed,
  WindowStore,
  WindowStoreSpec,
} from './stores/types.ts'
export {
  createTopologyBuilder,
  type GlobalStoreOptions,
  type ProcessorOptions,
  type ProcessorWrapper,
  type ReadOnlyStoreOptions,
  type SinkOptions,
  type SourceOptions,
  type TopologyBuilder,
  type TopologyBuilderOptions,
} from './topology/builder.ts'
export type {
  Cancellable,
  FixedKeyProcessor,
  FixedKeyProcessorContext,
  FixedKeyProcessorSupplier,
  OwnMetric,
  Processor,
  ProcessorContext,
  ProcessorMetrics,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
  RecordMetadata,
} from './topology/processor.ts'
export type { Change, StreamRecord } from './topology/record.ts'
export {
  failOnInvalidTimestamp,
  skipInvalidTimestamp,
  usePartitionTimeOnInvalidTimestamp,
  wallClockTimestamp,
} from './topology/timestamp-extractors.ts'
export type {
  AutoOffsetReset,
  StreamPartitioner,
  TimestampExtractor,
  TopicNameExtractor,
  Topology,
} from './topology/topology.ts'
