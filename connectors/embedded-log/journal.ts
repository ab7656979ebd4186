import type { Bytes } from '#streams/base'
import type { Disk, DiskFile } from '#streams/ports'
import { encodeJournalHeader, JOURNAL_HEADER_BYTES } from './journal-format.ts'

export const JOURNAL_DIRECTORY = 'journal'

export function journalPath(fileNumber: number): string {
  return `${JOURNAL_DIRECTORY}/${String(fileNumber).padStart(12, '0')}.journal`
}

export function journalNumber(name: string): number | undefined {
  const match = /^(\d{12})\.journal$/.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** The file that is being appended to. */
export type Journal = {
  readonly number: number
  readonly path: string
  /** Where the next frame goes: everything before is written, synced and acknowledged. */
  readonly position: number
  /** Writes at `position`, without moving it. */
  write(parts: readonly Bytes[]): Promise<void>
  sync(): Promise<void>
  /** Moves on: what was written is acknowledged. */
  advance(length: number): void
  /** Cuts off what a failed write may have left behind `position`. */
  cutBack(): Promise<void>
  close(): Promise<void>
}

/** A new journal file whose name survives a power cut when this resolves. */
export async function createJournal(disk: Disk, number: number, firstSequence: number): Promise<Journal> {
  const path = journalPath(number)
  const file = await disk.createFile(path)
  try {
    await file.write([encodeJournalHeader(number, firstSequence)], 0)
    await file.sync()
    await disk.syncDirectory(JOURNAL_DIRECTORY)
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
  return journalOf(file, path, number)
}

function journalOf(file: DiskFile, path: string, number: number): Journal {
  let position = JOURNAL_HEADER_BYTES
  return {
    number,
    path,
    get position() {
      return position
    },
    write: (parts) => file.write(parts, position),
    sync: () => file.sync(),
    advance(length) {
      position += length
    },
    cutBack: () => file.truncate(position),
    close: () => file.close(),
  }
}
