import { createAPI, type Reader, Writer } from '@platformatic/kafka'
import type { TopicPartition } from '#streams/ports'

/** What the client library lacks of the transaction protocol: markers, and the log of the transaction coordinators. */

export const TRANSACTION_LOG = '__transaction_state'
export const OFFSETS_TOPIC = '__consumer_offsets'

// WriteTxnMarkers ----------------------------------------------------------------------------------------------------

export type Marker = {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly commits: boolean
  readonly coordinatorEpoch: number
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}
export type MarkerResult = TopicPartition & { readonly errorCode: number }

/** Markers then are refused in partitions where the producer has written with their epoch, or a later one, already. */
const TRANSACTION_VERSION = 2

function writeMarkers(markers: readonly Marker[], version: number): Writer {
  return Writer.create()
    .appendArray([...markers], (writer, marker) => {
      writer
        .appendInt64(marker.producerId)
        .appendInt16(marker.producerEpoch)
        .appendBoolean(marker.commits)
        .appendArray([...marker.topics], (inner, { name, partitions }) => {
          inner.appendString(name).appendArray([...partitions], (each, p) => each.appendInt32(p), true, false)
        })
        .appendInt32(marker.coordinatorEpoch)
      if (version >= 2) writer.appendInt8(TRANSACTION_VERSION)
    })
    .appendTaggedFields()
}

function readMarkers(_correlation: number, _key: number, _version: number, reader: Reader): MarkerResult[] {
  const results: MarkerResult[] = []
  reader.readArray((marker) => {
    marker.readInt64()
    marker.readArray((topicReader) => {
      const topic = topicReader.readString()
      topicReader.readArray((inner) => {
        results.push({ topic, partition: inner.readInt32(), errorCode: inner.readInt16() })
      })
    })
  })
  return results
}

export const WRITE_TXN_MARKERS = 27
export const writeTxnMarkersV1 = createAPI<[readonly Marker[]], MarkerResult[]>(
  WRITE_TXN_MARKERS,
  1,
  (markers) => writeMarkers(markers, 1),
  readMarkers,
)
export const writeTxnMarkersV2 = createAPI<[readonly Marker[]], MarkerResult[]>(
  WRITE_TXN_MARKERS,
  2,
  (markers) => writeMarkers(markers, 2),
  readMarkers,
)

// The log of the coordinators ----------------------------------------------------------------------------------------

/** Java's String.hashCode and Kafka's partition of it, by which ids and groups find their coordinator. */
export function coordinatorPartition(id: string, partitions: number): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitions
}

/** A transaction whose end was decided; its coordinator then writes a marker into each of the partitions. */
export type DecidedTransaction = {
  readonly transactionalId: string
  readonly producerId: bigint
  /** Of the markers. */
  readonly producerEpoch: number
  readonly commits: boolean
  readonly partitions: readonly TopicPartition[]
}

const KEY_VERSION = 0
const PREPARE_COMMIT = 2
const PREPARE_ABORT = 3

/** Undefined for what is no decision: transactions that are open or complete, and versions that are not known. */
export function decodeDecision(key: Uint8Array, value: Uint8Array): DecidedTransaction | undefined {
  const keyView = new DataView(key.buffer, key.byteOffset, key.byteLength)
  if (key.byteLength < 4 || keyView.getInt16(0) !== KEY_VERSION) return undefined
  const transactionalId = Buffer.from(key.subarray(4, 4 + keyView.getInt16(2))).toString()
  const cursor = new Cursor(value)
  const version = cursor.int16()
  if (version !== 0 && version !== 1) return undefined
  cursor.isFlexible = version === 1
  const producerId = cursor.int64()
  const producerEpoch = cursor.int16()
  cursor.int32()
  const status = cursor.int8()
  if (status !== PREPARE_COMMIT && status !== PREPARE_ABORT) return undefined
  const partitions: TopicPartition[] = []
  for (let topics = cursor.count(); topics > 0; topics--) {
    const topic = cursor.string()
    for (let left = cursor.count(); left > 0; left--) partitions.push({ topic, partition: cursor.int32() })
    cursor.skipTags()
  }
  return { transactionalId, producerId, producerEpoch, commits: status === PREPARE_COMMIT, partitions }
}

/** Reads fields of Kafka's messages; RangeError behind the end. */
class Cursor {
  readonly #view: DataView
  #at = 0
  /** With compact lengths and tags (KIP-482). */
  isFlexible = false

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  #move(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }

  int8(): number {
    return this.#view.getInt8(this.#move(1))
  }

  int16(): number {
    return this.#view.getInt16(this.#move(2))
  }

  int32(): number {
    return this.#view.getInt32(this.#move(4))
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#move(8))
  }

  #unsignedVarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#view.getUint8(this.#move(1))
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }

  /** Of an array; one that is null has none. */
  count(): number {
    return Math.max(0, this.isFlexible ? this.#unsignedVarint() - 1 : this.int32())
  }

  string(): string {
    const length = this.isFlexible ? this.#unsignedVarint() - 1 : this.int16()
    const { buffer, byteOffset } = this.#view
    if (this.#at + length > this.#view.byteLength) throw new RangeError('a string is cut off')
    return Buffer.from(buffer as ArrayBuffer, byteOffset + this.#move(length), length).toString()
  }

  skipTags(): void {
    if (!this.isFlexible) return
    for (let left = this.#unsignedVarint(); left > 0; left--) {
      this.#unsignedVarint()
      this.#move(this.#unsignedVarint())
    }
  }
}
