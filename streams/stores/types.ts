import type { Bytes } from '../base/bytes.ts'
import type { Clock, Headers, Keyspace, LogRecord, Serde, WriteBatch } from '../ports/index.ts'
import type { Window, Windowed } from '../serdes/index.ts'
import type { RecordCache } from './record-cache.ts'

/**
 * State stores as processors see them: typed, synchronous, per task. Writes stay in the store's write buffer until the
 * task commits; reads see them at once.
 *
 * Values and keys that are handed out are never changed in place: they are the objects in the write buffer.
 */
export type ValueAndTimestamp<V> = { readonly value: V; readonly timestampMs: number }

/** KIP-1271: also the headers of the record that wrote it. */
export type ValueTimestampHeaders<V> = ValueAndTimestamp<V> & { readonly headers: Headers }

/** KIP-1285: what session stores with headers keep. The time of a session is its end. */
export type AggregationWithHeaders<A> = { readonly aggregation: A; readonly headers: Headers }

export type { Window, Windowed }

export type KeyValue<K, V> = { readonly key: K; readonly value: V }

/**
 * An iterator over a store that must be closed: by running to its end, by `return()` (which `for…of` calls on break),
 * by `close()` or by `using`. Open iterators are counted; a leak is an error in tests and a metric in production.
 * It shows the store as of its creation or later, never a torn entry.
 */
export type StoreIterator<T> = IterableIterator<T> & Disposable & { close(): void }

