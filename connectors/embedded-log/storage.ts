import { type Bytes, messageOf, StreamsError } from '#streams/base'
import type { Clock, Disk, Logger } from '#streams/ports'
import type { Committer } from './committer.ts'
import type { FilePool } from './file-pool.ts'
import { createJournal, JOURNAL_DIRECTORY, journalNumber, journalPath } from './journal.ts'
import { captureHead, captureTopics, type Manifest, type ManifestHead, writeManifest } from './manifest.ts'
import { addBatchToSegment, newSegment, type Segment } from './segment.ts'
import { evictTail, type LogState, type Partition } from './state.ts'

export type StorageLimits = {
  /** Batches in memory, at most, once they are in segment files: readers that keep up need no file. */
  readonly tailCacheBytes: number
  /** Batches go from memory to segment files when there are so many bytes of them. */
  readonly flushBytes: number
  /** Writers wait while more than this is not in segment files yet. */
  readonly unflushedBytesMax: number
  /** A checkpoint (sync of the segments, new journal) is made after so many bytes of journal. */
  readonly checkpointBytes: number
}

export type StorageParts = {
  readonly disk: Disk
  readonly pool: FilePool
  readonly state: LogState
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: StorageLimits
  readonly committer: () => Committer
}

/**
 * Moves what the journal holds into segment files, and makes checkpoints. Two rules of order:
 * - a journal file is removed only after a manifest without it is durable, and that one only names synced files;
 * - a segment file is removed only after a manifest without it is durable.
 */
export type Storage = {
  flush(): Promise<void>
  checkpoint(): Promise<void>
  /** Called after each group of the journal; starts what is due in the background. */
  onCommitted(bytes: number): void
  awaitRoom(): Promise<void>
  /** Runs `action` while no flush and no checkpoint changes segments. */
  exclusive<T>(action: () => Promise<T>): Promise<T>
  /** A file was created there, which the next checkpoint has to make durable. */
  directoryChanged(directory: string): void
  /** Begins a new segment in each of these partitions, unless the last one is empty. */
  rollSegments(partitions: readonly Partition[]): Promise<void>
  /** To be removed after the next checkpoint. */
  discard(segments: readonly Segment[]): void
  readonly journalBytes: number
}

