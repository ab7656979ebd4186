import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bytes, compareBytes, hexOf } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'
import {
  changeSerde,
  encodeAggregateWithHeaders,
  encodeSessionKey,
  encodeTimestamped,
  encodeWindowStoreKey,
  encodeWithHeaders,
  readHeaders,
  serdes,
  sessionKeyBytes,
  sessionKeyEndMs,
  sessionKeyStartMs,
  sessionWindowedSerde,
  timestampBehindHeaders,
  timestampOf,
  timeWindowedSerde,
  valueBehindTimestamp,
  valueBytesOf,
  windowStoreKeyBytes,
  windowStoreKeySequenceNumber,
  windowStoreKeyStartMs,
  withNoHeaders,
  withNoTimestampNorHeaders,
} from './index.ts'

/** Made by testdata/Golden.java with Kafka Streams 4.3.1: `java -cp <kafka-streams and what it needs> Golden.java`. */
const golden = new Map(
  readFileSync(new URL('./testdata/golden.tsv', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]),
)

const START_MS = 1_700_000_000_000
const END_MS = 1_700_000_010_000
const windowed = {
  key: 'member-7',
  window: { startMs: START_MS, endMs: END_MS },
}
const change = changeSerde(serdes.string)
const latest = { isLatest: true }

type Case = {
  readonly name: string
  readonly serde: Serde<unknown>
  readonly value: unknown
}
const of = <T>(name: string, serde: Serde<T>, value: T): Case => ({
  name,
  serde: serde as Serde<unknown>,
  value,
})

const cases: readonly Case[] = [
  of('string.empty', serdes.string, ''),
  of('string.ascii', serdes.string, 'member-7'),
  of('string.utf8', serdes.string, 'Mto é€😀'),
  ...[0, 1, -1, 300, -300, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER].map((value) =>
    of(`int64.${value}`, serdes.int64, value),
  ),
  ...[0, -1, 65536, 0x7fffffff, -0x80000000].map((value) => of(`int32.${value}`, serdes.int32, value)),
  ...[0, -1, 300, 0x7fff, -0x8000].map((value) => of(`int16.${value}`, serdes.int16, value)),
  of('float64.0.0', serdes.float64, 0),
  of('float64.-0.0', serdes.float64, -0),
  of('float64.1.5', serdes.float64, 1.5),
  of('float64.-2.25E300', serdes.float64, -2.25e300),
  of('float64.Infinity', serdes.float64, Number.POSITIVE_INFINITY),
  of('boolean.true', serdes.boolean, true),
  of('boolean.false', serdes.boolean, false),
  of('uuid', serdes.uuid, '123e4567-e89b-12d3-a456-426614174000'),
  of('list.string', serdes.listOf(serdes.nullable(serdes.string)), ['a', null, 'bcd', '']),
  of('list.string.empty', serdes.listOf(serdes.string), []),
  of('list.int64.empty', serdes.listOf(serdes.int64), []),
  of('time-windowed', timeWindowedSerde(serdes.string, 10_000), windowed),
  of('session-windowed', sessionWindowedSerde(serdes.string), windowed),
  of('change.old', change, { newValue: null, oldValue: 'old', ...latest }),
  of('change.new', change, { newValue: 'new', oldValue: null, ...latest }),
  of('change.both', change, { newValue: 'new', oldValue: 'old', ...latest }),
  of('change.both.long', change, {
    newValue: 'n'.repeat(200),
    oldValue: 'ooo',
    ...latest,
  }),
  of('change.both.empty', change, { newValue: '', oldValue: '', ...latest }),
]

const hex = (bytes: Bytes): string => hexOf(bytes, Number.MAX_SAFE_INTEGER)
const bytesOfHex = (text: string): Bytes =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

