import type { Bytes } from '#streams/base'
import { StreamsError } from '#streams/base'

/**
 * The cursor that avsc's compiled readers and writers move over the bytes. It replaces avsc's own, which trusts its
 * input: there, reading past the end yields undefined until somebody checks, numbers beyond 2^52 are rounded, bytes
 * that are not UTF-8 become replacement characters, and a boolean of 7 is true. Here each of these is an error at the
 * byte where it happens, so that damaged bytes never become a value.
 *
 * The method names are avsc's (a private interface of avsc 5.7.9; the exact version is pinned, and the tests of this
 * folder fail if it changes).
 */

/** An encoded record beyond this is refused before it fills the memory. */
export const ENCODED_BYTES_MAX = 64 * 1024 * 1024

const ENCODE_BUFFER_BYTES = 64 * 1024
const SHORT_STRING_CHARS = 63

const { utf8Slice, utf8Write, latin1Write } = Buffer.prototype as unknown as {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number
}
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const float64 = new Float64Array(1)
const float64Bytes = new Uint8Array(float64.buffer)
const float32 = new Float32Array(1)
const float32Bytes = new Uint8Array(float32.buffer)

function unreadable(reason: string): Error {
  return new StreamsError('RECORD_UNREADABLE', reason)
}

export class ReadTap {
  buf: Bytes
  pos: number
  #end: number

  constructor() {
    this.buf = new Uint8Array(0)
    this.pos = 0
    this.#end = 0
  }

  open(bytes: Bytes, offset: number): void {
    this.buf = bytes
    this.pos = offset
    this.#end = bytes.length
  }

  /** Drops the reference, so that a large buffer is not kept alive by the last record read from it. */
  close(): void {
    this.buf = EMPTY
  }

  remaining(): number {
    return this.#end - this.pos
  }

  #advance(count: number): number {
    const start = this.pos
    if (count < 0) throw unreadable(`a length of ${count} at byte ${start}`)
    if (count > this.#end - start) {
      throw unreadable(`the bytes end too early: ${count} wanted at byte ${start}, ${this.#end - start} left`)
    }
    this.pos = start + count
    return start
  }

  readBoolean(): boolean {
    const byte = this.buf[this.#advance(1)]
    if (byte !== 0 && byte !== 1) throw unreadable(`a boolean of ${byte} at byte ${this.pos - 1}`)
    return byte === 1
  }

  skipBoolean(): void {
    this.readBoolean()
  }

  /** Zigzag varint of up to 64 bits; throws rather than rounding what is beyond 2^53. */
  readLong(): number {
    const { buf } = this
    let pos = this.pos
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = buf[pos++]
      if (byte === undefined) throw unreadable(`the bytes end inside a number at byte ${this.pos}`)
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.pos = pos
        return (low >>> 1) ^ -(low & 1)
      }
    }
    return this.#readLongRest(low, pos)
  }

  #readLongRest(low: number, posStart: number): number {
    const { buf } = this
    let pos = posStart
    let high = 0
    let factor = 1
    for (let count = 4; count < 10; count++) {
      const byte = buf[pos++]
      if (byte === undefined) throw unreadable(`the bytes end inside a number at byte ${this.pos}`)
      high += (byte & 0x7f) * factor
      factor *= 128
      if (byte >= 0x80) continue
      const magnitude = high * 0x800_0000 + (low >>> 1)
      const value = (low & 1) === 1 ? -magnitude - 1 : magnitude
      if (!Number.isSafeInteger(value)) throw unreadable(`a number beyond 2^53 at byte ${this.pos}`)
      this.pos = pos
      return value
    }
    throw unreadable(`a number of more than 10 bytes at byte ${this.pos}`)
  }

  readInt(): number {
    const start = this.pos
    const value = this.readLong()
    if (value !== (value | 0)) throw unreadable(`${value} at byte ${start} is beyond 32 bits`)
    return value
  }

  /** A number that is not wanted may be beyond 2^53, but must end. */
  skipLong(): void {
    const { buf } = this
    for (let count = 0; count < 10; count++) {
      const byte = buf[this.#advance(1)] as number
      if (byte < 0x80) return
    }
    throw unreadable(`a number of more than 10 bytes before byte ${this.pos}`)
  }

  skipInt(): void {
    this.skipLong()
  }

  readFloat(): number {
    const start = this.#advance(4)
    for (let i = 0; i < 4; i++) float32Bytes[i] = this.buf[start + i] as number
    return float32[0] as number
  }

  skipFloat(): void {
    this.#advance(4)
  }

  readDouble(): number {
    const start = this.#advance(8)
    for (let i = 0; i < 8; i++) float64Bytes[i] = this.buf[start + i] as number
    return float64[0] as number
  }

  skipDouble(): void {
    this.#advance(8)
  }

  readFixed(length: number): Buffer {
    const start = this.#advance(length)
    return Buffer.from(this.buf.subarray(start, start + length))
  }

  skipFixed(length: number): void {
    this.#advance(length)
  }

  readBytes(): Buffer {
    return this.readFixed(this.readLong())
  }

  skipBytes(): void {
    this.#advance(this.readLong())
  }

  readString(): string {
    const length = this.readLong()
    const start = this.#advance(length)
    if (length === 0) return ''
    const text = utf8Slice.call(this.buf, start, start + length)
    // Only bytes that are not UTF-8 (or a real replacement character) make this slow path.
    if (text.includes('\ufffd')) return this.#readStringStrictly(start, length)
    return text
  }

  #readStringStrictly(start: number, length: number): string {
    try {
      return strictUtf8.decode(this.buf.subarray(start, start + length))
    } catch {
      throw unreadable(`a string at byte ${start} is not UTF-8`)
    }
  }

  skipString(): void {
    this.#advance(this.readLong())
  }
}

