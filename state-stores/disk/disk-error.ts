import { statfsSync } from 'node:fs'
import { messageOf, StreamsError, type StreamsErrorCode } from '#streams/base'

/**
 * What a native store says when the world refuses, told by its texts: both bindings hand the operating system's message
 * through, and nothing more reliable. The first rule that fits wins; a text that none fits is DISK_FAILED.
 */
type Rule = {
  readonly code: StreamsErrorCode
  readonly pattern: RegExp
  readonly what: string
  readonly todo: string
}

/** Less free space than this counts as full where the store only says that it failed: LMDB calls it an I/O error. */
const BYTES_FREE_MIN = 1024 * 1024

const DISK_FULL: Rule = {
  code: 'DISK_FULL',
  pattern: /no space left|ENOSPC|disk quota|EDQUOT|disk (is )?full|file too large|EFBIG/i,
  what: 'the disk is full',
  todo: 'Free space or move the state directory to a larger disk, then start again; nothing of this batch was applied.',
}

const RULES: readonly Rule[] = [
  DISK_FULL,
  {
    code: 'DISK_READ_ONLY',
    pattern: /read-?only|EROFS|permission denied|EACCES|EPERM|not permitted/i,
    what: 'the directory cannot be written',
    todo: 'Mount it writable and give its owner to the user that runs this process.',
  },
  {
    code: 'DIRECTORY_LOCKED',
    pattern: /LEVEL_LOCKED|lock hold by current process|while lock file|database is locked|IO error: lock /i,
    what: 'it is already open, here or in another process',
    todo: 'Close it there, or give each process its own state directory.',
  },
  {
    code: 'STATE_CORRUPTED',
    pattern:
      /corrupt|MDB_INVALID|MDB_PAGE_NOTFOUND|MDB_VERSION_MISMATCH|not an LMDB file|not a database|IO error: No such file/i,
    what: 'its files are damaged',
    todo: 'Delete this directory: its state is restored from the changelog topics.',
  },
  {
    code: 'LIMIT_EXCEEDED',
    pattern: /MDB_READERS_FULL/,
    what: 'too many iterators are open at one time',
    todo: 'Close iterators when done with them, or raise readersMax.',
  },
  {
    code: 'LIMIT_EXCEEDED',
    pattern: /MDB_DBS_FULL/,
    what: 'it has too many stores',
    todo: 'Raise keyspacesMax.',
  },
  {
    code: 'DISK_FAILED',
    pattern: /too many open files|EMFILE|ENFILE/i,
    what: 'the process has too many files open',
    todo: 'Raise the limit (ulimit -n) and start again.',
  },
]

/** The StreamsError for what a store threw while `action` (for example `opening`) on `directory`. */
export function diskErrorOf(error: unknown, engine: string, action: string, directory: string): StreamsError {
  if (error instanceof StreamsError) return error
  const cause = (error as { readonly cause?: unknown } | null)?.cause
  const code = (error as { readonly code?: unknown } | null)?.code
  const texts = [code, messageOf(error), cause === undefined ? undefined : messageOf(cause)]
  const text = texts.filter((part) => part !== undefined && part !== '').join(': ')
  const rule = RULES.find(({ pattern }) => pattern.test(text)) ?? (isDiskFull(directory) ? DISK_FULL : undefined)
  const what = rule?.what ?? 'the disk or the store failed'
  const todo = rule?.todo ?? 'Check the disk and the system log; if it is sound, delete this directory and restart.'
  const message = `${engine}: ${action} state directory ${directory} failed: ${what} (${text}). ${todo}`
  return new StreamsError(rule?.code ?? 'DISK_FAILED', message, {
    cause: error,
  })
}

function isDiskFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize < BYTES_FREE_MIN
  } catch {
    // The directory may be what is missing: then the first error is the one to tell.
    return false
  }
}