describe('golden bytes of Java', () => {
  test.each(cases)('$name', ({ name, serde, value }) => {
    expect(hex(serde.serialize(value as NonNullable<unknown>, 't'))).toBe(golden.get(name))
    expect(serde.deserialize(bytesOfHex(golden.get(name) as string), 't')).toEqual(value)
  })

  test('a list of fixed length with nulls', () => {
    const list = serdes.listOf(serdes.nullable(serdes.int64))
    expect(hex(list.serialize([1, null, 3, null], 't'))).toBe(golden.get('list.int64'))
    expect(list.deserialize(bytesOfHex(golden.get('list.int64') as string), 't')).toEqual([1, null, 3, null])
  })

  test('keys of window and session stores', () => {
    const key = serdes.string.serialize('member-7', 't')
    expect(hex(encodeWindowStoreKey(key, START_MS, 0))).toBe(golden.get('window-store-key'))
    const duplicate = encodeWindowStoreKey(key, 5, 0x7fffffff)
    expect(hex(duplicate)).toBe(golden.get('window-store-key.duplicate'))
    expect(windowStoreKeyStartMs(duplicate)).toBe(5)
    expect(windowStoreKeySequenceNumber(duplicate)).toBe(0x7fffffff)
    expect(windowStoreKeyBytes(duplicate)).toEqual(key)
    const session = encodeSessionKey(key, START_MS, END_MS)
    expect(hex(session)).toBe(golden.get('session-store-key'))
    expect([sessionKeyStartMs(session), sessionKeyEndMs(session)]).toEqual([START_MS, END_MS])
    expect(sessionKeyBytes(session)).toEqual(key)
  })

  test('values with a timestamp', () => {
    const encoded = encodeTimestamped(serdes.string.serialize('v', 't'), START_MS)
    expect(hex(encoded)).toBe(golden.get('value-and-timestamp'))
    expect(timestampOf(encoded)).toBe(START_MS)
    expect(serdes.string.deserialize(valueBytesOf(encoded), 't')).toBe('v')
  })

  describe('values with headers', () => {
    const value = serdes.string.serialize('v', 't')
    const some = [
      { key: 'source', value: Uint8Array.of(9, 8) },
      { key: '\u20ac', value: null },
      { key: 'source', value: new Uint8Array(200) },
    ]
    test.each([
      ['', some],
      ['.none', []],
    ] as const)('as Java keeps them%s', (suffix, headers) => {
      const timestamped = encodeWithHeaders(value, START_MS, headers)
      expect(hex(timestamped)).toBe(golden.get(`value-timestamp-headers${suffix}`))
      const read = readHeaders(timestamped)
      expect(read.headers).toEqual(headers)
      expect(timestampBehindHeaders(timestamped, read.offset)).toBe(START_MS)
      expect(serdes.string.deserialize(valueBehindTimestamp(timestamped, read.offset), 't')).toBe('v')

      const aggregate = encodeAggregateWithHeaders(value, headers)
      expect(hex(aggregate)).toBe(golden.get(`aggregation-with-headers${suffix}`))
      const { headers: kept, offset } = readHeaders(aggregate)
      expect([kept, serdes.string.deserialize(aggregate.subarray(offset), 't')]).toEqual([headers, 'v'])
    })

    test('of what was kept without them', () => {
      expect(hex(withNoHeaders(encodeTimestamped(value, START_MS)))).toBe(golden.get('headers-of.timestamped'))
      expect(hex(withNoTimestampNorHeaders(value))).toBe(golden.get('headers-of.plain'))
    })

    test('headers that are cut off or too long are refused', () => {
      const whole = encodeWithHeaders(value, START_MS, some)
      for (const length of [0, 1, 2, 5, 20, 200])
        expect(() => readHeaders(whole.subarray(0, length))).toThrow(RangeError)
      expect(() => readHeaders(Uint8Array.of(1))).toThrow('cannot have -1 bytes')
      // One header too many for the size.
      expect(() => readHeaders(Uint8Array.of(4, 4, 0, 0, 0, 0))).toThrow('do not end where they say')
    })
  })

  test('no golden line is left out', () => {
    const others = ['list.int64', 'window-store-key', 'window-store-key.duplicate', 'session-store-key']
    const withHeaders = [...golden.keys()].filter((name) => name.includes('headers'))
    expect(withHeaders.length).toBe(6)
    expect([...golden.keys()].sort()).toEqual(
      [...cases.map(({ name }) => name), ...others, ...withHeaders, 'value-and-timestamp'].sort(),
    )
  })
})

