import { expect, test } from 'vitest'
import { createPrng, utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { FetchedBatches } from './batch-decoder.ts'
import { BatchEncoder, stampBatch } from './batch-encoder.ts'

const PLAIN = { producerId: -1n, producerEpoch: -1, isTransactional: false }
const LAST_OFFSET_DELTA_AT = 23
const CONTROL_BITS = 0x30
const CRC_AT = 17
const ATTRIBUTES_AT = 21

type Planned = { readonly baseOffset: number; readonly values: readonly string[]; readonly producerId?: number }

function batchOf({ baseOffset, values, producerId }: Planned): Buffer {
  const encoder = new BatchEncoder(0)
  for (const value of values) encoder.append(utf8Encode(`k${value}`), utf8Encode(value), 1_000, NO_HEADERS)
  const bytes = encoder.finish()
  stampBatch(
    bytes,
    producerId === undefined ? PLAIN : { producerId: BigInt(producerId), producerEpoch: 0, isTransactional: true },
    0,
  )
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  return bytes
}

/** A batch of the coordinator: key version i16, type i16. */
function markerOf(baseOffset: number, producerId: number, commits: boolean): Buffer {
  const encoder = new BatchEncoder(0)
  encoder.append(new Uint8Array([0, 0, 0, commits ? 1 : 0]), new Uint8Array(6), 1_000, NO_HEADERS)
  const bytes = encoder.finish()
  stampBatch(bytes, { producerId: BigInt(producerId), producerEpoch: 0, isTransactional: true }, 0)
  bytes.writeInt16BE(CONTROL_BITS, ATTRIBUTES_AT)
  bytes.writeUInt32BE(crc(bytes.subarray(ATTRIBUTES_AT)), CRC_AT)
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  return bytes
}

/** CRC-32C, bit by bit. */
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  }
  return (value ^ 0xffffffff) >>> 0
}

function textsOf(fetched: FetchedBatches, recordsMax = 100, bytesMax = 1e9): string[] {
  return fetched.read(recordsMax, bytesMax, true).map(({ offset, value }) => `${offset}:${Buffer.from(value ?? [])}`)
}

test('records are given in the portions that are asked for, wherever batches end', () => {
  const source = Buffer.concat([
    batchOf({ baseOffset: 10, values: ['a', 'b', 'c'] }),
    batchOf({ baseOffset: 13, values: ['d'] }),
    batchOf({ baseOffset: 14, values: ['e', 'f'] }),
  ])
  const fetched = new FetchedBatches(source, 11, undefined, 'there')
  expect(textsOf(fetched, 1)).toEqual(['11:b'])
  expect(fetched.nextOffset).toBe(12)
  expect(textsOf(fetched, 3)).toEqual(['12:c', '13:d', '14:e'])
  expect([fetched.nextOffset, fetched.isAtEnd]).toEqual([15, false])
  expect(textsOf(fetched)).toEqual(['15:f'])
  expect([fetched.nextOffset, fetched.isAtEnd]).toEqual([16, true])
})

test('bytes are bounded too, and a record that is larger than the bound is given where it may be', () => {
  const source = batchOf({ baseOffset: 0, values: ['1', '22', '333', '4444'] })
  const fetched = new FetchedBatches(source, 0, undefined, 'there')
  // Keys are a byte longer than values.
  expect(textsOf(fetched, 100, 8)).toEqual(['0:1', '1:22'])
  expect([fetched.bytesRead, fetched.nextOffset]).toEqual([8, 2])
  expect(fetched.read(100, 6, false)).toEqual([])
  expect(fetched.nextOffset).toBe(2)
  expect(textsOf(fetched, 100, 6)).toEqual(['2:333'])
  expect(fetched.isAtEnd).toBe(false)
  expect(textsOf(fetched)).toEqual(['3:4444'])
})

test('what was compacted away, aborted, or of the coordinator moves the position', () => {
  const compacted = batchOf({ baseOffset: 0, values: ['a'] })
  compacted.writeInt32BE(4, LAST_OFFSET_DELTA_AT)
  compacted.writeUInt32BE(crc(compacted.subarray(ATTRIBUTES_AT)), CRC_AT)
  const source = Buffer.concat([
    compacted,
    batchOf({ baseOffset: 5, values: ['lost', 'lost'], producerId: 7 }),
    batchOf({ baseOffset: 7, values: ['kept'], producerId: 8 }),
    markerOf(8, 7, false),
    batchOf({ baseOffset: 9, values: ['again'], producerId: 7 }),
    markerOf(10, 7, true),
    markerOf(11, 8, true),
  ])
  const aborted = [{ producerId: 7n, firstOffset: 5 }]
  const fetched = new FetchedBatches(source, 0, aborted, 'there')
  expect(textsOf(fetched, 1)).toEqual(['0:a'])
  expect(fetched.nextOffset).toBe(7)
  expect(textsOf(fetched)).toEqual(['7:kept', '9:again'])
  expect([fetched.nextOffset, fetched.isAtEnd]).toEqual([12, true])
  // Without what was aborted (read_uncommitted) all records are given, but none of the coordinator.
  expect(textsOf(new FetchedBatches(source, 0, undefined, 'there'))).toHaveLength(5)
})

test('a fetch of markers alone is at its end at once, behind them', () => {
  const fetched = new FetchedBatches(markerOf(3, 1, true), 3, [], 'there')
  expect([fetched.nextOffset, fetched.isAtEnd]).toEqual([4, true])
})

test('a batch that is cut off is left for the next fetch', () => {
  const source = Buffer.concat([
    batchOf({ baseOffset: 0, values: ['a'] }),
    batchOf({ baseOffset: 1, values: ['b'] }).subarray(0, -1),
  ])
  const fetched = new FetchedBatches(source, 0, undefined, 'there')
  expect(textsOf(fetched)).toEqual(['0:a'])
  expect([fetched.nextOffset, fetched.isAtEnd]).toEqual([1, true])
})

test('damage is found before a record of the batch is given', () => {
  const source = Buffer.concat([batchOf({ baseOffset: 0, values: ['a'] }), batchOf({ baseOffset: 1, values: ['b'] })])
  source[source.length - 2] = 99
  const fetched = new FetchedBatches(source, 0, undefined, 'there')
  expect(() => fetched.read(100, 1e9, true)).toThrow(/the checksum of the batch at there offset 1 is wrong/)
})

test('portions of any size give the same records', () => {
  const prng = createPrng(1)
  const source = Buffer.concat(
    Array.from({ length: 20 }, (_, batch) =>
      batchOf({ baseOffset: batch * 5, values: Array.from({ length: 5 }, (_, i) => 'x'.repeat(prng.below(30)) + i) }),
    ),
  )
  const whole = textsOf(new FetchedBatches(source, 3, undefined, 'there'), 1000)
  expect(whole).toHaveLength(97)
  for (let round = 0; round < 20; round++) {
    const fetched = new FetchedBatches(source, 3, undefined, 'there')
    const parts: string[] = []
    while (!fetched.isAtEnd) parts.push(...textsOf(fetched, 1 + prng.below(8), 1 + prng.below(100)))
    expect(parts).toEqual(whole)
  }
})
