import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { StreamsError } from '#streams/base'

/**
 * LMDB trusts its file: it reads it as memory, without checksums, and on a broken header or behind the end of a cut-off
 * file it ends the process. So before it is opened, its two header pages are read here. What this cannot see is a byte
 * that changed in the middle: whoever needs that uses RocksDB, which has a checksum on every block.
 *
 * Layout (lmdb 3.5: liblmdb's data version 2; little-endian): a page header of 24 bytes, then the meta record.
 */
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const OFFSET = { magic: 24, version: 28, pageBytes: 48, freeRoot: 88, mainRoot: 136, lastPage: 144, commit: 152 }
const META_BYTES = 160
const NO_ROOT = 0xffff_ffff_ffff_ffffn
const PAGE_BYTES_MIN = 512
const PAGE_BYTES_MAX = 65_536

/** Throws STATE_CORRUPTED if LMDB could not live with the file; a missing or empty one is fine. */
export function checkLmdbFile(directory: string): void {
  const path = join(directory, 'data.mdb')
  let file: number
  try {
    file = openSync(path, 'r+')
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ENOENT') return
    throw error
  }
  try {
    const bytes = fstatSync(file).size
    if (bytes > 0) checkMetas(file, bytes, path)
  } finally {
    closeSync(file)
  }
}

function checkMetas(file: number, bytes: number, path: string): void {
  const first = readMeta(file, 0)
  const pageBytes = first.getUint32(OFFSET.pageBytes, true)
  const isPageSize = pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX && (pageBytes & (pageBytes - 1)) === 0
  if (!isMeta(first) || !isPageSize) throw corrupted(path, 'its first page is no LMDB header')
  const second = readMeta(file, pageBytes)
  if (!isMeta(second)) throw corrupted(path, 'its second page is no LMDB header')
  const newest = commitOf(second) > commitOf(first) ? second : first
  for (const offset of [OFFSET.freeRoot, OFFSET.mainRoot]) {
    const root = newest.getBigUint64(offset, true)
    if (root === NO_ROOT || (Number(root) + 1) * pageBytes <= bytes) continue
    throw corrupted(path, `it is cut off: a root is in page ${root}, and it has ${bytes} bytes`)
  }
  // LMDB does not write free pages at the end, so a sound file may be shorter than it says. Made whole (without taking
  // space), a page that is missing reads as an error of LMDB instead of ending the process.
  const bytesNeeded = (Number(newest.getBigUint64(OFFSET.lastPage, true)) + 1) * pageBytes
  if (bytes < bytesNeeded) ftruncateSync(file, bytesNeeded)
}

function readMeta(file: number, position: number): DataView {
  const meta = new Uint8Array(META_BYTES)
  readSync(file, meta, 0, META_BYTES, position)
  return new DataView(meta.buffer)
}

function isMeta(meta: DataView): boolean {
  return (
    meta.getUint32(OFFSET.magic, true) === MAGIC && (meta.getUint32(OFFSET.version, true) & 0xffff) === DATA_VERSION
  )
}

function commitOf(meta: DataView): bigint {
  return meta.getBigUint64(OFFSET.commit, true)
}

function corrupted(path: string, what: string): StreamsError {
  return new StreamsError(
    'STATE_CORRUPTED',
    `lmdb: ${path} is damaged: ${what}. Delete this directory: its state is restored from the changelog topics.`,
  )
}
