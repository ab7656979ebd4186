import type { StreamsConfig, StreamTask } from '#streams/runtime'

/** The thread looks at its bounds after so many records at the latest. */
const RECORDS_BETWEEN_LOOKS = 64

export type BoundsOptions = {
  readonly config: StreamsConfig
  readonly violation: (checker: string, message: string) => void
}

/**
 * Everything has a named limit, and the thread of a process keeps to it: whenever it asks the log for more, it is below
 * its bounds on what is uncommitted and unsent; queues and buffers hold at most their limit and the polls on top of it;
 * no iterator is open between two records.
 */
export class Bounds {
  readonly #options: BoundsOptions
  readonly #tasks = new Set<StreamTask>()
  #unsentBytes: () => number = () => 0
  /** Bytes that the last poll has brought, and the largest one. */
  #polledBytes = 0
  #polledMost = 0
  /** Records processed since a bound was reached. */
  #recordsOver = 0
  checks = 0

  constructor(options: BoundsOptions) {
    this.#options = options
  }

  producerIs(unsentBytes: () => number): void {
    this.#unsentBytes = unsentBytes
  }

  started(task: StreamTask): void {
    this.#tasks.add(task)
  }

  #running(): StreamTask[] {
    for (const task of this.#tasks) if (task.state === 'closed') this.#tasks.delete(task)
    return [...this.#tasks]
  }

  #isOver(tasks: readonly StreamTask[]): string | undefined {
    const { uncommittedBytesMax, producerBufferBytesMax } = this.#options.config
    let dirty = 0
    for (const task of tasks) dirty += task.stores.dirtyBytes()
    if (dirty >= uncommittedBytesMax) return `${dirty} bytes are uncommitted, of at most ${uncommittedBytesMax}`
    const unsent = this.#unsentBytes()
    if (unsent >= producerBufferBytesMax) return `${unsent} bytes are unsent, of at most ${producerBufferBytesMax}`
    return undefined
  }

  beforePoll(): void {
    this.checks++
    const over = this.#isOver(this.#running())
    if (over !== undefined) this.#violation(`records are asked for while ${over}`)
    this.#polledBytes = 0
  }

  added(task: StreamTask, bytesBefore: number): void {
    this.checks++
    const { bufferedRecordsPerPartitionMax, pollRecordsMax, bufferedBytesMax } = this.#options.config
    for (const { topic, partition, recordCount } of task.group.queues) {
      if (recordCount >= bufferedRecordsPerPartitionMax + pollRecordsMax)
        this.#violation(`${recordCount} records of ${topic}-${partition} are buffered`)
    }
    this.#polledBytes += task.group.byteCount - bytesBefore
    this.#polledMost = Math.max(this.#polledMost, this.#polledBytes)
    const running = this.#running()
    const buffered = running.reduce((sum, { group }) => sum + group.byteCount, 0)
    const inputs = running.reduce((sum, { group }) => sum + group.queues.length, 0)
    // The last poll began below the bound. Above it only those inputs are asked for of which there is nothing.
    if (buffered >= bufferedBytesMax + (1 + inputs) * this.#polledMost)
      this.#violation(`${buffered} bytes of ${inputs} inputs are buffered, of at most ${bufferedBytesMax}`)
  }

  processed(task: StreamTask): void {
    this.checks++
    const open = task.stores.iteratorsOpen()
    if (open > 0) this.#violation(`task ${task.id} left ${open} iterators open`)
    const over = this.#isOver(this.#running())
    this.#recordsOver = over === undefined ? 0 : this.#recordsOver + 1
    if (this.#recordsOver > RECORDS_BETWEEN_LOOKS)
      this.#violation(`${this.#recordsOver} records were processed while ${over}`)
  }

  committing(): void {
    this.#recordsOver = 0
  }

  #violation(message: string): void {
    this.#options.violation('bounds', message)
  }
}
