import { assert } from '#streams/base'
import type { Clock } from '#streams/ports'
import type { LoadRecord } from './records.ts'

export type Schedule =
  /** One after the other, as fast as the receiver takes them. */
  | { readonly kind: 'unpaced' }
  /** Record n is due n / recordsPerSecond after the start, whatever its simulated time. */
  | { readonly kind: 'rate'; readonly recordsPerSecond: number }
  /** Simulated time runs `factor` times as fast as the clock, from `startMs` on; what is before it is due at once. */
  | { readonly kind: 'speed'; readonly factor: number; readonly startMs: number }

export type PacerOptions = {
  readonly clock: Clock
  readonly schedule: Schedule
  /** Records handed over at once. Bounds what a slow receiver catches up with in one go. */
  readonly batchRecordsMax?: number
  /** Shortest sleep: records that fall due during it come in one batch. It is the price of few wake-ups in latency. */
  readonly tickMs?: number
  readonly signal?: AbortSignal
}

export const BATCH_RECORDS_MAX = 1_000
export const TICK_MS = 5

export type PacedBatch = {
  readonly records: readonly LoadRecord[]
  /**
   * When each record was due, by the wall clock. Latency measured from here counts the time that records waited for a
   * slow sender too; measured from the moment of sending it would hide it.
   */
  readonly dueAtMs: readonly number[]
}

export type PacerStats = {
  readonly records: number
  readonly elapsedMs: number
  readonly recordsPerSecond: number
  /** By how much the record handed over last was late against the schedule, and the worst so far. */
  readonly lagMs: number
  readonly lagMaxMs: number
}

export type Pacer = {
  /** Ends with the records, or when the signal is aborted. To be used once. */
  batches(records: Iterator<LoadRecord, undefined>): AsyncGenerator<PacedBatch, void>
  stats(): PacerStats
}

/**
 * Hands records over when they are due. Each has its place in an absolute schedule that starts with the first: a
 * sleep that was too long, or a receiver that was slow, is made up for by larger batches and never moves the schedule.
 */
export function createPacer(options: PacerOptions): Pacer {
  const { clock, schedule, batchRecordsMax = BATCH_RECORDS_MAX, tickMs = TICK_MS, signal } = options
  if (schedule.kind === 'rate') assert(schedule.recordsPerSecond > 0, 'a rate is more than 0 records per second')
  if (schedule.kind === 'speed') assert(schedule.factor > 0, 'a speed is more than 0')
  assert(batchRecordsMax >= 1, 'a batch has at least one record')
  let startedMs = Number.NaN
  let startedWallMs = Number.NaN
  let handedOver = 0
  let lagMs = 0
  let lagMaxMs = 0

  /** Milliseconds after the start. */
  const dueAfterMs = (record: LoadRecord, index: number): number => {
    switch (schedule.kind) {
      case 'unpaced':
        return 0
      case 'rate':
        return (index * 1_000) / schedule.recordsPerSecond
      case 'speed':
        return Math.max(0, (record.publishAtMs - schedule.startMs) / schedule.factor)
    }
  }
  const elapsedMs = (): number => (Number.isNaN(startedMs) ? 0 : clock.monotonicMs() - startedMs)

  async function* batches(source: Iterator<LoadRecord, undefined>): AsyncGenerator<PacedBatch, void> {
    assert(Number.isNaN(startedMs), 'a pacer is used once: its schedule has begun')
    startedMs = clock.monotonicMs()
    startedWallMs = clock.wallClockMs()
    let head = source.next().value
    while (head !== undefined && signal?.aborted !== true) {
      const waitMs = dueAfterMs(head, handedOver) - elapsedMs()
      if (waitMs > 0) {
        await clock.sleep(Math.max(waitMs, tickMs), signal)
        continue
      }
      const nowMs = elapsedMs()
      lagMs = schedule.kind === 'unpaced' ? 0 : nowMs - dueAfterMs(head, handedOver)
      lagMaxMs = Math.max(lagMaxMs, lagMs)
      const records: LoadRecord[] = []
      const dueAtMs: number[] = []
      for (; head !== undefined && records.length < batchRecordsMax; head = source.next().value) {
        const dueMs = schedule.kind === 'unpaced' ? nowMs : dueAfterMs(head, handedOver)
        if (dueMs > nowMs) break
        records.push(head)
        dueAtMs.push(startedWallMs + dueMs)
        handedOver++
      }
      yield { records, dueAtMs }
    }
  }
  return {
    batches,
    stats() {
      const elapsed = elapsedMs()
      const recordsPerSecond = elapsed === 0 ? 0 : (handedOver * 1_000) / elapsed
      return { records: handedOver, elapsedMs: elapsed, recordsPerSecond, lagMs, lagMaxMs }
    },
  }
}
