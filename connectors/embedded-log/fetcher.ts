import { assert, partitionName, StreamsError } from '#streams/base'
import type { Clock, Disk, TopicPartition } from '#streams/ports'
import type { FilePool } from './file-pool.ts'
import { errorData } from './message-port.ts'
import type { FetchedChunk, FetchedPartition, FetchRequest, FetchResponse } from './protocol.ts'
import { readSegment } from './segment.ts'
import { findPartition, type LogState, type Partition } from './state.ts'

/** A partition gets at least this much of a fetch, so that many partitions do not make many small reads. */
const PARTITION_BYTES_MIN = 64 * 1024
/** How often a file may vanish under one read (compaction replaces segments) before something else must be wrong. */
const SEGMENT_GONE_MAX = 100

export type FetcherParts = {
  readonly disk: Disk
  readonly pool: FilePool
  readonly state: LogState
  readonly clock: Clock
  /** Lets other work of this thread go on between two fetches that need no waiting. */
  readonly yieldToEvents: () => Promise<void>
}

export type Fetcher = {
  fetch(request: FetchRequest): Promise<FetchResponse>
  /** Makes waiting fetches of this consumer answer at once. */
  cancel(consumer: number): void
  /** The consumer is no more. */
  forget(consumer: number): void
  cancelAll(): void
}

type Running = { cancelled: boolean; wake: () => void }
/** What a consumer is assigned, as it said with its first fetch. */
type Assignment = { readonly number: number; readonly partitions: readonly TopicPartition[] }
type FetchPartition = TopicPartition & { readonly index: number; readonly offset: number }

/** Timers of waits up to this long are left to run out: cheaper than to take them back. */
const ABANDONED_TIMER_MS_MAX = 250

/** One connection's fetches: answers at once when there is something, or parks until an append, a time-out or a cancel. */
export function createFetcher(parts: FetcherParts): Fetcher {
  const { state, clock } = parts
  // Entered at the call, since a cancel may come before the fetch gets as far as waiting.
  const running = new Map<number, Running>()
  const assignments = new Map<number, Assignment>()
  const partitionsOf = ({ consumer, assignment, partitions, positions }: FetchRequest): readonly FetchPartition[] => {
    if (partitions !== undefined) assignments.set(consumer, { number: assignment, partitions })
    const assigned = assignments.get(consumer)
    assert(assigned?.number === assignment, `consumer ${consumer} has told its assignment ${assignment}`)
    const asked: FetchPartition[] = []
    for (let i = 0; i < positions.length; i += 2) {
      const index = positions[i] as number
      const { topic, partition } = assigned.partitions[index] as TopicPartition
      asked.push({ topic, partition, index, offset: positions[i + 1] as number })
    }
    return asked
  }
  const cancel = (fetch: Running): void => {
    fetch.cancelled = true
    fetch.wake()
  }
  return {
    async fetch(request) {
      const current: Running = { cancelled: false, wake: () => {} }
      running.set(request.consumer, current)
      const asked = partitionsOf(request)
      try {
        await parts.yieldToEvents()
        const deadlineMs = clock.monotonicMs() + request.waitMs
        for (;;) {
          if (hasSomething(state, asked)) {
            const partitions = await readPartitions(parts, asked, request.bytesMax)
            if (partitions.length > 0) return { partitions }
          }
          const waitMs = deadlineMs - clock.monotonicMs()
          if (waitMs <= 0 || current.cancelled) return { partitions: [] }
          await park(parts, asked, waitMs, current)
        }
      } finally {
        if (running.get(request.consumer) === current) running.delete(request.consumer)
      }
    },
    cancel(consumer) {
      const fetch = running.get(consumer)
      if (fetch !== undefined) cancel(fetch)
    },
    forget(consumer) {
      assignments.delete(consumer)
    },
    cancelAll() {
      for (const fetch of running.values()) cancel(fetch)
    },
  }
}

/** Waits until one of the partitions gets something, the time is over, or `current.wake` is called. */
async function park(
  { state, clock }: FetcherParts,
  partitions: readonly FetchPartition[],
  waitMs: number,
  current: Running,
): Promise<void> {
  const found = partitions.map((partition) => findPartition(state, partition))
  const timer = waitMs > ABANDONED_TIMER_MS_MAX ? new AbortController() : undefined
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      for (const partition of found) partition.waiters.delete(wake)
      timer?.abort()
      resolve()
    }
    current.wake = wake
    for (const partition of found) partition.waiters.add(wake)
    void clock.sleep(waitMs, timer?.signal).then(wake)
  })
}

