import { assert, partitionName, StreamsError } from '#streams/base'
import type { Disk, Logger } from '#streams/ports'
import { batchBaseOffset } from './batch-format.ts'
import type { FilePool } from './file-pool.ts'
import { JOURNAL_DIRECTORY, journalNumber, journalPath } from './journal.ts'
import { type Frame, JOURNAL_HEADER_BYTES, readFrame, readJournalHeader, wasAcknowledged } from './journal-format.ts'
import { type Manifest, type ManifestPartition, readManifest, writeManifest } from './manifest.ts'
import { corrupted, SEGMENT_NAME, type Segment, scanSegment, segmentName } from './segment.ts'
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
  /** Where the last intact frame ends. */
  readonly goodLength: number
  readonly length: number
  readonly hasHeader: boolean
  /** What is wrong behind `goodLength`, and whether that had been acknowledged. */
  readonly problem: { readonly text: string; readonly position: number; readonly acknowledged: boolean } | undefined
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
      discarded: false,
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

/** The journal files that hold something, checked, in order. */
async function readJournals(disk: Disk, manifest: Manifest): Promise<readonly JournalFile[]> {
  const journals: JournalFile[] = []
  for (const { name } of await disk.list(JOURNAL_DIRECTORY)) {
    const number = journalNumber(name)
    if (number !== undefined && number >= manifest.journal) journals.push(await readJournal(disk, number))
  }
  // Files at the end without a frame are those whose creation was not completed, or that nothing was written to yet.
  while (journals.at(-1)?.frames.length === 0 && journals.at(-1)?.problem?.acknowledged !== true) journals.pop()
  let sequence = manifest.firstSequence
  for (const [i, journal] of journals.entries()) {
    const place = disk.describe(journal.path)
    if (journal.number !== manifest.journal + i) {
      const missing = disk.describe(journalPath(manifest.journal + i))
      throw corrupted(missing, 0, 'this journal file is missing, but later ones are there')
    }
    // Only the last file may end in a write that was never acknowledged: the next one begins after a sync.
    const isLast = i === journals.length - 1
    const { problem } = journal
    if (problem !== undefined && (!isLast || problem.acknowledged))
      throw corrupted(place, problem.position, problem.text)
    if (!journal.hasHeader) throw corrupted(place, 0, 'the header of the journal')
    for (const frame of journal.frames) {
      if (frame.sequence !== sequence) {
        throw corrupted(place, frame.position, `frame ${frame.sequence} where ${sequence} is expected`)
      }
      sequence++
    }
  }
  return journals
}

async function readJournal(disk: Disk, number: number): Promise<JournalFile> {
  const path = journalPath(number)
  const file = await disk.openFile(path, 'read')
  assert(file !== undefined, 'a listed journal is there')
  try {
    const bytes = new Uint8Array(await file.size())
    await file.read(bytes, 0)
    const frames: Frame[] = []
    let problem: JournalFile['problem']
    let at = JOURNAL_HEADER_BYTES
    while (at < bytes.length && problem === undefined) {
      const read = readFrame(bytes, at)
      if ('problem' in read) {
        problem = { text: read.problem, position: read.position, acknowledged: wasAcknowledged(bytes, at) }
      } else {
        frames.push(read.frame)
        at += read.frame.length
      }
    }
    const hasHeader = readJournalHeader(bytes, number) !== undefined
    return { number, path, frames, goodLength: at, length: bytes.length, hasHeader, problem }
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
  for (const { segments } of partitionsOf(state)) {
    for (const segment of segments) {
      named.add(segment.path)
      await pool.use(segment.path, async (file) => {
        // What is behind the checkpoint comes again from the journal.
        if ((await file.size()) > segment.length) await file.truncate(segment.length)
      })
    }
  }
  await removeUnnamedSegments(disk, named)
}

async function removeUnnamedSegments(disk: Disk, named: ReadonlySet<string>): Promise<void> {
  for (const topic of await disk.list('topics')) {
    for (const partition of await disk.list(`topics/${topic.name}`)) {
      for (const { name } of await disk.list(`topics/${topic.name}/${partition.name}`)) {
        const path = `topics/${topic.name}/${partition.name}/${name}`
        if (!named.has(path) && SEGMENT_NAME.test(name)) await disk.removeFile(path)
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
