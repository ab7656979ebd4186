import { type Bytes, readInt32, readInt64, writeInt32, writeInt64 } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'

/** A window of a key: [startMs, endMs) for tumbling and hopping, [startMs, endMs] for sliding and session windows. */
export type Window = { readonly startMs: number; readonly endMs: number }
export type Windowed<K> = { readonly key: K; readonly window: Window }

const INT64_BYTES = 8
const INT32_BYTES = 4
/** Bytes after the key in the key of a window store. */
export const WINDOW_SUFFIX_BYTES = INT64_BYTES + INT32_BYTES
/** Bytes after the key in the key of a session store. */
export const SESSION_SUFFIX_BYTES = 2 * INT64_BYTES
/** Sequence numbers of duplicates wrap to 0 after this one. */
export const SEQUENCE_NUMBER_MAX = 0x7fff_ffff

/** End of a window that would lie beyond the numbers (Java: "truncated to Long.MAX"). */
export const WINDOW_END_MAX_MS = Number.MAX_SAFE_INTEGER

export function windowEndMs(startMs: number, windowSizeMs: number): number {
  return Math.min(startMs + windowSizeMs, WINDOW_END_MAX_MS)
}

/**
 * Key of a window store and of its changelog (Java: WindowKeySchema.toStoreKeyBinary):
 *
 *     key | int64 window start | int32 sequence number (0 unless duplicates are retained)
 */
export function encodeWindowStoreKey(key: Bytes, startMs: number, sequenceNumber: number): Bytes {
  const encoded = new Uint8Array(key.length + WINDOW_SUFFIX_BYTES)
  encoded.set(key)
  writeInt64(encoded, key.length, startMs)
  writeInt32(encoded, key.length + INT64_BYTES, sequenceNumber)
  return encoded
}

export function windowStoreKeyStartMs(encoded: Bytes): number {
  return readInt64(encoded, encoded.length - WINDOW_SUFFIX_BYTES)
}

export function windowStoreKeySequenceNumber(encoded: Bytes): number {
  return readInt32(encoded, encoded.length - INT32_BYTES)
}

/** A view, not a copy. */
export function windowStoreKeyBytes(encoded: Bytes): Bytes {
  return encoded.subarray(0, encoded.length - WINDOW_SUFFIX_BYTES)
}

/**
 * Key of a session store, of its changelog, and of session-windowed keys in topics (Java: SessionKeySchema.toBinary):
 *
 *     key | int64 end | int64 start
 */
export function encodeSessionKey(key: Bytes, startMs: number, endMs: number): Bytes {
  const encoded = new Uint8Array(key.length + SESSION_SUFFIX_BYTES)
  encoded.set(key)
  writeInt64(encoded, key.length, endMs)
  writeInt64(encoded, key.length + INT64_BYTES, startMs)
  return encoded
}

export function sessionKeyStartMs(encoded: Bytes): number {
  return readInt64(encoded, encoded.length - INT64_BYTES)
}

export function sessionKeyEndMs(encoded: Bytes): number {
  return readInt64(encoded, encoded.length - SESSION_SUFFIX_BYTES)
}

/** A view, not a copy. */
export function sessionKeyBytes(encoded: Bytes): Bytes {
  return encoded.subarray(0, encoded.length - SESSION_SUFFIX_BYTES)
}

function checkSuffix(bytes: Bytes, suffixBytes: number, name: string): void {
  if (bytes.length < suffixBytes) throw new Error(`${name} has at least ${suffixBytes} bytes, not ${bytes.length}`)
}

/** Java: the constructor of Window, which refuses the same. */
function checkedWindow(startMs: number, endMs: number, name: string): Window {
  if (startMs < 0 || endMs < startMs) throw new Error(`${name}: a window cannot be from ${startMs} to ${endMs}`)
  return { startMs, endMs }
}

/** A serde of windowed keys shows that of the keys: topics of windowed results are partitioned by the key alone. */
export type WindowedSerde<K> = Serde<Windowed<K>> & { readonly windowedKeySerde: Serde<K> }

/**
 * Keys of time windows in topics (Java: TimeWindowedSerializer): key | int64 start. The end is not in the bytes, so the
 * size must be the one of the windows that were written.
 */
export function timeWindowedSerde<K>(inner: Serde<K>, windowSizeMs: number): WindowedSerde<K> {
  const name = `time-windowed(${inner.name}, ${windowSizeMs})`
  return {
    name,
    windowedKeySerde: inner,
    serialize(data, topic, headers) {
      const key = inner.serialize(data.key as NonNullable<K>, topic, headers)
      const encoded = new Uint8Array(key.length + INT64_BYTES)
      encoded.set(key)
      writeInt64(encoded, key.length, data.window.startMs)
      return encoded
    },
    deserialize(bytes, topic, headers) {
      checkSuffix(bytes, INT64_BYTES, name)
      const keyLength = bytes.length - INT64_BYTES
      const key = inner.deserialize(bytes.subarray(0, keyLength), topic, headers)
      const startMs = readInt64(bytes, keyLength)
      return { key, window: checkedWindow(startMs, windowEndMs(startMs, windowSizeMs), name) }
    },
  }
}

/** Keys of session windows in topics (Java: SessionWindowedSerializer): key | int64 end | int64 start. */
export function sessionWindowedSerde<K>(inner: Serde<K>): WindowedSerde<K> {
  const name = `session-windowed(${inner.name})`
  return {
    name,
    windowedKeySerde: inner,
    serialize(data, topic, headers) {
      const key = inner.serialize(data.key as NonNullable<K>, topic, headers)
      return encodeSessionKey(key, data.window.startMs, data.window.endMs)
    },
    deserialize(bytes, topic, headers) {
      checkSuffix(bytes, SESSION_SUFFIX_BYTES, name)
      const key = inner.deserialize(sessionKeyBytes(bytes), topic, headers)
      return { key, window: checkedWindow(sessionKeyStartMs(bytes), sessionKeyEndMs(bytes), name) }
    },
  }
}
