import { assert, type Bytes, type Prng, StreamsError } from '#streams/base'
import type { Disk, DiskEntry, DiskFile } from '#streams/ports'

/**
 * `kill`: the process dies, the operating system goes on, so everything written is there. `power-cut`: what was synced
 * is there, and of the rest some prefix, the last write perhaps in part. `power-cut-reordered`: of the rest any writes
 * at all, since a disk may keep a later one and lose an earlier one.
 */
export type CrashMode = 'kill' | 'power-cut' | 'power-cut-reordered'

export type MemoryDisk = Disk & {
  /** What another process may find after a crash now. This disk goes on unharmed, and the lock is not taken there. */
  crashClone(prng: Prng, mode: CrashMode): MemoryDisk
  /** For tests that damage a file: the content, to be changed in place. */
  bytesOf(path: string): Uint8Array
  paths(): readonly string[]
}

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Bytes }
  | { readonly kind: 'truncate'; readonly length: number }

/** One file's content (inode): now, as synced, and what changed in between. */
class Content {
  bytes: Uint8Array = new Uint8Array(64)
  length = 0
  synced: Uint8Array = new Uint8Array(0)
  unsynced: Change[] = []

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#setLength(change.length)
    } else {
      const end = change.position + change.bytes.length
      if (end > this.length) this.#setLength(end)
      this.bytes.set(change.bytes, change.position)
    }
  }

  sync(): void {
    this.synced = this.bytes.slice(0, this.length)
    this.unsynced = []
  }

  #setLength(length: number): void {
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    if (length < this.length) this.bytes.fill(0, length, this.length)
    this.length = length
  }
}

/** One change of a directory; a rename is one change of two names, so that it is never there by half. */
type NameChange = { readonly directory: string; readonly names: readonly (readonly [string, Content | undefined])[] }

export function createMemoryDisk(): MemoryDisk {
  return memoryDiskOf(new Map(), new Set(['']))
}

function memoryDiskOf(files: Map<string, Content>, directories: Set<string>): MemoryDisk {
  /** Names as they are after a power cut, and the changes that may or may not be there. */
  const durable = new Map(files)
  let nameChanges: NameChange[] = []
  let lockedBy: string | undefined

  const setNames = (...names: NameChange['names']): void => {
    const change: NameChange = { directory: parentOf(names[0]?.[0] ?? ''), names }
    applyNames(files, change)
    nameChanges.push(change)
  }
  const fileOf = (path: string, content: Content): DiskFile => ({
    path,
    async read(target, position) {
      const count = Math.max(0, Math.min(target.length, content.length - position))
      target.set(content.bytes.subarray(position, position + count))
      return count
    },
    async write(parts, position) {
      let at = position
      for (const part of parts) {
        const change: Change = { kind: 'write', position: at, bytes: part.slice() }
        content.apply(change)
        content.unsynced.push(change)
        at += part.length
      }
    },
    async truncate(length) {
      const change: Change = { kind: 'truncate', length }
      content.apply(change)
      content.unsynced.push(change)
    },
    size: async () => content.length,
    sync: async () => content.sync(),
    close: async () => undefined,
  })

  return {
    async openFile(path) {
      const content = files.get(path)
      return content === undefined ? undefined : fileOf(path, content)
    },
    async createFile(path) {
      assert(directories.has(parentOf(path)), `the directory of ${path} exists`)
      const existing = files.get(path)
      const file = fileOf(path, existing ?? new Content())
      if (existing === undefined) {
        const content = new Content()
        setNames([path, content])
        return fileOf(path, content)
      }
      await file.truncate(0)
      return file
    },
    list: async (directory) => listNames(directory, files, directories),
    async createDirectory(path) {
      // Directories are durable at once here: an empty one says nothing, so that tests lose nothing by it.
      for (let at = path; at !== ''; at = parentOf(at)) directories.add(at)
    },
    async syncDirectory(path) {
      for (const change of nameChanges) {
        if (change.directory === path) applyNames(durable, change)
      }
      nameChanges = nameChanges.filter((change) => change.directory !== path)
    },
    async rename(from, to) {
      const content = files.get(from)
      assert(content !== undefined, `${from} exists`)
      assert(parentOf(from) === parentOf(to), 'a rename stays in its directory')
      setNames([from, undefined], [to, content])
    },
    async removeFile(path) {
      if (files.has(path)) setNames([path, undefined])
    },
    async removeDirectory(path) {
      for (const name of [...files.keys()]) if (name.startsWith(`${path}/`)) setNames([name, undefined])
      for (const name of [...directories]) if (name === path || name.startsWith(`${path}/`)) directories.delete(name)
    },
    async lock(owner) {
      if (lockedBy !== undefined) {
        throw new StreamsError('DIRECTORY_LOCKED', `The memory disk is in use by another owner: ${lockedBy}.`)
      }
      lockedBy = owner
      return {
        release: async () => {
          lockedBy = undefined
        },
      }
    },
    describe: (path) => `memory:${path}`,
    crashClone: (prng, mode) => crash({ files, durable, nameChanges, directories }, prng, mode),
    bytesOf(path) {
      const content = files.get(path)
      assert(content !== undefined, `${path} exists`)
      return content.bytes.subarray(0, content.length)
    },
    paths: () => [...files.keys()].sort(),
  }
}

