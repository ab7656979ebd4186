import { type Bytes, StreamsError } from '#streams/base'
import type { Disk, DiskFile } from '#streams/ports'

export type DiskOperation = {
  /** Counts from 0 over all operations of this disk. */
  readonly index: number
  readonly kind:
    | 'open'
    | 'create'
    | 'list'
    | 'create-directory'
    | 'sync-directory'
    | 'rename'
    | 'remove'
    | 'remove-directory'
    | 'lock'
    | 'read'
    | 'write'
    | 'truncate'
    | 'size'
    | 'sync'
    | 'close'
  readonly path: string
}

/**
 * What goes wrong. `full`, `read-only` and `failed` reject this operation (a write leaves a prefix behind, as real
 * disks do). `stop` is the death of the process: this and every later operation does nothing and rejects.
 */
export type DiskFault = 'full' | 'read-only' | 'failed' | 'stop'

/** Asks `decide` before every operation: the disk for tests of errors and of crashes at chosen points. */
export function createFaultyDisk(disk: Disk, decide: (operation: DiskOperation) => DiskFault | undefined): Disk {
  let count = 0
  let stopped = false
  const check = (kind: DiskOperation['kind'], path: string): DiskFault | undefined => {
    if (stopped) throw faultError('stop', disk.describe(path))
    const fault = decide({ index: count++, kind, path })
    if (fault === 'stop') stopped = true
    return fault
  }
  const run = async <T>(kind: DiskOperation['kind'], path: string, action: () => Promise<T>): Promise<T> => {
    const fault = check(kind, path)
    if (fault !== undefined) throw faultError(fault, disk.describe(path))
    return action()
  }
  const wrap = (file: DiskFile): DiskFile => ({
    path: file.path,
    read: (target, position) => run('read', file.path, () => file.read(target, position)),
    async write(parts, position) {
      const fault = check('write', file.path)
      if (fault === undefined) return file.write(parts, position)
      await file.write(firstHalf(parts), position)
      throw faultError(fault, disk.describe(file.path))
    },
    truncate: (length) => run('truncate', file.path, () => file.truncate(length)),
    size: () => run('size', file.path, () => file.size()),
    sync: () => run('sync', file.path, () => file.sync()),
    close: () => run('close', file.path, () => file.close()),
  })
  return {
    async openFile(path, access) {
      const file = await run('open', path, () => disk.openFile(path, access))
      return file === undefined ? undefined : wrap(file)
    },
    createFile: async (path) => wrap(await run('create', path, () => disk.createFile(path))),
    list: (directory) => run('list', directory, () => disk.list(directory)),
    createDirectory: (path) => run('create-directory', path, () => disk.createDirectory(path)),
    syncDirectory: (path) => run('sync-directory', path, () => disk.syncDirectory(path)),
    rename: (from, to) => run('rename', from, () => disk.rename(from, to)),
    removeFile: (path) => run('remove', path, () => disk.removeFile(path)),
    removeDirectory: (path) => run('remove-directory', path, () => disk.removeDirectory(path)),
    lock: (owner) => run('lock', '', () => disk.lock(owner)),
    describe: (path) => disk.describe(path),
  }
}

function firstHalf(parts: readonly Bytes[]): readonly Bytes[] {
  const total = parts.reduce((sum, part) => sum + part.length, 0)
  let left = total >>> 1
  const half: Bytes[] = []
  for (const part of parts) {
    if (left === 0) break
    const piece = part.subarray(0, Math.min(left, part.length))
    half.push(piece)
    left -= piece.length
  }
  return half
}

function faultError(fault: DiskFault, place: string): StreamsError {
  switch (fault) {
    case 'full':
      return new StreamsError(
        'DISK_FULL',
        `Cannot write ${place}: the disk is full (injected). Free space, then start again.`,
      )
    case 'read-only':
      return new StreamsError('DISK_READ_ONLY', `Cannot write ${place}: it may not be written (injected).`)
    case 'failed':
      return new StreamsError('DISK_FAILED', `The disk failed at ${place} (injected).`)
    case 'stop':
      return new StreamsError('DISK_FAILED', `The process of this disk has died, at ${place} (injected).`)
    default:
      return fault satisfies never
  }
}
