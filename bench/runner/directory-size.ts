import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes on disk of all files below a directory; files may go while it looks. */
export async function directoryMiB(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  let bytes = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
    bytes += found?.size ?? 0
  }
  return bytes / 2 ** 20
}
