/**
 * Progress of long work on standard error (standard output is for results): one line that is rewritten where somebody
 * watches, a plain line now and then where it goes to a file.
 */
export type Progress = {
  /** What is going on now. */
  update(text: string): void
  /** A line that stays. */
  note(text: string): void
  /** Removes the line that is rewritten. */
  clear(): void
}

export type ProgressStream = {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export type ProgressOptions = {
  readonly stream?: ProgressStream
  readonly nowMs?: () => number
  /** Least time between two plain lines. */
  readonly plainIntervalMs?: number
}

/** Work that is done sooner needs no progress. */
export const QUIET_MS = 2_000
const PLAIN_INTERVAL_MS = 5_000
const REWRITE_INTERVAL_MS = 100
const ERASE_LINE = '\r\u001b[2K'

export function createProgress(options: ProgressOptions = {}): Progress {
  const { stream = process.stderr, nowMs = () => performance.now(), plainIntervalMs = PLAIN_INTERVAL_MS } = options
  const isTty = stream.isTTY === true
  let isLineOpen = false
  let writtenMs = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (isLineOpen) stream.write(ERASE_LINE)
    isLineOpen = false
  }
  return {
    update(text) {
      const now = nowMs()
      if (now - writtenMs < (isTty ? REWRITE_INTERVAL_MS : plainIntervalMs)) return
      writtenMs = now
      if (!isTty) {
        stream.write(`${text}\n`)
        return
      }
      stream.write(`${ERASE_LINE}${text.slice(0, Math.max(20, (stream.columns ?? 120) - 1))}`)
      isLineOpen = true
    },
    note(text) {
      clear()
      stream.write(`${text}\n`)
    },
    clear,
  }
}
