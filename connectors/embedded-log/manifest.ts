import { StreamsError, utf8Decode, utf8Encode } from '#streams/base'
import type { CommittedOffset, Disk } from '#streams/ports'
import { checksum } from './checksum.ts'
import type { StoredTopic } from './journal-format.ts'
import type { LogState } from './state.ts'

/**
 * The manifest is the one truth about the files: what it names is there, synced, and exactly so long; a file that it
 * does not name is a left-over. It is replaced atomically at each checkpoint. Everything since is in the journal files
 * from `journal` on.
 */
export type Manifest = {
  readonly journal: number
  readonly firstSequence: number
  readonly nextTopicId: number
  readonly topics: readonly ManifestTopic[]
  readonly groups: readonly { readonly group: string; readonly offsets: readonly CommittedOffset[] }[]
  readonly producers: readonly (readonly [transactionalId: string, epoch: number])[]
}
export type ManifestTopic = StoredTopic & { readonly files: readonly ManifestPartition[] }
export type ManifestPartition = {
  readonly startOffset: number
  readonly flushedOffset: number
  readonly cleanedOffset: number
  readonly segments: readonly ManifestSegment[]
}
export type ManifestSegment = {
  readonly baseOffset: number
  readonly generation: number
  readonly length: number
  readonly nextOffset: number
  readonly maxTimestampMs: number
  readonly createdAtMs: number
}

const MANIFEST = 'manifest'
const MANIFEST_NEW = 'manifest.new'
const TITLE = 'mto-embedded-log 1'

/** What is not in files, as of one place in the journal. */
export type ManifestHead = Pick<Manifest, 'journal' | 'firstSequence' | 'nextTopicId' | 'groups' | 'producers'>

export function captureHead(state: LogState, journal: number, firstSequence: number): ManifestHead {
  return {
    journal,
    firstSequence,
    nextTopicId: state.nextTopicId,
    groups: [...state.groups].map(([group, offsets]) => ({ group, offsets: [...offsets.values()] })),
    producers: [...state.producerEpochs],
  }
}

/**
 * Topics and files as they are now. They may be newer than the head: topics that were created since are left to the
 * journal, and records and start offsets are applied again without effect.
 */
export function captureTopics(state: LogState, nextTopicId: number): readonly ManifestTopic[] {
  const topics: ManifestTopic[] = []
  for (const { id, name, config, partitions } of state.topics.values()) {
    if (id >= nextTopicId) continue
    const files = partitions.map(({ startOffset, flushedOffset, cleanedOffset, segments }) => ({
      startOffset,
      flushedOffset,
      cleanedOffset,
      segments: segments.map((segment) => ({
        baseOffset: segment.baseOffset,
        generation: segment.generation,
        length: segment.length,
        nextOffset: segment.nextOffset,
        maxTimestampMs: segment.maxTimestampMs,
        createdAtMs: segment.createdAtMs,
      })),
    }))
    topics.push({ id, name, partitions: partitions.length, config, files })
  }
  return topics
}

/** One line with the checksum, then JSON that a person can read. */
export async function writeManifest(disk: Disk, manifest: Manifest): Promise<void> {
  const body = utf8Encode(JSON.stringify(manifest))
  const title = utf8Encode(`${TITLE} ${checksum(body).toString(16).padStart(8, '0')} ${body.length}\n`)
  const file = await disk.createFile(MANIFEST_NEW)
  try {
    await file.write([title, body], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(MANIFEST_NEW, MANIFEST)
  await disk.syncDirectory('')
}

export async function readManifest(disk: Disk): Promise<Manifest | undefined> {
  const file = await disk.openFile(MANIFEST, 'read')
  if (file === undefined) return undefined
  try {
    const bytes = new Uint8Array(await file.size())
    await file.read(bytes, 0)
    const lineEnd = bytes.indexOf(10)
    const [, sum, length] =
      /^mto-embedded-log 1 ([0-9a-f]{8}) (\d+)$/.exec(latin1(bytes.subarray(0, Math.max(0, lineEnd)))) ?? []
    const body = bytes.subarray(lineEnd + 1)
    if (Number(length) !== body.length || Number.parseInt(sum ?? '', 16) !== checksum(body)) {
      throw new StreamsError(
        'LOG_CORRUPTED',
        `The file ${disk.describe(MANIFEST)} is damaged or of another version: its first line does not fit its content. ` +
          'Nothing was changed. Restore the data directory from a backup, and check the disk.',
      )
    }
    return JSON.parse(utf8Decode(body)) as Manifest
  } finally {
    await file.close()
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 100))
}