export type ReadOnlyKeyValueStore<K, V> = {
  get(key: K): V | undefined
  /** Both bounds inclusive, undefined = open, in byte order of the serialized keys. */
  range(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>>
  reverseRange(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>>
  all(): StoreIterator<KeyValue<K, V>>
  reverseAll(): StoreIterator<KeyValue<K, V>>
  /** All keys whose bytes start with what `prefixSerde` makes of the prefix. */
  prefixScan<P>(prefix: P, prefixSerde: Serde<P>): StoreIterator<KeyValue<K, V>>
  approximateEntryCount(): number
}

export type KeyValueStore<K, V> = ReadOnlyKeyValueStore<K, V> & {
  /** null removes the key. */
  put(key: K, value: V | null): void
  /** Puts only where there is no value; returns the value that was there. */
  putIfAbsent(key: K, value: V): V | undefined
  /** Returns the value that was there. */
  delete(key: K): V | undefined
}

/** What the DSL keeps for tables and aggregations: the value with the timestamp of its latest update. */
export type TimestampedKeyValueStore<K, V> = KeyValueStore<K, ValueAndTimestamp<V>>

/** A deletion's headers are those of the record in process. */
export type TimestampedKeyValueStoreWithHeaders<K, V> = KeyValueStore<K, ValueTimestampHeaders<V>>

export type WindowEntry<V> = { readonly startMs: number; readonly value: V }

/** Entries by key and window start. Entries older than the retention (by stream time) are hidden, then dropped. */
export type ReadOnlyWindowStore<K, V> = {
  fetch(key: K, startMs: number): V | undefined
  /** Window starts in [fromMs, toMs], both inclusive, ascending. */
  fetchRange(key: K, fromMs: number, toMs: number): StoreIterator<WindowEntry<V>>
  fetchRangeBackward(key: K, fromMs: number, toMs: number): StoreIterator<WindowEntry<V>>
  /** Keys in [keyFrom, keyTo] (undefined = open); order: as Kafka Streams' RocksDB store (segment, key bytes, start). */
  fetchKeyRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    fromMs: number,
    toMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchKeyRangeBackward(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    fromMs: number,
    toMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchAll(fromMs: number, toMs: number): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchAllBackward(fromMs: number, toMs: number): StoreIterator<KeyValue<Windowed<K>, V>>
  all(): StoreIterator<KeyValue<Windowed<K>, V>>
  allBackward(): StoreIterator<KeyValue<Windowed<K>, V>>
}

export type WindowStore<K, V> = ReadOnlyWindowStore<K, V> & {
  /** null removes the entry. Ignored (and counted) when the window is older than the retention. */
  put(key: K, value: V | null, startMs: number): void
}

export type TimestampedWindowStoreWithHeaders<K, V> = WindowStore<K, ValueTimestampHeaders<V>>

export type ReadOnlySessionStore<K, V> = {
  fetchSession(key: K, startMs: number, endMs: number): V | undefined
  /** Sessions of the key that overlap: end >= earliestEndMs and start <= latestStartMs, ascending by end. */
  findSessions(key: K, earliestEndMs: number, latestStartMs: number): StoreIterator<KeyValue<Windowed<K>, V>>
  findSessionsKeyRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>>
  /** All sessions of the key. */
  fetch(key: K): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchKeyRange(keyFrom: K | undefined, keyTo: K | undefined): StoreIterator<KeyValue<Windowed<K>, V>>
  /** The same in the opposite order: of a key, the latest end first. */
  findSessionsBackward(key: K, earliestEndMs: number, latestStartMs: number): StoreIterator<KeyValue<Windowed<K>, V>>
  findSessionsKeyRangeBackward(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchBackward(key: K): StoreIterator<KeyValue<Windowed<K>, V>>
  fetchKeyRangeBackward(keyFrom: K | undefined, keyTo: K | undefined): StoreIterator<KeyValue<Windowed<K>, V>>
}

export type SessionStore<K, V> = ReadOnlySessionStore<K, V> & {
  /** null removes the session. */
  put(session: Windowed<K>, value: V | null): void
  remove(session: Windowed<K>): void
}

export type SessionStoreWithHeaders<K, A> = SessionStore<K, AggregationWithHeaders<A>>

export type VersionedRecord<V> = {
  readonly value: V
  readonly timestampMs: number
  /** Exclusive; undefined while it is the latest version. */
  readonly validToMs?: number
}

/** KIP-889: values by key and time. */
export type ReadOnlyVersionedKeyValueStore<K, V> = {
  get(key: K): VersionedRecord<V> | undefined
  /** The version that was valid at `asOfMs`; undefined where there was none or it is older than the history retention. */
  getAsOf(key: K, asOfMs: number): VersionedRecord<V> | undefined
  /** KIP-968: versions valid anywhere in [fromMs, toMs], newest first. */
  versions(key: K, fromMs: number, toMs: number): StoreIterator<VersionedRecord<V>>
}
export type VersionedKeyValueStore<K, V> = ReadOnlyVersionedKeyValueStore<K, V> & {
  /**
   * null deletes as of that time. Returns the end of the new version's validity (undefined = it is the latest), or
   * `'expired'` if the timestamp is older than the history retention and nothing was stored.
   */
  put(key: K, value: V | null, timestampMs: number): number | undefined | 'expired'
  delete(key: K, timestampMs: number): VersionedRecord<V> | undefined
}

/** Where a store keeps its data. `memory` keeps nothing on disk and is restored whole at start. */
export type StorePersistence = 'persistent' | 'memory'

type StoreSpecCommon<K, V> = {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly persistence: StorePersistence
  /** Undefined: no changelog; state is lost with the machine. `config` adds to or overrides the topic's settings. */
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
  /** Kafka Streams' record cache: updates of a key collapse before they go downstream. */
  readonly caching: boolean
  /** Entries that stay in memory as objects once they are committed; undefined: as the application says. */
  readonly cleanEntriesMax?: number | undefined
}

export type KeyValueStoreSpec<K = unknown, V = unknown> = StoreSpecCommon<K, V> & {
  readonly kind: 'key-value'
  /** True: the store is a TimestampedKeyValueStore (values carry the timestamp of their update). */
  readonly timestamped: boolean
  /** True: values also carry the headers of their update. Only where they are timestamped. */
  readonly withHeaders?: boolean
}
export type WindowStoreSpec<K = unknown, V = unknown> = StoreSpecCommon<K, V> & {
  readonly kind: 'window'
  readonly timestamped: boolean
  /** True: values also carry the headers of their update. Only where they are timestamped. */
  readonly withHeaders?: boolean
  readonly windowSizeMs: number
  /** At least windowSizeMs (+ grace for what the DSL makes). */
  readonly retentionMs: number
  /** Segments expire whole, as in Java's RocksDB stores; default max(retentionMs / 2, 60 s). */
  readonly segmentIntervalMs: number
  /** For stream-stream joins: several records of one key and time are all kept. */
  readonly retainDuplicates: boolean
}
export type SessionStoreSpec<K = unknown, V = unknown> = StoreSpecCommon<K, V> & {
  readonly kind: 'session'
  /** True: the store keeps an AggregationWithHeaders. */
  readonly withHeaders?: boolean
  readonly retentionMs: number
  readonly segmentIntervalMs: number
}
export type VersionedStoreSpec<K = unknown, V = unknown> = StoreSpecCommon<K, V> & {
  readonly kind: 'versioned'
  readonly historyRetentionMs: number
  readonly segmentIntervalMs: number
}
/** Buffers ordered by time (suppress, stream-table join with grace), and whatever else keeps its own format. */
export type CustomStoreSpec<S extends ManagedStore = ManagedStore> = {
  readonly kind: 'custom'
  readonly name: string
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
  readonly caching: false
  /** Changelog cleanup: `compact` unless it says otherwise. */
  readonly retentionMs?: number
  /** Interactive queries read it as this kind of store; absent: it knows none. */
  readonly readAs?: 'key-value'
  create(environment: StoreEnvironment): S
}

// biome-ignore lint/suspicious/noExplicitAny: specs of all key and value types live in one list; each is opened with its own
type Erased = any
export type StoreSpec =
  | KeyValueStoreSpec<Erased, Erased>
  | WindowStoreSpec<Erased, Erased>
  | SessionStoreSpec<Erased, Erased>
  | VersionedStoreSpec<Erased, Erased>
  | CustomStoreSpec<Erased>

/** The store type that a spec opens: `context.store(spec)` is typed by this. */
export type StoreOf<S> =
  S extends KeyValueStoreSpec<infer K, infer V>
    ? S extends { readonly withHeaders: true }
      ? TimestampedKeyValueStoreWithHeaders<K, V>
      : S extends { readonly timestamped: true }
        ? TimestampedKeyValueStore<K, V>
        : KeyValueStore<K, V>
    : S extends WindowStoreSpec<infer K, infer V>
      ? S extends { readonly withHeaders: true }
        ? TimestampedWindowStoreWithHeaders<K, V>
        : S extends { readonly timestamped: true }
          ? WindowStore<K, ValueAndTimestamp<V>>
          : WindowStore<K, V>
      : S extends SessionStoreSpec<infer K, infer V>
        ? S extends { readonly withHeaders: true }
          ? SessionStoreWithHeaders<K, V>
          : SessionStore<K, V>
        : S extends VersionedStoreSpec<infer K, infer V>
          ? VersionedKeyValueStore<K, V>
          : S extends CustomStoreSpec<infer C>
            ? C
            : never

/** What the record that is being processed is: for changelog timestamps, caches and error messages. One object per task, changed in place. */
export type RecordContext = {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  headers: Headers
}

/** Takes changelog records at commit. Bytes must not be changed afterwards. */
export type ChangelogSink = (key: Bytes, value: Bytes | null, timestampMs: number, headers: Headers) => void

/** What a store is given when it is opened, by the task that owns it. */
export type StoreEnvironment = {
  readonly keyspace: Keyspace
  /** The changelog's name (also where there is none), which serdes are given as topic. */
  readonly changelogTopic: string
  readonly recordContext: RecordContext
  readonly clock: Clock
  /** The thread's record cache; undefined when its size is 0 or the store does not cache. */
  readonly recordCache: RecordCache | undefined
  /** Entries of the read cache kept when clean, per store. */
  readonly cleanEntriesMax: number
  /**
   * Values are frozen, to their end, when they are put and when they are read from bytes: who changes one in place is
   * told by a TypeError, where otherwise the state would be wrong without a word.
   */
  readonly freezeValues?: boolean | undefined
  /** Counts expired puts (`expired-window-record-drop`) and the like. */
  readonly droppedRecord: (reason: string) => void
}

/**
 * A store as the runtime handles it, beside its typed face. The life of a commit, in this order:
 *   flushCache (may send downstream, and so write to other stores) → prepareCommit (serialises each dirty key once,
 *   into the database batch and the changelog) → [log commits] → batch.write() → committed().
 * An abort is `aborted()`: the dirty entries are dropped and the store is as at the last commit.
 */
export type ManagedStore = {
  readonly name: string
  /** Bytes held by uncommitted writes, estimated; the task commits early at a bound. */
  readonly dirtyBytes: number
  readonly dirtyEntries: number
  readonly iteratorsOpen: number
  flushCache(): void
  /** Updates that the record cache holds back; undefined where the store never caches. See `flushCaches`. */
  readonly heldUpdates?: number
  /** Estimated bytes of them. */
  readonly heldBytes?: number
  /** Reads of one key that memory could not answer so far, for metrics. */
  readonly engineReads?: number
  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void
  committed(): void
  aborted(): void
  /**
   * Applies changelog records (in log order) to the batch, or to memory where the store is not persistent. Also used
   * by standby tasks. Nothing is dirty afterwards.
   */
  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void
  /** Small state beside the data (its observed stream time), saved with each commit and given back when opened. */
  saveMetadata(): Readonly<Record<string, number>>
  loadMetadata(metadata: Readonly<Record<string, number>>): void
  /** Iterators that were left open are closed with it: the database must be free afterwards. */
  close(): void
}

/**
 * Set by the operator that owns a caching store: called for each key that leaves the record cache (on commit or
 * eviction) with old and new value. Java: CachedStateStore.setFlushListener.
 */
export type FlushListener<K, V> = (
  key: K,
  newValue: V | undefined,
  oldValue: V | undefined,
  timestampMs: number,
) => void

export type CachedStore<K, V> = {
  /** Returns true if the store caches: then the operator must not forward by itself. */
  setFlushListener(listener: FlushListener<K, V>, sendOldValues: boolean): boolean
}
