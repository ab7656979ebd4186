import { assert, type Bytes, messageOf, StreamsError } from '#streams/base'
import type { Clock, Logger } from '#streams/ports'
import type { Journal } from './journal.ts'
import { encodeFrameHead, type JournalEvent } from './journal-format.ts'

/** A write to the journal takes at most about this much, so that the first unit of a group does not wait for long. */
const GROUP_BYTES_MAX = 16 * 1024 * 1024

/** One atomic unit on its way into the journal. */
export type Unit<T> = {
  readonly bytes: number
  /** Checks against the state and assigns offsets; throws a StreamsError that rejects this unit alone. */
  stage(): StagedUnit<T>
  /** True for changes of topics and producers: written in a group of their own, since others depend on their effect. */
  readonly alone: boolean
}

export type StagedUnit<T> = {
  /** Per batch: topic id, partition, position in `data`, length. */
  readonly batches: readonly number[]
  readonly data: Bytes
  readonly events: readonly JournalEvent[]
  /** Makes the unit visible; called after it is durable, in the order of the journal. */
  apply(): T
  /** Takes back what `stage` did, when the write failed. */
  unstage(): void
}

type Waiting = {
  readonly unit: Unit<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}
type Staged = { readonly waiting: Waiting; readonly staged: StagedUnit<unknown> }

export type CommitterOptions = {
  readonly clock: Clock
  readonly logger: Logger
  /** Least time between the starts of two groups; 0 = back to back. */
  readonly fsyncIntervalMs: number
  /** False: acknowledged after the write; survives the death of the process, not a power cut. */
  readonly fsync: boolean
  /** Awaited before each group: holds writers back while too much is not in segments yet. */
  readonly awaitRoom: () => Promise<void>
  /** Called when a group was applied. */
  readonly onCommitted: (bytes: number) => void
}

/**
 * Group commit: one loop writes and syncs; what arrives meanwhile is gathered and makes the next group. Only after the
 * sync is a unit applied (visible) and answered.
 */
export type Committer = {
  submit<T>(unit: Unit<T>): Promise<T>
  /** Runs `action` between two groups, when no unit is half done, and goes on with the journal that it answers. */
  switchJournal(action: (nextSequence: number) => Promise<Journal>): Promise<void>
  readonly journal: Journal
  readonly nextSequence: number
  /** Why nothing can be written any more, until the log is opened again. */
  readonly failure: StreamsError | undefined
  fail(error: unknown): StreamsError
  /** Waits for what was submitted; later submissions are refused. */
  close(): Promise<void>
}

