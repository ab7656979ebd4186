import { assert, partitionName, StreamsError } from '#streams/base'
import type { Disk, Logger } from '#streams/ports'
import { batchBaseOffset } from './batch-format.ts'
import type { FilePool } from './file-pool.ts'
import { JOURNAL_DIRECTORY, journalNumber, journalPath } from './journal.ts'
import { type Frame, JOURNAL_HEADER_BYTES, readFrame, readJournalHeader, wasAcknowledged } from './journal-format.ts'
import { type Manifest, type ManifestPartition, readManifest, writeManifest } from './manifest.ts'
import { corrupted, type Segment, scanSegment, segmentName } from './segment.ts'
import { addTopic, appendBatch, applyEvent, createState, type LogState, type Partition } from './state.ts'

export type Recovered = {
  readonly state: LogState
  readonly nextSequence: number
  /** The journal file that the owner creates next. */
  readonly nextJournal: number
  readonly journalBytes: number
}

export type RecoveryOptions = {
  readonly disk: Disk
  readonly pool: FilePool
  readonly logger: Logger
  /** `all` checks every checksum in every segment; `sizes` only that the files are there and long enough. */
  readonly verify: 'all' | 'sizes'
}

type JournalFile = {
  readonly number: number
  readonly path: string
  readonly frames: readonly Frame[]
  readonly goodLength: number
  readonly length: number
}

/**
 * Finds the state in which the last process left the log. First everything is read and checked, and only when all of
 * it is sound are left-overs cut off: a damaged log is refused as it is.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { disk } = options
  const manifest = (await readManifest(disk)) ?? (await createFirstManifest(disk))
  const state = stateOf(manifest)
  const journals = await readJournals(disk, manifest)
  for (const partition of partitionsOf(state)) {
    for (const segment of partition.segments) await checkSegment(options, segment)
  }
  await cutLeftovers(options, state, manifest, journals)
  let nextSequence = manifest.firstSequence
  for (const { frames } of journals) {
    for (const frame of frames) {
      applyFrame(state, frame)
      nextSequence = frame.sequence + 1
    }
  }
  const lastJournal = journals.at(-1)
  return {
    state,
    nextSequence,
    nextJournal: lastJournal === undefined ? manifest.journal : lastJournal.number + 1,
    journalBytes: journals.reduce((sum, { goodLength }) => sum + goodLength, 0),
  }
}

async function createFirstManifest(disk: Disk): Promise<Manifest> {
  const journals = (await disk.list(JOURNAL_DIRECTORY)).filter(({ name }) => journalNumber(name) !== undefined)
  if (journals.length > 0) {
    throw new StreamsError(
      'LOG_CORRUPTED',
      `${disk.describe('manifest')} is missing, but there are journal files. Nothing was changed. ` +
        'Restore the data directory from a backup, or choose an empty directory.',
    )
  }
  const manifest: Manifest = { journal: 1, firstSequence: 1, nextTopicId: 1, topics: [], groups: [], producers: [] }
  // The directories come first: a manifest promises that the journal's directory survives a power cut.
  await disk.createDirectory(JOURNAL_DIRECTORY)
  await disk.createDirectory('topics')
  await disk.syncDirectory('')
  await writeManifest(disk, manifest)
  return manifest
}

function stateOf(manifest: Manifest): LogState {
  const state = createState()
  for (const stored of manifest.topics) {
    const topic = addTopic(state, stored)
    for (const [index, files] of stored.files.entries()) loadPartition(topic.partitions[index] as Partition, files)
  }
  state.nextTopicId = Math.max(state.nextTopicId, manifest.nextTopicId)
  for (const { group, offsets } of manifest.groups) {
    state.groups.set(group, new Map(offsets.map((each) => [partitionName(each.topic, each.partition), each])))
  }
  for (const [transactionalId, epoch] of manifest.producers) state.producerEpochs.set(transactionalId, epoch)
  return state
}

function loadPartition(partition: Partition, files: ManifestPartition): void {
  partition.startOffset = files.startOffset
  partition.flushedOffset = files.flushedOffset
  partition.endOffset = files.flushedOffset
  partition.stagedEndOffset = files.flushedOffset
  partition.cleanedOffset = files.cleanedOffset
  partition.segments = files.segments.map(
    (segment): Segment => ({
      path: `${partition.directory}/${segmentName(segment.baseOffset, segment.generation)}`,
      ...segment,
      index: undefined,
      unsynced: false,
    }),
  )
}

async function checkSegment({ disk, pool, verify }: RecoveryOptions, segment: Segment): Promise<void> {
  if (verify === 'all') return scanSegment(disk, pool, segment, true)
  const size = await pool.use(segment.path, (file) => file.size())
  const place = disk.describe(segment.path)
  if (size === undefined) throw corrupted(place, 0, `the file is missing, but ${segment.length} bytes are expected`)
  if (size < segment.length) throw corrupted(place, size, `the file ends, but ${segment.length} bytes are expected`)
}

async function readJournals(disk: Disk, manifest: Manifest): Promise<readonly JournalFile[]> {
  const numbers = (await disk.list(JOURNAL_DIRECTORY))
    .map(({ name }) => journalNumber(name))
    .filter((number) => number !== undefined && number >= manifest.journal) as number[]
  const journals: JournalFile[] = []
  let sequence = manifest.firstSequence
  let expected = manifest.journal
  for (const number of numbers) {
    const journal = await readJournal(disk, number, number === numbers.at(-1))
    if (journal === undefined) continue
    if (number !== expected) {
      throw corrupted(disk.describe(journalPath(expected)), 0, 'this journal file is missing, but later ones are there')
    }
    for (const frame of journal.frames) {
      if (frame.sequence !== sequence) {
        const problem = `frame ${frame.sequence} where ${sequence} is expected`
        throw corrupted(disk.describe(journal.path), frame.position, problem)
      }
      sequence++
    }
    expected = number + 1
    journals.push(journal)
  }
  return journals
}

/** Undefined for a last file that holds nothing: its creation was not completed, and no frame was acknowledged in it. */
async function readJournal(disk: Disk, number: number, last: boolean): Promise<JournalFile | undefined> {
  const path = journalPath(number)
  const place = disk.describe(path)
  const file = await disk.openFile(path, 'read')
  assert(file !== undefined, 'a listed journal is there')
  try {
    const bytes = new Uint8Array(await file.size())
    await file.read(bytes, 0)
    const frames: Frame[] = []
    let at = JOURNAL_HEADER_BYTES
    while (at < bytes.length) {
      const read = readFrame(bytes, at)
      if ('problem' in read) {
        if (!last || wasAcknowledged(bytes, at)) throw corrupted(place, read.position, read.problem)
        break
      }
      frames.push(read.frame)
      at += read.frame.length
    }
    if (frames.length === 0 && last) return undefined
    if (readJournalHeader(bytes, number) === undefined) throw corrupted(place, 0, 'the header of the journal')
    return { number, path, frames, goodLength: at, length: bytes.length }
  } finally {
    await file.close()
  }
}

