import { expect, test } from 'vitest'
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
