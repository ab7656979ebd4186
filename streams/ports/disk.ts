import type { Bytes } from '../base/bytes.ts'

/**
 * The only door of the embedded log to files: a real disk, a disk in memory that can lose power, or one that fails on
 * purpose. `disk.contract.ts` is the suite that every implementation passes. Paths are relative to the disk's root and
 * use `/`.
 *
 * What every implementation promises, and what a caller must not assume:
 * - What `write` acknowledged survives the death of the process; it survives a power cut only after `sync`.
 * - A new, renamed or removed name survives a power cut only after `syncDirectory` of its directory.
 * - A rejected `write` may have written any prefix. A rejected `sync` leaves unknown what is on the disk, and a later
 *   successful one proves nothing about it: the caller must stop using the file.
 * - Errors of the disk are StreamsErrors with DISK_FULL, DISK_READ_ONLY or DISK_FAILED, naming the path.
 */
export type Disk = {
  /** Opens an existing file; undefined if there is none. */
  openFile(path: string, access: 'read' | 'read-write'): Promise<DiskFile | undefined>
  /** Creates a file, or empties the one that is there, for reading and writing. Its directory must exist. */
  createFile(path: string): Promise<DiskFile>
  /** Sorted by name; empty if the directory does not exist. */
  list(directory: string): Promise<readonly DiskEntry[]>
  /** With all parents. Does nothing if it exists. */
  createDirectory(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /** Replaces the target atomically. */
  rename(from: string, to: string): Promise<void>
  /** Does nothing if the file does not exist. */
  removeFile(path: string): Promise<void>
  /** With everything in it; does nothing if it does not exist. */
  removeDirectory(path: string): Promise<void>
  /**
   * Excludes every other owner of this disk's root, in this process or another; it vanishes with the process, however
   * that dies. DIRECTORY_LOCKED names the holder. `owner` is text for that message.
   */
  lock(owner: string): Promise<DiskLock>
  /** The place in the words of the user (an absolute path), for messages. */
  describe(path: string): string
}

export type DiskEntry = { readonly name: string; readonly kind: 'file' | 'directory' }

export type DiskLock = { release(): Promise<void> }

export type DiskFile = {
  readonly path: string
  /** Fills `target` from `position`; answers how many bytes there were: fewer only at the end of the file. */
  read(target: Bytes, position: number): Promise<number>
  /** Writes all parts one after another, starting at `position`. The parts must not change before it resolves. */
  write(parts: readonly Bytes[], position: number): Promise<void>
  truncate(length: number): Promise<void>
  size(): Promise<number>
  /** The content and its length are on the disk when this resolves. */
  sync(): Promise<void>
  close(): Promise<void>
}
