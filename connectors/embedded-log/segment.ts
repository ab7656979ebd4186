import { type Bytes, StreamsError } from '#streams/base'
import type { Disk, DiskFile } from '#streams/ports'
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchLength,
  batchMaxTimestamp,
  batchNextOffset,
  batchProblem,
} from './batch-format.ts'
import type { FilePool } from './file-pool.ts'
import type { FetchedChunk } from './protocol.ts'

/** One entry of the offset index per so many bytes. */
const INDEX_INTERVAL_BYTES = 64 * 1024
const SCAN_BYTES = 1024 * 1024

/**
 * One file of a partition: whole batches in offset order. Only the last segment of a partition grows. `length` is how
 * far it is valid: bytes behind are the rest of a write that failed or of a process that died.
 */
export type Segment = {
  readonly path: string
  /** In the file's name: no batch in it is below. */
  readonly baseOffset: number
  /** Rises when compaction writes the segment anew; part of the file's name. */
  readonly generation: number
  length: number
  nextOffset: number
  maxTimestampMs: number
  /** Undefined until the file was scanned. */
  index: SegmentIndex | undefined
  /** By the wall clock: a segment is closed when it is old, so that retention and compaction reach it. */
  readonly createdAtMs: number
  /** Something was written since the last sync. */
  unsynced: boolean
  /** No longer part of the partition: its file may vanish at any time, and a reader has to look again. */
  discarded: boolean
}

/** Entry i speaks of the batches from positions[i] on, up to the next entry's. */
export type SegmentIndex = {
  readonly offsets: number[]
  readonly positions: number[]
  readonly maxTimestampsMs: number[]
}

export const SEGMENT_NAME = /^\d{16}-\d+\.log$/

export function segmentName(baseOffset: number, generation: number): string {
  return `${String(baseOffset).padStart(16, '0')}-${generation}.log`
}

export function newSegment(directory: string, baseOffset: number, generation: number, createdAtMs: number): Segment {
  return {
    path: `${directory}/${segmentName(baseOffset, generation)}`,
    baseOffset,
    generation,
    length: 0,
    nextOffset: baseOffset,
    maxTimestampMs: Number.MIN_SAFE_INTEGER,
    index: { offsets: [], positions: [], maxTimestampsMs: [] },
    createdAtMs,
    unsynced: true,
    discarded: false,
  }
}

/** Takes a batch into the segment's figures; its bytes are in the file at `segment.length`. */
export function addBatchToSegment(segment: Segment, bytes: Bytes, at: number): void {
  const maxTimestampMs = batchMaxTimestamp(bytes, at)
  const { index } = segment
  if (index !== undefined) addToIndex(index, segment.length, batchBaseOffset(bytes, at), maxTimestampMs)
  segment.length += batchLength(bytes, at)
  segment.nextOffset = batchNextOffset(bytes, at)
  if (maxTimestampMs > segment.maxTimestampMs) segment.maxTimestampMs = maxTimestampMs
}

function addToIndex(index: SegmentIndex, position: number, baseOffset: number, maxTimestampMs: number): void {
  const last = index.positions.length - 1
  if (last < 0 || position - (index.positions[last] as number) >= INDEX_INTERVAL_BYTES) {
    index.positions.push(position)
    index.offsets.push(baseOffset)
    index.maxTimestampsMs.push(maxTimestampMs)
  } else if (maxTimestampMs > (index.maxTimestampsMs[last] as number)) {
    index.maxTimestampsMs[last] = maxTimestampMs
  }
}

export type BatchVisitor = (bytes: Bytes, at: number, position: number) => boolean

/**
 * Visits the batches of a file between two positions until the visitor answers false; resolves to where it stopped.
 * `verify` checks every checksum; without it only what is needed to walk on.
 */
export async function visitBatches(
  file: DiskFile,
  range: {
    readonly from: number
    readonly to: number
    readonly verify: boolean
    readonly place: string
    readonly windowBytes?: number
  },
  visit: BatchVisitor,
): Promise<number> {
  let position = range.from
  let windowBytes = range.windowBytes ?? SCAN_BYTES
  while (position < range.to) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(windowBytes, range.to - position))
    const count = await file.read(bytes, position)
    if (count < bytes.length)
      throw corrupted(range.place, position + count, `the file ends, but ${range.to} bytes are expected`)
    const window = visitWindow(bytes, position, range, visit)
    if (window.stopped) return position + window.visited
    if (window.visited === 0) {
      if (position + bytes.length >= range.to) throw corrupted(range.place, position, 'an incomplete batch')
      windowBytes *= 2
    }
    position += window.visited
  }
  return position
}

