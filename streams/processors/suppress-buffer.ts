import { assert, present } from '../base/assert.ts'
import { type Bytes, compareBytes, equalBytes } from '../base/bytes.ts'
import { type Headers, type LogRecord, NO_HEADERS, type Serde, type WriteBatch } from '../ports/index.ts'
import { ENTRY_OVERHEAD_BYTES, mapKeyOfBytes, SizeEstimate, StoreCodec } from '../stores/store-basics.ts'
import type {
  ChangelogSink,
  CustomStoreSpec,
  ManagedStore,
  RecordContext,
  StoreEnvironment,
  StorePersistence,
} from '../stores/types.ts'
import type { Change, StreamRecord } from '../topology/record.ts'
import {
  BUFFER_HEADERS,
  type BufferedRecord,
  decodeBufferedRecord,
  encodeBufferedRecord,
} from './suppress-buffer-format.ts'

/**
 * What a suppression holds back: the latest change of each key, ordered by the time of the *first* change since the key
 * was last sent (and by key bytes within a time). Java: InMemoryTimeOrderedKeyValueChangeBuffer, whose changelog it
 * writes and reads.
 */
export type SuppressBuffer<K, V> = ManagedStore & {
  readonly recordsBuffered: number
  /** As Java estimates them; 0 unless `measureBytes` was called. */
  readonly bytesBuffered: number
  /** Where the suppression is bounded in bytes: from now on changes are serialized when they are put, not at commit. */
  measureBytes(): void
  /** Time of the first record; Infinity when the buffer is empty. */
  readonly minTimestampMs: number
  /** Replaces the change of the key but keeps its place, or adds it at `timeMs`. */
  put(timeMs: number, record: StreamRecord<K, Change<V>>): void
  /** Gives the first change to `emit` and removes it. While `emit` runs, the record in process is the buffered one. */
  evictFirst(emit: EmitBuffered<K, V>): void
  /** What was last sent for a key that is buffered now; undefined where the key is not buffered. */
  priorValue(key: K): { readonly value: V | null } | undefined
}
export type EmitBuffered<K, V> = (key: K, latest: V | null, old: V | null, context: Readonly<RecordContext>) => void

