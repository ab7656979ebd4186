/**
 * Errors of the world (as opposed to our own mistakes, which are assertions). The code is stable and documented in
 * docs/ERRORS.md; the message says what happened, where, why, and what to do.
 */
export type StreamsErrorCode =
  /** The topology itself is wrong: found while it is built, before anything runs. */
  | 'TOPOLOGY_INVALID'
  /** A topic that the topology reads does not exist, or its partition count does not fit. */
  | 'TOPIC_MISSING'
  | 'TOPIC_EXISTS'
  | 'TOPIC_MISMATCH'
  /** A configuration value is out of its range. */
  | 'CONFIG_INVALID'
  /** Bytes that a serde cannot read, or a null where the type allows none. */
  | 'RECORD_UNREADABLE'
  | 'RECORD_UNWRITABLE'
  | 'RECORD_TOO_LARGE'
  /** A processor or punctuator threw, and the processing exception handler answered `fail`. */
  | 'PROCESSING_FAILED'
  /** Another owner of the same transactional id or member id has taken over: this one must stop writing. */
  | 'FENCED'
  | 'TASK_MIGRATED'
  /** The log could not be reached or did not answer in time; retried up to `taskTimeoutMs`. */
  | 'LOG_UNAVAILABLE'
  /** The log does not allow it (permissions, settings) or cannot do it (too old): trying again does not help. */
  | 'LOG_REFUSED'
  /** The log's own files are damaged in a place that cannot be a torn tail. */
  | 'LOG_CORRUPTED'
  /** A position is before the start or after the end of a partition. */
  | 'OFFSET_OUT_OF_RANGE'
  /** Local state does not fit its changelog (for example: it is ahead of it). It is wiped and restored. */
  | 'STATE_CORRUPTED'
  | 'STATE_UNAVAILABLE'
  | 'STORE_UNKNOWN'
  /** Another process owns the directory. */
  | 'DIRECTORY_LOCKED'
  | 'DISK_FULL'
  | 'DISK_READ_ONLY'
  | 'DISK_FAILED'
  /** A named bound was reached where waiting would not help. */
  | 'LIMIT_EXCEEDED'
  | 'CLOSED'

export class StreamsError extends Error {
  override readonly name = 'StreamsError'
  readonly code: StreamsErrorCode

  constructor(code: StreamsErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** True if `error` is a StreamsError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly StreamsErrorCode[]): error is StreamsError {
  return error instanceof StreamsError && codes.includes(error.code)
}

/** The message as a sentence, for what is followed by another one: messages end with a full stop or without. */
export function sentenceOf(error: unknown): string {
  const message = messageOf(error).trimEnd()
  return /[.!?…]$/.test(message) ? message : `${message}.`
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
