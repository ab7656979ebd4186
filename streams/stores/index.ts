/**
 * State stores: typed objects above the bytes of an engine. One map per store is write buffer and read cache;
 * serialization happens once per dirty key per commit; nothing reaches the engine before the owner writes its batch.
 * Formats and semantics are those of Java Kafka Streams' stores. Not here: the engines (`#state-stores`), the commit
 * (`runtime`), buffers ordered by time (`processors`, as custom stores made of the helpers below).
 */
export { type CachedStoreOf, createStore, type OpenStore } from './create-store.ts'
export { DirtyIndex, type IndexedEntry } from './dirty-index.ts'
export { type LruStore, type LruStoreOptions, lruStore } from './lru-store.ts'
export { keyAfter, MergedScan, type ScannedEntry, type ScanRange, type ScanSource } from './merged-scan.ts'
export { createRecordCache, flushCaches, type RecordCache } from './record-cache.ts'
export {
  defaultSegmentIntervalMs,
  defaultVersionedSegmentIntervalMs,
  keyValueStore,
  type SessionStoreOptions,
  type StoreOptions,
  sessionStore,
  sessionStoreWithHeaders,
  timestampedKeyValueStore,
  timestampedKeyValueStoreWithHeaders,
  timestampedWindowStore,
  timestampedWindowStoreWithHeaders,
  type VersionedStoreOptions,
  versionedKeyValueStore,
  type WindowStoreOptions,
  windowStore,
} from './specs.ts'
export { ENTRY_OVERHEAD_BYTES, mapKeyOfBytes, SizeEstimate, StoreCodec } from './store-basics.ts'
export { ArraySource, CountedIterator, type EntrySource, IteratorCount, storeIteratorsOpen } from './store-iterator.ts'
export { keyspacesOf, layoutUpgrade, storeLayout, upgradedKeyspaceName } from './store-layout.ts'
export type {
  AggregationWithHeaders,
  CachedStore,
  ChangelogSink,
  CustomStoreSpec,
  FlushListener,
  KeyValue,
  KeyValueStore,
  KeyValueStoreSpec,
  ManagedStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  RecordContext,
  SessionStore,
  SessionStoreSpec,
  SessionStoreWithHeaders,
  StoreEnvironment,
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
} from './types.ts'
export { UpgradedKeyspace } from './upgraded-keyspace.ts'
export { WriteBehindBatch, WriteBehindDatabase } from './write-behind.ts'
