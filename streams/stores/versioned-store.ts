import { assert, type Bytes } from '../base/index.ts'
import { type LogRecord, NO_HEADERS, type Serde, type WriteBatch } from '../ports/index.ts'
import { createKeyValueStore } from './key-value-store.ts'
import type { MakeRow } from './segment-scan.ts'
import { SESSION_SCHEMA } from './segment-schema.ts'
import { SegmentedBuffer } from './segmented-buffer.ts'
import { mapKeyOfBytes, StoreCodec } from './store-basics.ts'
import { ArraySource, CountedIterator, IteratorCount } from './store-iterator.ts'
import type {
  ChangelogSink,
  KeyValueStore,
  ManagedStore,
  StoreEnvironment,
  StoreIterator,
  ValueAndTimestamp,
  VersionedKeyValueStore,
  VersionedRecord,
  VersionedStoreSpec,
} from './types.ts'

const EXPIRED = 'Skipping record for expired put.'
const EXPIRED_DELETE = 'Skipping record for expired delete.'
const ANY_TIME = Number.POSITIVE_INFINITY

/** Set before the keys of the latest values: segment ids, being < 2^53, start with 0. */
const LATEST_PREFIX = 1

/**
 * A version that is no longer the latest, valid in [validFromMs, validToMs). `value` null: the key was deleted then.
 * An interval without length marks a deletion that was the latest when it came.
 */
type PastVersion<V> = { readonly validFromMs: number; readonly validToMs: number; readonly value: V | null }
type PastValue<V> = { readonly value: V | null }

/** A put that goes to the changelog. */
type LoggedPut<K, V> = { readonly key: K; readonly timestampMs: number; value: V | null }

/**
 * The versioned key-value store (KIP-889). Results are those of Java's RocksDBVersionedStore: the latest value of each
 * key in one place, past versions in segments by the end of their validity, which expire whole.
 *
 *     1 | key                                                 -> int64 timestamp | value          latest values
 *     int64 segment | key | int64 valid to | int64 valid from -> 1 | value, or 0 for a deletion   past versions
 *
 * One entry per version, where Java has one per key and segment; gaps between versions are deletions in both.
 */
class BufferedVersionedStore<K, V> implements VersionedKeyValueStore<K, V>, ManagedStore {
  readonly name: string
  readonly #environment: StoreEnvironment
  readonly #codec: StoreCodec<K, V>
  readonly #historyRetentionMs: number
  readonly #latest: ManagedStore & KeyValueStore<K, ValueAndTimestamp<V>>
  readonly #past: SegmentedBuffer<K, PastValue<V>>
  readonly #iterators = new IteratorCount()
  /** What the changelog gets with the next commit, in order, and by key and timestamp. */
  #log: LoggedPut<K, V>[] = []
  #logged = new Map<unknown, Map<number, LoggedPut<K, V>>>()

