import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReadTap, WriteTap } from './tap.ts'

function written(write: (tap: WriteTap) => void): Uint8Array {
  const tap = new WriteTap()
  write(tap)
  return tap.buf.slice(0, tap.pos)
}

function reading<T>(bytes: Uint8Array, read: (tap: ReadTap) => T): T {
  const tap = new ReadTap()
  tap.open(bytes, 0)
  const value = read(tap)
  expect(tap.remaining()).toBe(0)
  return value
}

/** Zigzag varint as the Avro specification draws it, in BigInt. */
function referenceLong(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Uint8Array.from([...bytes, Number(rest)])
}

const edges = [0, 27, 28, 30, 31, 32, 34, 35, 52, 53].flatMap((bits) => [
  2 ** bits - 1,
  2 ** bits,
  -(2 ** bits),
  1 - 2 ** bits,
])
const safeEdges = edges.filter(Number.isSafeInteger)

describe('numbers', () => {
  const check = (value: number): void => {
    const bytes = written((tap) => tap.writeLong(value))
    expect(bytes, String(value)).toEqual(referenceLong(BigInt(value)))
    expect(reading(bytes, (tap) => tap.readLong())).toBe(value)
  }
  test('are written as the specification says, at every edge', () => safeEdges.forEach(check))
  test('are written as the specification says, everywhere', () =>
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => check(n === 0 ? 0 : n))))

  test.each([
    ['beyond 2^53', referenceLong(2n ** 53n)],
    ['far beyond 2^53', referenceLong(-(2n ** 63n))],
  ])('%s are refused instead of rounded', (_, bytes) => {
    expect(() => reading(bytes, (tap) => tap.readLong())).toThrow('a number beyond 2^53 at byte 0')
  })
  test.each([2 ** 53, -(2 ** 53), 0.5, Number.NaN, Number.POSITIVE_INFINITY])('%d is not written', (value) => {
    expect(() => written((tap) => tap.writeLong(value))).toThrow('is not a whole number within ±2^53')
  })
  test('of more than ten bytes are refused', () => {
    expect(() => reading(new Uint8Array(11).fill(0xff), (tap) => tap.readLong())).toThrow('more than 10 bytes')
  })
  test('of 32 bits are refused beyond that', () => {
    expect(() => reading(referenceLong(2n ** 31n), (tap) => tap.readInt())).toThrow('beyond 32 bits')
    expect(() => written((tap) => tap.writeInt(2 ** 31))).toThrow('32 bits')
  })
})

describe('strings', () => {
  test('come back as they were, in UTF-8', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const bytes = written((tap) => tap.writeString(text))
        const utf8 = new TextEncoder().encode(text)
        expect(bytes).toEqual(Uint8Array.from([...referenceLong(BigInt(utf8.length)), ...utf8]))
        expect(reading(bytes, (tap) => tap.readString())).toBe(text)
      }),
    ))
  test('longer than the buffer make it grow', () => {
    const text = 'ŋ'.repeat(100_000)
    expect(
      reading(
        written((tap) => tap.writeString(text)),
        (tap) => tap.readString(),
      ),
    ).toBe(text)
  })
  test('that are not UTF-8 are refused, a real replacement character is not', () => {
    expect(() => reading(Uint8Array.of(2, 0xff), (tap) => tap.readString())).toThrow('is not UTF-8')
    expect(reading(Uint8Array.of(6, 0xef, 0xbf, 0xbd), (tap) => tap.readString())).toBe('\ufffd')
  })
  test('with half a surrogate pair are not written', () => {
    expect(() => written((tap) => tap.writeString('a\ud800'))).toThrow('half of a surrogate pair')
  })
})

test('booleans are 0 or 1', () => {
  expect(reading(Uint8Array.of(1), (tap) => tap.readBoolean())).toBe(true)
  expect(() => reading(Uint8Array.of(2), (tap) => tap.readBoolean())).toThrow('a boolean of 2')
})

test('doubles come back bit for bit', () => {
  const check = (value: number): void => {
    const bytes = written((tap) => tap.writeDouble(value))
    expect(reading(bytes, (tap) => tap.readDouble())).toBe(value)
  }
  fc.assert(fc.property(fc.double(), check))
})

test.each<[string, (tap: ReadTap) => unknown, number[]]>([
  ['a boolean', (tap) => tap.readBoolean(), []],
  ['a double', (tap) => tap.readDouble(), [0, 0]],
  ['a string', (tap) => tap.readString(), [6, 0x61]],
  ['a negative length', (tap) => tap.readString(), [1]],
  ['a number', (tap) => tap.readLong(), [0x80]],
  ['a long number', (tap) => tap.readLong(), [0x80, 0x80, 0x80, 0x80]],
  ['a skipped string', (tap) => tap.skipString(), [40]],
  ['a skipped number', (tap) => tap.skipLong(), [0x80, 0x80]],
])('%s that is cut off is refused', (_, read, bytes) => {
  const tap = new ReadTap()
  tap.open(Uint8Array.from(bytes), 0)
  expect(() => read(tap)).toThrow(/the bytes end|a length of -1/)
})
