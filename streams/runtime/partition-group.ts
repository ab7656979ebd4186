import { present } from '../base/assert.ts'
import type { Counter } from '../ports/index.ts'
import type { RecordQueue } from './record-queue.ts'

/**
 * The inputs of one task. The next record is the one with the lowest timestamp among the heads of all partitions
 * (ties: the first partition in the topology's order), so that streams which are read together advance together.
 *
 * Partition time is the highest timestamp taken from a partition; stream time is the highest taken from the group. Both
 * never fall. Java: PartitionGroup (with KIP-695's rule for empty partitions).
 */
export class PartitionGroup {
  readonly queues: readonly RecordQueue[]
  streamTimeMs = -1
  /** Counts choices that were made without a record of every input. Java: enforced-processing. */
  enforced: Counter | undefined = undefined
  readonly #maxTaskIdleMs: number
  /** Wall-clock time until which an empty, caught-up partition is waited for; undefined = not waiting. */
  readonly #idleDeadlines: (number | undefined)[]

  constructor(queues: readonly RecordQueue[], maxTaskIdleMs: number) {
    this.queues = queues
    this.#maxTaskIdleMs = maxTaskIdleMs
    this.#idleDeadlines = queues.map(() => undefined)
  }

  queue(topic: string, partition: number): RecordQueue {
    const found = this.queues.find((queue) => queue.topic === topic && queue.partition === partition)
    return present(found, `${topic}-${partition} is no input of this task`)
  }

  get recordCount(): number {
    let count = 0
    for (const queue of this.queues) count += queue.hasHead ? queue.recordCount + 1 : queue.recordCount
    return count
  }

  get byteCount(): number {
    let count = 0
    for (const queue of this.queues) count += queue.byteCount
    return count
  }

  hasRecords(): boolean {
    for (const queue of this.queues) if (queue.hasHead) return true
    return false
  }

  /** More is known to be in an input than was fetched. */
  isBehind(): boolean {
    for (const queue of this.queues) if (queue.fetchedLag > 0) return true
    return false
  }

  /**
   * Whether the choice of the next record can be made: every input has a head, or is known to be at its end and was
   * waited for. Without this, a restart would read one input far ahead of another and join in another order.
   */
  isReady(wallClockMs: number): boolean {
    let anyHead = false
    let anyEmpty = false
    let allMayGo = true
    for (let i = 0; i < this.queues.length; i++) {
      const queue = this.queues[i] as RecordQueue
      if (queue.hasHead) {
        anyHead = true
        this.#idleDeadlines[i] = undefined
      } else {
        anyEmpty = true
        if (this.#maxTaskIdleMs >= 0 && !this.#emptyMayGo(queue, i, wallClockMs)) allMayGo = false
      }
    }
    if (!anyHead || !allMayGo) return false
    if (anyEmpty) this.enforced?.add(1)
    return true
  }

  #emptyMayGo(queue: RecordQueue, index: number, wallClockMs: number): boolean {
    if (queue.fetchedLag !== 0) {
      this.#idleDeadlines[index] = undefined
      return false
    }
    // Never further ahead than the wait itself: the wall clock may have been set back since it began.
    const latest = wallClockMs + this.#maxTaskIdleMs
    const deadline = Math.min(this.#idleDeadlines[index] ?? latest, latest)
    this.#idleDeadlines[index] = deadline
    return wallClockMs >= deadline
  }

  /** The queue whose head is next; undefined if all are empty. */
  next(): RecordQueue | undefined {
    let best: RecordQueue | undefined
    for (const queue of this.queues) {
      if (queue.hasHead && (best === undefined || queue.head.timestampMs < best.head.timestampMs)) best = queue
    }
    return best
  }
}