type CrashSource = {
  readonly files: ReadonlyMap<string, Content>
  readonly durable: ReadonlyMap<string, Content>
  readonly nameChanges: readonly NameChange[]
  readonly directories: ReadonlySet<string>
}

function crash({ files, durable, nameChanges, directories }: CrashSource, prng: Prng, mode: CrashMode): MemoryDisk {
  const names = new Map(mode === 'kill' ? files : durable)
  if (mode !== 'kill') {
    // A journaling file system keeps changes of names in order, so some first ones of them are there.
    for (const change of nameChanges.slice(0, prng.below(nameChanges.length + 1))) applyNames(names, change)
  }
  const clones = new Map<Content, Content>()
  const survived = new Map<string, Content>()
  for (const [path, content] of names) {
    const clone = clones.get(content) ?? crashedContent(content, prng, mode)
    clones.set(content, clone)
    survived.set(path, clone)
  }
  return memoryDiskOf(survived, new Set(directories))
}

function crashedContent(content: Content, prng: Prng, mode: CrashMode): Content {
  const crashed = new Content()
  if (mode === 'kill') {
    crashed.apply({ kind: 'write', position: 0, bytes: content.bytes.slice(0, content.length) })
  } else {
    crashed.apply({ kind: 'write', position: 0, bytes: content.synced })
    for (const change of survivingChanges(content.unsynced, prng, mode)) crashed.apply(change)
  }
  // What the new process finds is on the disk.
  crashed.sync()
  return crashed
}

function survivingChanges(changes: readonly Change[], prng: Prng, mode: CrashMode): readonly Change[] {
  if (mode === 'power-cut-reordered')
    return changes.filter(() => prng.next() < 0.5).map((each) => torn(each, prng, 0.2))
  const kept = prng.below(changes.length + 1)
  return changes.slice(0, kept).map((change, i) => (i === kept - 1 ? torn(change, prng, 0.5) : change))
}

function torn(change: Change, prng: Prng, chance: number): Change {
  if (change.kind !== 'write' || prng.next() >= chance) return change
  return { ...change, bytes: change.bytes.subarray(0, prng.below(change.bytes.length + 1)) }
}

function applyNames(files: Map<string, Content>, { names }: NameChange): void {
  for (const [path, content] of names) {
    if (content === undefined) files.delete(path)
    else files.set(path, content)
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function listNames(
  directory: string,
  files: ReadonlyMap<string, Content>,
  directories: ReadonlySet<string>,
): readonly DiskEntry[] {
  const prefix = directory === '' ? '' : `${directory}/`
  const isChild = (path: string): boolean =>
    path.startsWith(prefix) && path.length > prefix.length && !path.slice(prefix.length).includes('/')
  const entries: DiskEntry[] = []
  for (const path of files.keys()) if (isChild(path)) entries.push({ name: path.slice(prefix.length), kind: 'file' })
  for (const path of directories) {
    if (isChild(path)) entries.push({ name: path.slice(prefix.length), kind: 'directory' })
  }
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1))
}
