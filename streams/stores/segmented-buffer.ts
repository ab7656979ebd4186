import { assert, type Bytes, compareBytes, deepFreeze } from '../base/index.ts'
import { type Headers, type LogRecord, NO_HEADERS, type WriteBatch } from '../ports/index.ts'
import { KeyGroup, SegmentedEntry } from './key-group.ts'
import { lastOfEachKey } from './last-writes.ts'
import { readKeyGroup } from './read-key-group.ts'
import { type CachedUpdate, OLD_VALUE_UNKNOWN, type StoreCache } from './record-cache.ts'
import { SegmentList } from './segment-list.ts'
import { GroupSource, type MakeRow, type SegmentRange, SegmentScan } from './segment-scan.ts'
import {
  encodeEngineKey,
  encodeSegmentId,
  restoredTimeOf,
  SEGMENT_ID_BYTES,
  type SegmentSchema,
  timeOf,
} from './segment-schema.ts'
import { mapKeyOfBytes, StoreCodec } from './store-basics.ts'
import { ArraySource, CountedIterator, type EntrySource, IteratorCount } from './store-iterator.ts'
import { type StoredFormat, StoredValues } from './stored-values.ts'
import type { ChangelogSink, FlushListener, StoreEnvironment, StoreIterator, Windowed } from './types.ts'
import { WriteBuffer } from './write-buffer.ts'

/** Steps of the clock hand per insertion. */
const EVICTION_STEPS_MAX = 8
/** A key with more live entries than this in a range is read from the engine each time, not loaded. */
const LOAD_ENTRIES_MAX = 1024
/** So many entries of one key stay in memory after a commit, the newest ones. */
const GROUP_ENTRIES_MAX = 4096

export type SegmentedSettings = {
  readonly schema: SegmentSchema
  readonly format: StoredFormat
  readonly retentionMs: number
  readonly segmentIntervalMs: number
  /** True: reads hide what is in expired segments, and not also what is older than the retention in live ones. */
  readonly hidesWholeSegments: boolean
}

/**
 * What window and session stores are made of. Write buffer and read cache are one: entries are grouped by key, so that
 * the windows or sessions of a key are found without the engine once they have been read. Expiry is that of Java's
 * AbstractRocksDBSegmentedBytesStore: writes to segments that have expired are dropped and counted, reads hide what is
 * older than the observed stream time minus the retention, and segments are deleted whole.
 */
export class SegmentedBuffer<K, V> {
  engineReads = 0
  readonly #settings: SegmentedSettings
  readonly #environment: StoreEnvironment
  readonly #codec: StoreCodec<K, unknown>
  readonly #values: StoredValues<V>
  /** Headers of uncommitted deletions; undefined in a store that keeps no headers. */
  readonly #deletionHeaders: Map<SegmentedEntry<K, V>, Headers> | undefined
  readonly #groups = new Map<unknown, KeyGroup<K, V>>()
  readonly #writes: WriteBuffer<SegmentedEntry<K, V>>
  readonly #iterators = new IteratorCount()
  readonly #cache: StoreCache<SegmentedEntry<K, V>> | undefined
  readonly #windowedOf: (entry: SegmentedEntry<K, V>) => Windowed<K>
  #listener: FlushListener<Windowed<K>, V> | undefined
  #sendsOldValues = false
  #hand: Iterator<KeyGroup<K, V>>
  #entryCount = 0
  readonly #segments: SegmentList
  #observedStreamTimeMs = -1
  #observedCommittedMs = -1
  /** No entry in the engine has a higher time; infinite where that is not known. */
  #engineTimeMaxMs: number
  /** The first time that is not expired for writes. */
  #minLiveMs = 0

