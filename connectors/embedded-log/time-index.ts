import type { Bytes } from '#streams/base'
import type { Disk } from '#streams/ports'
import { RecordCursor } from './batch-decoder.ts'
import { batchLength, batchMaxTimestamp, batchNextOffset } from './batch-format.ts'
import type { FilePool } from './file-pool.ts'
import { type Segment, type SegmentIndex, scanSegment, visitBatches } from './segment.ts'
import type { Partition } from './state.ts'

/** The first offset whose record has at least this timestamp; the end offset where there is none. */
export async function offsetForTime(
  disk: Disk,
  pool: FilePool,
  partition: Partition,
  timestampMs: number,
): Promise<number> {
  let segments = partition.segments.slice()
  while (segments.length > 0) {
    const segment = segments.shift() as Segment
    if (segment.maxTimestampMs < timestampMs || segment.nextOffset <= partition.startOffset) continue
    try {
      const offset = await findInSegment(disk, pool, segment, partition.startOffset, timestampMs)
      if (offset !== undefined) return offset
    } catch (error) {
      if (!segment.discarded) throw error
    }
    // Compaction or retention replaced it under the search: look at what is there now.
    if (segment.discarded) segments = partition.segments.filter((each) => each.nextOffset > segment.baseOffset)
  }
  const { queue } = partition
  for (let i = queue.indexOf(partition.flushedOffset - 1); i < queue.count; i++) {
    const offset = findInBatch(queue.at(i).bytes, 0, partition.startOffset, timestampMs)
    if (offset !== undefined) return offset
  }
  return partition.endOffset
}

async function findInSegment(
  disk: Disk,
  pool: FilePool,
  segment: Segment,
  startOffset: number,
  timestampMs: number,
): Promise<number | undefined> {
  if (segment.index === undefined) await scanSegment(disk, pool, segment, false)
  const index = segment.index as SegmentIndex
  const range = { verify: true, place: disk.describe(segment.path) }
  let found: number | undefined
  for (let i = 0; i < index.positions.length && found === undefined; i++) {
    if ((index.maxTimestampsMs[i] as number) < timestampMs) continue
    const from = index.positions[i] as number
    const to = index.positions[i + 1] ?? segment.length
    await pool.use(segment.path, (file) =>
      visitBatches(file, { ...range, from, to }, (bytes, at) => {
        found = findInBatch(bytes, at, startOffset, timestampMs)
        return found === undefined
      }),
    )
  }
  return found
}

function findInBatch(bytes: Bytes, at: number, startOffset: number, timestampMs: number): number | undefined {
  if (batchMaxTimestamp(bytes, at) < timestampMs || batchNextOffset(bytes, at) <= startOffset) return undefined
  const cursor = new RecordCursor()
  cursor.open(bytes.subarray(at, at + batchLength(bytes, at)))
  for (let record = cursor.next(startOffset); record !== undefined; record = cursor.next(startOffset)) {
    if (record.timestampMs >= timestampMs) return record.offset
  }
  return undefined
}