  constructor(spec: VersionedStoreSpec<K, V>, environment: StoreEnvironment) {
    this.name = spec.name
    this.#environment = environment
    this.#historyRetentionMs = spec.historyRetentionMs
    this.#codec = new StoreCodec(spec.name, environment.changelogTopic, spec.keySerde, spec.valueSerde)
    const { name, valueSerde } = spec
    const inner = { name, persistence: spec.persistence, logging: undefined, caching: false } as const
    this.#latest = createKeyValueStore<K, V>(
      { ...inner, kind: 'key-value', timestamped: true, keySerde: latestKeySerde(spec.keySerde), valueSerde },
      environment,
    )
    this.#past = new SegmentedBuffer<K, PastValue<V>>(
      { ...inner, keySerde: spec.keySerde, valueSerde: pastValueSerde(valueSerde) },
      {
        schema: SESSION_SCHEMA,
        format: 'plain',
        retentionMs: spec.historyRetentionMs,
        segmentIntervalMs: spec.segmentIntervalMs,
        hidesWholeSegments: true,
      },
      environment,
      () => assert(false, 'versioned stores do not cache') as never,
    )
  }

  put(key: K, value: V | null, timestampMs: number): number | undefined | 'expired' {
    if (timestampMs < this.#expiredBeforeMs) {
      this.#environment.droppedRecord(EXPIRED)
      return 'expired'
    }
    this.#noteForChangelog(key, value, timestampMs)
    return this.#store(key, value, timestampMs)
  }

  delete(key: K, timestampMs: number): VersionedRecord<V> | undefined {
    if (timestampMs < this.#expiredBeforeMs) {
      this.#environment.droppedRecord(EXPIRED_DELETE)
      return undefined
    }
    const found = this.getAsOf(key, timestampMs)
    this.#noteForChangelog(key, null, timestampMs)
    this.#store(key, null, timestampMs)
    return found
  }

  get(key: K): VersionedRecord<V> | undefined {
    return this.#latest.get(key)
  }

  getAsOf(key: K, asOfMs: number): VersionedRecord<V> | undefined {
    const latest = this.#latest.get(key)
    // The latest version never expires.
    if (latest !== undefined && latest.timestampMs <= asOfMs) return latest
    if (asOfMs < this.#expiredBeforeMs) return undefined
    const version = coveringVersion(this.#versionsEndingAfter(key, asOfMs), asOfMs)
    return version === undefined || version.value === null ? undefined : recordOf(version as PastVersion<V>)
  }

  versions(key: K, fromMs: number, toMs: number): StoreIterator<VersionedRecord<V>> {
    const found: VersionedRecord<V>[] = []
    const latest = this.#latest.get(key)
    if (latest !== undefined && latest.timestampMs <= toMs) found.push(latest)
    if (toMs >= this.#expiredBeforeMs) {
      for (const version of this.#versionsEndingAfter(key, fromMs).reverse()) {
        if (version.value !== null && version.validFromMs <= toMs) found.push(recordOf(version))
      }
    }
    return new CountedIterator(this.#iterators, new ArraySource(found))
  }

  /** Java's stores of this kind do not cache either. */
  setFlushListener(): boolean {
    return false
  }

  get dirtyBytes(): number {
    return this.#latest.dirtyBytes + this.#past.dirtyBytes
  }

  get dirtyEntries(): number {
    return this.#latest.dirtyEntries + this.#past.dirtyEntries
  }

  get iteratorsOpen(): number {
    return this.#iterators.open + this.#past.iteratorsOpen
  }

  flushCache(): void {}

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    this.#latest.prepareCommit(batch, undefined)
    this.#past.prepareCommit(batch, undefined)
    if (changelog === undefined) return
    for (const { key, timestampMs, value } of this.#log) {
      const raw = value === null ? null : this.#codec.encodeValue(value)
      changelog(this.#codec.encodeKey(key), raw, timestampMs, NO_HEADERS)
    }
  }

  committed(): void {
    this.#latest.committed()
    this.#past.committed()
    this.#forgetLog()
  }

  aborted(): void {
    this.#latest.aborted()
    this.#past.aborted()
    this.#forgetLog()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    assert(this.#log.length === 0, 'a store is restored only where nothing is uncommitted')
    for (const { key, value, timestampMs } of records) {
      // What had expired when it was put was never in the store.
      if (key === null || timestampMs < this.#expiredBeforeMs) continue
      this.#store(this.#codec.decodeKey(key), value === null ? null : this.#codec.decodeValue(value), timestampMs)
    }
    this.#latest.prepareCommit(batch, undefined)
    this.#past.prepareCommit(batch, undefined)
    this.#latest.committed()
    this.#past.committed()
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return { observedStreamTimeMs: this.#past.observedStreamTimeMs }
  }

  loadMetadata(metadata: Readonly<Record<string, number>>): void {
    this.#past.loadObserved(metadata.observedStreamTimeMs)
  }

  close(): void {
    this.#iterators.closeAll()
    this.#forgetLog()
    this.#latest.close()
    this.#past.close()
  }

  /** Puts before this time are not stored, and queries of it see the latest version only. */
  get #expiredBeforeMs(): number {
    return this.#past.observedStreamTimeMs - this.#historyRetentionMs
  }

  /** Returns the end of the new version's validity. */
  #store(key: K, value: V | null, timestampMs: number): number | undefined {
    this.#past.observe(timestampMs)
    const latest = this.#latest.get(key)
    if (latest !== undefined && timestampMs >= latest.timestampMs) {
      if (timestampMs > latest.timestampMs) this.#putPast(key, latest.timestampMs, timestampMs, latest.value)
      this.#latest.put(key, value === null ? null : { value, timestampMs })
      return undefined
    }
    const later = this.#versionsEndingAfter(key, timestampMs)
    const covering = coveringVersion(later, timestampMs)
    if (covering !== undefined) return this.#splitVersion(key, value, timestampMs, covering)
    const validToMs = later[0]?.validFromMs ?? latest?.timestampMs
    if (validToMs !== undefined) this.#putPast(key, timestampMs, validToMs, value)
    else if (value !== null) this.#latest.put(key, { value, timestampMs })
    else this.#putPast(key, timestampMs, timestampMs, null)
    return validToMs
  }

  /** A version begins within another one (or replaces it, where they begin at the same time). */
  #splitVersion(key: K, value: V | null, timestampMs: number, covering: PastVersion<V>): number {
    const { validFromMs, validToMs } = covering
    if (validFromMs < timestampMs) {
      this.#past.put(key, validToMs, validFromMs, null)
      this.#putPast(key, validFromMs, timestampMs, covering.value)
    }
    this.#putPast(key, timestampMs, validToMs, value)
    return validToMs
  }

  #putPast(key: K, validFromMs: number, validToMs: number, value: V | null): void {
    this.#past.put(key, validToMs, validFromMs, { value })
  }

  /** Past versions whose validity ends after this time, ascending. */
  #versionsEndingAfter(key: K, timeMs: number): PastVersion<V>[] {
    const make = makeVersion as MakeRow<K, PastValue<V>, PastVersion<V>>
    return [...this.#past.fetch(key, timeMs + 1, ANY_TIME, ANY_TIME, false, make)]
  }

  #noteForChangelog(key: K, value: V | null, timestampMs: number): void {
    const mapKey = typeof key === 'object' ? mapKeyOfBytes(this.#codec.encodeKey(key)) : key
    let ofKey = this.#logged.get(mapKey)
    if (ofKey === undefined) {
      ofKey = new Map()
      this.#logged.set(mapKey, ofKey)
    }
    const known = ofKey.get(timestampMs)
    if (known !== undefined) {
      known.value = value
      return
    }
    const put = { key, timestampMs, value }
    ofKey.set(timestampMs, put)
    this.#log.push(put)
  }

  #forgetLog(): void {
    this.#log = []
    this.#logged = new Map()
  }
}

