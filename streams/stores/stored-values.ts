import type { Bytes } from '../base/index.ts'
import { type Headers, NO_HEADERS } from '../ports/index.ts'
import {
  encodeAggregateWithHeaders,
  encodeTimestamped,
  encodeWithHeaders,
  valueBehindTimestamp,
  valueBytesOf,
} from '../serdes/index.ts'
import type { StoreCodec } from './store-basics.ts'
import type { AggregationWithHeaders, ValueAndTimestamp, ValueTimestampHeaders } from './types.ts'

/**
 * What a store keeps beside the serialized value: nothing, the timestamp, the timestamp and the record's headers, or
 * (session stores) the headers alone.
 */
export type StoredFormat = 'plain' | 'timestamped' | 'timestamped-with-headers' | 'aggregate-with-headers'

export function storedFormat(spec: { readonly timestamped: boolean; readonly withHeaders?: boolean }): StoredFormat {
  if (!spec.timestamped) return 'plain'
  return spec.withHeaders === true ? 'timestamped-with-headers' : 'timestamped'
}

/**
 * The values of one store between the objects that processors see and the bytes of engine and changelog. One class for
 * all formats, so that the code of commits stays monomorphic. `V` is what the store hands out: the plain value, or an
 * object that wraps it.
 */
export class StoredValues<V> {
  readonly keepsHeaders: boolean
  readonly #format: StoredFormat
  readonly #codec: StoreCodec<unknown, unknown>

  constructor(format: StoredFormat, codec: StoreCodec<unknown, unknown>) {
    this.#format = format
    this.keepsHeaders = format === 'timestamped-with-headers' || format === 'aggregate-with-headers'
    this.#codec = codec
  }

  /** As in the changelog: the value alone. */
  encode(value: V): Bytes {
    switch (this.#format) {
      case 'plain':
        return this.#codec.encodeValue(value)
      case 'timestamped':
        return this.#codec.encodeValue((value as ValueAndTimestamp<unknown>).value)
      case 'timestamped-with-headers': {
        const { value: plain, headers } = value as ValueTimestampHeaders<unknown>
        return this.#codec.encodeValue(plain, headers)
      }
      case 'aggregate-with-headers': {
        const { aggregation, headers } = value as AggregationWithHeaders<unknown>
        return this.#codec.encodeValue(aggregation, headers)
      }
    }
  }

  /** As in the engine; `raw` is what `encode` gave. */
  wrap(raw: Bytes, value: V): Bytes {
    switch (this.#format) {
      case 'plain':
        return raw
      case 'timestamped':
        return encodeTimestamped(raw, (value as ValueAndTimestamp<unknown>).timestampMs)
      case 'timestamped-with-headers': {
        const { timestampMs, headers } = value as ValueTimestampHeaders<unknown>
        return encodeWithHeaders(raw, timestampMs, headers)
      }
      case 'aggregate-with-headers':
        return encodeAggregateWithHeaders(raw, (value as AggregationWithHeaders<unknown>).headers)
    }
  }

  /** As in the engine, of a record of the changelog. */
  restored(raw: Bytes, timestampMs: number, headers: Headers): Bytes {
    switch (this.#format) {
      case 'plain':
        return raw
      case 'timestamped':
        return encodeTimestamped(raw, timestampMs)
      case 'timestamped-with-headers':
        return encodeWithHeaders(raw, timestampMs, headers)
      case 'aggregate-with-headers':
        return encodeAggregateWithHeaders(raw, headers)
    }
  }

  /** The time of the changelog's record; `writtenAtMs` is that of the record that was in process. */
  timestampMs(value: V, writtenAtMs: number): number {
    const isTimestamped = this.#format === 'timestamped' || this.#format === 'timestamped-with-headers'
    return isTimestamped ? (value as ValueAndTimestamp<unknown>).timestampMs : writtenAtMs
  }

  headers(value: V): Headers {
    return this.keepsHeaders ? (value as ValueTimestampHeaders<unknown>).headers : NO_HEADERS
  }

  decode(bytes: Bytes): V {
    switch (this.#format) {
      case 'plain':
        return this.#codec.decodeValue(bytes) as V
      case 'timestamped': {
        const timestampMs = this.#codec.timestampAt(bytes, 0)
        return { value: this.#codec.decodeValue(valueBytesOf(bytes)), timestampMs } as V
      }
      case 'timestamped-with-headers': {
        const { headers, offset } = this.#codec.headersOf(bytes)
        const timestampMs = this.#codec.timestampAt(bytes, offset)
        const value = this.#codec.decodeValue(valueBehindTimestamp(bytes, offset), headers)
        return { value, timestampMs, headers } as V
      }
      case 'aggregate-with-headers': {
        const { headers, offset } = this.#codec.headersOf(bytes)
        return { aggregation: this.#codec.decodeValue(bytes.subarray(offset), headers), headers } as V
      }
    }
  }

  /**
   * The value as a store with headers keeps it. The DSL's operators know nothing of headers: what they put has none, as
   * in Java, where they put empty ones.
   */
  complete(value: V): V {
    const given = value as V & { readonly headers?: Headers }
    return given.headers === undefined ? { ...given, headers: NO_HEADERS } : value
  }
}
