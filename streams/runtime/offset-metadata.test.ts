import { expect, test } from 'vitest'
import { createPrng } from '../base/index.ts'
import { mutatedBytes } from '../stores/testing/mutated-bytes.ts'
import { decodeOffsetMetadata, encodeOffsetMetadata, UNKNOWN_METADATA } from './offset-metadata.ts'

test('partition time alone is what Java writes: magic 2 and a long', () => {
  // TopicPartitionMetadata(1700000000000, empty).encode() of Kafka Streams 4.3.1.
  const java = Buffer.from([2, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0]).toString('base64')
  expect(encodeOffsetMetadata({ partitionTimeMs: 1_700_000_000_000, times: new Map() })).toBe(java)
  expect(decodeOffsetMetadata(java)).toEqual({ partitionTimeMs: 1_700_000_000_000, times: new Map() })
})

test('times of operators come back, names of any script too', () => {
  const metadata = {
    partitionTimeMs: -1,
    times: new Map([
      ['window-store', 5],
      ['mteja-ß-漢', 1_700_000_000_000],
    ]),
  }
  expect(decodeOffsetMetadata(encodeOffsetMetadata(metadata))).toEqual(metadata)
})

test('version 1 (partition time only) is read', () => {
  const text = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 7]).toString('base64')
  expect(decodeOffsetMetadata(text)).toEqual({ partitionTimeMs: 7, times: new Map() })
})

test.each([
  '',
  'not base64 !',
  'AAAA',
  btoa('\u0003abcdefgh'),
  btoa(`\u0002${'\u0000'.repeat(8)}\u0000\u0000\u0000\u0009`),
])('text that is not ours reads as unknown: %j', (text) => expect(decodeOffsetMetadata(text)).toEqual(UNKNOWN_METADATA))

test('a time that is cut off is unknown, not an earlier one; so are entries that are cut off or too many', () => {
  const whole = { partitionTimeMs: 1_700_000_000_000, times: new Map([['store', 5]]) }
  const bytes = Buffer.from(encodeOffsetMetadata(whole), 'base64')
  for (let length = 0; length < bytes.length; length++) {
    // With the partition's time alone it is whole as well.
    const expected = length === 9 ? { ...whole, times: new Map() } : UNKNOWN_METADATA
    expect(decodeOffsetMetadata(bytes.subarray(0, length).toString('base64')), `${length} bytes`).toEqual(expected)
  }
  expect(decodeOffsetMetadata(Buffer.concat([bytes, Buffer.of(0)]).toString('base64'))).toEqual(UNKNOWN_METADATA)
})

test('mutated metadata reads as numbers or as unknown', () => {
  const seed = Number(process.env.SEED ?? 20_261_120)
  const sound = Buffer.from(
    encodeOffsetMetadata({ partitionTimeMs: 1_700_000_000_000, times: new Map([['s', 5]]) }),
    'base64',
  )
  for (let i = 0; i < 2_000; i++) {
    const prng = createPrng(seed + i)
    const text = Buffer.from(mutatedBytes(prng, sound)).toString(prng.below(8) === 0 ? 'latin1' : 'base64')
    const { partitionTimeMs, times } = decodeOffsetMetadata(text)
    expect(Number.isSafeInteger(partitionTimeMs) && partitionTimeMs >= -1, `SEED=${seed + i}`).toBe(true)
    expect([...times.values()].every(Number.isSafeInteger), `SEED=${seed + i}`).toBe(true)
  }
})
