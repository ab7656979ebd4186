import {
  type Bytes,
  hexOf,
  readInt32,
  readInt64,
  utf8Decode,
  utf8Encode,
  writeInt32,
  writeInt64,
} from '../base/index.ts'
import type { Serde } from '../ports/index.ts'

/**
 * Serdes of single values, in the bytes of Kafka's own serializers (org.apache.kafka.common.serialization), so that a
 * Java application reads what we write and the other way round. Where Java rounds or replaces silently, these throw.
 */

/** A serde whose bytes always have the same length: `listOf` leaves the lengths out, as Java's ListSerializer does. */
export type FixedLengthSerde<T> = Serde<T> & {
  readonly fixedLengthBytes: number
}

/** Up to this many characters a loop over character codes is faster than the platform's encoder. */
const SHORT_TEXT_LENGTH_MAX = 32
/**
 * Up to this many bytes a loop is faster than the platform's decoder. Longer texts must not be put together by `+=`: V8
 * makes a tree of the pieces from 13 characters on, and whoever first looks a key up in a map pays for making it flat.
 */
const SHORT_BYTES_MAX = 7

function encodeText(text: string): Bytes {
  const length = text.length
  if (length <= SHORT_TEXT_LENGTH_MAX) {
    const bytes = new Uint8Array(length)
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) break
      bytes[i] = code
    }
    if (i === length) return bytes
  }
  // An unpaired surrogate has no UTF-8 form; its replacement would make two keys one.
  if (!text.isWellFormed()) throw new Error('the string contains an unpaired surrogate and cannot be written as UTF-8')
  return utf8Encode(text)
}

function decodeText(bytes: Bytes): string {
  const length = bytes.length
  if (length <= SHORT_BYTES_MAX) {
    let text = ''
    let i = 0
    for (; i < length; i++) {
      const byte = bytes[i] as number
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (i === length) return text
  }
  return utf8Decode(bytes)
}

function checkLength(bytes: Bytes, length: number, name: string): void {
  if (bytes.length !== length) throw new Error(`${name} has ${length} bytes, not ${bytes.length} (${hexOf(bytes)})`)
}

function checkInteger(value: number, min: number, max: number, name: string): void {
  if (!Number.isInteger(value) || value < min || value > max) throw new Error(`${String(value)} is no ${name}`)
}

/** UTF-8 (StringSerializer). */
export const stringSerde: Serde<string> = {
  name: 'string',
  serialize(data) {
    if (typeof data !== 'string') throw new Error(`a string was expected, not ${typeof data}`)
    return encodeText(data)
  },
  deserialize: (bytes) => decodeText(bytes),
}

/** 8 bytes, signed, big-endian (LongSerializer); numbers beyond 2^53 are refused in both directions. */
export const int64Serde: FixedLengthSerde<number> = {
  name: 'int64',
  fixedLengthBytes: 8,
  serialize(data) {
    const bytes = new Uint8Array(8)
    writeInt64(bytes, 0, data)
    return bytes
  },
  deserialize(bytes) {
    checkLength(bytes, 8, 'int64')
    return readInt64(bytes, 0)
  },
}

/** 4 bytes, signed, big-endian (IntegerSerializer). */
export const int32Serde: FixedLengthSerde<number> = {
  name: 'int32',
  fixedLengthBytes: 4,
  serialize(data) {
    checkInteger(data, -0x8000_0000, 0x7fff_ffff, 'int32')
    const bytes = new Uint8Array(4)
    writeInt32(bytes, 0, data)
    return bytes
  },
  deserialize(bytes) {
    checkLength(bytes, 4, 'int32')
    return readInt32(bytes, 0)
  },
}

/** 2 bytes, signed, big-endian (ShortSerializer). */
export const int16Serde: FixedLengthSerde<number> = {
  name: 'int16',
  fixedLengthBytes: 2,
  serialize(data) {
    checkInteger(data, -0x8000, 0x7fff, 'int16')
    return Uint8Array.of((data >> 8) & 0xff, data & 0xff)
  },
  deserialize(bytes) {
    checkLength(bytes, 2, 'int16')
    return (((bytes[0] as number) << 24) >> 16) | (bytes[1] as number)
  },
}

/** 8 bytes, IEEE 754, big-endian (DoubleSerializer). Byte order is not number order for negative numbers. */
export const float64Serde: FixedLengthSerde<number> = {
  name: 'float64',
  fixedLengthBytes: 8,
  serialize(data) {
    if (typeof data !== 'number') throw new Error(`a number was expected, not ${typeof data}`)
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, data)
    return bytes
  },
  deserialize(bytes) {
    checkLength(bytes, 8, 'float64')
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0)
  },
}

/** One byte, 0 or 1 (BooleanSerializer). */
export const booleanSerde: Serde<boolean> = {
  name: 'boolean',
  serialize(data) {
    if (typeof data !== 'boolean') throw new Error(`a boolean was expected, not ${typeof data}`)
    return Uint8Array.of(data ? 1 : 0)
  },
  deserialize(bytes) {
    checkLength(bytes, 1, 'boolean')
    const byte = bytes[0] as number
    if (byte > 1) throw new Error(`boolean is 0 or 1, not ${byte}`)
    return byte === 1
  },
}

/** The bytes themselves. What was read is a copy, since a record's bytes may be a view of a buffer. */
export const bytesSerde: Serde<Bytes> = {
  name: 'bytes',
  serialize(data) {
    if (!(data instanceof Uint8Array)) throw new Error(`bytes were expected, not ${typeof data}`)
    return data
  },
  deserialize: (bytes) => new Uint8Array(bytes),
}

const UUID_LENGTH = 36
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The 36 characters of a UUID in lower case, as UTF-8 (UUIDSerializer). */
export const uuidSerde: FixedLengthSerde<string> = {
  name: 'uuid',
  fixedLengthBytes: UUID_LENGTH,
  serialize(data) {
    if (!UUID_PATTERN.test(data)) throw new Error(`'${data}' is no UUID in lower case`)
    return utf8Encode(data)
  },
  deserialize(bytes) {
    const text = utf8Decode(bytes).toLowerCase()
    if (!UUID_PATTERN.test(text)) throw new Error(`'${text}' is no UUID`)
    return text
  },
}

/** For topics whose key or value is always null (VoidSerializer): any byte is an error. */
export const voidSerde: Serde<null> = {
  name: 'void',
  nullable: true,
  serialize() {
    throw new Error('void has no value but null')
  },
  deserialize(bytes) {
    throw new Error(`void has no value but null, not ${bytes.length} bytes`)
  },
}

/** JSON text in UTF-8. `T` is believed, not checked: wrap it where the bytes come from strangers. */
export function jsonSerde<T>(name = 'json'): Serde<T> {
  return {
    name,
    serialize(data) {
      const text = JSON.stringify(data)
      if (text === undefined) throw new Error(`a ${typeof data} has no JSON form`)
      return encodeText(text)
    },
    deserialize: (bytes) => JSON.parse(decodeText(bytes)) as T,
  }
}
