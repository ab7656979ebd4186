import { assert, type Bytes } from '#streams/base'
import type { Clock, Disk, DiskFile, LogRecord } from '#streams/ports'
import { RecordCursor } from './batch-decoder.ts'
import { BatchEncoder } from './batch-encoder.ts'
import {
  assignBaseOffset,
  batchDeleteHorizon,
  batchLength,
  batchMaxTimestamp,
  batchNextOffset,
  batchRecordCount,
} from './batch-format.ts'
import type { FilePool } from './file-pool.ts'
import { addBatchToSegment, newSegment, type Segment, visitBatches } from './segment.ts'
import type { Partition } from './state.ts'
import type { Storage } from './storage.ts'

/** Work between two pauses in which appends and reads go on. */
const SLICE_BYTES = 256 * 1024
/** Keys held in memory in one pass; where there are more, further passes follow. */
const KEYS_MAX = 1_000_000

export type CompactionParts = {
  readonly disk: Disk
  readonly pool: FilePool
  readonly clock: Clock
  readonly storage: Storage
  readonly stopped: AbortSignal
}

/**
 * Keeps the last record of each key, with its offset; all but the newest segment of a partition are looked at. A
 * tombstone stays until `deleteRetentionMs` after the first compaction that met it, so that a reader on its way learns
 * of the deletion. (Kafka's log cleaner, with KIP-534's delete horizon.)
 *
 * New files are written beside the old ones. The swap is in memory; the next manifest makes it durable and only then
 * the old files go. A crash at any point leaves one whole set and left-overs that the next start removes.
 */
export async function compactPartition(parts: CompactionParts, partition: Partition): Promise<boolean> {
  let changed = false
  for (;;) {
    const cleanedBefore = partition.cleanedOffset
    try {
      if (await compactOnce(parts, partition)) changed = true
    } catch (error) {
      // The topic was deleted meanwhile, and its files with it.
      if (partition.deleted) return changed
      throw error
    }
    if (partition.cleanedOffset === cleanedBefore || parts.stopped.aborted || partition.deleted) return changed
  }
}

async function compactOnce(parts: CompactionParts, partition: Partition): Promise<boolean> {
  const nowMs = parts.clock.wallClockMs()
  const sources = cleanableSegments(partition, nowMs)
  const end = sources.at(-1)?.nextOffset ?? 0
  if (sources.length === 0) return false
  const latest = await collectLatest(parts, partition, sources)
  let changed = false
  for (const group of groupSegments(sources, partition.topic.config.segmentBytes)) {
    if (parts.stopped.aborted || partition.deleted) return changed
    if (await rewrite(parts, partition, group, latest.offsets, nowMs)) changed = true
  }
  partition.cleanedOffset = Math.max(partition.cleanedOffset, Math.min(latest.end, end))
  return changed
}

function cleanableSegments({ segments, topic }: Partition, nowMs: number): readonly Segment[] {
  const { minCompactionLagMs } = topic.config
  const closed = segments.slice(0, -1)
  if (minCompactionLagMs <= 0) return closed
  const firstTooYoung = closed.findIndex(({ maxTimestampMs }) => maxTimestampMs > nowMs - minCompactionLagMs)
  return firstTooYoung < 0 ? closed : closed.slice(0, firstTooYoung)
}

/** Neighbours that fit into one segment become one. */
function groupSegments(segments: readonly Segment[], bytesMax: number): readonly (readonly Segment[])[] {
  const groups: Segment[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const segment of segments) {
    if (bytes + segment.length > bytesMax) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)?.push(segment)
    bytes += segment.length
  }
  return groups
}

type Latest = { readonly offsets: ReadonlyMap<string, number>; readonly end: number }

/** The last offset of each key in what was not compacted before, as far as memory allows. */
async function collectLatest(
  parts: CompactionParts,
  partition: Partition,
  sources: readonly Segment[],
): Promise<Latest> {
  const offsets = new Map<string, number>()
  const from = Math.max(partition.cleanedOffset, partition.startOffset)
  let end = from
  for (const segment of sources) {
    if (segment.nextOffset <= from) continue
    await visitSlices(parts, segment, (bytes, at) => {
      if (offsets.size >= KEYS_MAX) return
      for (const record of recordsOf(bytes, at)) {
        if (record.offset >= from && record.key !== null) offsets.set(keyText(record.key), record.offset)
      }
      end = Math.max(end, batchNextOffset(bytes, at))
    })
    if (offsets.size >= KEYS_MAX || parts.stopped.aborted) return { offsets, end }
    end = Math.max(end, segment.nextOffset)
  }
  return { offsets, end }
}

