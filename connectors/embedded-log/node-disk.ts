import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Bytes, StreamsError } from '#streams/base'
import type { Disk, DiskEntry, DiskFile, DiskLock } from '#streams/ports'

/** Linux takes at most 1024 buffers in one writev. */
const PARTS_PER_WRITE_MAX = 1024

/** The files below `root`. Nothing is created before the first `createDirectory` or `lock`. */
export function createNodeDisk(root: string): Disk {
  const absoluteRoot = path.resolve(root)
  const resolve = (relative: string): string => path.join(absoluteRoot, relative)
  const run = async <T>(what: string, relative: string, action: () => Promise<T>): Promise<T> => {
    try {
      return await action()
    } catch (error) {
      throw diskError(what, resolve(relative), error)
    }
  }
  return {
    openFile: (file, access) => run('open', file, () => openExisting(resolve(file), file, access)),
    createFile: (file) =>
      run('create', file, async () => createNodeFile(file, resolve(file), await openDescriptor(resolve(file), 'w+'))),
    list: (directory) => run('list', directory, () => listDirectory(resolve(directory))),
    createDirectory: (directory) => run('create', directory, () => makeDirectory(resolve(directory))),
    syncDirectory: (directory) => run('sync', directory, () => syncDirectory(resolve(directory))),
    rename: (from, to) => run('rename', from, () => fs.promises.rename(resolve(from), resolve(to))),
    removeFile: (file) => run('remove', file, () => fs.promises.rm(resolve(file), { force: true })),
    removeDirectory: (directory) =>
      run('remove', directory, () => fs.promises.rm(resolve(directory), { force: true, recursive: true })),
    lock: (owner) => run('lock', 'lock', () => lockDirectory(absoluteRoot, owner)),
    describe: resolve,
  }
}

/**
 * One directory after the other, from the top. Node's recursive mkdir never ends where the parent is there and a mkdir
 * in it says ENOENT all the same (below /proc), and on a read-only disk it does not say why it fails.
 */
async function makeDirectory(directory: string): Promise<void> {
  if (await isDirectory(directory)) return
  const parent = path.dirname(directory)
  if (parent !== directory) await makeDirectory(parent)
  try {
    await fs.promises.mkdir(directory)
  } catch (error) {
    // Somebody else has just made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isDirectory(directory))) throw error
  }
}

async function isDirectory(place: string): Promise<boolean> {
  return fs.promises.stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** Turns an error of the operating system into one that says what the user can do. */
export function diskError(what: string, place: string, error: unknown): StreamsError {
  if (error instanceof StreamsError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StreamsError(
      'DISK_FULL',
      `Cannot ${what} ${place}: the disk is full (${code}). Free space, then start again.`,
      {
        cause: error,
      },
    )
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new StreamsError(
      'DISK_READ_ONLY',
      `Cannot ${what} ${place}: it may not be written (${code}). Mount the disk writable, or give this user the right to write there.`,
      { cause: error },
    )
  }
  return new StreamsError(
    'DISK_FAILED',
    `Cannot ${what} ${place}: ${message}. Check the disk and the system's log; do not go on with a disk that fails.`,
    { cause: error },
  )
}

function openDescriptor(place: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) =>
    fs.open(place, flags, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error))),
  )
}

