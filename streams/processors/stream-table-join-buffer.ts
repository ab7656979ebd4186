import { type Bytes, EMPTY_BYTES, hexOf, readInt32, readInt64, writeInt32, writeInt64 } from '../base/index.ts'
import type { LogRecord, Serde, WriteBatch } from '../ports/index.ts'
import { createStore, type OpenStore } from '../stores/create-store.ts'
import type {
  ChangelogSink,
  CustomStoreSpec,
  KeyValueStoreSpec,
  ManagedStore,
  RecordContext,
  StoreEnvironment,
  StorePersistence,
} from '../stores/types.ts'
import type { StreamRecord } from '../topology/record.ts'
import { BUFFER_HEADERS, decodeBufferedRecord, encodeBufferedRecord } from './suppress-buffer-format.ts'

/** Later than every timestamp. */
const NO_TIME_MS = Number.MAX_SAFE_INTEGER

/**
 * Stream records that wait for the grace period of a stream-table join (KIP-923), ordered by time, then key bytes, then
 * arrival. Java: RocksDBTimeOrderedKeyValueBuffer, whose changelog it writes.
 */
export type GraceBuffer<K, V> = ManagedStore & {
  /** Of the first record; later than every timestamp when the buffer is empty. */
  readonly minTimestampMs: number
  /** `sequence` tells records of the same time and key apart. */
  put(record: StreamRecord<K, V>, sequence: number): void
  /**
   * Gives all records up to a time to `emit`, in order, and removes them. While `emit` runs, the record in process is
   * the buffered one.
   */
  evict(toMs: number, emit: (record: StreamRecord<K, V>) => void): void
  /** -1 when the buffer is empty. Reads the whole buffer. */
  sequenceMax(): number
}

export type GraceBufferSpec<K, V> = CustomStoreSpec<GraceBuffer<K, V>>