export function createCommitter(firstJournal: Journal, firstSequence: number, options: CommitterOptions): Committer {
  const { clock, logger } = options
  let journal = firstJournal
  let nextSequence = firstSequence
  let queue: Waiting[] = []
  let running: Promise<void> | undefined
  let switching: (() => Promise<void>) | undefined
  let failure: StreamsError | undefined
  let closed = false
  let lastStartMs = Number.NEGATIVE_INFINITY

  const fail = (error: unknown): StreamsError => {
    if (failure === undefined) {
      const code = error instanceof StreamsError ? error.code : 'DISK_FAILED'
      failure = new StreamsError(
        code,
        `${messageOf(error)} The log refuses further writes until it is opened again, since it cannot know what is on the disk.`,
        { cause: error },
      )
      logger.error('The embedded log stops writing.', { code, reason: messageOf(error) })
    }
    return failure
  }

  const takeGroup = (): Waiting[] => {
    let bytes = 0
    let count = 0
    while (count < queue.length && (count === 0 || bytes < GROUP_BYTES_MAX)) {
      const { unit } = queue[count] as Waiting
      if (unit.alone && count > 0) break
      bytes += unit.bytes
      count++
      if (unit.alone) break
    }
    const group = queue.slice(0, count)
    queue = queue.slice(count)
    return group
  }

  const writeGroup = async (group: readonly Waiting[]): Promise<void> => {
    const staged = stageGroup(group)
    const frames = encodeFrames(staged, nextSequence, journal.position)
    try {
      if (frames.length > 0) await writeParts(frames.parts)
    } catch (error) {
      for (const { staged: unit } of staged) unit.unstage()
      for (const { waiting } of staged) waiting.reject(error)
      return
    }
    nextSequence = frames.nextSequence
    if (frames.length > 0) journal.advance(frames.length)
    for (const { waiting, staged: unit } of staged) waiting.resolve(unit.apply())
    if (frames.length > 0) options.onCommitted(frames.length)
  }

  const writeParts = async (parts: readonly Bytes[]): Promise<void> => {
    try {
      await journal.write(parts)
    } catch (error) {
      // Nothing was acknowledged: with the remains cut off, the journal is as before and later writes may succeed.
      await journal.cutBack().catch((cut: unknown) => {
        throw fail(cut)
      })
      throw error
    }
    if (!options.fsync) return
    try {
      await journal.sync()
    } catch (error) {
      // The kernel may have dropped the pages: a second sync would succeed and prove nothing.
      throw fail(error)
    }
  }

  const step = async (): Promise<void> => {
    if (switching !== undefined) {
      const action = switching
      switching = undefined
      await action()
      return
    }
    const waitMs = lastStartMs + options.fsyncIntervalMs - clock.monotonicMs()
    if (waitMs > 0) await clock.sleep(waitMs)
    const room = await options.awaitRoom().catch((error: unknown) => ({ error }))
    lastStartMs = clock.monotonicMs()
    const group = takeGroup()
    const refused = failure ?? room?.error
    if (refused === undefined) await writeGroup(group)
    else for (const { reject } of group) reject(refused)
  }

  const run = async (): Promise<void> => {
    while (queue.length > 0 || switching !== undefined) await step()
    running = undefined
  }
  const kick = (): void => {
    running ??= Promise.resolve().then(run)
  }

  return {
    submit<T>(unit: Unit<T>) {
      return new Promise<T>((resolve, reject) => {
        if (closed) {
          reject(new StreamsError('CLOSED', 'The embedded log is closed.'))
          return
        }
        queue.push({ unit, resolve: resolve as (value: unknown) => void, reject })
        kick()
      })
    },
    switchJournal(action) {
      assert(switching === undefined, 'one switch of the journal at a time')
      return new Promise((resolve, reject) => {
        switching = async () => {
          try {
            if (failure !== undefined) throw failure
            const next = await action(nextSequence)
            const previous = journal
            journal = next
            await previous.close()
            resolve()
          } catch (error) {
            reject(error)
          }
        }
        kick()
      })
    },
    get journal() {
      return journal
    },
    get nextSequence() {
      return nextSequence
    },
    get failure() {
      return failure
    },
    fail,
    async close() {
      closed = true
      await running
      await journal.close()
    },
  }
}

function stageGroup(group: readonly Waiting[]): Staged[] {
  const staged: Staged[] = []
  for (const waiting of group) {
    try {
      staged.push({ waiting, staged: waiting.unit.stage() })
    } catch (error) {
      waiting.reject(error)
    }
  }
  return staged
}

type Frames = { readonly parts: readonly Bytes[]; readonly length: number; readonly nextSequence: number }

/** One frame per unit; a unit that changes nothing (an empty transaction) needs none. */
function encodeFrames(staged: readonly Staged[], firstSequence: number, start: number): Frames {
  const parts: Bytes[] = []
  let length = 0
  let nextSequence = firstSequence
  for (const { staged: unit } of staged) {
    if (unit.batches.length === 0 && unit.events.length === 0) continue
    const head = encodeFrameHead({
      sequence: nextSequence++,
      position: start + length,
      acknowledgedBefore: start,
      batches: unit.batches,
      dataLength: unit.data.length,
      events: unit.events,
    })
    parts.push(head)
    if (unit.data.length > 0) parts.push(unit.data)
    length += head.length + unit.data.length
  }
  return { parts, length, nextSequence }
}
