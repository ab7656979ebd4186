import type { Disk, DiskFile } from '#streams/ports'

type Entry = { file: Promise<DiskFile | undefined>; users: number; dropped: boolean }

/** Keeps segment files open, the least recently used being closed beyond `filesOpenMax`. */
export type FilePool = {
  /** Runs the action with the open file; undefined if there is no such file. */
  use<T>(path: string, action: (file: DiskFile) => Promise<T>): Promise<T | undefined>
  create<T>(path: string, action: (file: DiskFile) => Promise<T>): Promise<T>
  /** Closes the file as soon as nobody uses it. */
  drop(path: string): Promise<void>
  close(): Promise<void>
}

export function createFilePool(disk: Disk, filesOpenMax: number): FilePool {
  const entries = new Map<string, Entry>()

  const closeEntry = async (entry: Entry): Promise<void> => {
    await entry.file.then((file) => file?.close()).catch(() => undefined)
  }
  const drop = async (path: string): Promise<void> => {
    const entry = entries.get(path)
    if (entry === undefined) return
    entries.delete(path)
    entry.dropped = true
    if (entry.users === 0) await closeEntry(entry)
  }
  const evict = (): void => {
    for (const [path, entry] of entries) {
      if (entries.size <= filesOpenMax) return
      if (entry.users === 0) void drop(path)
    }
  }
  const run = async <T>(path: string, entry: Entry, action: (file: DiskFile) => Promise<T>): Promise<T | undefined> => {
    entry.users++
    try {
      const file = await entry.file
      if (file !== undefined) return await action(file)
      entries.delete(path)
      return undefined
    } catch (error) {
      // A file that could not be opened must not stay as an entry.
      await entry.file.catch(() => entries.delete(path))
      throw error
    } finally {
      entry.users--
      if (entry.dropped && entry.users === 0) await closeEntry(entry)
    }
  }
  const add = (path: string, file: Promise<DiskFile | undefined>): Entry => {
    const entry: Entry = { file, users: 0, dropped: false }
    entries.set(path, entry)
    evict()
    return entry
  }
  return {
    use(path, action) {
      const entry = entries.get(path)
      if (entry === undefined) return run(path, add(path, disk.openFile(path, 'read-write')), action)
      // Moves to the end: a Map keeps the order of insertion, so the front is the least recently used.
      entries.delete(path)
      entries.set(path, entry)
      return run(path, entry, action)
    },
    async create(path, action) {
      await drop(path)
      const result = await run(path, add(path, disk.createFile(path)), action)
      return result as Awaited<ReturnType<typeof action>>
    },
    drop,
    async close() {
      await Promise.all([...entries.keys()].map(drop))
    },
  }
}
