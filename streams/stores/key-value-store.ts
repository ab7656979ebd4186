import { assert, type Bytes, deepFreeze, prefixEnd, present } from '../base/index.ts'
import { type Headers, type LogRecord, NO_HEADERS, type Serde, type WriteBatch } from '../ports/index.ts'
import { lastOfEachKey } from './last-writes.ts'
import { keyAfter, MergedScan, type ScanRange } from './merged-scan.ts'
import { type CacheableEntry, type CachedUpdate, OLD_VALUE_UNKNOWN, type StoreCache } from './record-cache.ts'
import { mapKeyOfBytes, StoreCodec } from './store-basics.ts'
import { CountedIterator, type EntrySource, IteratorCount } from './store-iterator.ts'
import { StoredValues, storedFormat } from './stored-values.ts'
import type {
  CachedStore,
  ChangelogSink,
  FlushListener,
  KeyValue,
  KeyValueStore,
  KeyValueStoreSpec,
  ManagedStore,
  StoreEnvironment,
  StoreIterator,
  ValueAndTimestamp,
  ValueTimestampHeaders,
} from './types.ts'
import { WriteBuffer } from './write-buffer.ts'

/** Steps of the clock hand per insertion: more than one, so that the cache comes back to its bound. */
const EVICTION_STEPS_MAX = 8

/** A key of the store as it is in memory: uncommitted (dirty), or as the engine has it (clean; null = not there). */
class KeyValueEntry<K, V> {
  readonly key: K
  readonly mapKey: unknown
  engineKey: Bytes | undefined
  value: V | null
  /** Changelog timestamp of a plain store: that of the record which was in process. */
  timestampMs = 0
  /** 0 = clean. Rises in the order in which entries became dirty. */
  dirtySequence = 0
  /** False where the engine is known not to have it: then its deletion is not written there. */
  isInEngine = true
  isReferenced = false
  update: CachedUpdate<CacheableEntry> | undefined = undefined

  constructor(key: K, mapKey: unknown, engineKey: Bytes | undefined, value: V | null) {
    this.key = key
    this.mapKey = mapKey
    this.engineKey = engineKey
    this.value = value
  }
}

/**
 * The key-value store: plain, timestamped (then V is a ValueAndTimestamp) or with headers (a ValueTimestampHeaders). One map holds the write buffer and the
 * read cache: an entry is dirty until its commit and then stays as a clean one, until the clock hand evicts it.
 * Keys that are primitives are map keys themselves, so that reading a hot key is one lookup.
 *
 * Semantics: Java's RocksDBStore and RocksDBTimestampedStore under their change-logging layers.
 */
class BufferedKeyValueStore<K, V> implements KeyValueStore<K, V>, ManagedStore, CachedStore<K, V> {
  readonly name: string
  engineReads = 0
  readonly #writes: WriteBuffer<KeyValueEntry<K, V>>
  readonly #environment: StoreEnvironment
  readonly #codec: StoreCodec<K, unknown>
  readonly #values: StoredValues<V>
  /** Headers of uncommitted deletions, where there are any; undefined in a store that keeps no headers. */
  readonly #deletionHeaders: Map<KeyValueEntry<K, V>, Headers> | undefined
  readonly #cleanEntriesMax: number
  readonly #freezesValues: boolean
  readonly #entries = new Map<unknown, KeyValueEntry<K, V>>()
  readonly #iterators = new IteratorCount()
  readonly #cache: StoreCache<KeyValueEntry<K, V>> | undefined
  #hand: Iterator<KeyValueEntry<K, V>>
  #listener: FlushListener<K, V> | undefined
  #sendsOldValues = false
  /** Bytes of the object key that was looked up last; saves serializing it twice. */
  #objectKeyBytes: Bytes | undefined

