import { present } from '../base/assert.ts'
import { messageOf, StreamsError } from '../base/errors.ts'
import { partitionName, type TaskId } from '../base/ids.ts'
import {
  type Clock,
  type Consumer,
  type Counter,
  type Log,
  type Logger,
  type LogRecord,
  type Metrics,
  NO_METRICS,
  type PartitionOffset,
} from '../ports/index.ts'
import { changelogRecords, createRestoreMetrics, type RestoreMetrics } from './restore-metrics.ts'
import type { StreamTask } from './task.ts'
import { offsetOf } from './task-opener.ts'
import type { Changelog } from './task-stores.ts'
import { lagOf, type StoreLag } from './thread-metadata.ts'

type Restore = {
  readonly task: StreamTask
  readonly changelog: Changelog
  readonly startOffset: number
  /** Where the changelog ended when the restore began; the task's own writes are the only ones, so it stays the end. */
  readonly endOffset: number
  readonly startedMs: number
  position: number
  records: number
  /** When the position moved last. */
  movedMs: number
  /** What keeps it from moving, in words, when that was asked. */
  heldBackBy: string | undefined
}

/** Of a task that is being restored. */
type TaskRestore = { readonly applied: Counter; readonly hideRemaining: () => void }

export type RestoreSummary = {
  readonly taskId: TaskId
  readonly store: string
  readonly changelog: string
  readonly partition: number
  readonly records: number
  readonly startOffset: number
  readonly endOffset: number
  readonly durationMs: number
}

/**
 * What happens to the restore of one store. Java: StateRestoreListener. `suspended`: the task was closed before its
 * restore had ended.
 */
export type RestoreEvent = {
  readonly kind: 'start' | 'batch' | 'end' | 'suspended'
  readonly taskId: TaskId
  readonly store: string
  readonly changelog: string
  readonly partition: number
  readonly startOffset: number
  readonly position: number
  readonly endOffset: number
  /** Of the batch; of all batches at the end. */
  readonly records: number
}

export type StateRestorerOptions = {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly threadName: string
  readonly pollBytesMax: number
  readonly metrics?: Metrics
  readonly onRestored?: ((summary: RestoreSummary) => void) | undefined
  readonly onRestore?: ((event: RestoreEvent) => void) | undefined
}

const PROGRESS_INTERVAL_MS = 5000
const RESTORE_RECORDS_MAX = 5000
/** A restore that has not moved for so long asks the log what is in the way, and again each time. */
const HELD_BACK_MS = 1000

/**
 * Brings stores up to the end of their changelogs. It is done with a changelog when the *position* has reached the end
 * as it was at the start, never when "the last record" was seen: ends may be control records, aborted or compacted
 * away. Runs a step at a time, between the steps of tasks that already run. Java: StoreChangelogReader.
 */
export class StateRestorer {
  readonly #options: StateRestorerOptions
  readonly #restores: Restore[] = []
  readonly #waiting = new Map<StreamTask, TaskRestore>()
  readonly #metrics: RestoreMetrics
  #consumer: Consumer | undefined
  #progressLoggedMs = 0
  #isReleasing = false
  #releaseTriedMs = 0

  constructor(options: StateRestorerOptions) {
    this.#options = options
    const { metrics = NO_METRICS, threadName } = options
    this.#metrics = createRestoreMetrics(metrics, threadName, 'active-restore', () => this.#waiting.size)
  }

  get tasks(): Pick<ReadonlySet<StreamTask>, 'size' | 'has'> {
    return this.#waiting
  }

  /** Changelog records still to be applied, for metrics. */
  get recordsRemaining(): number {
    return this.#remaining(() => true)
  }

  #remaining(isCounted: (restore: Restore) => boolean): number {
    let records = 0
    for (const restore of this.#restores) if (isCounted(restore)) records += restore.endOffset - restore.position
    return records
  }

