import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { assert, StreamsError } from '#streams/base'
import { diskErrorOf } from './disk-error.ts'

/**
 * One directory per state database, with one owner. The lock is an exclusive lock that the operating system holds for
 * the process, taken through SQLite because Node has no file locks of its own: it goes when the process dies, however
 * it dies, so no stale lock is ever to be removed by hand. It also excludes a second opening in this process and in its
 * worker threads.
 */
const LOCK_FILE = 'owner.lock'
const NAME_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/

/** A file that only this engine's databases have: how a directory tells whose it is. */
export type EngineMarker = { readonly engine: string; readonly file: string }

const MARKERS: readonly EngineMarker[] = [
  { engine: 'rocksdb', file: 'CURRENT' },
  { engine: 'lmdb', file: 'data.mdb' },
]

export type OwnedDirectory = { readonly path: string; release(): void }

export function databasePath(directory: string, name: string): string {
  assert(NAME_PATTERN.test(name), `"${name}" cannot be a directory name of a state database`)
  return join(directory, name)
}

/** Creates the directory if needed and becomes its owner. */
export async function ownDirectory(engine: string, directory: string, name: string): Promise<OwnedDirectory> {
  const path = databasePath(directory, name)
  try {
    await makeWritableDirectory(path)
    const lock = lockDirectory(path)
    const foreign = await foreignEngineOf(engine, path)
    if (foreign === undefined) return { path, release: () => lock.close() }
    lock.close()
    throw new StreamsError(
      'STATE_CORRUPTED',
      `${engine}: state directory ${path} holds a database of ${foreign}, which ${engine} cannot read. ` +
        `Run with ${foreign}, or delete this directory: its state is restored from the changelog topics.`,
    )
  } catch (error) {
    throw diskErrorOf(error, engine, 'opening', path)
  }
}

async function makeWritableDirectory(path: string): Promise<void> {
  await makeDirectory(path)
  await access(path, constants.W_OK)
}

/**
 * One directory after the other, from the top. Node's recursive mkdir never ends where the parent is there and a mkdir
 * in it says ENOENT all the same (below /proc), and on a read-only disk it does not say why it fails.
 */
async function makeDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return
  const parent = dirname(path)
  if (parent !== path) await makeDirectory(parent)
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else has just made it.
    if ((error as { readonly code?: string }).code !== 'EEXIST' || !(await isDirectory(path))) throw error
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

function lockDirectory(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, LOCK_FILE))
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

async function foreignEngineOf(engine: string, path: string): Promise<string | undefined> {
  const files = new Set(await readdir(path))
  return MARKERS.find((marker) => marker.engine !== engine && files.has(marker.file))?.engine
}

/** Names of the databases that this engine has under `directory`. */
export async function listDatabases(engine: string, directory: string): Promise<readonly string[]> {
  const marker = MARKERS.find((candidate) => candidate.engine === engine)
  assert(marker !== undefined, `no marker file is known for ${engine}`)
  const names: string[] = []
  for (const entry of await readdirOrNothing(engine, directory)) {
    if (await exists(join(directory, entry, marker.file))) names.push(entry)
  }
  return names.sort()
}

async function readdirOrNothing(engine: string, directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ENOENT') return []
    throw diskErrorOf(error, engine, 'listing', directory)
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Removes a database, whatever engine wrote it, unless somebody has it open. */
export async function destroyDatabase(engine: string, directory: string, name: string): Promise<void> {
  const path = databasePath(directory, name)
  if (!(await exists(path))) return
  try {
    const lock = lockDirectory(path)
    try {
      await rm(path, { recursive: true, force: true })
    } finally {
      lock.close()
    }
  } catch (error) {
    throw diskErrorOf(error, engine, 'deleting', path)
  }
}
