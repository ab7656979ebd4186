import type { Bytes, TaskId } from '#streams/base'
import type { CommittedOffset, Headers, TopicPartition } from '#streams/ports'

/** What a task did, in order: enough to do it again without interruption. */
export type TaskEvent =
  | (TopicPartition & { readonly kind: 'record'; readonly offset: number; readonly wallClockMs: number })
  | { readonly kind: 'punctuation'; readonly wallClockMs: number }

/** The work of one task that goes into one commit. */
export type CommittedWork = {
  readonly task: TaskId
  /** Numbers the lives of the task: it is another one after each opening. */
  readonly life: number
  /** Wall clock when this life of the task began. */
  readonly startedMs: number
  readonly streamTimeAtStartMs: number
  readonly streamTimeMs: number
  readonly wallClockMs: number
  readonly events: readonly TaskEvent[]
}

export type SentRecord = TopicPartition & {
  readonly task: TaskId | undefined
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** One attempt to commit: what was sent for it, and what the tasks had done. */
export type Attempt = {
  readonly id: number
  readonly process: string
  readonly sent: SentRecord[]
  work: readonly CommittedWork[]
  offsets: readonly CommittedOffset[]
  /** What the caller was told. */
  outcome: 'unknown' | 'acknowledged' | 'refused'
  /** The simulated log has carried it out by now. */
  isCommitted: boolean
}

/** What one poll gave of one partition. */
export type PolledBatch = TopicPartition & {
  readonly consumer: string
  readonly position: number
  readonly nextOffset: number
  readonly offsets: readonly number[]
  /** Attempt and number of each record, as its tag says. */
  readonly tags: readonly (string | undefined)[]
  /** A record of an attempt that was not committed when it was read; undefined also where that is not known. */
  readonly dirty: string | undefined
}

/** Everything that a run did, for the checkers. */
export class Registry {
  /** The log says at once what is committed: the simulated one does, under exactly-once. */
  readonly knowsCommits: boolean
  readonly attempts: Attempt[] = []
  readonly polls: PolledBatch[] = []

  constructor(knowsCommits: boolean) {
    this.knowsCommits = knowsCommits
  }

  newAttempt(process: string): Attempt {
    const attempt: Attempt = {
      id: this.attempts.length,
      process,
      sent: [],
      work: [],
      offsets: [],
      outcome: 'unknown',
      isCommitted: false,
    }
    this.attempts.push(attempt)
    return attempt
  }
}