export type GraceBufferOptions<K, V> = {
  readonly name: string
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly persistence: StorePersistence
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

/** The store that a stream-table join with grace needs. */
export function graceBufferSpec<K, V>(options: GraceBufferOptions<K, V>): GraceBufferSpec<K, V> {
  const { name, persistence, logging } = options
  const entries: EntriesSpec<K, V> = {
    kind: 'key-value',
    name,
    keySerde: bufferKeySerde(options.keySerde),
    valueSerde: bufferValueSerde(options.valueSerde),
    persistence,
    logging,
    caching: false,
    timestamped: false,
  }
  return {
    kind: 'custom',
    name,
    persistence,
    logging,
    caching: false,
    create: (environment) => new KeyValueGraceBuffer(entries, environment),
  }
}

type BufferKey<K> = { readonly timestampMs: number; readonly key: K; readonly sequence: number }
type BufferValue<V> = { readonly value: V; readonly context: Readonly<RecordContext> }
type EntriesSpec<K, V> = KeyValueStoreSpec<BufferKey<K>, BufferValue<V>> & { readonly timestamped: false }

/** A key-value store whose keys are in the order of time. */
class KeyValueGraceBuffer<K, V> implements GraceBuffer<K, V> {
  readonly name: string
  readonly #entries: OpenStore<EntriesSpec<K, V>>
  readonly #recordContext: RecordContext
  /** Undefined: not known since entries changed from outside (start, restore, abort). */
  #minTimestampMs: number | undefined

  constructor(spec: EntriesSpec<K, V>, environment: StoreEnvironment) {
    this.name = spec.name
    this.#entries = createStore(spec, environment)
    this.#recordContext = environment.recordContext
  }

  get minTimestampMs(): number {
    if (this.#minTimestampMs === undefined) {
      this.#minTimestampMs = NO_TIME_MS
      for (const { key } of this.#entries.all()) {
        this.#minTimestampMs = key.timestampMs
        break
      }
    }
    return this.#minTimestampMs
  }

  put({ key, value, timestampMs, headers }: StreamRecord<K, V>, sequence: number): void {
    if (timestampMs < this.minTimestampMs) this.#minTimestampMs = timestampMs
    const { topic, partition, offset } = this.#recordContext
    const context = { topic, partition, offset, timestampMs, headers }
    this.#entries.put({ timestampMs, key, sequence }, { value, context })
  }

  evict(toMs: number, emit: (record: StreamRecord<K, V>) => void): void {
    const current = this.#recordContext
    const { topic, partition, offset, timestampMs, headers } = current
    let minTimestampMs = NO_TIME_MS
    try {
      // From the first entry on: what was removed before it would have to be passed by each time.
      const start = { timestampMs: this.minTimestampMs, key: null as K, sequence: 0 }
      for (const { key, value } of this.#entries.range(start, undefined)) {
        if (key.timestampMs > toMs) {
          minTimestampMs = key.timestampMs
          break
        }
        const { context } = value
        Object.assign(current, context)
        emit({ key: key.key, value: value.value, timestampMs: context.timestampMs, headers: context.headers })
        this.#entries.put(key, null)
      }
      this.#minTimestampMs = minTimestampMs
    } finally {
      Object.assign(current, { topic, partition, offset, timestampMs, headers })
    }
  }

  sequenceMax(): number {
    let sequenceMax = -1
    for (const { key } of this.#entries.all()) sequenceMax = Math.max(sequenceMax, key.sequence)
    return sequenceMax
  }

  get dirtyBytes(): number {
    return this.#entries.dirtyBytes
  }

  get dirtyEntries(): number {
    return this.#entries.dirtyEntries
  }

  get iteratorsOpen(): number {
    return this.#entries.iteratorsOpen
  }

  flushCache(): void {
    this.#entries.flushCache()
  }

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    this.#entries.prepareCommit(batch, changelog)
  }

  committed(): void {
    this.#entries.committed()
  }

  aborted(): void {
    this.#minTimestampMs = undefined
    this.#entries.aborted()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    this.#minTimestampMs = undefined
    this.#entries.restoreBatch(records, batch)
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return this.#entries.saveMetadata()
  }

  loadMetadata(metadata: Readonly<Record<string, number>>): void {
    this.#entries.loadMetadata(metadata)
  }

  close(): void {
    this.#entries.close()
  }
}

/**
 * Java's time-first keys (PrefixedWindowKeySchemas): `0 | int64 timestamp | key | int32 sequence`. A null key is where
 * the entries of its time start: a bound for ranges, never stored.
 */
const TIME_FIRST_PREFIX = 0
const TIMESTAMP_AT = 1
const KEY_AT = 9
const SEQUENCE_BYTES = 4

export function bufferKeySerde<K>(keySerde: Serde<K>): Serde<BufferKey<K>> {
  return {
    name: `grace-buffer-key(${keySerde.name})`,
    serialize({ timestampMs, key, sequence }, topic) {
      const keyBytes = key === null ? EMPTY_BYTES : keySerde.serialize(key as NonNullable<K>, topic)
      const bytes = new Uint8Array(KEY_AT + keyBytes.length + (key === null ? 0 : SEQUENCE_BYTES))
      bytes[0] = TIME_FIRST_PREFIX
      writeInt64(bytes, TIMESTAMP_AT, timestampMs)
      if (key === null) return bytes
      bytes.set(keyBytes, KEY_AT)
      writeInt32(bytes, KEY_AT + keyBytes.length, sequence)
      return bytes
    },
    deserialize(bytes, topic) {
      if (bytes.length < KEY_AT + SEQUENCE_BYTES || bytes[0] !== TIME_FIRST_PREFIX) {
        throw new Error(`a key of a grace buffer starts with 0 and has 13 bytes or more, not ${hexOf(bytes)}`)
      }
      return {
        timestampMs: readInt64(bytes, TIMESTAMP_AT),
        key: keySerde.deserialize(bytes.subarray(KEY_AT, bytes.length - SEQUENCE_BYTES), topic),
        sequence: readInt32(bytes, bytes.length - SEQUENCE_BYTES),
      }
    },
  }
}

/** As in a suppression's buffer (Java: BufferValue), with neither prior nor old value and 0 as buffer time. */
export function bufferValueSerde<V>(valueSerde: Serde<V>): Serde<BufferValue<V>> {
  return {
    name: `grace-buffer-value(${valueSerde.name})`,
    serialize({ value, context }, topic) {
      const latest = valueSerde.serialize(value as NonNullable<V>, topic, context.headers)
      return encodeBufferedRecord({ context, prior: null, old: null, latest, timeMs: 0 })
    },
    deserialize(bytes, topic) {
      const { context, latest } = decodeBufferedRecord(asLogRecord(bytes), topic, null)
      if (latest === null) throw new Error('a buffered stream record has no value')
      return { value: valueSerde.deserialize(latest, topic, context.headers), context }
    },
  }
}

/** Java writes these records without the header that says the version of a suppression's. */
function asLogRecord(value: Bytes): LogRecord & { readonly value: Bytes } {
  return { offset: -1, timestampMs: 0, key: null, value, headers: BUFFER_HEADERS }
}
