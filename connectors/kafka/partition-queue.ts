import type { BatchEncoder } from './batch-encoder.ts'

/** A batch that takes no more records. Its sequence is given when it is sent first, and kept for every retry. */
export type SealedBatch = {
  readonly bytes: Buffer
  readonly count: number
  sequence: number | undefined
}

/** What one producer has for one partition, in order; at most one batch of it is on its way. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly sealed: SealedBatch[] = []
  open: BatchEncoder | undefined
  isSending = false
  /** Not sent before that time, after an error. */
  retryAtMs = 0
  /** Since when the head has failed; undefined = it has not. */
  failingSinceMs: number | undefined
  nextSequence = 0
  producedOffset: number | undefined
  /** True when the transaction that is open has written here, or has tried to. */
  isWritten = false
  /** True when the transaction that is open has been told of this partition (brokers before transaction.version 2). */
  isInTransaction = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.open === undefined && this.sealed.length === 0
  }

  seal(): void {
    if (this.open === undefined) return
    this.sealed.push({ bytes: this.open.finish(), count: this.open.count, sequence: undefined })
    this.open = undefined
  }

  /** Forgets what was not sent; returns its size. */
  drop(): number {
    let bytes = this.open?.length ?? 0
    for (const batch of this.sealed) bytes += batch.bytes.length
    this.open = undefined
    this.sealed.length = 0
    this.failingSinceMs = undefined
    return bytes
  }

  /** Sequences wrap round behind 2^31 - 1. */
  sequenceFor(batch: SealedBatch): number {
    if (batch.sequence === undefined) {
      batch.sequence = this.nextSequence
      this.nextSequence = (this.nextSequence + batch.count) % 2 ** 31
    }
    return batch.sequence
  }
}