/** Writes a group of segments anew; false if nothing in it had to go. */
async function rewrite(
  parts: CompactionParts,
  partition: Partition,
  group: readonly Segment[],
  latest: ReadonlyMap<string, number>,
  nowMs: number,
): Promise<boolean> {
  const first = group[0] as Segment
  const generation = Math.max(...group.map((segment) => segment.generation)) + 1
  const target = newSegment(partition.directory, first.baseOffset, generation, first.createdAtMs)
  let removed = 0
  await parts.pool.create(target.path, async (file) => {
    for (const segment of group) {
      let kept: Bytes[] = []
      await visitSlices(
        parts,
        segment,
        (bytes, at) => {
          const batch = keptPart(bytes, at, partition, latest, nowMs)
          removed += batch.removed
          if (batch.bytes !== undefined) kept.push(batch.bytes)
        },
        async () => {
          await writeBatches(file, target, kept)
          kept = []
        },
      )
    }
  })
  target.nextOffset = (group.at(-1) as Segment).nextOffset
  const nothingChanged = removed === 0 && group.length === 1
  const swapped = !nothingChanged && (await swap(parts, partition, group, target))
  if (!swapped || target.length === 0) {
    await parts.pool.drop(target.path)
    await parts.disk.removeFile(target.path)
  }
  return swapped
}

async function swap(
  { storage, stopped }: CompactionParts,
  partition: Partition,
  group: readonly Segment[],
  target: Segment,
): Promise<boolean> {
  return storage.exclusive(async () => {
    const at = partition.segments.indexOf(group[0] as Segment)
    if (partition.deleted || stopped.aborted || at < 0) return false
    assert(
      group.every((segment, i) => partition.segments[at + i] === segment),
      'nobody else replaces closed segments',
    )
    partition.segments.splice(at, group.length, ...(target.length > 0 ? [target] : []))
    storage.discard(group)
    storage.directoryChanged(partition.directory)
    return true
  })
}

async function writeBatches(file: DiskFile, target: Segment, batches: readonly Bytes[]): Promise<void> {
  if (batches.length === 0) return
  await file.write(batches, target.length)
  for (const batch of batches) addBatchToSegment(target, batch, 0)
}

/** `bytes` undefined: nothing of the batch stays. `removed` also counts a batch that only got its delete horizon. */
function keptPart(
  bytes: Bytes,
  at: number,
  partition: Partition,
  latest: ReadonlyMap<string, number>,
  nowMs: number,
): { readonly bytes: Bytes | undefined; readonly removed: number } {
  const horizonMs = batchDeleteHorizon(bytes, at)
  const kept: LogRecord[] = []
  let tombstones = 0
  for (const record of recordsOf(bytes, at)) {
    // A compacted topic holds no records without a key: there is nothing to compact them by. Kafka drops them too.
    if (record.key === null || record.offset < partition.startOffset) continue
    if ((latest.get(keyText(record.key)) ?? -1) > record.offset) continue
    if (record.value === null) {
      if (horizonMs > 0 && horizonMs <= nowMs) continue
      tombstones++
    }
    kept.push(record)
  }
  const removed = batchRecordCount(bytes, at) - kept.length
  const needsHorizon = tombstones > 0 && horizonMs === 0
  if (kept.length === 0) return { bytes: undefined, removed }
  if (removed === 0 && !needsHorizon) return { bytes: bytes.subarray(at, at + batchLength(bytes, at)), removed: 0 }
  const newHorizonMs = needsHorizon ? nowMs + partition.topic.config.deleteRetentionMs : horizonMs
  return { bytes: encodeKept(kept, newHorizonMs), removed: Math.max(removed, 1) }
}

function encodeKept(records: readonly LogRecord[], deleteHorizonMs: number): Bytes {
  const first = records[0] as LogRecord
  const encoder = new BatchEncoder(0, 0)
  encoder.beginSparse(first.offset, first.timestampMs, deleteHorizonMs)
  for (const { offset, key, value, timestampMs, headers } of records) {
    encoder.appendSparse(offset, key, value, timestampMs, headers)
  }
  encoder.finish()
  const bytes = encoder.bytes.subarray(0, encoder.length)
  assignBaseOffset(bytes, 0, first.offset)
  assert(batchMaxTimestamp(bytes, 0) >= first.timestampMs, 'the batch holds its first record')
  return bytes
}

function* recordsOf(bytes: Bytes, at: number): Generator<LogRecord> {
  const cursor = new RecordCursor()
  cursor.open(bytes.subarray(at, at + batchLength(bytes, at)))
  for (let record = cursor.next(0); record !== undefined; record = cursor.next(0)) yield record
}

function keyText(key: Bytes): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

/** Walks through a segment with a pause after each slice, in which `afterSlice` may write. */
async function visitSlices(
  { disk, pool, stopped }: CompactionParts,
  segment: Segment,
  visit: (bytes: Bytes, at: number) => void,
  afterSlice: () => Promise<void> = async () => undefined,
): Promise<void> {
  const place = disk.describe(segment.path)
  let position = 0
  while (position < segment.length && !stopped.aborted) {
    const from = position
    const next = await pool.use(segment.path, (file) =>
      visitBatches(
        file,
        { from, to: segment.length, verify: true, place, windowBytes: SLICE_BYTES },
        (bytes, at, here) => {
          if (here - from >= SLICE_BYTES) return false
          visit(bytes, at)
          return true
        },
      ),
    )
    assert(next !== undefined, 'a segment in use is not removed')
    position = next
    await afterSlice()
  }
}
