import { createAPI, endTxnV4, type Reader, readKnownTaggedFields, txnOffsetCommitV4, Writer } from '@platformatic/kafka'
import type { AbortedTransaction } from './batch-decoder.ts'

/**
 * Requests that carry batches, on the raw codec: the client library encodes and decodes a record into several objects
 * each. And the versions of transactional requests that it does not have yet (KIP-890, part 2).
 */

// Produce ------------------------------------------------------------------------------------------------------------

export type ProduceRequest = {
  readonly transactionalId: string | null
  readonly timeoutMs: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partition: number; readonly batch: Buffer }[]
  }[]
}
export type ProducedPartition = {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: number
}

const ACKS_ALL = -1

function writeProduce({ transactionalId, timeoutMs, topics }: ProduceRequest): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ACKS_ALL)
    .appendInt32(timeoutMs)
    .appendArray([...topics], (writer, topic) => {
      writer.appendString(topic.name).appendArray([...topic.partitions], (inner, { partition, batch }) => {
        inner
          .appendInt32(partition)
          .appendUnsignedVarInt(batch.length + 1)
          .append(batch)
      })
    })
    .appendTaggedFields()
}

function readProduce(_correlation: number, _key: number, _version: number, reader: Reader): ProducedPartition[] {
  const found: ProducedPartition[] = []
  reader.readArray((topicReader) => {
    const topic = topicReader.readString()
    topicReader.readArray((inner) => {
      const partition = inner.readInt32()
      const errorCode = inner.readInt16()
      const baseOffset = Number(inner.readInt64())
      inner.readInt64()
      inner.readInt64()
      const details = inner.readArray((detail) => {
        detail.readInt32()
        return detail.readNullableString()
      })
      const errorMessage = inner.readNullableString() ?? details.find((detail) => detail !== null) ?? null
      found.push({ topic, partition, errorCode, errorMessage, baseOffset })
    })
  })
  return found
}

/** For transactions of brokers before `transaction.version` 2, and outside of transactions. */
export const produceV11 = createAPI<[ProduceRequest], ProducedPartition[]>(0, 11, writeProduce, readProduce)
/** Adds the partitions to the transaction by itself. */
export const produceV12 = createAPI<[ProduceRequest], ProducedPartition[]>(0, 12, writeProduce, readProduce)

// Fetch --------------------------------------------------------------------------------------------------------------

export type FetchRequest = {
  readonly waitMs: number
  readonly bytesMax: number
  readonly isReadCommitted: boolean
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly bytesMax: number }[]
  }[]
}
export type FetchedPartition = {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  readonly batches: Buffer
}
export type FetchResponse = { readonly errorCode: number; readonly partitions: readonly FetchedPartition[] }

const NO_EPOCH = -1
const NO_BYTES = Buffer.alloc(0)

/** Full fetches, without sessions: session id 0, epoch -1. */
function writeFetch({ waitMs, bytesMax, isReadCommitted, topics }: FetchRequest): Writer {
  return Writer.create()
    .appendInt32(-1)
    .appendInt32(waitMs)
    .appendInt32(1)
    .appendInt32(bytesMax)
    .appendInt8(isReadCommitted ? 1 : 0)
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([...topics], (writer, topic) => {
      writer.appendString(topic.name).appendArray([...topic.partitions], (inner, each) => {
        inner
          .appendInt32(each.partition)
          .appendInt32(NO_EPOCH)
          .appendInt64(BigInt(each.offset))
          .appendInt32(NO_EPOCH)
          .appendInt64(-1n)
          .appendInt32(each.bytesMax)
      })
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields()
}

function readFetch(_correlation: number, _key: number, _version: number, reader: Reader): FetchResponse {
  reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt32()
  const partitions: FetchedPartition[] = []
  reader.readArray((topicReader) => {
    const topic = topicReader.readString()
    topicReader.readArray((inner) => {
      const partition = inner.readInt32()
      const partitionError = inner.readInt16()
      const highWatermark = Number(inner.readInt64())
      const lastStableOffset = Number(inner.readInt64())
      inner.readInt64()
      const aborted = inner.readArray((each) => ({
        producerId: each.readInt64(),
        firstOffset: Number(each.readInt64()),
      }))
      inner.readInt32()
      const batches = inner.readNullableBytes() ?? NO_BYTES
      partitions.push({
        topic,
        partition,
        errorCode: partitionError,
        highWatermark,
        lastStableOffset,
        aborted,
        batches,
      })
    })
  })
  return { errorCode, partitions }
}

/** The last version that names topics instead of numbering them. */
export const fetchV12 = createAPI<[FetchRequest], FetchResponse>(1, 12, writeFetch, readFetch)

// Transactions -------------------------------------------------------------------------------------------------------

export type EndTransactionResponse = {
  readonly errorCode: number
  /** What the producer is from now on; -1 where it stays what it was. */
  readonly producerId: bigint
  readonly producerEpoch: number
}

function readEndTransaction(_c: number, _k: number, _v: number, reader: Reader): EndTransactionResponse {
  reader.readInt32()
  const response = {
    errorCode: reader.readInt16(),
    producerId: reader.readInt64(),
    producerEpoch: reader.readInt16(),
  }
  readKnownTaggedFields(reader, {})
  return response
}

/** Gives the producer a new epoch with every transaction, so that nothing late can get into the next one. */
export const endTransactionV5 = createAPI<Parameters<typeof endTxnV4.createRequest>, EndTransactionResponse>(
  26,
  5,
  endTxnV4.createRequest,
  readEndTransaction,
)

/** Version 5 looks like 4, and adds the group's offsets to the transaction by itself. */
export const txnOffsetCommitV5 = createAPI<
  Parameters<typeof txnOffsetCommitV4.createRequest>,
  ReturnType<typeof txnOffsetCommitV4.parseResponse>
>(28, 5, txnOffsetCommitV4.createRequest, txnOffsetCommitV4.parseResponse)