/** Visits the whole batches in a part of the file that starts at `position`. */
function visitWindow(
  bytes: Bytes,
  position: number,
  { to, verify, place }: { readonly to: number; readonly verify: boolean; readonly place: string },
  visit: BatchVisitor,
): { readonly visited: number; readonly stopped: boolean } {
  let at = 0
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const length = batchLength(bytes, at)
    if (length < BATCH_HEADER_BYTES || position + at + length > to) {
      throw corrupted(place, position + at, `a batch length of ${length}`)
    }
    if (length > bytes.length - at) break
    const problem = verify ? batchProblem(bytes, at, bytes.length) : undefined
    if (problem !== undefined) throw corrupted(place, position + at, problem)
    if (!visit(bytes, at, position + at)) return { visited: at, stopped: true }
    at += length
  }
  return { visited: at, stopped: false }
}

export function corrupted(place: string, position: number, problem: string): StreamsError {
  return new StreamsError(
    'LOG_CORRUPTED',
    `The file ${place} is damaged at byte ${position}: ${problem}. This is no torn tail of a crash: data that was ` +
      'acknowledged is lost. Nothing was changed. Restore the data directory from a backup, and check the disk.',
  )
}

/** Builds the index by reading the whole file, checking what `verify` asks for. */
export async function scanSegment(disk: Disk, pool: FilePool, segment: Segment, verify: boolean): Promise<void> {
  const place = disk.describe(segment.path)
  const index: SegmentIndex = { offsets: [], positions: [], maxTimestampsMs: [] }
  let nextOffset = segment.baseOffset
  const scanned = await pool.use(segment.path, (file) =>
    visitBatches(file, { from: 0, to: segment.length, verify, place }, (bytes, at, position) => {
      const baseOffset = batchBaseOffset(bytes, at)
      if (baseOffset < nextOffset)
        throw corrupted(place, position, `offset ${baseOffset} where ${nextOffset} is the least`)
      nextOffset = batchNextOffset(bytes, at)
      addToIndex(index, position, baseOffset, batchMaxTimestamp(bytes, at))
      return true
    }),
  )
  if (scanned === undefined) throw corrupted(place, 0, `the file is missing, but ${segment.length} bytes are expected`)
  if (nextOffset > segment.nextOffset)
    throw corrupted(place, 0, `offsets up to ${nextOffset}, not ${segment.nextOffset}`)
  segment.index = index
}

/** The position of an indexed batch that is not after the one that holds `offset`. */
function indexedPosition(index: SegmentIndex, offset: number): number {
  let low = 0
  let high = index.offsets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((index.offsets[middle] as number) <= offset) low = middle + 1
    else high = middle
  }
  return low === 0 ? 0 : (index.positions[low - 1] as number)
}

export type SegmentRead = { readonly chunk: FetchedChunk; readonly nextOffset: number }

/**
 * Reads whole batches from the one that holds `offset` on: about `bytesMax`, but at least one. `gone` if the file was
 * removed meanwhile (compaction, retention): the caller looks again for what is there now.
 */
export async function readSegment(
  disk: Disk,
  pool: FilePool,
  segment: Segment,
  offset: number,
  bytesMax: number,
): Promise<SegmentRead | 'gone' | 'nothing'> {
  try {
    return await readBatches(disk, pool, segment, offset, bytesMax)
  } catch (error) {
    if (segment.discarded) return 'gone'
    throw error
  }
}

async function readBatches(
  disk: Disk,
  pool: FilePool,
  segment: Segment,
  offset: number,
  bytesMax: number,
): Promise<SegmentRead | 'gone' | 'nothing'> {
  const end = segment.length
  if (segment.index === undefined) await scanSegment(disk, pool, segment, false)
  const from = indexedPosition(segment.index as SegmentIndex, offset)
  const place = disk.describe(segment.path)
  const read = await pool.use(segment.path, async (file) => {
    let windowBytes = bytesMax + INDEX_INTERVAL_BYTES
    for (;;) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(windowBytes, end - from))
      const count = await file.read(bytes, from)
      if (count < bytes.length) throw corrupted(place, from + count, `the file ends, but ${end} bytes are expected`)
      const found = wholeBatches(bytes, offset, bytesMax, (at, problem) => corrupted(place, from + at, problem))
      if (found !== undefined) {
        const source = { file: place, position: from + found.start }
        return { chunk: { bytes: bytes.subarray(found.start, found.end), source }, nextOffset: found.nextOffset }
      }
      if (bytes.length === end - from) return 'nothing'
      windowBytes *= 2
    }
  })
  if (read === undefined && !segment.discarded) throw corrupted(place, 0, 'the file has vanished')
  return read ?? 'gone'
}

function wholeBatches(
  bytes: Bytes,
  offset: number,
  bytesMax: number,
  problem: (at: number, problem: string) => StreamsError,
): { readonly start: number; readonly end: number; readonly nextOffset: number } | undefined {
  let at = 0
  let start = -1
  let nextOffset = 0
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const length = batchLength(bytes, at)
    if (length < BATCH_HEADER_BYTES) throw problem(at, `a batch length of ${length}`)
    if (at + length > bytes.length || (start >= 0 && at + length - start > bytesMax)) break
    const next = batchNextOffset(bytes, at)
    if (next > offset) {
      if (start < 0) start = at
      nextOffset = next
    }
    at += length
  }
  return start < 0 ? undefined : { start, end: at, nextOffset }
}
