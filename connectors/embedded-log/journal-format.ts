import {
  type Bytes,
  messageOf,
  readInt32,
  readInt64,
  utf8Decode,
  utf8Encode,
  writeInt32,
  writeInt64,
} from '#streams/base'
import type { CommittedOffset, TopicConfig } from '#streams/ports'
import { batchProblem } from './batch-format.ts'
import { checksum } from './checksum.ts'

/**
 * The journal: every atomic unit is one frame. File header (32 bytes):
 *
 *   0  magic "MTOJRNL1"   8  file number   16  sequence of the first frame   24  checksum of bytes 0 … 24   28  zero
 *
 * Frame:
 *
 *   0  magic               4
 *   4  checksum            4   of bytes 8 … 48 + metaLength; batches have their own
 *   8  sequence            8   rises by one from frame to frame, also from file to file
 *  16  position            8   of this frame in the file, so that a copy of a frame inside a record is not taken for one
 *  24  acknowledgedBefore  8   every frame below this position had been acknowledged when this one was written
 *  32  metaLength          4
 *  36  dataLength          4
 *  40  batchCount          4
 *  44  reserved            4
 *  48  per batch: topic id 4, partition 4, length 4; then the events as JSON
 *   …  the batches
 *
 * `acknowledgedBefore` tells a torn tail from damage. The frames of one group are written and synced together, and a
 * power cut may keep a later one and lose an earlier one: a broken frame may be cut off as long as no intact frame
 * behind it says that the broken one had been acknowledged.
 */
export const JOURNAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 48
const FRAME_MAGIC = 0x4d544f46
const JOURNAL_MAGIC = utf8Encode('MTOJRNL1')
const BATCH_META_BYTES = 12

/** What changes beside records. Applying an event again, after later ones were applied too, changes nothing. */
export type JournalEvent =
  | { readonly kind: 'topic-created'; readonly topic: StoredTopic }
  | { readonly kind: 'topic-deleted'; readonly topicId: number; readonly name: string }
  | { readonly kind: 'start-offset'; readonly topicId: number; readonly partition: number; readonly offset: number }
  | { readonly kind: 'producer'; readonly transactionalId: string; readonly epoch: number }
  | { readonly kind: 'offsets'; readonly group: string; readonly offsets: readonly CommittedOffset[] }
  | { readonly kind: 'group-deleted'; readonly group: string }

export type StoredTopic = {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly config: Required<TopicConfig>
}

export type Frame = {
  readonly sequence: number
  readonly position: number
  readonly acknowledgedBefore: number
  /** Per batch: topic id, partition. */
  readonly batches: readonly { readonly topicId: number; readonly partition: number; readonly bytes: Bytes }[]
  readonly events: readonly JournalEvent[]
  readonly length: number
}

export type FrameHead = {
  readonly sequence: number
  readonly position: number
  readonly acknowledgedBefore: number
  /** Per batch: topic id, partition, position, length: as submitted. */
  readonly batches: readonly number[]
  readonly dataLength: number
  readonly events: readonly JournalEvent[]
}

/** The frame without its batches, which follow as they are. */
export function encodeFrameHead(head: FrameHead): Bytes {
  const events = head.events.length === 0 ? undefined : utf8Encode(JSON.stringify(head.events))
  const batchCount = head.batches.length / 4
  const metaLength = batchCount * BATCH_META_BYTES + (events === undefined ? 0 : events.length)
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + metaLength)
  writeInt32(bytes, 0, FRAME_MAGIC)
  writeInt64(bytes, 8, head.sequence)
  writeInt64(bytes, 16, head.position)
  writeInt64(bytes, 24, head.acknowledgedBefore)
  writeInt32(bytes, 32, metaLength)
  writeInt32(bytes, 36, head.dataLength)
  writeInt32(bytes, 40, batchCount)
  let at = FRAME_HEADER_BYTES
  for (let i = 0; i < head.batches.length; i += 4) {
    writeInt32(bytes, at, head.batches[i] as number)
    writeInt32(bytes, at + 4, head.batches[i + 1] as number)
    writeInt32(bytes, at + 8, head.batches[i + 3] as number)
    at += BATCH_META_BYTES
  }
  if (events !== undefined) bytes.set(events, at)
  writeInt32(bytes, 4, checksum(bytes.subarray(8)))
  return bytes
}

