import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What Mto keeps below a data directory. */
export const LABELS_FILE = 'labels.jsonl'
const OWN_ENTRIES = ['log', 'state', LABELS_FILE] as const

/** Removes what Mto has put there, and nothing else: the directory may be somebody's home. */
export async function clearDataDirectory(directory: string): Promise<void> {
  for (const entry of OWN_ENTRIES) await rm(join(directory, entry), { recursive: true, force: true })
}
