import { type Bytes, readInt64, utf8Decode, utf8Encode, writeInt64 } from '../base/index.ts'
import { type Header, type Headers, NO_HEADERS } from '../ports/index.ts'

/**
 * Local formats of values that keep the headers of their record (KIP-1271; Java: ValueTimestampHeadersSerializer,
 * AggregationWithHeadersSerializer). All lengths and counts are Kafka's varints, which are zigzag:
 *
 *     key-value, window:   varint size of headers | headers | int64 timestamp | value
 *     session:             varint size of headers | headers | aggregate
 *     headers:             nothing where there are none, else
 *                          varint count | (varint key length | key | varint value length, -1 = null | value)*
 *
 * In changelogs the value stands alone; the record has the timestamp and the headers.
 */
const TIMESTAMP_BYTES = 8
/** Kafka's varint of -1. */
const NULL_LENGTH = 1

export function encodeWithHeaders(value: Bytes, timestampMs: number, headers: Headers): Bytes {
  const { bytes, offset } = startWithHeaders(headers, TIMESTAMP_BYTES + value.length)
  writeInt64(bytes, offset, timestampMs)
  bytes.set(value, offset + TIMESTAMP_BYTES)
  return bytes
}

export function encodeAggregateWithHeaders(aggregate: Bytes, headers: Headers): Bytes {
  const { bytes, offset } = startWithHeaders(headers, aggregate.length)
  bytes.set(aggregate, offset)
  return bytes
}

/** What is behind the headers begins at `offset`. */
export type ReadHeaders = { readonly headers: Headers; readonly offset: number }

export function readHeaders(bytes: Bytes): ReadHeaders {
  // Most have none.
  if (bytes[0] === 0) return { headers: NO_HEADERS, offset: 1 }
  const reader = new Reader(bytes)
  const size = reader.length()
  const offset = reader.offset + size
  if (size < 1 || offset > bytes.length) throw new RangeError(`stored headers cannot have ${size} bytes here`)
  const headers: Header[] = []
  const count = reader.length()
  if (count < 1) throw new RangeError(`stored headers cannot be ${count}`)
  for (let left = count; left > 0; left--) {
    const key = utf8Decode(reader.take(reader.length()))
    const valueLength = reader.length()
    if (valueLength < -1) throw new RangeError(`the value of a stored header cannot have ${valueLength} bytes`)
    // Copies: headers outlive the bytes they were read from.
    headers.push({ key, value: valueLength < 0 ? null : new Uint8Array(reader.take(valueLength)) })
  }
  if (reader.offset !== offset) throw new RangeError('stored headers do not end where they say')
  return { headers, offset }
}

export function timestampBehindHeaders(bytes: Bytes, offset: number): number {
  return readInt64(bytes, offset)
}

/** A view, not a copy. */
export function valueBehindTimestamp(bytes: Bytes, offset: number): Bytes {
  return bytes.subarray(offset + TIMESTAMP_BYTES)
}

/**
 * What a store without headers has written, as a store with headers reads it. Without a timestamp it gets -1. Java:
 * HeadersBytesStore.
 */
export function withNoHeaders(stored: Bytes): Bytes {
  const bytes = new Uint8Array(1 + stored.length)
  bytes.set(stored, 1)
  return bytes
}

export function withNoTimestampNorHeaders(stored: Bytes): Bytes {
  return encodeWithHeaders(stored, -1, NO_HEADERS)
}

function startWithHeaders(headers: Headers, restBytes: number): { readonly bytes: Bytes; readonly offset: number } {
  if (headers.length === 0) return { bytes: new Uint8Array(1 + restBytes), offset: 1 }
  const keys = headers.map(({ key }) => utf8Encode(key))
  let size = varintBytes(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const key = keys[i] as Bytes
    const value = (headers[i] as Header).value
    size += varintBytes(key.length) + key.length
    size += value === null ? NULL_LENGTH : varintBytes(value.length) + value.length
  }
  const bytes = new Uint8Array(varintBytes(size) + size + restBytes)
  let offset = writeVarint(bytes, writeVarint(bytes, 0, size), headers.length)
  for (let i = 0; i < headers.length; i++) {
    offset = writeBytes(bytes, offset, keys[i] as Bytes)
    const value = (headers[i] as Header).value
    offset = value === null ? writeVarint(bytes, offset, -1) : writeBytes(bytes, offset, value)
  }
  return { bytes, offset }
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

function varintBytes(value: number): number {
  let count = 1
  for (let rest = zigzag(value); rest >= 0x80; rest >>>= 7) count++
  return count
}

/** Returns the offset behind it. */
function writeVarint(target: Bytes, start: number, value: number): number {
  let offset = start
  let rest = zigzag(value)
  while (rest >= 0x80) {
    target[offset++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[offset++] = rest
  return offset
}

function writeBytes(target: Bytes, start: number, bytes: Bytes): number {
  const offset = writeVarint(target, start, bytes.length)
  target.set(bytes, offset)
  return offset + bytes.length
}

class Reader {
  readonly #bytes: Bytes
  offset = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  length(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.offset++]
      if (byte === undefined) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new RangeError('stored headers are cut off')
  }

  take(length: number): Bytes {
    const end = this.offset + length
    if (length < 0 || end > this.#bytes.length) throw new RangeError('stored headers are cut off')
    const taken = this.#bytes.subarray(this.offset, end)
    this.offset = end
    return taken
  }
}