export function createStorage(parts: StorageParts): Storage {
  const { disk, pool, state, clock, logger, limits } = parts
  const exclusive = createMutex()
  const oneCheckpoint = createMutex()
  const directories = new Set<string>()
  const directoriesToSync = new Set<string>()
  let discarded: string[] = []
  let journalBytes = 0
  let flushing = false
  let checkpointing = false

  const ensureDirectory = async ({ directory, topic }: Partition): Promise<void> => {
    if (directories.has(directory)) return
    await disk.createDirectory(directory)
    directories.add(directory)
    for (const changed of ['', 'topics', topic.directory, directory]) directoriesToSync.add(changed)
  }

  const activeSegment = async (partition: Partition): Promise<Segment> => {
    const last = partition.segments.at(-1)
    return last !== undefined && last.length < partition.topic.config.segmentBytes ? last : addSegment(partition)
  }

  const addSegment = async (partition: Partition): Promise<Segment> => {
    await ensureDirectory(partition)
    const segment = newSegment(partition.directory, partition.flushedOffset, 0, clock.wallClockMs())
    await pool.create(segment.path, async () => undefined)
    directoriesToSync.add(partition.directory)
    partition.segments.push(segment)
    return segment
  }

  /** Writes what fits in one segment; false when nothing is left. */
  const flushSome = async (partition: Partition): Promise<boolean> => {
    const { queue } = partition
    if (partition.deleted || queue.flushedCount === queue.count) return false
    const segment = await activeSegment(partition)
    const room = partition.topic.config.segmentBytes - segment.length
    const batches: Bytes[] = []
    let bytes = 0
    let count = 0
    let flushedOffset = partition.flushedOffset
    let unflushed = 0
    for (let i = queue.flushedCount; i < queue.count && (count === 0 || bytes < room); i++) {
      const batch = queue.at(i)
      count++
      unflushed += batch.bytes.length
      flushedOffset = batch.nextOffset
      // Records that were deleted before they came here (repartition topics) never reach a file.
      if (batch.nextOffset <= partition.startOffset) continue
      batches.push(batch.bytes)
      bytes += batch.bytes.length
    }
    if (batches.length > 0) {
      segment.unsynced = true
      const written = await pool.use(segment.path, async (file) => {
        await file.write(batches, segment.length)
        return true
      })
      if (written === undefined) throw missing(disk, segment)
    }
    if (partition.deleted) return false
    for (const batch of batches) addBatchToSegment(segment, batch, 0)
    queue.markFlushed(count)
    partition.flushedOffset = flushedOffset
    state.tail.unflushedBytes -= unflushed
    return true
  }

  const flushAll = async (): Promise<void> => {
    for (const topic of [...state.topics.values()]) {
      for (const partition of topic.partitions) while (await flushSome(partition));
    }
    evictTail(state, limits.tailCacheBytes)
  }

  const syncSegments = async (): Promise<void> => {
    try {
      for (const topic of [...state.topics.values()]) {
        for (const { segments } of topic.partitions) {
          for (const segment of segments) {
            if (!segment.unsynced) continue
            await pool.use(segment.path, (file) => file.sync())
            segment.unsynced = false
          }
        }
      }
      for (const directory of directoriesToSync) {
        await disk.syncDirectory(directory)
        directoriesToSync.delete(directory)
      }
    } catch (error) {
      // After a failed sync nothing says what the file holds; the journal still has it all for the next start.
      throw parts.committer().fail(error)
    }
  }

  /** What this manifest, which is durable now, does not name any more; the state may have gone on meanwhile. */
  const removeOldFiles = async (manifest: Manifest, segments: readonly string[]): Promise<void> => {
    for (const path of segments) {
      await pool.drop(path)
      await disk.removeFile(path)
    }
    for (const { name } of await disk.list(JOURNAL_DIRECTORY)) {
      const number = journalNumber(name)
      if (number !== undefined && number < manifest.journal) await disk.removeFile(journalPath(number))
    }
    const named = new Set(manifest.topics.map(({ id }) => id))
    for (const { name } of await disk.list('topics')) {
      const id = Number(name.slice(name.lastIndexOf('~') + 1))
      if (id < manifest.nextTopicId && !named.has(id)) await removeTopicDirectory(name)
    }
  }

  const removeTopicDirectory = async (name: string): Promise<void> => {
    const directory = `topics/${name}`
    for (const { name: partition } of await disk.list(directory)) {
      for (const file of await disk.list(`${directory}/${partition}`)) {
        await pool.drop(`${directory}/${partition}/${file.name}`)
      }
    }
    await disk.removeDirectory(directory)
  }

  const finishCheckpoint = async (head: ManifestHead): Promise<void> => {
    await flushAll()
    await syncSegments()
    const obsolete = discarded
    discarded = []
    const manifest: Manifest = { ...head, topics: captureTopics(state, head.nextTopicId) }
    try {
      await writeManifest(disk, manifest)
    } catch (error) {
      discarded = [...obsolete, ...discarded]
      throw error
    }
    await removeOldFiles(manifest, obsolete)
  }

  const checkpoint = async (): Promise<void> => {
    let head: ManifestHead | undefined
    const bytesBefore = journalBytes
    await parts.committer().switchJournal(async (nextSequence) => {
      const journal = await createJournal(disk, parts.committer().journal.number + 1, nextSequence)
      head = captureHead(state, journal.number, nextSequence)
      return journal
    })
    journalBytes -= bytesBefore
    await exclusive(() => finishCheckpoint(head as ManifestHead))
  }

  /** An error in the background is told at once; the writer meets it when there is no more room. */
  const inBackground = (what: string, action: () => Promise<void>): Promise<void> =>
    action().catch((error: unknown) => {
      logger.error(`The embedded log could not ${what}; what was acknowledged is safe in the journal.`, {
        reason: messageOf(error),
      })
    })

  return {
    flush: () => exclusive(flushAll),
    checkpoint: () => oneCheckpoint(checkpoint),
    exclusive,
    directoryChanged: (directory) => void directoriesToSync.add(directory),
    rollSegments: (partitions) =>
      exclusive(async () => {
        for (const partition of partitions) {
          const last = partition.segments.at(-1)
          if (!partition.deleted && last !== undefined && last.length > 0) await addSegment(partition)
        }
      }),
    discard(segments) {
      for (const segment of segments) {
        segment.discarded = true
        discarded.push(segment.path)
      }
    },
    get journalBytes() {
      return journalBytes
    },
    onCommitted(bytes) {
      journalBytes += bytes
      evictTail(state, limits.tailCacheBytes)
      if (!checkpointing && journalBytes >= limits.checkpointBytes) {
        checkpointing = true
        void inBackground('make a checkpoint', () => oneCheckpoint(checkpoint)).then(() => {
          checkpointing = false
        })
      } else if (!flushing && !checkpointing && state.tail.unflushedBytes >= limits.flushBytes) {
        flushing = true
        void inBackground('write segment files', () => exclusive(flushAll)).then(() => {
          flushing = false
        })
      }
    },
    async awaitRoom() {
      if (state.tail.unflushedBytes > limits.unflushedBytesMax) await exclusive(flushAll)
    },
  }
}

function missing(disk: Disk, segment: Segment): StreamsError {
  return new StreamsError(
    'LOG_CORRUPTED',
    `The file ${disk.describe(segment.path)} has vanished while the log was running. Stop whatever removes files there.`,
  )
}

/** Runs actions one after another, in the order in which they came. */
export function createMutex(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (action) => {
    const result = last.then(action)
    last = result.catch(() => undefined)
    return result
  }
}