async function cutLeftovers(
  { disk, pool, logger }: RecoveryOptions,
  state: LogState,
  manifest: Manifest,
  journals: readonly JournalFile[],
): Promise<void> {
  const kept = new Set(journals.map(({ number }) => number))
  for (const { name } of await disk.list(JOURNAL_DIRECTORY)) {
    const number = journalNumber(name)
    if (number === undefined || kept.has(number)) continue
    await removeJournal(disk, logger, number, number >= manifest.journal)
  }
  for (const { path, goodLength, length } of journals) {
    if (goodLength < length) await cutJournal(disk, logger, path, goodLength, length)
  }
  const named = new Set<string>()
  for (const partition of partitionsOf(state)) {
    for (const segment of partition.segments) {
      named.add(segment.path)
      await pool.use(segment.path, async (file) => {
        // What is behind the checkpoint comes again from the journal.
        if ((await file.size()) > segment.length) await file.truncate(segment.length)
      })
    }
  }
  for (const topic of await disk.list('topics')) {
    for (const partition of await disk.list(`topics/${topic.name}`)) {
      for (const { name } of await disk.list(`topics/${topic.name}/${partition.name}`)) {
        const path = `topics/${topic.name}/${partition.name}/${name}`
        if (!named.has(path) && /^\d{16}-\d+\.log$/.test(name)) await disk.removeFile(path)
      }
    }
  }
}

async function removeJournal(disk: Disk, logger: Logger, number: number, isNew: boolean): Promise<void> {
  const path = journalPath(number)
  if (isNew) {
    const file = await disk.openFile(path, 'read')
    const bytes = (await file?.size()) ?? 0
    await file?.close()
    if (bytes > JOURNAL_HEADER_BYTES) {
      logger.warn(
        `Cut ${bytes - JOURNAL_HEADER_BYTES} bytes of a write that was never acknowledged off ${disk.describe(path)}.`,
        {
          bytes: bytes - JOURNAL_HEADER_BYTES,
        },
      )
    }
  }
  await disk.removeFile(path)
}

async function cutJournal(disk: Disk, logger: Logger, path: string, goodLength: number, length: number): Promise<void> {
  const bytes = length - goodLength
  logger.warn(
    `Cut ${bytes} bytes of a write that was never acknowledged off ${disk.describe(path)} at byte ${goodLength}.`,
    {
      bytes,
      position: goodLength,
    },
  )
  const file = await disk.openFile(path, 'read-write')
  assert(file !== undefined, 'the journal was just read')
  try {
    await file.truncate(goodLength)
    await file.sync()
  } finally {
    await file.close()
  }
}

function applyFrame(state: LogState, { batches, events }: Frame): void {
  for (const { topicId, partition: index, bytes } of batches) {
    const partition = state.topicsById.get(topicId)?.partitions[index]
    // Of a topic that was deleted later, or in a segment file already.
    if (partition === undefined || batchBaseOffset(bytes, 0) < partition.flushedOffset) continue
    appendBatch(state, partition, bytes)
  }
  for (const event of events) applyEvent(state, event)
}

function* partitionsOf(state: LogState): Generator<Partition> {
  for (const topic of state.topics.values()) yield* topic.partitions
}
