import { type Bytes, EMPTY_BYTES, readInt64, writeInt64 } from '../base/index.ts'
import type { Headers, Serde } from '../ports/index.ts'
import { listOf } from '../serdes/index.ts'
import { defaultSegmentIntervalMs } from '../stores/specs.ts'
import type { KeyValueStoreSpec, StorePersistence, WindowStoreSpec } from '../stores/types.ts'
import type { JoinWindows } from './joins.ts'

/** In byte order: by time, then right before left, then by key. Java: TimestampedKeyAndJoinSide. */
export type OuterJoinKey<K> = { readonly timestampMs: number; readonly isLeft: boolean; readonly key: K }

/** Exactly one of the two is not null. Java: LeftOrRightValue. */
export type LeftOrRight<L, R> = { readonly left: L | null; readonly right: R | null }

/** All unmatched records of one side, key and time, in the order in which they came. */
export type OuterJoinStoreSpec<K, L, R> = KeyValueStoreSpec<OuterJoinKey<K>, readonly LeftOrRight<L, R>[]> & {
  readonly timestamped: false
}
/** With headers, values are timestamped too, as in every store that keeps them. */
export type JoinWindowStoreSpec<K, V> = WindowStoreSpec<K, V>

type Logging = { readonly config?: Readonly<Record<string, string>> } | undefined

/** Both sides of the window; also the size of its stores' windows. */
export function joinWindowSizeMs({ beforeMs, afterMs }: JoinWindows): number {
  return beforeMs + afterMs
}

export type JoinWindowStoreOptions<K, V> = {
  /** With Java's `-store` suffix. */
  readonly name: string
  readonly windows: JoinWindows
  readonly persistence: StorePersistence
  readonly withHeaders?: boolean
  readonly logging: Logging
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
}

/**
 * The window store of one side. Java: StreamJoinedStoreFactory. It keeps duplicates, so its changelog is never
 * compacted: a later record must not remove an earlier one of the same key and time.
 */
export function joinWindowStoreSpec<K, V>(options: JoinWindowStoreOptions<K, V>): JoinWindowStoreSpec<K, V> {
  const { name, windows, persistence, logging, keySerde, valueSerde, withHeaders = false } = options
  const windowSizeMs = joinWindowSizeMs(windows)
  const retentionMs = windowSizeMs + windows.graceMs
  return {
    kind: 'window',
    name,
    keySerde,
    valueSerde,
    persistence,
    logging: logging === undefined ? undefined : { config: { ...logging.config, 'cleanup.policy': 'delete' } },
    caching: false,
    timestamped: withHeaders,
    withHeaders,
    windowSizeMs,
    retentionMs,
    segmentIntervalMs: defaultSegmentIntervalMs(retentionMs),
    retainDuplicates: true,
  }
}

export type OuterJoinStoreOptions<K, L, R> = {
  /** With Java's `-store` suffix. */
  readonly name: string
  readonly persistence: StorePersistence
  readonly logging: Logging
  readonly keySerde: Serde<K>
  readonly leftSerde: Serde<L>
  readonly rightSerde: Serde<R>
}

/** The store of unmatched records that both sides of a left or outer join share. Java: OuterStreamJoinStoreFactory. */
export function outerJoinStoreSpec<K, L, R>(options: OuterJoinStoreOptions<K, L, R>): OuterJoinStoreSpec<K, L, R> {
  const { name, persistence, logging, keySerde, leftSerde, rightSerde } = options
  return {
    kind: 'key-value',
    name,
    keySerde: outerJoinKeySerde(keySerde),
    valueSerde: listOf(leftOrRightSerde(leftSerde, rightSerde)),
    persistence,
    logging,
    caching: false,
    timestamped: false,
  }
}

const TIMESTAMP_BYTES = 8
const KEY_PREFIX_BYTES = TIMESTAMP_BYTES + 1

/** Where the entries of a time and later start: a bound for ranges, never stored. */
export function outerJoinRangeStart<K>(timestampMs: number): OuterJoinKey<K> {
  return { timestampMs, isLeft: false, key: null as K }
}

/** Java's TimestampedKeyAndJoinSideSerializer: `int64 timestamp | 1 = left, 0 = right | key`. A null key is no bytes. */
export function outerJoinKeySerde<K>(keySerde: Serde<K>): Serde<OuterJoinKey<K>> {
  return {
    name: `outer-join-key(${keySerde.name})`,
    serialize({ timestampMs, isLeft, key }, topic, headers) {
      const keyBytes = key === null ? EMPTY_BYTES : keySerde.serialize(key as NonNullable<K>, topic, headers)
      const bytes = new Uint8Array(KEY_PREFIX_BYTES + keyBytes.length)
      writeInt64(bytes, 0, timestampMs)
      bytes[TIMESTAMP_BYTES] = isLeft ? 1 : 0
      bytes.set(keyBytes, KEY_PREFIX_BYTES)
      return bytes
    },
    deserialize(bytes, topic, headers) {
      const isLeft = readIsLeft(bytes, TIMESTAMP_BYTES)
      const key = keySerde.deserialize(bytes.subarray(KEY_PREFIX_BYTES), topic, headers)
      return { timestampMs: readInt64(bytes, 0), isLeft, key }
    },
    ...preparing(keySerde, (bytes) => bytes.subarray(KEY_PREFIX_BYTES)),
  }
}

/** Java's LeftOrRightValueSerializer: `1 = left, 0 = right | value`. */
export function leftOrRightSerde<L, R>(leftSerde: Serde<L>, rightSerde: Serde<R>): Serde<LeftOrRight<L, R>> {
  const serializeSide = ({ left, right }: LeftOrRight<L, R>, topic: string, headers: Headers | undefined): Bytes =>
    left === null
      ? rightSerde.serialize(right as NonNullable<R>, topic, headers)
      : leftSerde.serialize(left as NonNullable<L>, topic, headers)
  return {
    name: `left-or-right(${leftSerde.name}, ${rightSerde.name})`,
    serialize(value, topic, headers) {
      const valueBytes = serializeSide(value, topic, headers)
      const bytes = new Uint8Array(1 + valueBytes.length)
      bytes[0] = value.left === null ? 0 : 1
      bytes.set(valueBytes, 1)
      return bytes
    },
    deserialize(bytes, topic, headers) {
      const valueBytes = bytes.subarray(1)
      return readIsLeft(bytes, 0)
        ? { left: leftSerde.deserialize(valueBytes, topic, headers), right: null }
        : { left: null, right: rightSerde.deserialize(valueBytes, topic, headers) }
    },
  }
}

/** Bytes that are cut off must not pass for those of the right side. */
function readIsLeft(bytes: Bytes, at: number): boolean {
  const side = bytes[at]
  if (side !== 0 && side !== 1)
    throw new Error(`the side of an outer join is 0 or 1 at byte ${at}, not ${String(side)}`)
  return side === 1
}

/** `prepare` of a serde whose bytes hold those of another one. */
function preparing<T>(inner: Serde<T>, bytesOf: (bytes: Bytes) => Bytes): Pick<Serde<T>, 'prepare'> {
  if (inner.prepare === undefined) return {}
  return { prepare: (bytes, topic) => inner.prepare?.(bytesOf(bytes), topic) }
}
