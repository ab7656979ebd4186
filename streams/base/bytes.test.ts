import { expect, test } from 'vitest'
import { compareBytes, hexOf, prefixEnd, readInt64, utf8Decode, writeInt64 } from './bytes.ts'

test.each([
  0,
  1,
  -1,
  255,
  -256,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  1_700_000_000_000,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
])('%d comes back from eight bytes, in two’s complement', (value) => {
  const bytes = new Uint8Array(10)
  writeInt64(bytes, 1, value)
  expect(readInt64(bytes, 1)).toBe(value)
  expect(new DataView(bytes.buffer).getBigInt64(1)).toBe(BigInt(value))
})

test('a number beyond 2^53 is refused, not rounded', () => {
  expect(() => writeInt64(new Uint8Array(8), 0, 2 ** 53)).toThrow(RangeError)
  expect(() => readInt64(new Uint8Array([0x7f, 255, 255, 255, 255, 255, 255, 255]), 0)).toThrow(RangeError)
})

test('the end of a prefix is the least string after all that start with it, and the prefix stays as it is', () => {
  const prefix = Buffer.from([1, 255, 255])
  expect(prefixEnd(prefix)).toEqual(new Uint8Array([2]))
  expect([...prefix]).toEqual([1, 255, 255])
  expect(prefixEnd(new Uint8Array([255, 255]))).toBeUndefined()
  const end = prefixEnd(Buffer.from([1, 2])) as Uint8Array
  expect(compareBytes(end, new Uint8Array([1, 2, 255, 255]))).toBeGreaterThan(0)
  expect(compareBytes(end, new Uint8Array([1, 3]))).toBe(0)
})

test('bytes that are not UTF-8 are refused', () => {
  expect(() => utf8Decode(new Uint8Array([0xff]))).toThrow()
  expect(hexOf(new Uint8Array([1, 255]))).toBe('01ff')
})
