import type { Bytes, StreamsErrorCode } from '#streams/base'
import type { CommittedOffset, PartitionOffset, TopicDescription, TopicPartition, TopicSpec } from '#streams/ports'

/**
 * What a client asks of the owner. Plain data that can cross to another thread; record batches travel as bytes that
 * the owner never decodes. The direct client calls the same handlers without a copy.
 */
export type LogProtocol = {
  readonly submit: { readonly request: SubmitRequest; readonly response: SubmitResponse }
  readonly fetch: { readonly request: FetchRequest; readonly response: FetchResponse }
  readonly cancelFetch: {
    /** `closed`: the consumer is no more, and the owner forgets what it was assigned. */
    readonly request: { readonly consumer: number; readonly closed?: true }
    readonly response: undefined
  }
  readonly openProducer: {
    readonly request: { readonly transactionalId: string }
    readonly response: { readonly epoch: number }
  }
  readonly topics: {
    readonly request: { readonly names: readonly string[] }
    readonly response: readonly TopicMetadata[]
  }
  readonly createTopics: { readonly request: readonly TopicSpec[]; readonly response: undefined }
  readonly deleteTopics: { readonly request: readonly string[]; readonly response: undefined }
  readonly listTopics: { readonly request: undefined; readonly response: readonly string[] }
  readonly startOffsets: {
    readonly request: readonly TopicPartition[]
    readonly response: readonly PartitionOffset[]
  }
  readonly endOffsets: { readonly request: readonly TopicPartition[]; readonly response: readonly PartitionOffset[] }
  readonly offsetsForTimes: {
    readonly request: readonly (TopicPartition & { readonly timestampMs: number })[]
    readonly response: readonly PartitionOffset[]
  }
  readonly deleteRecords: { readonly request: readonly PartitionOffset[]; readonly response: undefined }
  readonly listGroups: { readonly request: undefined; readonly response: readonly string[] }
  readonly committedOffsets: {
    readonly request: { readonly group: string; readonly partitions: readonly TopicPartition[] | undefined }
    readonly response: readonly CommittedOffset[]
  }
  readonly alterCommittedOffsets: {
    readonly request: { readonly group: string; readonly offsets: readonly CommittedOffset[] }
    readonly response: undefined
  }
  readonly deleteGroup: { readonly request: { readonly group: string }; readonly response: undefined }
}

export type LogCall = keyof LogProtocol
export type LogRequest<Call extends LogCall> = LogProtocol[Call]['request']
export type LogResponse<Call extends LogCall> = LogProtocol[Call]['response']

/** The owner's side of one connection. */
export type LogService = {
  readonly [Call in LogCall]: (request: LogRequest<Call>) => Promise<LogResponse<Call>>
}

/** The client's side. Calls arrive in the order in which they were made. */
export type LogTransport = {
  call<Call extends LogCall>(
    call: Call,
    request: LogRequest<Call>,
    transfer?: readonly ArrayBuffer[],
  ): Promise<LogResponse<Call>>
  /** Settles calls that are under way with CLOSED. */
  close(): void
}

export type TopicMetadata = TopicDescription & { readonly id: number; readonly maxMessageBytes: number }

/** One atomic unit: all of it is in the log, or nothing. */
export type SubmitRequest = {
  readonly producer?: { readonly transactionalId: string; readonly epoch: number }
  /** Four numbers per batch, flat, so that it is cheap to send: topic id, partition, position in `bytes`, length. */
  readonly batches: readonly number[]
  /** Given away by the client. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly group?: string
  readonly offsets?: readonly CommittedOffset[]
}
/** Per batch: the offset after it. */
export type SubmitResponse = { readonly nextOffsets: readonly number[] }

export type FetchRequest = {
  /** A number of the client for this consumer, for `cancelFetch`. */
  readonly consumer: number
  /** Which assignment of this consumer the positions are of. */
  readonly assignment: number
  /** The assigned partitions, with the first fetch of an assignment: the owner remembers them. */
  readonly partitions?: readonly TopicPartition[]
  /** Two numbers for each partition that is asked for, flat: its index in the assignment, offset. */
  readonly positions: readonly number[]
  readonly bytesMax: number
  readonly waitMs: number
}

export type FetchResponse = { readonly partitions: readonly FetchedPartition[] }
export type FetchedPartition = {
  /** Index in the assignment. */
  readonly index: number
  readonly chunks: readonly FetchedChunk[]
  /** Where the reader goes on after the chunks: not below the end of the last batch. */
  readonly nextOffset: number
  readonly endOffset: number
  readonly error?: ErrorData
}
/** Whole batches one after another. */
export type FetchedChunk = {
  readonly bytes: Bytes
  /** Read from a file, so that checksums are to be checked; then where that was. */
  readonly source?: { readonly file: string; readonly position: number }
}

/** Without a code it is a mistake of ours (an assertion), which nobody may handle and go on. */
export type ErrorData = { readonly code: StreamsErrorCode | undefined; readonly message: string }