function makeVersion<V>(
  _key: unknown,
  validToMs: number,
  validFromMs: number,
  { value }: PastValue<V>,
): PastVersion<V> {
  return { validFromMs, validToMs, value }
}

/** The version that was valid at `timeMs`, among those that end after it. */
function coveringVersion<V>(endingAfter: readonly PastVersion<V>[], timeMs: number): PastVersion<V> | undefined {
  const first = endingAfter[0]
  return first !== undefined && first.validFromMs <= timeMs ? first : undefined
}

function recordOf<V>({ value, validFromMs, validToMs }: PastVersion<V>): VersionedRecord<V> {
  return { value: value as V, timestampMs: validFromMs, validToMs }
}

function latestKeySerde<K>(inner: Serde<K>): Serde<K> {
  return {
    name: inner.name,
    serialize: (data, topic) => prefixed(LATEST_PREFIX, inner.serialize(data, topic)),
    deserialize: (bytes, topic) => inner.deserialize(bytes.subarray(1), topic),
  }
}

function pastValueSerde<V>(inner: Serde<V>): Serde<PastValue<V>> {
  return {
    name: inner.name,
    serialize({ value }, topic) {
      return value === null ? Uint8Array.of(0) : prefixed(1, inner.serialize(value as NonNullable<V>, topic))
    },
    deserialize: (bytes, topic) => ({ value: bytes[0] === 0 ? null : inner.deserialize(bytes.subarray(1), topic) }),
  }
}

function prefixed(first: number, bytes: Bytes): Bytes {
  const joined = new Uint8Array(1 + bytes.length)
  joined[0] = first
  joined.set(bytes, 1)
  return joined
}

export function createVersionedStore<K, V>(
  spec: VersionedStoreSpec<K, V>,
  environment: StoreEnvironment,
): ManagedStore & VersionedKeyValueStore<K, V> {
  return new BufferedVersionedStore<K, V>(spec, environment)
}
