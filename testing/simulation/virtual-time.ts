import { assert } from '#streams/base'

/** Real macrotasks: one between two ticks lets every chain of promises run to its end. Kept before it is replaced. */
const nextMacrotask = globalThis.setImmediate

export type Timer = { cancel(): void }

type Entry = { readonly atMs: number; readonly sequence: number; action: (() => void) | undefined }

/**
 * Time of a simulation: a heap of timers, ties in the order in which they were made. Nothing else moves it, so that an
 * hour of waiting costs nothing and two runs of one seed see the same instants.
 */
export class VirtualTime {
  nowMs = 0
  /** Timers fired so far: the events of a run. */
  ticks = 0
  #sequence = 0
  readonly #heap: Entry[] = []

  after(delayMs: number, action: () => void): Timer {
    assert(delayMs >= 0 && Number.isFinite(delayMs), `a timer is set for ${delayMs} ms from now`)
    const entry: Entry = { atMs: this.nowMs + delayMs, sequence: this.#sequence++, action }
    this.#push(entry)
    return {
      cancel: () => {
        entry.action = undefined
      },
    }
  }

  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(durationMs, resolve))
  }

  /**
   * Fires timers until `isDone`, or until there are none or a limit is reached. The earliest timer alone is fired, then
   * every promise that it settled is followed to its end: what happens next is decided by nothing but the seed.
   */
  async run(
    isDone: () => boolean,
    limits: { readonly untilMs: number; readonly ticksMax: number },
  ): Promise<'done' | 'late' | 'idle'> {
    await drain()
    while (!isDone()) {
      const entry = this.#pop()
      if (entry === undefined) return 'idle'
      if (entry.action === undefined) continue
      if (entry.atMs > limits.untilMs || this.ticks >= limits.ticksMax) {
        this.#push(entry)
        return 'late'
      }
      assert(entry.atMs >= this.nowMs, 'virtual time does not fall')
      this.nowMs = entry.atMs
      this.ticks++
      const action = entry.action
      entry.action = undefined
      action()
      await drain()
    }
    return 'done'
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent] as Entry)) break
      heap[at] = heap[parent] as Entry
      at = parent
    }
    heap[at] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = child + 1
      if (right < heap.length && isBefore(heap[right] as Entry, heap[child] as Entry)) child = right
      if (!isBefore(heap[child] as Entry, last)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence)
}

function drain(): Promise<void> {
  return new Promise((resolve) => void nextMacrotask(resolve))
}
