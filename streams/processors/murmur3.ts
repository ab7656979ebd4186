import { type Bytes, writeInt32 } from '../base/index.ts'

/**
 * murmur3, 128 bits, x64 variant, with the seed and byte order of Kafka Streams (org.apache.kafka.streams.state
 * .internals.Murmur3.hash128): the 16 bytes are the two 64-bit numbers, big-endian. Foreign-key joins compare it
 * across versions and languages.
 *
 * 64-bit numbers are pairs of 32-bit ones, high and low: BigInt would allocate for each step.
 */
const SEED = 104_729

/** Result of the 64-bit operations below, until the next of them. */
let high = 0
let low = 0

function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const a0 = aLow & 0xffff
  const a1 = aLow >>> 16
  const b0 = bLow & 0xffff
  const b1 = bLow >>> 16
  const middle = a0 * b1 + ((a0 * b0) >>> 16)
  const carry = a1 * b0 + (middle & 0xffff)
  const upper = a1 * b1 + Math.floor(middle / 0x1_0000) + Math.floor(carry / 0x1_0000)
  high = (upper + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0
  low = Math.imul(aLow, bLow)
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const sum = (aLow >>> 0) + (bLow >>> 0)
  high = (aHigh + bHigh + (sum > 0xffff_ffff ? 1 : 0)) | 0
  low = sum | 0
}

/** By 1 to 31 bits. */
function rotateLeft(aHigh: number, aLow: number, bits: number): void {
  high = (aHigh << bits) | (aLow >>> (32 - bits))
  low = (aLow << bits) | (aHigh >>> (32 - bits))
}

const C1_HIGH = 0x87c3_7b91 | 0
const C1_LOW = 0x1142_53d5 | 0
const C2_HIGH = 0x4cf5_ad43 | 0
const C2_LOW = 0x2745_937f | 0

/** k * C1, rotated by 31, * C2. */
function mixFirst(kHigh: number, kLow: number): void {
  multiply(kHigh, kLow, C1_HIGH, C1_LOW)
  rotateLeft(high, low, 31)
  multiply(high, low, C2_HIGH, C2_LOW)
}

/** k * C2, rotated by 33 (halves swapped, then 1), * C1. */
function mixSecond(kHigh: number, kLow: number): void {
  multiply(kHigh, kLow, C2_HIGH, C2_LOW)
  rotateLeft(low, high, 1)
  multiply(high, low, C1_HIGH, C1_LOW)
}

function finish(aHigh: number, aLow: number): void {
  multiply(aHigh, aLow ^ (aHigh >>> 1), 0xff51_afd7 | 0, 0xed55_8ccd | 0)
  multiply(high, low ^ (high >>> 1), 0xc4ce_b9fe | 0, 0x1a85_ec53 | 0)
  low ^= high >>> 1
}

function readLittleEndian(data: Bytes, at: number): number {
  return (
    (data[at] as number) |
    ((data[at + 1] as number) << 8) |
    ((data[at + 2] as number) << 16) |
    ((data[at + 3] as number) << 24)
  )
}

/** As above, of the bytes that there are before `end`. */
function readTail(data: Bytes, at: number, end: number): number {
  let word = 0
  for (let i = Math.min(at + 3, end - 1); i >= at; i--) word = (word << 8) | (data[i] as number)
  return word
}

export function murmur3(data: Bytes): Bytes {
  const length = data.length
  let h1High = 0
  let h1Low = SEED
  let h2High = 0
  let h2Low = SEED
  const tail = length & ~15
  for (let at = 0; at < tail; at += 16) {
    mixFirst(readLittleEndian(data, at + 4), readLittleEndian(data, at))
    rotateLeft(h1High ^ high, h1Low ^ low, 27)
    add(high, low, h2High, h2Low)
    multiply(high, low, 0, 5)
    add(high, low, 0, 0x52dc_e729)
    h1High = high
    h1Low = low
    mixSecond(readLittleEndian(data, at + 12), readLittleEndian(data, at + 8))
    rotateLeft(h2High ^ high, h2Low ^ low, 31)
    add(high, low, h1High, h1Low)
    multiply(high, low, 0, 5)
    add(high, low, 0, 0x3849_5ab5)
    h2High = high
    h2Low = low
  }
  if (length > tail + 8) {
    mixSecond(readTail(data, tail + 12, length), readTail(data, tail + 8, length))
    h2High ^= high
    h2Low ^= low
  }
  if (length > tail) {
    mixFirst(readTail(data, tail + 4, length), readTail(data, tail, length))
    h1High ^= high
    h1Low ^= low
  }
  add(h1High, h1Low ^ length, h2High, h2Low ^ length)
  h1High = high
  h1Low = low
  add(h1High, h1Low, h2High, h2Low ^ length)
  h2High = high
  h2Low = low
  finish(h1High, h1Low)
  h1High = high
  h1Low = low
  finish(h2High, h2Low)
  h2High = high
  h2Low = low
  const hash = new Uint8Array(16)
  add(h1High, h1Low, h2High, h2Low)
  writeInt32(hash, 0, high)
  writeInt32(hash, 4, low)
  add(high, low, h2High, h2Low)
  writeInt32(hash, 8, high)
  writeInt32(hash, 12, low)
  return hash
}