  constructor(spec: KeyValueStoreSpec<K, unknown>, environment: StoreEnvironment) {
    this.name = spec.name
    this.#writes = new WriteBuffer(
      environment.keyspace,
      (entry) => this.#engineKeyOf(entry),
      (entry) => this.#measure(entry),
    )
    this.#environment = environment
    this.#codec = new StoreCodec(spec.name, environment.changelogTopic, spec.keySerde, spec.valueSerde)
    this.#values = new StoredValues(storedFormat(spec), this.#codec as StoreCodec<unknown, unknown>)
    this.#deletionHeaders = this.#values.keepsHeaders ? new Map() : undefined
    this.#cleanEntriesMax = environment.cleanEntriesMax
    this.#freezesValues = environment.freezeValues === true
    this.#hand = this.#entries.values()
    this.#cache = spec.caching
      ? environment.recordCache?.open<KeyValueEntry<K, V>>(
          (update) => this.#flushUpdate(update),
          environment.recordContext,
        )
      : undefined
  }

  get(key: K): V | undefined {
    const mapKey = typeof key === 'object' ? this.#objectMapKey(key) : key
    const entry = this.#entries.get(mapKey)
    if (entry === undefined) return this.#load(key, mapKey).value ?? undefined
    entry.isReferenced = true
    return entry.value ?? undefined
  }

  put(key: K, value: V | null): void {
    assert(value !== undefined, 'a store holds values; null removes the key')
    if (this.#freezesValues) deepFreeze(value)
    const mapKey = typeof key === 'object' ? this.#objectMapKey(key) : key
    const found = this.#entries.get(mapKey)
    const entry = found ?? this.#add(key, mapKey, null)
    if (this.#cache !== undefined) {
      this.#cache.hold(entry, found === undefined ? OLD_VALUE_UNKNOWN : found.value, this.#writes.entryBytes)
    }
    const bytesBefore = entry.dirtySequence === 0 ? undefined : this.#writes.weighBefore(entry)
    entry.value = this.#deletionHeaders === undefined ? value : this.#withHeaders(entry, value)
    entry.timestampMs = this.#environment.recordContext.timestampMs
    entry.isReferenced = true
    if (entry.dirtySequence === 0) this.#writes.add(entry)
    else if (bytesBefore !== undefined) this.#writes.weighAfter(entry, bytesBefore)
    this.#cache?.keepBound()
  }

  putIfAbsent(key: K, value: V): V | undefined {
    const found = this.get(key)
    if (found === undefined) this.put(key, value)
    return found
  }

  delete(key: K): V | undefined {
    const found = this.get(key)
    this.put(key, null)
    return found
  }

  range(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>> {
    return this.#iterate(this.#inclusiveRange(from, to, false))
  }

  reverseRange(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>> {
    return this.#iterate(this.#inclusiveRange(from, to, true))
  }

  all(): StoreIterator<KeyValue<K, V>> {
    return this.#iterate({ from: undefined, to: undefined, reverse: false })
  }

  reverseAll(): StoreIterator<KeyValue<K, V>> {
    return this.#iterate({ from: undefined, to: undefined, reverse: true })
  }

  prefixScan<P>(prefix: P, prefixSerde: Serde<P>): StoreIterator<KeyValue<K, V>> {
    // A copy: the end of the prefix is made from it, and a serde may hand out a view of its own memory.
    const from = new Uint8Array(prefixSerde.serialize(prefix as NonNullable<P>, this.#environment.changelogTopic))
    return this.#iterate({ from, to: prefixEnd(from), reverse: false })
  }

  approximateEntryCount(): number {
    return this.#environment.keyspace.approximateCount() + this.#writes.entries.length
  }

  setFlushListener(listener: FlushListener<K, V>, sendOldValues: boolean): boolean {
    if (this.#cache === undefined) return false
    this.#listener = listener
    this.#sendsOldValues = sendOldValues
    return true
  }

  get dirtyBytes(): number {
    return this.#writes.dirtyBytes
  }

  get dirtyEntries(): number {
    return this.#writes.entries.length
  }

  get iteratorsOpen(): number {
    return this.#iterators.open
  }

  flushCache(): void {
    this.#cache?.flush()
  }

  get heldUpdates(): number {
    return this.#cache?.updates ?? 0
  }

  get heldBytes(): number {
    return this.#cache?.bytes ?? 0
  }

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    assert(this.heldUpdates === 0, 'the record cache is flushed before a commit is prepared')
    const { keyspace } = this.#environment
    const values = this.#values
    let bytes = 0
    for (const entry of this.#writes.entries) {
      const key = this.#engineKeyOf(entry)
      bytes += key.length
      if (entry.value === null) {
        if (entry.isInEngine) batch.delete(keyspace, key)
        // Logged all the same: an attempt that was aborted may have left a value in the changelog.
        changelog?.(key, null, entry.timestampMs, this.#deletionHeaders?.get(entry) ?? NO_HEADERS)
      } else {
        const { value } = entry
        const raw = values.encode(value)
        batch.put(keyspace, key, values.wrap(raw, value))
        changelog?.(key, raw, values.timestampMs(value, entry.timestampMs), values.headers(value))
        bytes += raw.length
      }
    }
    this.#writes.prepared(bytes)
  }

  committed(): void {
    this.#writes.checkPrepared()
    for (const entry of this.#writes.entries) {
      entry.dirtySequence = 0
      entry.isInEngine = entry.value !== null
    }
    this.#writes.forget()
    this.#deletionHeaders?.clear()
    if (this.#cleanEntriesMax === 0) this.#entries.clear()
    // Twice round: the first time may only take the marks of what was used.
    else this.#evict(2 * this.#entries.size)
  }

  aborted(): void {
    this.#cache?.drop()
    for (const entry of this.#writes.entries) this.#entries.delete(entry.mapKey)
    this.#writes.forget()
    this.#deletionHeaders?.clear()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    this.#dropClean()
    // A source topic that serves as changelog may hold records without key; the table ignores them too.
    for (const { key, value, timestampMs, headers } of lastOfEachKey(records)) {
      if (key === null) continue
      if (value === null) batch.delete(this.#environment.keyspace, key)
      else batch.put(this.#environment.keyspace, key, this.#values.restored(value, timestampMs, headers))
    }
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return {}
  }

  loadMetadata(): void {}

  close(): void {
    this.#iterators.closeAll()
    this.#cache?.drop()
    this.#entries.clear()
    this.#writes.forget()
  }

  #objectMapKey(key: K): unknown {
    assert(key !== null, 'a key is not null')
    this.#objectKeyBytes = this.#codec.encodeKey(key)
    return mapKeyOfBytes(this.#objectKeyBytes)
  }

  #engineKeyOf(entry: KeyValueEntry<K, V>): Bytes {
    let bytes = entry.engineKey
    if (bytes === undefined) {
      bytes = this.#codec.encodeKey(entry.key)
      entry.engineKey = bytes
    }
    return bytes
  }

  #add(key: K, mapKey: unknown, value: V | null): KeyValueEntry<K, V> {
    assert(key !== undefined, 'a key is not undefined')
    const engineKey = typeof key === 'object' ? this.#objectKeyBytes : undefined
    const entry = new KeyValueEntry<K, V>(key, mapKey, engineKey, value)
    this.#entries.set(mapKey, entry)
    return entry
  }

  /** A clean entry of what the engine has; also of "nothing", so that it is not asked again. */
  #load(key: K, mapKey: unknown): KeyValueEntry<K, V> {
    const entry = this.#add(key, mapKey, null)
    this.engineReads++
    entry.value = this.#readEngine(entry)
    entry.isInEngine = entry.value !== null
    this.#evict(EVICTION_STEPS_MAX)
    return entry
  }

  #readEngine(entry: KeyValueEntry<K, V>): V | null {
    const bytes = this.#environment.keyspace.get(this.#engineKeyOf(entry))
    return bytes === undefined ? null : this.#decode(bytes)
  }

  #decode(bytes: Bytes): V {
    return this.#freezesValues ? deepFreeze(this.#values.decode(bytes)) : this.#values.decode(bytes)
  }

  #withHeaders(entry: KeyValueEntry<K, V>, value: V | null): V | null {
    const deletions = this.#deletionHeaders as Map<KeyValueEntry<K, V>, Headers>
    if (value !== null) {
      deletions.delete(entry)
      return this.#values.complete(value)
    }
    deletions.set(entry, this.#environment.recordContext.headers)
    return null
  }

  #measure(entry: KeyValueEntry<K, V>): number {
    const keyBytes = this.#engineKeyOf(entry).length
    if (entry.value === null) return keyBytes
    return keyBytes + this.#values.encode(entry.value).length
  }

  #dropClean(): void {
    this.#writes.engineChanges()
    this.#entries.clear()
  }

  /**
   * The clock hand: a live iterator over the map. It passes dirty entries, gives referenced ones a second chance and
   * takes the others, until the clean ones are within their bound or its steps are used up.
   */
  #evict(stepsMax: number): void {
    const entries = this.#entries
    let surplus = entries.size - this.#writes.entries.length - this.#cleanEntriesMax
    for (let steps = 0; surplus > 0 && steps < stepsMax; steps++) {
      let position = this.#hand.next()
      if (position.done === true) {
        this.#hand = entries.values()
        position = this.#hand.next()
        if (position.done === true) return
      }
      const entry = position.value
      if (entry.dirtySequence !== 0) continue
      if (entry.isReferenced) {
        entry.isReferenced = false
        continue
      }
      entries.delete(entry.mapKey)
      surplus--
    }
  }

  #flushUpdate(update: CachedUpdate<KeyValueEntry<K, V>>): void {
    const listener = this.#listener
    if (listener === undefined) return
    const newValue = update.newValue as V | null
    let oldValue = update.oldValue as V | null | typeof OLD_VALUE_UNKNOWN
    if (oldValue === OLD_VALUE_UNKNOWN) {
      oldValue = newValue === null || this.#sendsOldValues ? this.#readEngine(update.entry) : null
    }
    // A key that came and went between two flushes was never known downstream.
    if (newValue === null && oldValue === null) return
    const { key } = update.entry
    listener(key, newValue ?? undefined, this.#sendsOldValues ? (oldValue ?? undefined) : undefined, update.timestampMs)
  }

  #inclusiveRange(from: K | undefined, to: K | undefined, reverse: boolean): ScanRange {
    return {
      from: from === undefined ? undefined : this.#codec.encodeKey(from),
      to: to === undefined ? undefined : keyAfter(this.#codec.encodeKey(to)),
      reverse,
    }
  }

  #iterate(range: ScanRange): StoreIterator<KeyValue<K, V>> {
    const scan = new MergedScan<KeyValueEntry<K, V>>(this.#writes, range)
    return new CountedIterator(
      this.#iterators,
      new KeyValueSource(scan, this.#codec, this.#entries, (bytes) => this.#decode(bytes)),
    )
  }
}

/** Makes typed entries of what a scan finds; values that are in memory anyway are not read twice. */
class KeyValueSource<K, V> implements EntrySource<KeyValue<K, V>> {
  readonly #scan: MergedScan<KeyValueEntry<K, V>>
  readonly #codec: StoreCodec<K, unknown>
  readonly #entries: ReadonlyMap<unknown, KeyValueEntry<K, V>>
  readonly #decode: (bytes: Bytes) => V

  constructor(
    scan: MergedScan<KeyValueEntry<K, V>>,
    codec: StoreCodec<K, unknown>,
    entries: ReadonlyMap<unknown, KeyValueEntry<K, V>>,
    decode: (bytes: Bytes) => V,
  ) {
    this.#scan = scan
    this.#codec = codec
    this.#entries = entries
    this.#decode = decode
  }

  next(): KeyValue<K, V> | undefined {
    const scan = this.#scan
    if (!scan.next()) return undefined
    const { entry } = scan
    if (entry !== undefined) return { key: entry.key, value: present(entry.value, 'a scan passes deletions') }
    const key = this.#codec.decodeKey(scan.key)
    const known = typeof key === 'object' ? undefined : this.#entries.get(key)
    return { key, value: known?.value ?? this.#decode(scan.value) }
  }

  close(): void {
    this.#scan.close()
  }
}

export function createKeyValueStore<K, V>(
  spec: KeyValueStoreSpec<K, V> & { readonly timestamped: true; readonly withHeaders: true },
  environment: StoreEnvironment,
): ManagedStore & KeyValueStore<K, ValueTimestampHeaders<V>> & CachedStore<K, ValueTimestampHeaders<V>>
export function createKeyValueStore<K, V>(
  spec: KeyValueStoreSpec<K, V> & { readonly timestamped: true },
  environment: StoreEnvironment,
): ManagedStore & KeyValueStore<K, ValueAndTimestamp<V>> & CachedStore<K, ValueAndTimestamp<V>>
export function createKeyValueStore<K, V>(
  spec: KeyValueStoreSpec<K, V> & { readonly timestamped: false },
  environment: StoreEnvironment,
): ManagedStore & KeyValueStore<K, V> & CachedStore<K, V>
export function createKeyValueStore<K, V>(
  spec: KeyValueStoreSpec<K, V>,
  environment: StoreEnvironment,
): ManagedStore & CachedStore<K, V>
export function createKeyValueStore<K, V>(
  spec: KeyValueStoreSpec<K, V>,
  environment: StoreEnvironment,
): ManagedStore & KeyValueStore<K, V> & CachedStore<K, V> {
  return new BufferedKeyValueStore<K, V>(spec as KeyValueStoreSpec<K, unknown>, environment)
}