/** Also true if a partition cannot be read as asked: the answer then says why. */
function hasSomething(state: LogState, partitions: readonly FetchPartition[]): boolean {
  return partitions.some((asked) => !isAtEnd(state, asked))
}

function isAtEnd(state: LogState, { topic, partition: index, offset }: FetchPartition): boolean {
  const partition = state.topics.get(topic)?.partitions[index]
  return partition !== undefined && offset === partition.endOffset && offset >= partition.startOffset
}

async function readPartitions(
  parts: FetcherParts,
  partitions: readonly FetchPartition[],
  bytesMax: number,
): Promise<FetchedPartition[]> {
  const fetched: FetchedPartition[] = []
  let bytesLeft = bytesMax
  let partitionsLeft = partitions.length
  for (let i = 0; i < partitions.length && bytesLeft > 0; i++, partitionsLeft--) {
    const share = Math.max(PARTITION_BYTES_MIN, Math.ceil(bytesLeft / partitionsLeft))
    const asked = partitions[i] as FetchPartition
    // Most have nothing, and need no promise to say so.
    if (isAtEnd(parts.state, asked)) continue
    const answer = await readPartition(parts, asked, share)
    if (answer === undefined) continue
    fetched.push(answer)
    for (const { bytes } of answer.chunks) bytesLeft -= bytes.length
  }
  return fetched
}

async function readPartition(
  parts: FetcherParts,
  request: FetchPartition,
  bytesMax: number,
): Promise<FetchedPartition | undefined> {
  const { index } = request
  try {
    const partition = findPartition(parts.state, request)
    for (let attempt = 0; attempt < SEGMENT_GONE_MAX; attempt++) {
      const { startOffset, endOffset } = partition
      const { offset } = request
      if (offset < startOffset || offset > endOffset) throw outOfRange(request, partition)
      if (offset === endOffset) return undefined
      const read = await readFrom(parts, partition, offset, bytesMax)
      if (read !== 'gone')
        return { index, chunks: read.chunks, nextOffset: read.nextOffset, endOffset: partition.endOffset }
      if (partition.deleted) findPartition(parts.state, request)
    }
    throw new StreamsError(
      'LOG_UNAVAILABLE',
      `The files of ${partitionName(request.topic, request.partition)} vanish again and again while they are read.`,
    )
  } catch (error) {
    return { index, chunks: [], nextOffset: request.offset, endOffset: request.offset, error: errorData(error) }
  }
}

type Read = { readonly chunks: readonly FetchedChunk[]; readonly nextOffset: number }

async function readFrom(
  { disk, pool }: FetcherParts,
  partition: Partition,
  offset: number,
  bytesMax: number,
): Promise<Read | 'gone'> {
  const { queue, segments } = partition
  const inSegments = segments.at(-1)?.nextOffset ?? 0
  if (queue.count > 0 && (offset >= queue.at(0).baseOffset || offset >= inSegments)) {
    return readQueue(partition, offset, bytesMax)
  }
  const segment = segments[firstSegmentAfter(partition, offset)]
  // Everything between here and the end was compacted or deleted.
  if (segment === undefined) return { chunks: [], nextOffset: partition.endOffset }
  const read = await readSegment(disk, pool, segment, offset, bytesMax)
  if (read === 'gone') return 'gone'
  if (read === 'nothing') return { chunks: [], nextOffset: segment.nextOffset }
  return { chunks: [read.chunk], nextOffset: read.nextOffset }
}

function readQueue({ queue, endOffset }: Partition, offset: number, bytesMax: number): Read {
  const chunks: FetchedChunk[] = []
  let bytes = 0
  let nextOffset = endOffset
  for (let i = queue.indexOf(offset); i < queue.count; i++) {
    const batch = queue.at(i)
    if (chunks.length > 0 && bytes + batch.bytes.length > bytesMax) break
    chunks.push({ bytes: batch.bytes })
    bytes += batch.bytes.length
    nextOffset = batch.nextOffset
  }
  return { chunks, nextOffset }
}

/** Index of the first segment that ends after the offset. */
function firstSegmentAfter({ segments }: Partition, offset: number): number {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((segments[middle] as { nextOffset: number }).nextOffset > offset) high = middle
    else low = middle + 1
  }
  return low
}

function outOfRange({ topic, partition, offset }: FetchPartition, { startOffset, endOffset }: Partition): StreamsError {
  return new StreamsError(
    'OFFSET_OUT_OF_RANGE',
    `Position ${offset} of ${partitionName(topic, partition)} is outside ${startOffset} to ${endOffset}: ` +
      'the records were removed by retention, or the position is of another log. Seek to a valid position.',
  )
}