test('changes that carry isLatest are read', () => {
  const read = (text: string): unknown => change.deserialize(bytesOfHex(text), 't')
  expect(read('6f0003')).toEqual({
    newValue: null,
    oldValue: 'o',
    isLatest: false,
  })
  expect(read('6e0104')).toEqual({
    newValue: 'n',
    oldValue: null,
    isLatest: true,
  })
  expect(read('026e6f0005')).toEqual({
    newValue: 'n',
    oldValue: 'o',
    isLatest: false,
  })
})

test.each<[string, () => unknown]>([
  ['a number beyond 2^53', () => serdes.int64.serialize(2 ** 53, 't')],
  ['a fraction as int64', () => serdes.int64.serialize(1.5, 't')],
  ['a 64-bit number beyond 2^53', () => serdes.int64.deserialize(bytesOfHex('0020000000000000'), 't')],
  ['an int64 of 4 bytes', () => serdes.int64.deserialize(bytesOfHex('00000001'), 't')],
  ['an int32 that is too large', () => serdes.int32.serialize(2 ** 31, 't')],
  ['an int16 that is too large', () => serdes.int16.serialize(2 ** 15, 't')],
  ['a boolean of 2', () => serdes.boolean.deserialize(bytesOfHex('02'), 't')],
  ['bytes that are no UTF-8', () => serdes.string.deserialize(bytesOfHex('ff'), 't')],
  ['an unpaired surrogate', () => serdes.string.serialize('a\ud800', 't')],
  ['undefined as JSON', () => serdes.json().serialize((() => 1) as never, 't')],
  ['a value of void', () => serdes.void.deserialize(bytesOfHex('00'), 't')],
  ['null in a list that may not', () => serdes.listOf(serdes.string).serialize([null as never], 't')],
  [
    'null read from a list that may not',
    () => serdes.listOf(serdes.string).deserialize(bytesOfHex('0100000001ffffffff'), 't'),
  ],
  [
    'a list that promises more than it has',
    () => serdes.listOf(serdes.string).deserialize(bytesOfHex('010000000200000001'), 't'),
  ],
  [
    'a list whose entry is cut off',
    () => serdes.listOf(serdes.string).deserialize(bytesOfHex('01000000010000000261'), 't'),
  ],
  ['an empty change', () => change.deserialize(new Uint8Array(0), 't')],
  ['a change with flag 6', () => change.deserialize(bytesOfHex('06'), 't')],
  ['a change with both values absent', () => change.serialize({ newValue: null, oldValue: null, isLatest: true }, 't')],
  ['a change that promises more than it has', () => change.deserialize(bytesOfHex('7f6e02'), 't')],
  ['a windowed key that is too short', () => timeWindowedSerde(serdes.string, 1).deserialize(bytesOfHex('00'), 't')],
])('refuses %s', (_what, run) => {
  expect(run).toThrow()
})

describe('properties', () => {
  const roundTrip = <T>(serde: Serde<T>, arbitrary: fc.Arbitrary<T>): void =>
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(serde.deserialize(serde.serialize(value as NonNullable<T>, 't'), 't')).toEqual(value)
      }),
      { seed: 5, numRuns: 300 },
    )

  test('what was written is read back', () => {
    roundTrip(serdes.string, fc.string({ unit: 'grapheme', maxLength: 80 }))
    roundTrip(serdes.int64, fc.maxSafeInteger())
    roundTrip(serdes.int32, fc.integer())
    roundTrip(serdes.int16, fc.integer({ min: -0x8000, max: 0x7fff }))
    roundTrip(serdes.float64, fc.double())
    roundTrip(serdes.bytes, fc.uint8Array())
    roundTrip(serdes.uuid, fc.uuid())
    roundTrip(serdes.listOf(serdes.listOf(serdes.int32)), fc.array(fc.array(fc.integer())))
  })

  test('non-negative numbers are ordered as their bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (left, right) => {
        const [a, b] = [Math.abs(left), Math.abs(right)]
        const order = compareBytes(serdes.int64.serialize(a, 't'), serdes.int64.serialize(b, 't'))
        expect(Math.sign(order)).toBe(Math.sign(a - b))
      }),
      { seed: 6 },
    )
  })
})