  constructor(
    spec: {
      readonly name: string
      readonly keySerde: unknown
      readonly valueSerde: unknown
      readonly caching: boolean
    },
    settings: SegmentedSettings,
    environment: StoreEnvironment,
    windowedOf: (entry: SegmentedEntry<K, V>) => Windowed<K>,
  ) {
    this.#settings = settings
    this.#environment = environment
    this.#windowedOf = windowedOf
    this.#codec = new StoreCodec(
      spec.name,
      environment.changelogTopic,
      spec.keySerde as never,
      spec.valueSerde as never,
    )
    this.#values = new StoredValues(settings.format, this.#codec as StoreCodec<unknown, unknown>)
    this.#deletionHeaders = this.#values.keepsHeaders ? new Map() : undefined
    this.#hand = this.#groups.values()
    this.#writes = new WriteBuffer(
      environment.keyspace,
      (entry) => this.#engineKeyOf(entry),
      (entry) => this.#measure(entry),
    )
    this.#cache = spec.caching
      ? environment.recordCache?.open<SegmentedEntry<K, V>>(
          (update) => this.#flushUpdate(update),
          environment.recordContext,
        )
      : undefined
    this.#segments = new SegmentList(environment.keyspace, settings.segmentIntervalMs)
    this.#engineTimeMaxMs = this.#segments.isEmpty ? -1 : Number.POSITIVE_INFINITY
  }

  get(key: K, timeMs: number, minor: number): V | undefined {
    if (timeMs < this.liveFromMs) return undefined
    const group = this.#groupOf(key)
    const index = group.lowerBound(timeMs, minor)
    const found = group.at(index, timeMs, minor)
    if (found !== undefined) return found.value ?? undefined
    if (timeMs >= group.completeFromMs || timeMs > this.#engineTimeMaxMs) return undefined
    const entry = new SegmentedEntry<K, V>(group, timeMs, minor, null)
    this.engineReads++
    entry.value = this.#readEngine(entry)
    entry.isInEngine = entry.value !== null
    this.#insert(group, index, entry)
    this.#evict(EVICTION_STEPS_MAX)
    return entry.value ?? undefined
  }

  /** Returns false where the segment has expired and nothing was put. */
  put(key: K, timeMs: number, minor: number, value: V | null): boolean {
    assert(value !== undefined, 'a store holds values; null removes the entry')
    if (this.#environment.freezeValues === true) deepFreeze(value)
    assert(Number.isSafeInteger(timeMs) && timeMs >= 0, 'the time of a window or session is not negative')
    this.observe(timeMs)
    if (timeMs < this.#minLiveMs) return false
    const group = this.#groupOf(key)
    const index = group.lowerBound(timeMs, minor)
    let entry = group.at(index, timeMs, minor)
    const isKnown = entry !== undefined || timeMs >= group.completeFromMs || timeMs > this.#engineTimeMaxMs
    if (entry === undefined) {
      entry = new SegmentedEntry<K, V>(group, timeMs, minor, null)
      entry.isInEngine = !isKnown
      this.#insert(group, index, entry)
    }
    this.#cache?.hold(entry, isKnown ? entry.value : OLD_VALUE_UNKNOWN, this.#writes.entryBytes)
    const bytesBefore = entry.dirtySequence === 0 ? undefined : this.#writes.weighBefore(entry)
    entry.value = this.#deletionHeaders === undefined ? value : this.#withHeaders(entry, value)
    entry.timestampMs = this.#environment.recordContext.timestampMs
    if (entry.dirtySequence === 0) {
      group.dirtyCount++
      this.#writes.add(entry)
      this.#segments.note(timeMs)
    } else if (bytesBefore !== undefined) this.#writes.weighAfter(entry, bytesBefore)
    this.#cache?.keepBound()
    return true
  }

  /**
   * The live entries of one key in [fromMs, toMs] with a minor of at most `minorMax`, by (time, minor). They are those
   * of this moment, with their values as of then or later.
   */
  fetch<T>(
    key: K,
    fromMs: number,
    toMs: number,
    minorMax: number,
    reverse: boolean,
    make: MakeRow<K, V, T>,
  ): StoreIterator<T> {
    const timeFrom = Math.max(fromMs, this.liveFromMs)
    if (toMs < timeFrom) return this.#iterator(new ArraySource<T>([]))
    const group = this.#groupOf(key)
    if (!this.#isComplete(group, timeFrom)) {
      this.engineReads++
      if (!this.#load(group, timeFrom)) {
        const range = { keyFrom: group.keyBytes, keyTo: group.keyBytes, timeFrom, timeTo: toMs, minorMax, reverse }
        return this.#scan(range, make)
      }
    }
    const { entries } = group
    const found: SegmentedEntry<K, V>[] = []
    for (let i = group.lowerBound(timeFrom, Number.NEGATIVE_INFINITY); i < entries.length; i++) {
      const entry = entries[i] as SegmentedEntry<K, V>
      if (entry.timeMs > toMs) break
      if (entry.value !== null && entry.minor <= minorMax) found.push(entry)
    }
    if (reverse) found.reverse()
    return this.#iterator(new GroupSource(found, make))
  }

  /** Entries of many keys: segment by segment, in a segment by key bytes, time and minor, as Java's SegmentIterator. */
  fetchRange<T>(
    keys: { readonly from: K | undefined; readonly to: K | undefined },
    times: { readonly fromMs: number; readonly toMs: number },
    minorMax: number,
    reverse: boolean,
    make: MakeRow<K, V, T>,
  ): StoreIterator<T> {
    const timeFrom = Math.max(times.fromMs, this.liveFromMs)
    const keyFrom = keys.from === undefined ? undefined : this.#codec.encodeKey(keys.from)
    const keyTo = keys.to === undefined ? undefined : this.#codec.encodeKey(keys.to)
    const isEmpty =
      times.toMs < timeFrom || (keyFrom !== undefined && keyTo !== undefined && compareBytes(keyFrom, keyTo) > 0)
    if (isEmpty) return this.#iterator(new ArraySource<T>([]))
    return this.#scan({ keyFrom, keyTo, timeFrom, timeTo: times.toMs, minorMax, reverse }, make)
  }

  /** Reads hide what is older. */
  get liveFromMs(): number {
    const { hidesWholeSegments, retentionMs } = this.#settings
    return hidesWholeSegments ? this.#minLiveMs : this.#observedStreamTimeMs - retentionMs + 1
  }

  get observedStreamTimeMs(): number {
    return this.#observedStreamTimeMs
  }

  setFlushListener(listener: FlushListener<Windowed<K>, V>, sendOldValues: boolean): boolean {
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
      const engineKey = this.#engineKeyOf(entry)
      const { value } = entry
      // An entry whose segment has expired since it was put is logged, as in Java, but not kept here.
      const isLive = entry.timeMs >= this.#minLiveMs
      bytes += engineKey.length
      if (value === null) {
        if (isLive && entry.isInEngine) batch.delete(keyspace, engineKey)
        changelog?.(
          engineKey.subarray(SEGMENT_ID_BYTES),
          null,
          entry.timestampMs,
          this.#deletionHeaders?.get(entry) ?? NO_HEADERS,
        )
        continue
      }
      const raw = values.encode(value)
      if (isLive) batch.put(keyspace, engineKey, values.wrap(raw, value))
      const timestampMs = values.timestampMs(value, entry.timestampMs)
      changelog?.(engineKey.subarray(SEGMENT_ID_BYTES), raw, timestampMs, values.headers(value))
      bytes += raw.length
    }
    this.#segments.deleteExpired(batch, this.#minLiveMs)
    this.#writes.prepared(bytes)
  }

  committed(): void {
    this.#writes.checkPrepared()
    this.#observedCommittedMs = this.#observedStreamTimeMs
    for (const entry of this.#writes.entries) {
      entry.dirtySequence = 0
      entry.isInEngine = entry.value !== null
      if (entry.timeMs > this.#engineTimeMaxMs) this.#engineTimeMaxMs = entry.timeMs
    }
    const keepsNothing = this.#environment.cleanEntriesMax === 0
    if (!keepsNothing) for (const { group } of this.#writes.entries) if (group.dirtyCount > 0) this.#tidy(group)
    this.#writes.forget()
    this.#deletionHeaders?.clear()
    if (keepsNothing) this.#dropAll()
    // Twice round: the first time may only take the marks of what was used.
    else this.#evict(2 * this.#groups.size)
  }

  aborted(): void {
    this.#cache?.drop()
    // What such a group says about the engine (an entry is there, all of them are) may have been overwritten.
    for (const { group } of this.#writes.entries) this.#drop(group)
    this.#writes.forget()
    this.#deletionHeaders?.clear()
    this.#setObserved(this.#observedCommittedMs)
    // A commit that was prepared but not written has taken its expired segments out of the list.
    this.#segments.reload()
  }

  /** `onKey` is told each key that was restored, at its last record. */
  restoreBatch(records: readonly LogRecord[], batch: WriteBatch, onKey: (storeKey: Bytes) => void): void {
    this.#writes.engineChanges()
    this.#dropAll()
    const { schema } = this.#settings
    const { keyspace } = this.#environment
    for (const { key, offset } of records) {
      if (key !== null) this.observe(restoredTimeOf(schema, key, offset, this.#environment.changelogTopic))
    }
    for (const { key, value, timestampMs, headers } of lastOfEachKey(records)) {
      if (key === null) continue
      onKey(key)
      const timeMs = timeOf(schema, key)
      if (timeMs < this.#minLiveMs) continue
      this.#segments.note(timeMs)
      this.#engineTimeMaxMs = Math.max(this.#engineTimeMaxMs, timeMs)
      const engineKey = new Uint8Array(SEGMENT_ID_BYTES + key.length)
      engineKey.set(encodeSegmentId(this.#segments.idOf(timeMs)))
      engineKey.set(key, SEGMENT_ID_BYTES)
      if (value === null) batch.delete(keyspace, engineKey)
      else batch.put(keyspace, engineKey, this.#values.restored(value, timestampMs, headers))
    }
    this.#segments.deleteExpired(batch, this.#minLiveMs)
    this.#observedCommittedMs = this.#observedStreamTimeMs
  }

  loadObserved(observedStreamTimeMs: number | undefined): void {
    if (observedStreamTimeMs === undefined) return
    this.#setObserved(observedStreamTimeMs)
    this.#observedCommittedMs = observedStreamTimeMs
    this.#engineTimeMaxMs = observedStreamTimeMs
  }

  close(): void {
    this.#iterators.closeAll()
    this.#cache?.drop()
    this.#dropAll()
    this.#writes.forget()
  }

  /** Stream time of a write that is not stored (Java: `remove` of a session whose segment is gone). */
  observe(timeMs: number): void {
    if (timeMs > this.#observedStreamTimeMs) this.#setObserved(timeMs)
  }

  #setObserved(timeMs: number): void {
    this.#observedStreamTimeMs = timeMs
    this.#minLiveMs = this.#segments.firstLiveMs(timeMs - this.#settings.retentionMs)
  }

  #groupOf(key: K): KeyGroup<K, V> {
    let keyBytes: Bytes | undefined
    let mapKey: unknown = key
    if (typeof key === 'object') {
      assert(key !== null, 'a key is not null')
      keyBytes = this.#codec.encodeKey(key)
      mapKey = mapKeyOfBytes(keyBytes)
    }
    let group = this.#groups.get(mapKey)
    if (group === undefined) {
      assert(key !== undefined, 'a key is not undefined')
      // Above the highest time in the engine there is nothing to miss.
      group = new KeyGroup<K, V>(key, mapKey, keyBytes ?? this.#codec.encodeKey(key), this.#engineTimeMaxMs + 1)
      this.#groups.set(mapKey, group)
    }
    group.isReferenced = true
    return group
  }

  #engineKeyOf(entry: SegmentedEntry<K, V>): Bytes {
    let bytes = entry.engineKey
    if (bytes === undefined) {
      const segment = this.#segments.idOf(entry.timeMs)
      bytes = encodeEngineKey(this.#settings.schema, segment, entry.group.keyBytes, entry.timeMs, entry.minor)
      entry.engineKey = bytes
    }
    return bytes
  }

  #insert(group: KeyGroup<K, V>, index: number, entry: SegmentedEntry<K, V>): void {
    group.insert(index, entry)
    this.#entryCount++
  }

  #readEngine(entry: SegmentedEntry<K, V>): V | null {
    const bytes = this.#environment.keyspace.get(this.#engineKeyOf(entry))
    return bytes === undefined ? null : this.#decodeValue(bytes)
  }

  #decodeValue(bytes: Bytes): V {
    return this.#environment.freezeValues === true ? deepFreeze(this.#values.decode(bytes)) : this.#values.decode(bytes)
  }

  #withHeaders(entry: SegmentedEntry<K, V>, value: V | null): V | null {
    const deletions = this.#deletionHeaders as Map<SegmentedEntry<K, V>, Headers>
    if (value !== null) {
      deletions.delete(entry)
      return this.#values.complete(value)
    }
    deletions.set(entry, this.#environment.recordContext.headers)
    return null
  }

  #measure(entry: SegmentedEntry<K, V>): number {
    const keyBytes = entry.group.keyBytes.length + SEGMENT_ID_BYTES + this.#settings.schema.suffixBytes
    return keyBytes + (entry.value === null ? 0 : this.#values.encode(entry.value).length)
  }

  #isComplete(group: KeyGroup<K, V>, fromMs: number): boolean {
    return fromMs >= group.completeFromMs || fromMs > this.#engineTimeMaxMs
  }

  /** Reads all entries of the key from `fromMs` on into memory; false if they are too many. */
  #load(group: KeyGroup<K, V>, fromMs: number): boolean {
    if (fromMs <= group.tooManyFromMs) return false
    const timeTo = Math.min(group.completeFromMs - 1, this.#engineTimeMaxMs)
    const loaded = readKeyGroup(group, {
      keyspace: this.#environment.keyspace,
      schema: this.#settings.schema,
      segments: this.#segments.idsIn(fromMs, timeTo),
      timeFrom: fromMs,
      timeTo,
      entriesMax: LOAD_ENTRIES_MAX,
      decodeValue: (bytes) => this.#decodeValue(bytes),
    })
    if (loaded === undefined) {
      group.tooManyFromMs = fromMs
      return false
    }
    for (const entry of loaded) this.#insert(group, group.lowerBound(entry.timeMs, entry.minor), entry)
    group.completeFromMs = fromMs
    this.#evict(EVICTION_STEPS_MAX)
    return true
  }

  #iterator<T>(source: EntrySource<T>): StoreIterator<T> {
    return new CountedIterator(this.#iterators, source)
  }

  #scan<T>(range: SegmentRange, make: MakeRow<K, V, T>): StoreIterator<T> {
    const segments = this.#segments.idsIn(range.timeFrom, range.timeTo)
    const codec = {
      decodeKey: (bytes: Bytes) => this.#codec.decodeKey(bytes),
      decodeValue: (bytes: Bytes) => this.#decodeValue(bytes),
    }
    return this.#iterator(new SegmentScan(this.#writes, this.#settings.schema, segments, range, codec, make))
  }

  /** After a commit: forgets deletions, what has expired, and the oldest entries of a key that has very many. */
  #tidy(group: KeyGroup<K, V>): void {
    group.dirtyCount = 0
    const before = group.entries.length
    const { liveFromMs } = this
    if (
      before <= GROUP_ENTRIES_MAX &&
      group.entries.every((entry) => entry.value !== null && entry.timeMs >= liveFromMs)
    )
      return
    const entries = group.entries.filter((entry) => entry.value !== null && entry.timeMs >= liveFromMs)
    if (entries.length > GROUP_ENTRIES_MAX) {
      // Entries of one time stay together, so that what is complete begins at a time.
      let cut = entries.length - GROUP_ENTRIES_MAX
      const timeAt = (index: number): number | undefined => entries[index]?.timeMs
      while (cut < entries.length && timeAt(cut) === timeAt(cut - 1)) cut++
      group.completeFromMs = Math.max(group.completeFromMs, timeAt(cut) ?? this.#engineTimeMaxMs + 1)
      entries.splice(0, cut)
    }
    group.entries = entries
    this.#entryCount -= before - entries.length
  }

  /** Everything in memory: what is uncommitted is given up with it. */
  #dropAll(): void {
    this.#groups.clear()
    this.#entryCount = 0
  }

  #drop(group: KeyGroup<K, V>): void {
    if (!this.#groups.delete(group.mapKey)) return
    this.#entryCount -= group.entries.length
  }

  /** The clock hand over keys: a key goes with all its entries, none of which may be dirty. */
  #evict(stepsMax: number): void {
    const groups = this.#groups
    const cleanMax = this.#environment.cleanEntriesMax
    for (let steps = 0; steps < stepsMax; steps++) {
      if (this.#entryCount + groups.size - this.#writes.entries.length <= cleanMax) return
      let position = this.#hand.next()
      if (position.done === true) {
        this.#hand = groups.values()
        position = this.#hand.next()
        if (position.done === true) return
      }
      const group = position.value
      if (group.dirtyCount > 0) continue
      if (group.isReferenced) group.isReferenced = false
      else this.#drop(group)
    }
  }

  #flushUpdate(update: CachedUpdate<SegmentedEntry<K, V>>): void {
    const listener = this.#listener
    if (listener === undefined) return
    const newValue = update.newValue as V | null
    let oldValue = update.oldValue as V | null | typeof OLD_VALUE_UNKNOWN
    if (oldValue === OLD_VALUE_UNKNOWN) {
      oldValue = newValue === null || this.#sendsOldValues ? this.#readEngine(update.entry) : null
    }
    // An entry that came and went between two flushes was never known downstream.
    if (newValue === null && oldValue === null) return
    const old = this.#sendsOldValues ? (oldValue ?? undefined) : undefined
    listener(this.#windowedOf(update.entry), newValue ?? undefined, old, update.timestampMs)
  }
}