async function openExisting(place: string, file: string, access: 'read' | 'read-write'): Promise<DiskFile | undefined> {
  try {
    return createNodeFile(file, place, await openDescriptor(place, access === 'read' ? 'r' : 'r+'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function listDirectory(place: string): Promise<readonly DiskEntry[]> {
  try {
    const entries = await fs.promises.readdir(place, { withFileTypes: true })
    return entries
      .map((entry): DiskEntry => ({ name: entry.name, kind: entry.isDirectory() ? 'directory' : 'file' }))
      .sort((left, right) => (left.name < right.name ? -1 : 1))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function syncDirectory(place: string): Promise<void> {
  // Windows cannot open a directory; its file system keeps names without being asked.
  if (process.platform === 'win32') return
  const descriptor = await openDescriptor(place, 'r')
  try {
    await new Promise<void>((resolve, reject) =>
      fs.fsync(descriptor, (error) => (error === null ? resolve() : reject(error))),
    )
  } finally {
    fs.closeSync(descriptor)
  }
}

/**
 * Raw descriptors and callbacks: a FileHandle costs about twice as much per operation. A file that the log opens is
 * closed by the log, never by the garbage collector.
 */
function createNodeFile(file: string, place: string, descriptor: number): DiskFile {
  const run = <T>(what: string, start: (done: (error: Error | null, value: T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) =>
      start((error, value) => (error === null ? resolve(value) : reject(diskError(what, place, error)))),
    )
  const readOnce = (target: Bytes, position: number): Promise<number> =>
    run('read', (done) => fs.read(descriptor, target, 0, target.length, position, done))
  const writeOnce = (parts: readonly Bytes[], position: number): Promise<number> =>
    parts.length === 1
      ? run('write', (done) => fs.write(descriptor, parts[0] as Bytes, 0, undefined, position, done))
      : run('write', (done) => fs.writev(descriptor, parts as Bytes[], position, done))
  return {
    path: file,
    async read(target, position) {
      let count = 0
      while (count < target.length) {
        const read = await readOnce(count === 0 ? target : target.subarray(count), position + count)
        if (read === 0) break
        count += read
      }
      return count
    },
    async write(parts, position) {
      let at = position
      let rest = parts
      while (rest.length > 0) {
        const written = await writeOnce(rest.slice(0, PARTS_PER_WRITE_MAX), at)
        at += written
        rest = withoutPrefix(rest, written)
      }
    },
    truncate: (length) =>
      run<undefined>('truncate', (done) => fs.ftruncate(descriptor, length, (e) => done(e, undefined))),
    size: async () => (await run<fs.Stats>('measure', (done) => fs.fstat(descriptor, done))).size,
    sync: () => run<undefined>('sync', (done) => fs.fdatasync(descriptor, (e) => done(e, undefined))),
    close: () => run<undefined>('close', (done) => fs.close(descriptor, (e) => done(e ?? null, undefined))),
  }
}

/** What is left to write after the first `count` bytes, which may end within a part. Drops empty parts. */
function withoutPrefix(parts: readonly Bytes[], count: number): readonly Bytes[] {
  let rest = count
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Bytes
    if (rest < part.length) return rest === 0 ? parts.slice(i) : [part.subarray(rest), ...parts.slice(i + 1)]
    rest -= part.length
  }
  return []
}

/**
 * Node has no file locks, but SQLite, which comes with Node, takes the operating system's own: they exclude threads of
 * this process and other processes, also across containers that share a directory, and the kernel drops them with the
 * process. A file with a process id in it can do none of this without a race.
 */
async function lockDirectory(root: string, owner: string): Promise<DiskLock> {
  await makeDirectory(root)
  const database = path.join(root, 'lock')
  const ownerFile = path.join(root, 'owner.txt')
  // SQLite says only "unable to open", so find out about rights first. (Never open and close the file itself here: that
  // would drop a lock that this process already holds.)
  fs.accessSync(root, fs.constants.W_OK)
  const lock = new DatabaseSync(database, { timeout: 0 })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    const holder = await fs.promises.readFile(ownerFile, 'utf8').catch(() => 'unknown')
    throw new StreamsError(
      'DIRECTORY_LOCKED',
      `The directory ${root} is in use by another owner: ${holder.trim()}. ` +
        'Stop that one first, or choose another data directory; a directory has one owner at a time.',
      { cause: error },
    )
  }
  try {
    await fs.promises.writeFile(ownerFile, `process ${process.pid} (${owner})\n`)
  } catch (error) {
    lock.close()
    throw error
  }
  return {
    release: async () => {
      await fs.promises.rm(ownerFile, { force: true }).catch(() => undefined)
      lock.close()
    },
  }
}
