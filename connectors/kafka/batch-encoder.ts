import { crc32c } from '@platformatic/kafka'
import type { Bytes } from '#streams/base'
import type { Headers } from '#streams/ports'

/**
 * Record batches of the wire format, magic 2 (Kafka's documentation, "Record Batch"):
 *
 *   baseOffset i64 | batchLength i32 | partitionLeaderEpoch i32 | magic i8 | crc32c u32 | attributes i16 |
 *   lastOffsetDelta i32 | baseTimestamp i64 | maxTimestamp i64 | producerId i64 | producerEpoch i16 |
 *   baseSequence i32 | recordCount i32 | records
 *
 * batchLength counts from partitionLeaderEpoch, the checksum covers everything from attributes on. A record:
 *
 *   length varint | attributes i8 | timestampDelta varint | offsetDelta varint | key | value | headerCount varint |
 *   headers; keys and values are a varint length (-1 = null) and bytes; varints are zigzag.
 */
export const BATCH_HEADER_BYTES = 61
const LENGTH_AT = 8
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const COUNT_AT = 57
const BYTES_BEHIND_LENGTH = 12
export const IS_TRANSACTIONAL = 0x10
const FIRST_BYTES = 2048
const TWO_31 = 2 ** 31

export type ProducerIdentity = {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly isTransactional: boolean
}

/** Collects records of one partition, encoded at once, so that nothing of the caller is kept. */
export class BatchEncoder {
  count = 0
  /** Bytes so far, the header among them. */
  length = BATCH_HEADER_BYTES
  /** When the first record came, for lingering. */
  readonly openedMs: number
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #baseTimestampMs = 0
  #maxTimestampMs = 0

  constructor(openedMs: number) {
    this.openedMs = openedMs
  }

  append(key: Bytes | null, value: Bytes | null, timestampMs: number, headers: Headers): void {
    if (this.count === 0) {
      this.#baseTimestampMs = timestampMs
      this.#maxTimestampMs = timestampMs
    } else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs
    const delta = timestampMs - this.#baseTimestampMs
    const bodyBytes = recordBodyBytes(key, value, delta, this.count, headers)
    this.#reserve(bodyBytes + 5)
    const bytes = this.#bytes
    let at = writeVarint(bytes, this.length, bodyBytes)
    bytes[at++] = 0
    at = writeVarint(bytes, at, delta)
    at = writeVarint(bytes, at, this.count)
    at = writeNullable(bytes, at, key)
    at = writeNullable(bytes, at, value)
    at = writeVarint(bytes, at, headers.length)
    for (let i = 0; i < headers.length; i++) {
      const header = headers[i] as Headers[number]
      const keyBytes = Buffer.byteLength(header.key)
      at = writeVarint(bytes, at, keyBytes)
      at += bytes.write(header.key, at)
      at = writeNullable(bytes, at, header.value)
    }
    this.length = at
    this.count++
  }

  /** Writes the header; the encoder is not used after it, but for `stamp`. */
  finish(): Buffer {
    const bytes = this.#bytes.subarray(0, this.length)
    bytes.writeBigInt64BE(0n, 0)
    bytes.writeInt32BE(this.length - BYTES_BEHIND_LENGTH, LENGTH_AT)
    bytes.writeInt32BE(-1, LENGTH_AT + 4)
    bytes.writeInt8(2, MAGIC_AT)
    bytes.writeInt32BE(this.count - 1, LAST_OFFSET_DELTA_AT)
    bytes.writeBigInt64BE(BigInt(this.#baseTimestampMs), BASE_TIMESTAMP_AT)
    bytes.writeBigInt64BE(BigInt(this.#maxTimestampMs), MAX_TIMESTAMP_AT)
    bytes.writeInt32BE(this.count, COUNT_AT)
    return bytes
  }

  #reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}

/** Says whose batch it is, which cannot be known before it is sent, and closes it with the checksum. */
export function stampBatch(batch: Buffer, producer: ProducerIdentity, baseSequence: number): void {
  batch.writeInt16BE(producer.isTransactional ? IS_TRANSACTIONAL : 0, ATTRIBUTES_AT)
  batch.writeBigInt64BE(producer.producerId, PRODUCER_ID_AT)
  batch.writeInt16BE(producer.producerEpoch, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(baseSequence, BASE_SEQUENCE_AT)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)) >>> 0, CRC_AT)
}

/** Upper bound of the bytes that a record takes in a batch of its own. */
export function recordBytesMax(key: Bytes | null, value: Bytes | null, headers: Headers): number {
  return BATCH_HEADER_BYTES + 5 + recordBodyBytes(key, value, 0, 0, headers)
}

function recordBodyBytes(
  key: Bytes | null,
  value: Bytes | null,
  timestampDelta: number,
  offsetDelta: number,
  headers: Headers,
): number {
  let bytes = 1 + varintBytes(timestampDelta) + varintBytes(offsetDelta)
  bytes += nullableBytes(key) + nullableBytes(value) + varintBytes(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i] as Headers[number]
    const keyBytes = Buffer.byteLength(header.key)
    bytes += varintBytes(keyBytes) + keyBytes + nullableBytes(header.value)
  }
  return bytes
}

function nullableBytes(bytes: Bytes | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
}

function writeNullable(target: Buffer, at: number, bytes: Bytes | null): number {
  if (bytes === null) return writeVarint(target, at, -1)
  const behind = writeVarint(target, at, bytes.length)
  target.set(bytes, behind)
  return behind + bytes.length
}

/** Differences of timestamps do not fit 32 bits, so both paths are arithmetic above 2^31. */
function varintBytes(value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  let bytes = 1
  while (rest >= 128) {
    rest = rest < TWO_31 ? rest >>> 7 : Math.floor(rest / 128)
    bytes++
  }
  return bytes
}

function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  let position = at
  while (rest >= 128) {
    target[position++] = (rest % 128) | 128
    rest = rest < TWO_31 ? rest >>> 7 : Math.floor(rest / 128)
  }
  target[position++] = rest
  return position
}
