/**
 * The topology as data: nodes, stores, sub-topologies, names, and the types that processors are written against. Made
 * by the DSL or by the topology builder, run by the runtime.
 */
export { createTopologyBuilder, type ProcessorWrapper, type TopologyBuilder } from './builder.ts'
export type {
  Cancellable,
  FixedKeyProcessor,
  FixedKeyProcessorContext,
  FixedKeyProcessorSupplier,
  InternalProcessorContext,
  OwnMetric,
  Processor,
  ProcessorContext,
  ProcessorMetrics,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
  RecordMetadata,
  TableValueGetter,
  TableValueGetterSupplier,
} from './processor.ts'
export { type Change, change, type StreamRecord } from './record.ts'
export {
  failOnInvalidTimestamp,
  skipInvalidTimestamp,
  usePartitionTimeOnInvalidTimestamp,
  wallClockTimestamp,
} from './timestamp-extractors.ts'
export type {
  AutoOffsetReset,
  GlobalStore,
  ProcessorNode,
  RepartitionTopic,
  SinkNode,
  SourceNode,
  StoreDefinition,
  StreamPartitioner,
  SubTopology,
  TimestampExtractor,
  TopicNameExtractor,
  TopicRef,
  Topology,
  TopologyNode,
} from './topology.ts'