const EMPTY: Bytes = new Uint8Array(0)

function unwritable(reason: string): Error {
  return new StreamsError('RECORD_UNWRITABLE', reason)
}

/** Writes into one buffer that is kept from record to record and grows when it must. */
export class WriteTap {
  buf: Bytes
  pos: number

  constructor() {
    this.buf = new Uint8Array(ENCODE_BUFFER_BYTES)
    this.pos = 0
  }

  /** Makes room for `count` more bytes. */
  #reserve(count: number): void {
    const needed = this.pos + count
    if (needed <= this.buf.length) return
    if (needed > ENCODED_BYTES_MAX) {
      throw new StreamsError('RECORD_TOO_LARGE', `the encoded record has more than ${ENCODED_BYTES_MAX} bytes`)
    }
    const larger = new Uint8Array(Math.min(ENCODED_BYTES_MAX, Math.max(needed, this.buf.length * 2)))
    larger.set(this.buf.subarray(0, this.pos))
    this.buf = larger
  }

  /** After a record that was far larger than usual, the buffer goes back to its normal size. */
  shrink(): void {
    if (this.buf.length > ENCODE_BUFFER_BYTES * 16) this.buf = new Uint8Array(ENCODE_BUFFER_BYTES)
  }

  writeBoolean(value: boolean): void {
    this.#reserve(1)
    this.buf[this.pos++] = value ? 1 : 0
  }

  writeLong(value: number): void {
    this.#reserve(10)
    if (value >= -0x4000_0000 && value < 0x4000_0000 && Number.isInteger(value)) {
      let rest = (value << 1) ^ (value >> 31)
      while (rest >>> 7 !== 0) {
        this.buf[this.pos++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      this.buf[this.pos++] = rest
      return
    }
    this.#writeLargeLong(value)
  }

  #writeLargeLong(value: number): void {
    if (!Number.isSafeInteger(value)) throw unwritable(`${String(value)} is not a whole number within ±2^53`)
    // Zigzag in two parts, because twice the number may be beyond 2^53.
    const magnitude = value < 0 ? -value - 1 : value
    let low = (magnitude % 0x800_0000) * 2 + (value < 0 ? 1 : 0)
    let high = Math.floor(magnitude / 0x800_0000)
    for (let i = 0; i < 4; i++) {
      this.buf[this.pos++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    while (high >= 0x80) {
      this.buf[this.pos++] = (high & 0x7f) | 0x80
      high >>>= 7
    }
    this.buf[this.pos++] = high
  }

  writeInt(value: number): void {
    if (value !== (value | 0)) throw unwritable(`${String(value)} is not a whole number of 32 bits`)
    this.writeLong(value)
  }

  writeFloat(value: number): void {
    this.#reserve(4)
    float32[0] = value
    this.buf.set(float32Bytes, this.pos)
    this.pos += 4
  }

  writeDouble(value: number): void {
    this.#reserve(8)
    float64[0] = value
    this.buf.set(float64Bytes, this.pos)
    this.pos += 8
  }

  writeFixed(bytes: Bytes, length = bytes.length): void {
    this.#reserve(length)
    this.buf.set(bytes.subarray(0, length), this.pos)
    this.pos += length
  }

  writeBytes(bytes: Bytes): void {
    this.writeLong(bytes.length)
    this.writeFixed(bytes)
  }

  writeString(text: string): void {
    const { length } = text
    if (length > SHORT_STRING_CHARS) {
      this.#writeLongString(text)
      return
    }
    this.#reserve(length + 1)
    const { buf } = this
    const start = this.pos
    // The length of a short ASCII string is one byte, so characters can go straight behind it.
    let pos = start + 1
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) {
        this.#writeLongString(text)
        return
      }
      buf[pos++] = code
    }
    buf[start] = length << 1
    this.pos = pos
  }

  #writeLongString(text: string): void {
    const length = Buffer.byteLength(text)
    if (length !== text.length && !text.isWellFormed()) throw unwritable('a string holds half of a surrogate pair')
    this.writeLong(length)
    this.#reserve(length)
    if (length === text.length) latin1Write.call(this.buf, text, this.pos, length)
    else utf8Write.call(this.buf, text, this.pos, length)
    this.pos += length
  }

  /** avsc keeps encoded defaults as binary strings. */
  writeBinary(text: string, length: number): void {
    this.#reserve(length)
    latin1Write.call(this.buf, text, this.pos, length)
    this.pos += length
  }
}