export type SuppressBufferOptions<K, V> = {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** `memory` is restored whole at start (as Java's); `persistent` keeps a local copy and restores what is missing. */
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** The store that a suppression needs. */
export function suppressBufferStore<K, V>(options: SuppressBufferOptions<K, V>): CustomStoreSpec<SuppressBuffer<K, V>> {
  const { name, persistence, logging } = options
  return {
    kind: 'custom',
    name,
    persistence,
    logging,
    caching: false,
    create: (environment) => new TimeOrderedChangeBuffer(options, environment),
  }
}

/** A value and its bytes; each is made from the other when it is first needed. */
class Part<V> {
  value: V | null | undefined
  bytes: Bytes | null | undefined

  constructor(value: V | null | undefined, bytes: Bytes | null | undefined) {
    this.value = value
    this.bytes = bytes
  }
}
const NULL_PART: Part<never> = new Part<never>(null, null)

/** Never changed but for its place in the heap and what is made of its bytes, so that an abort can put it back. */
class BufferEntry<V> {
  readonly keyBytes: Bytes
  readonly mapKey: string
  readonly timeMs: number
  readonly prior: Part<V>
  readonly old: Part<V>
  readonly latest: Part<V>
  readonly context: Readonly<RecordContext>
  /** The key as an object; undefined where the entry was restored and nobody has asked yet. */
  key: unknown
  heapIndex = -1
  /** Java's estimate; 0 where the buffer does not measure. */
  bytes = 0

  constructor(
    place: { readonly keyBytes: Bytes; readonly mapKey: string; readonly timeMs: number },
    parts: { readonly prior: Part<V>; readonly old: Part<V>; readonly latest: Part<V> },
    context: Readonly<RecordContext>,
  ) {
    this.keyBytes = place.keyBytes
    this.mapKey = place.mapKey
    this.timeMs = place.timeMs
    this.prior = parts.prior
    this.old = parts.old
    this.latest = parts.latest
    this.context = context
  }
}

class TimeOrderedChangeBuffer<K, V> implements SuppressBuffer<K, V> {
  readonly name: string
  readonly #environment: StoreEnvironment
  readonly #codec: StoreCodec<K, V>
  readonly #isPersistent: boolean
  readonly #entries = new Map<string, BufferEntry<V>>()
  readonly #heap = new EntryHeap<V>()
  /** Keys changed since the last commit, with what was committed; undefined = nothing. */
  readonly #dirty = new Map<string, { readonly keyBytes: Bytes; readonly committed: BufferEntry<V> | undefined }>()
  readonly #size = new SizeEstimate()
  #measuresBytes = false
  #bytesBuffered = 0

  constructor(options: SuppressBufferOptions<K, V>, environment: StoreEnvironment) {
    this.name = options.name
    this.#environment = environment
    this.#codec = new StoreCodec(options.name, environment.changelogTopic, options.keySerde, options.valueSerde)
    this.#isPersistent = options.persistence === 'persistent'
    if (this.#isPersistent) this.#load()
  }

  get recordsBuffered(): number {
    return this.#entries.size
  }

  get bytesBuffered(): number {
    return this.#bytesBuffered
  }

  get minTimestampMs(): number {
    const first = this.#heap.first
    return first === undefined ? Number.POSITIVE_INFINITY : first.timeMs
  }

  measureBytes(): void {
    if (this.#measuresBytes) return
    this.#measuresBytes = true
    for (const entry of this.#entries.values()) {
      entry.bytes = this.#measure(entry)
      this.#bytesBuffered += entry.bytes
    }
  }

  put(timeMs: number, record: StreamRecord<K, Change<V>>): void {
    const keyBytes = this.#codec.encodeKey(record.key)
    const mapKey = mapKeyOfBytes(keyBytes)
    const buffered = this.#entries.get(mapKey)
    this.#markDirty(mapKey, keyBytes, buffered)
    const { newValue, oldValue } = record.value
    const latest = newValue === null ? NULL_PART : new Part(newValue, undefined)
    // Mostly the old value is the new one that is buffered; sharing the part saves serializing it again.
    let old: Part<V> = NULL_PART
    if (oldValue !== null) old = buffered?.latest.value === oldValue ? buffered.latest : new Part(oldValue, undefined)
    const prior = buffered === undefined ? old : buffered.prior
    const { topic, partition, offset } = this.#environment.recordContext
    const context = { topic, partition, offset, timestampMs: record.timestampMs, headers: record.headers }
    const place = buffered ?? { keyBytes, mapKey, timeMs }
    const entry = new BufferEntry(place, { prior, old, latest }, context)
    entry.key = record.key
    this.#insert(entry, buffered)
  }

  evictFirst(emit: EmitBuffered<K, V>): void {
    const entry = present(this.#heap.first, 'there is nothing to send from an empty buffer')
    const current = this.#environment.recordContext
    const { topic, partition, offset, timestampMs, headers } = current
    if (entry.key === undefined) entry.key = this.#codec.decodeKey(entry.keyBytes)
    enterContext(current, entry.context)
    try {
      // Removed afterwards: until the change has been sent, readers of the suppressed table see the prior value.
      emit(entry.key as K, this.#valueOf(entry.latest), this.#valueOf(entry.old), entry.context)
    } finally {
      enterContext(current, { topic, partition, offset, timestampMs, headers })
    }
    this.#markDirty(entry.mapKey, entry.keyBytes, entry)
    this.#remove(entry)
  }

  priorValue(key: K): { readonly value: V | null } | undefined {
    const entry = this.#entries.get(mapKeyOfBytes(this.#codec.encodeKey(key)))
    return entry === undefined ? undefined : { value: this.#valueOf(entry.prior) }
  }

  get dirtyBytes(): number {
    return this.#dirty.size * (this.#size.averageBytes + ENTRY_OVERHEAD_BYTES)
  }

  get dirtyEntries(): number {
    return this.#dirty.size
  }

  get iteratorsOpen(): number {
    return 0
  }

  flushCache(): void {}

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    const { keyspace, recordContext } = this.#environment
    let bytes = 0
    for (const [mapKey, { keyBytes }] of this.#dirty) {
      const entry = this.#entries.get(mapKey)
      bytes += keyBytes.length
      if (entry === undefined) {
        if (this.#isPersistent) batch.delete(keyspace, keyBytes)
        changelog?.(keyBytes, null, recordContext.timestampMs, NO_HEADERS)
        continue
      }
      const value = encodeBufferedRecord(this.#recordOf(entry))
      bytes += value.length
      if (this.#isPersistent) batch.put(keyspace, keyBytes, value)
      changelog?.(keyBytes, value, entry.context.timestampMs, BUFFER_HEADERS)
    }
    this.#size.measured(bytes, this.#dirty.size)
  }

  committed(): void {
    this.#dirty.clear()
  }

  aborted(): void {
    for (const [mapKey, { committed }] of this.#dirty) {
      const entry = this.#entries.get(mapKey)
      if (entry !== undefined) this.#remove(entry)
      if (committed !== undefined) this.#insert(committed, undefined)
    }
    this.#dirty.clear()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    assert(this.#dirty.size === 0, `store '${this.name}' is restored only where nothing is uncommitted`)
    const { keyspace } = this.#environment
    for (const record of records) {
      if (record.key === null) continue
      // A copy: the bytes may be a view of a larger buffer, and the key is kept.
      const keyBytes = record.key.slice()
      const mapKey = mapKeyOfBytes(keyBytes)
      const buffered = this.#entries.get(mapKey)
      if (record.value === null) {
        if (buffered !== undefined) this.#remove(buffered)
        if (this.#isPersistent) batch.delete(keyspace, keyBytes)
        continue
      }
      // The record's own place counts: the key may have been sent and buffered again between two commits. (Java keeps
      // the older place here, and so sends such a key too early after a restore.)
      const entry = this.#decode(keyBytes, { ...record, value: record.value }, buffered)
      if (buffered !== undefined) this.#remove(buffered)
      this.#insert(entry, undefined)
      if (this.#isPersistent) batch.put(keyspace, keyBytes, encodeBufferedRecord(this.#recordOf(entry)))
    }
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return {}
  }

  loadMetadata(): void {}

  close(): void {
    this.#entries.clear()
    this.#heap.clear()
    this.#dirty.clear()
    this.#bytesBuffered = 0
  }

  #load(): void {
    const entries = this.#environment.keyspace.iterate({})
    try {
      while (entries.next()) {
        const keyBytes = entries.key.slice()
        const record = { offset: -1, timestampMs: 0, key: keyBytes, value: entries.value, headers: BUFFER_HEADERS }
        this.#insert(this.#decode(keyBytes, record, undefined), undefined)
      }
    } finally {
      entries.close()
    }
  }

  #decode(
    keyBytes: Bytes,
    record: LogRecord & { readonly value: Bytes },
    buffered: BufferEntry<V> | undefined,
  ): BufferEntry<V> {
    const previousPrior = buffered === undefined ? undefined : this.#bytesOf(buffered.prior)
    const decoded = decodeBufferedRecord(record, this.#environment.changelogTopic, previousPrior)
    const prior = partOfBytes<V>(decoded.prior)
    const isOldPrior = decoded.prior !== null && decoded.old !== null && equalBytes(decoded.prior, decoded.old)
    const old = isOldPrior ? prior : partOfBytes<V>(decoded.old)
    const place = { keyBytes, mapKey: mapKeyOfBytes(keyBytes), timeMs: decoded.timeMs }
    return new BufferEntry(place, { prior, old, latest: partOfBytes<V>(decoded.latest) }, decoded.context)
  }

  #recordOf(entry: BufferEntry<V>): BufferedRecord {
    return {
      context: entry.context,
      prior: this.#bytesOf(entry.prior),
      old: this.#bytesOf(entry.old),
      latest: this.#bytesOf(entry.latest),
      timeMs: entry.timeMs,
    }
  }

  #markDirty(mapKey: string, keyBytes: Bytes, committed: BufferEntry<V> | undefined): void {
    if (!this.#dirty.has(mapKey)) this.#dirty.set(mapKey, { keyBytes, committed })
  }

  #insert(entry: BufferEntry<V>, buffered: BufferEntry<V> | undefined): void {
    if (this.#measuresBytes) {
      entry.bytes = this.#measure(entry)
      this.#bytesBuffered += entry.bytes - (buffered === undefined ? 0 : buffered.bytes)
    }
    this.#entries.set(entry.mapKey, entry)
    if (buffered === undefined) this.#heap.add(entry)
    else this.#heap.replace(buffered, entry)
  }

  #remove(entry: BufferEntry<V>): void {
    this.#entries.delete(entry.mapKey)
    this.#heap.remove(entry)
    this.#bytesBuffered -= entry.bytes
  }

  /** Java: computeRecordSize with BufferValue.residentMemorySizeEstimate. */
  #measure(entry: BufferEntry<V>): number {
    const prior = this.#bytesOf(entry.prior)
    const old = this.#bytesOf(entry.old)
    const latest = this.#bytesOf(entry.latest)
    const isOldPrior = prior === old || (prior !== null && old !== null && equalBytes(prior, old))
    const values = (prior?.length ?? 0) + (isOldPrior ? 0 : (old?.length ?? 0)) + (latest?.length ?? 0)
    return 28 + entry.keyBytes.length + values + entry.context.topic.length + headersLength(entry.context.headers)
  }

  #valueOf(part: Part<V>): V | null {
    if (part.value === undefined) {
      const bytes = present(part.bytes, 'a buffered value has an object or bytes')
      part.value = this.#codec.decodeValue(bytes)
    }
    return part.value
  }

  #bytesOf(part: Part<V>): Bytes | null {
    if (part.bytes === undefined) part.bytes = this.#codec.encodeValue(part.value as V)
    return part.bytes
  }
}

function enterContext(current: RecordContext, next: Readonly<RecordContext>): void {
  current.topic = next.topic
  current.partition = next.partition
  current.offset = next.offset
  current.timestampMs = next.timestampMs
  current.headers = next.headers
}

function partOfBytes<V>(bytes: Bytes | null): Part<V> {
  return bytes === null ? NULL_PART : new Part<V>(undefined, bytes)
}

function headersLength(headers: Headers): number {
  let length = 0
  for (const { key, value } of headers) length += key.length + (value === null ? 0 : value.length)
  return length
}

/** A binary heap by time, then key bytes, whose entries know their place: any of them can be removed. */
class EntryHeap<V> {
  #entries: BufferEntry<V>[] = []

  get first(): BufferEntry<V> | undefined {
    return this.#entries[0]
  }

  clear(): void {
    this.#entries = []
  }

  add(entry: BufferEntry<V>): void {
    this.#entries.push(entry)
    this.#siftUp(entry, this.#entries.length - 1)
  }

  /** `next` has the time and key of `current`, and so its place. */
  replace(current: BufferEntry<V>, next: BufferEntry<V>): void {
    next.heapIndex = current.heapIndex
    this.#entries[current.heapIndex] = next
    current.heapIndex = -1
  }

  remove(entry: BufferEntry<V>): void {
    const index = entry.heapIndex
    assert(this.#entries[index] === entry, 'an entry that is removed is in the heap')
    const last = this.#entries.pop() as BufferEntry<V>
    entry.heapIndex = -1
    if (last === entry) return
    this.#siftUp(last, index)
    this.#siftDown(last, last.heapIndex)
  }

  #siftUp(entry: BufferEntry<V>, from: number): void {
    const entries = this.#entries
    let index = from
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = entries[parentIndex] as BufferEntry<V>
      if (compareEntries(parent, entry) <= 0) break
      entries[index] = parent
      parent.heapIndex = index
      index = parentIndex
    }
    entries[index] = entry
    entry.heapIndex = index
  }

  #siftDown(entry: BufferEntry<V>, from: number): void {
    const entries = this.#entries
    const count = entries.length
    let index = from
    for (let childIndex = 2 * index + 1; childIndex < count; childIndex = 2 * index + 1) {
      const right = entries[childIndex + 1]
      let child = entries[childIndex] as BufferEntry<V>
      if (right !== undefined && compareEntries(right, child) < 0) {
        child = right
        childIndex++
      }
      if (compareEntries(entry, child) <= 0) break
      entries[index] = child
      child.heapIndex = index
      index = childIndex
    }
    entries[index] = entry
    entry.heapIndex = index
  }
}

function compareEntries(left: BufferEntry<unknown>, right: BufferEntry<unknown>): number {
  return left.timeMs - right.timeMs || compareBytes(left.keyBytes, right.keyBytes)
}