  /**
   * STATE_CORRUPTED if a store does not fit its changelog: ahead of it, or so old that the part in between is gone.
   * `committedOffset` bounds the restore of stores whose changelog is a source topic: what lies behind is input.
   */
  async add(task: StreamTask, committedOffset: (topic: string) => number): Promise<void> {
    const { log, clock } = this.#options
    task.beginRestore()
    const changelogs = task.changelogs
    // The end of all that is written: what an earlier owner committed may not be marked as such in this partition yet,
    // while its offsets already are. The restore then waits for the mark.
    const [starts, ends] = await Promise.all([
      log.admin.startOffsets(changelogs),
      log.admin.endOffsets(changelogs, 'read_uncommitted'),
    ])
    for (const changelog of changelogs) {
      const start = offsetOf(starts, changelog)
      const logEnd = offsetOf(ends, changelog)
      const end = changelog.isSource ? Math.min(logEnd, committedOffset(changelog.topic)) : logEnd
      const position = task.stores.position(changelog.storeName)
      checkPosition(task.id, changelog, position, start, logEnd)
      const from = Math.max(position ?? start, start)
      const restore: Restore = {
        task,
        changelog,
        startOffset: from,
        endOffset: end,
        position: from,
        records: 0,
        startedMs: clock.monotonicMs(),
        movedMs: clock.monotonicMs(),
        heldBackBy: undefined,
      }
      this.#restores.push(restore)
      if (from < end) this.#tell('start', restore, 0)
    }
    this.#waiting.set(task, this.#measure(task))
    this.#finishReached()
    await this.#assign()
  }

  /** Forgets a task that is closed before it was restored. */
  async remove(task: StreamTask): Promise<void> {
    for (let i = this.#restores.length - 1; i >= 0; i--) {
      const restore = this.#restores[i] as Restore
      if (restore.task !== task) continue
      this.#restores.splice(i, 1)
      this.#tell('suspended', restore, restore.records)
    }
    this.#forget(task)
    await this.#assign()
  }

  #measure(task: StreamTask): TaskRestore {
    const { metrics = NO_METRICS, threadName } = this.#options
    const { applied, showRemaining } = changelogRecords(metrics, threadName, task.id, 'restore')
    return { applied, hideRemaining: showRemaining(() => this.#remaining((restore) => restore.task === task)) }
  }

  #forget(task: StreamTask): void {
    this.#waiting.get(task)?.hideRemaining()
    this.#waiting.delete(task)
  }

  /** One poll and what it brought; returns the tasks whose state is complete now. */
  async step(waitMs: number): Promise<readonly StreamTask[]> {
    if (this.#restores.length > 0) {
      const consumer = present(this.#consumer, 'a restore without a consumer')
      for (const batch of await consumer.poll(waitMs)) {
        const restore = this.#restores.find(
          ({ changelog }) => changelog.topic === batch.topic && changelog.partition === batch.partition,
        )
        if (restore === undefined) continue
        // A source topic goes on behind the committed offset: those records are input, not state.
        const fetched = batch.records.filter((record) => record.offset < restore.endOffset)
        const nextOffset = Math.min(batch.nextOffset, restore.endOffset)
        await restore.task.stores.prepareRestore(restore.changelog.storeName, fetched)
        this.#apply(restore, fetched, nextOffset)
      }
      this.#logProgress()
      this.#release()
      if (this.#finishReached()) await this.#assign()
    }
    const complete = [...this.#waiting.keys()].filter(
      (task) => !this.#restores.some((restore) => restore.task === task),
    )
    for (const task of complete) this.#forget(task)
    return complete
  }

  #apply(restore: Restore, fetched: readonly LogRecord[], nextOffset: number): void {
    const { task, changelog } = restore
    const { clock } = this.#options
    const startedMs = clock.monotonicMs()
    const records = task.recordsToRestore(changelog, fetched)
    task.stores.restore(changelog.storeName, records, nextOffset)
    restore.position = nextOffset
    restore.movedMs = startedMs
    restore.heldBackBy = undefined
    restore.records += records.length
    this.#waiting.get(task)?.applied.add(records.length)
    this.#metrics.records.add(records.length)
    this.#metrics.calls.add(1)
    this.#metrics.time.record(clock.monotonicMs() - startedMs)
    this.#tell('batch', restore, records.length)
  }