export type FrameRead = { readonly frame: Frame } | { readonly problem: string; readonly position: number }

/** Reads the frame at `at`; `bytes` is the whole file. */
export function readFrame(bytes: Bytes, at: number): FrameRead {
  const problem = frameHeadProblem(bytes, at)
  if (problem !== undefined) return { problem, position: at }
  const metaLength = readInt32(bytes, at + 32) >>> 0
  const dataLength = readInt32(bytes, at + 36) >>> 0
  const batchCount = readInt32(bytes, at + 40) >>> 0
  const metaStart = at + FRAME_HEADER_BYTES
  const dataStart = metaStart + metaLength
  const end = dataStart + dataLength
  if (end > bytes.length) return { problem: `the file ends within a frame of ${end - at} bytes`, position: at }
  const batches: Frame['batches'][number][] = []
  let dataAt = dataStart
  for (let i = 0; i < batchCount; i++) {
    const entry = metaStart + i * BATCH_META_BYTES
    const length = readInt32(bytes, entry + 8) >>> 0
    const inside = batchProblem(bytes, dataAt, Math.min(end, dataAt + length))
    if (inside !== undefined) return { problem: inside, position: dataAt }
    batches.push({
      topicId: readInt32(bytes, entry) >>> 0,
      partition: readInt32(bytes, entry + 4) >>> 0,
      bytes: bytes.subarray(dataAt, dataAt + length),
    })
    dataAt += length
  }
  const events = readEvents(bytes.subarray(metaStart + batchCount * BATCH_META_BYTES, dataStart))
  if (typeof events === 'string') return { problem: events, position: metaStart }
  const frame: Frame = {
    sequence: readInt64(bytes, at + 8),
    position: at,
    acknowledgedBefore: readInt64(bytes, at + 24),
    batches,
    events,
    length: end - at,
  }
  return { frame }
}

function readEvents(bytes: Bytes): readonly JournalEvent[] | string {
  if (bytes.length === 0) return []
  try {
    return JSON.parse(utf8Decode(bytes)) as readonly JournalEvent[]
  } catch (error) {
    return `unreadable events (${messageOf(error)})`
  }
}

function frameHeadProblem(bytes: Bytes, at: number): string | undefined {
  if (bytes.length - at < FRAME_HEADER_BYTES) return `only ${bytes.length - at} bytes where a frame begins`
  if (readInt32(bytes, at) !== FRAME_MAGIC) return 'no frame begins here'
  const metaLength = readInt32(bytes, at + 32) >>> 0
  const headEnd = at + FRAME_HEADER_BYTES + metaLength
  if (headEnd > bytes.length) return 'the file ends within the head of a frame'
  if (checksum(bytes.subarray(at + 8, headEnd)) !== readInt32(bytes, at + 4) >>> 0) return 'a wrong checksum'
  if (readInt64(bytes, at + 16) !== at) return 'a frame of another place'
  return undefined
}

/** True if an intact frame head behind `position` says that what lies there had been acknowledged. */
export function wasAcknowledged(bytes: Bytes, position: number): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = Buffer.alloc(4)
  magic.writeInt32BE(FRAME_MAGIC)
  for (let at = buffer.indexOf(magic, position + 1); at >= 0; at = buffer.indexOf(magic, at + 1)) {
    if (frameHeadProblem(bytes, at) === undefined && readInt64(bytes, at + 24) > position) return true
  }
  return false
}

export function encodeJournalHeader(fileNumber: number, firstSequence: number): Bytes {
  const bytes = new Uint8Array(JOURNAL_HEADER_BYTES)
  bytes.set(JOURNAL_MAGIC)
  writeInt64(bytes, 8, fileNumber)
  writeInt64(bytes, 16, firstSequence)
  writeInt32(bytes, 24, checksum(bytes.subarray(0, 24)))
  return bytes
}

/** The sequence of the first frame; undefined if the header is damaged. */
export function readJournalHeader(bytes: Bytes, fileNumber: number): number | undefined {
  if (bytes.length < JOURNAL_HEADER_BYTES) return undefined
  if (checksum(bytes.subarray(0, 24)) !== readInt32(bytes, 24) >>> 0) return undefined
  return readInt64(bytes, 8) === fileNumber ? readInt64(bytes, 16) : undefined
}
