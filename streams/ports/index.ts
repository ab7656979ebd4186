/**
 * The seams of the engine: everything that it needs of the world, as small interfaces. A port exists only where there
 * are two implementations (a real and a simulated one, or two real ones); beside each lies the contract suite that
 * every implementation passes. No implementation lives here.
 */
export type { Clock } from './clock.ts'
export type { Disk, DiskEntry, DiskFile, DiskLock } from './disk.ts'
export type { Entropy } from './entropy.ts'
export type {
  GroupMembership,
  GroupMembershipFactory,
  InternalTopic,
  MemberDescription,
  MembershipEvent,
  SubTopologyDescription,
  TaskAssignment,
  TaskPartitions,
} from './group-membership.ts'
export { type Header, type Headers, lastHeader, NO_HEADERS } from './headers.ts'
export type {
  CleanupPolicy,
  CommittedOffset,
  CommittingMember,
  Consumer,
  ConsumerOptions,
  FetchedBatch,
  IsolationLevel,
  Log,
  LogAdmin,
  LogRecord,
  PartitionOffset,
  Producer,
  ProducerOptions,
  TopicConfig,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from './log.ts'
export { type LogFields, type Logger, SILENT_LOGGER } from './logger.ts'
export {
  type Counter,
  type Latency,
  type MetricName,
  type Metrics,
  NO_METRICS,
  type RecordingLevel,
  records,
} from './metrics.ts'
export type { Serde } from './serde.ts'
export type { EngineIterator, KeyRange, Keyspace, StateDatabase, StateEngine, WriteBatch } from './state-engine.ts'
