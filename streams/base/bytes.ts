/**
 * Bytes, and numbers in bytes. Everything is big-endian, as in Kafka Streams' formats: for non-negative integers the
 * byte order is the number order. Timestamps and offsets are JavaScript numbers (< 2^53), checked where bytes become
 * numbers.
 */
export type Bytes = Uint8Array

export const EMPTY_BYTES: Bytes = new Uint8Array(0)

/** Lexicographic comparison of unsigned bytes: the order of every store. */
export function compareBytes(left: Bytes, right: Bytes): number {
  const count = Math.min(left.length, right.length)
  for (let i = 0; i < count; i++) {
    const difference = (left[i] as number) - (right[i] as number)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

export function equalBytes(left: Bytes, right: Bytes): boolean {
  return left.length === right.length && compareBytes(left, right) === 0
}

export function concatBytes(...parts: readonly Bytes[]): Bytes {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** The smallest byte string greater than every string that starts with `prefix`; undefined if there is none. */
export function prefixEnd(prefix: Bytes): Bytes | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number
    if (byte === 0xff) continue
    // A copy: `slice` of a Node Buffer would be a view, and the caller's bytes would change.
    const end = new Uint8Array(prefix.subarray(0, i + 1))
    end[i] = byte + 1
    return end
  }
  return undefined
}

/** Writes a 32-bit integer, big-endian. */
export function writeInt32(target: Bytes, offset: number, value: number): void {
  target[offset] = value >>> 24
  target[offset + 1] = value >>> 16
  target[offset + 2] = value >>> 8
  target[offset + 3] = value
}

export function readInt32(source: Bytes, offset: number): number {
  return (
    ((source[offset] as number) << 24) |
    ((source[offset + 1] as number) << 16) |
    ((source[offset + 2] as number) << 8) |
    (source[offset + 3] as number)
  )
}

/** Writes a safe integer as a signed 64-bit big-endian number (two's complement, as Java's `putLong`). */
export function writeInt64(target: Bytes, offset: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
  const high = Math.floor(value / 0x1_0000_0000)
  writeInt32(target, offset, high)
  writeInt32(target, offset + 4, value - high * 0x1_0000_0000)
}

/** Reads a signed 64-bit big-endian number; throws if it is no safe integer, rather than rounding it. */
export function readInt64(source: Bytes, offset: number): number {
  const value = readInt32(source, offset) * 0x1_0000_0000 + (readInt32(source, offset + 4) >>> 0)
  if (!Number.isSafeInteger(value)) throw new RangeError('a 64-bit number in these bytes is beyond 2^53')
  return value
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8Encode(text: string): Bytes {
  return encoder.encode(text)
}

/** Throws on bytes that are not UTF-8: a silent replacement character would change a key. */
export function utf8Decode(bytes: Bytes): string {
  return decoder.decode(bytes)
}

/** Two hexadecimal digits per byte, at most `bytesMax` bytes: for messages. */
export function hexOf(bytes: Bytes, bytesMax = 32): string {
  let text = ''
  for (let i = 0; i < Math.min(bytes.length, bytesMax); i++) text += (bytes[i] as number).toString(16).padStart(2, '0')
  return bytes.length > bytesMax ? `${text}… (${bytes.length} bytes)` : text
}
