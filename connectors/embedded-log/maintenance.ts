import { messageOf } from '#streams/base'
import type { Clock, Disk, Logger } from '#streams/ports'
import { compactPartition } from './compaction.ts'
import type { FilePool } from './file-pool.ts'
import type { Segment } from './segment.ts'
import { findTopic, type LogState, type Partition } from './state.ts'
import { createMutex, type Storage } from './storage.ts'

/** Background compaction starts when at least this part of a partition's closed segments is new since the last one. */
const DIRTY_RATIO_MIN = 0.5

export type MaintenanceParts = {
  readonly disk: Disk
  readonly pool: FilePool
  readonly state: LogState
  readonly clock: Clock
  readonly logger: Logger
  readonly storage: Storage
  /** 0 = only when asked. */
  readonly intervalMs: number
}

/** A segment is closed at this age at the latest (Kafka's default for segment.ms), or at its topic's retentionMs. */
const SEGMENT_AGE_MAX_MS = 7 * 24 * 60 * 60 * 1000

/** Retention and compaction, one after the other, in the background or when asked. */
export type Maintenance = {
  retain(): Promise<void>
  compact(topic: string): Promise<void>
  close(): Promise<void>
}

export function createMaintenance(parts: MaintenanceParts): Maintenance {
  const { state, clock, logger, storage, intervalMs } = parts
  const oneAtATime = createMutex()
  const stopped = new AbortController()

  const retain = async (): Promise<void> => {
    await storage.flush()
    await storage.rollSegments(agedPartitions(state, clock.wallClockMs()))
    let dropped = 0
    await storage.exclusive(async () => {
      for (const topic of state.topics.values()) {
        for (const partition of topic.partitions) {
          const segments = expiredSegments(partition, clock.wallClockMs())
          dropSegments(partition, segments, storage)
          dropped += segments.length
        }
      }
    })
    if (dropped > 0) await storage.checkpoint()
  }

  const compact = async (partitions: readonly Partition[]): Promise<void> => {
    let changed = false
    for (const partition of partitions) {
      if (stopped.signal.aborted) break
      if (await compactPartition({ ...parts, stopped: stopped.signal }, partition)) changed = true
    }
    if (changed) await storage.checkpoint()
  }

  const round = async (): Promise<void> => {
    await retain()
    for (const topic of [...state.topics.values()]) {
      if (topic.config.cleanupPolicy === 'delete') continue
      await compact(topic.partitions.filter((partition) => dirtyRatio(partition) >= DIRTY_RATIO_MIN))
    }
  }

  const loop = async (): Promise<void> => {
    while (intervalMs > 0 && !stopped.signal.aborted) {
      await clock.sleep(intervalMs, stopped.signal)
      if (stopped.signal.aborted) return
      await oneAtATime(round).catch((error: unknown) =>
        logger.error('Retention and compaction of the embedded log failed; they are tried again later.', {
          reason: messageOf(error),
        }),
      )
    }
  }
  const running = loop()

  return {
    retain: () => oneAtATime(retain),
    compact: (name) =>
      oneAtATime(async () => compact(await closeActiveSegments(findTopic(state, name).partitions, storage))),
    async close() {
      stopped.abort()
      await running
      await oneAtATime(async () => undefined)
    },
  }
}

/** So that everything written so far can be compacted: the segment that grows never is. */
async function closeActiveSegments(partitions: readonly Partition[], storage: Storage): Promise<readonly Partition[]> {
  await storage.flush()
  await storage.rollSegments(partitions)
  return partitions
}

/** Those whose growing segment is so old that it must be closed, or its oldest records would outlive their time. */
function agedPartitions({ topics }: LogState, nowMs: number): readonly Partition[] {
  const aged: Partition[] = []
  for (const { config, partitions } of topics.values()) {
    const retentionMs =
      config.cleanupPolicy !== 'compact' && config.retentionMs >= 0 ? config.retentionMs : SEGMENT_AGE_MAX_MS
    const ageMaxMs = Math.min(retentionMs, SEGMENT_AGE_MAX_MS)
    for (const partition of partitions) {
      const active = partition.segments.at(-1)
      if (active !== undefined && active.createdAtMs <= nowMs - ageMaxMs) aged.push(partition)
    }
  }
  return aged
}

function dirtyRatio({ segments, cleanedOffset }: Partition): number {
  let bytes = 0
  let dirty = 0
  for (const { length, nextOffset } of segments.slice(0, -1)) {
    bytes += length
    if (nextOffset > cleanedOffset) dirty += length
  }
  return bytes === 0 ? 0 : dirty / bytes
}

/** From the front: what deleted records have emptied, then what is too old, then what is too much. */
function expiredSegments({ topic, segments, startOffset }: Partition, nowMs: number): readonly Segment[] {
  const { cleanupPolicy, retentionMs, retentionBytes } = topic.config
  const deletes = cleanupPolicy !== 'compact'
  let bytesOver = retentionBytes < 0 ? -1 : segments.reduce((sum, { length }) => sum + length, 0) - retentionBytes
  let count = 0
  for (const { nextOffset, maxTimestampMs, length } of segments) {
    const isActive = count === segments.length - 1
    const deleted = nextOffset <= startOffset && length > 0
    const tooOld = deletes && retentionMs >= 0 && maxTimestampMs < nowMs - retentionMs && length > 0
    const tooMuch = deletes && !isActive && retentionBytes >= 0 && bytesOver - length >= 0
    if (!deleted && !tooOld && !tooMuch) break
    bytesOver -= length
    count++
  }
  return segments.slice(0, count)
}

function dropSegments(partition: Partition, dropped: readonly Segment[], storage: Storage): void {
  const last = dropped.at(-1)
  if (last === undefined) return
  partition.segments = partition.segments.slice(dropped.length)
  if (last.nextOffset > partition.startOffset) partition.startOffset = last.nextOffset
  storage.discard(dropped)
}