  /** Asks in the background: other tasks of the thread go on. */
  #release(): void {
    const { log, clock } = this.#options
    const nowMs = clock.monotonicMs()
    const isDue = !this.#isReleasing && nowMs - this.#releaseTriedMs >= HELD_BACK_MS
    if (log.admin.releaseHeldBack === undefined || !isDue) return
    const stuck = this.#restores.find(({ movedMs }) => nowMs - movedMs >= HELD_BACK_MS)
    if (stuck === undefined) return
    this.#isReleasing = true
    this.#releaseTriedMs = nowMs
    const { topic, partition } = stuck.changelog
    log.admin
      .releaseHeldBack({ topic, partition })
      .catch(messageOf)
      .then((words) => {
        this.#isReleasing = false
        this.#tellHeldBack(stuck, words)
      })
  }

  #tellHeldBack(stuck: Restore, words: string): void {
    const { task, changelog, position, endOffset } = stuck
    if (stuck.heldBackBy === words || !this.#restores.includes(stuck)) return
    stuck.heldBackBy = words
    this.#options.logger.warn(
      `The restore of store ${changelog.storeName} of task ${task.id} waits at ${partitionName(changelog.topic, changelog.partition)} offset ${position} of ${endOffset}: ${words}`,
      { task: task.id, store: changelog.storeName, position, endOffset },
    )
  }

  async close(): Promise<void> {
    await this.#consumer?.close()
    this.#consumer = undefined
  }

  #finishReached(): boolean {
    let finished = false
    for (let i = this.#restores.length - 1; i >= 0; i--) {
      const restore = this.#restores[i] as Restore
      if (restore.position < restore.endOffset) continue
      this.#restores.splice(i, 1)
      finished = true
      this.#finish(restore)
    }
    return finished
  }

  #finish(finished: Restore): void {
    const { task, changelog, records, startOffset, endOffset, startedMs } = finished
    const { clock, logger, onRestored } = this.#options
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    const summary: RestoreSummary = {
      taskId: task.id,
      store: changelog.storeName,
      changelog: changelog.topic,
      partition: changelog.partition,
      records,
      startOffset,
      endOffset,
      durationMs,
    }
    onRestored?.(summary)
    if (endOffset > startOffset) this.#tell('end', { ...finished, position: endOffset }, records)
    const fields = {
      task: task.id,
      store: changelog.storeName,
      startOffset,
      endOffset,
      records,
      durationMs,
    }
    if (endOffset > startOffset)
      logger.info(`Restored ${records} records of store ${changelog.storeName} in ${durationMs} ms`, fields)
    else logger.debug(`Store ${changelog.storeName} is up to date with its changelog: nothing to restore`, fields)
  }

  /** Positions of the stores that are being restored. */
  lags(): readonly StoreLag[] {
    return this.#restores.map(({ changelog: { storeName, partition }, position, endOffset }) =>
      lagOf(storeName, partition, position, endOffset),
    )
  }

  #tell(kind: RestoreEvent['kind'], restore: Restore, records: number): void {
    const { task, changelog, startOffset, position, endOffset } = restore
    this.#options.onRestore?.({
      kind,
      taskId: task.id,
      store: changelog.storeName,
      changelog: changelog.topic,
      partition: changelog.partition,
      startOffset,
      position,
      endOffset,
      records,
    })
  }

  #logProgress(): void {
    const { clock, logger } = this.#options
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#progressLoggedMs < PROGRESS_INTERVAL_MS) return
    this.#progressLoggedMs = nowMs
    for (const { task, changelog, startOffset, endOffset, position, startedMs, records } of this.#restores) {
      const share = (position - startOffset) / Math.max(1, endOffset - startOffset)
      const elapsedMs = nowMs - startedMs
      if (elapsedMs < PROGRESS_INTERVAL_MS) continue
      const etaSeconds = share > 0 ? Math.round((elapsedMs * (1 - share)) / share / 1000) : undefined
      logger.info(
        `Restoring store ${changelog.storeName} of task ${task.id}: ${Math.floor(share * 100)} %, ${records} records${etaSeconds === undefined ? '' : `, about ${etaSeconds} s to go`}`,
        {
          task: task.id,
          store: changelog.storeName,
          records,
          position,
          endOffset,
          etaSeconds,
        },
      )
    }
  }

  async #assign(): Promise<void> {
    if (this.#restores.length === 0 && this.#consumer === undefined) return
    this.#consumer ??= await this.#options.log.createConsumer({
      clientId: `${this.#options.threadName}-restore`,
      isolation: 'read_committed',
      pollRecordsMax: RESTORE_RECORDS_MAX,
      pollBytesMax: this.#options.pollBytesMax,
    })
    const positions = this.#restores.map(
      ({ changelog, position }): PartitionOffset => ({
        topic: changelog.topic,
        partition: changelog.partition,
        offset: position,
      }),
    )
    this.#consumer.assign(positions)
  }
}

function checkPosition(
  taskId: TaskId,
  changelog: Changelog,
  position: number | undefined,
  start: number,
  end: number,
): void {
  if (position === undefined) return
  const name = partitionName(changelog.topic, changelog.partition)
  if (position > end) {
    throw new StreamsError(
      'STATE_CORRUPTED',
      `store ${changelog.storeName} of task ${taskId} is at position ${position} of ${name}, which ends at ${end}: the state belongs to another log`,
    )
  }
  if (position < start) {
    throw new StreamsError(
      'STATE_CORRUPTED',
      `store ${changelog.storeName} of task ${taskId} is at position ${position} of ${name}, which now starts at ${start}: deletions in between are gone`,
    )
  }
}
