import type { Cancellable, Punctuator } from '../topology/processor.ts'
import type { NodeInstance } from './node-instance.ts'

type Schedule = {
  nextMs: number
  readonly intervalMs: number
  readonly node: NodeInstance
  readonly punctuator: Punctuator
  /** Under which the next time is kept over restarts. */
  readonly metadataName: string
}

/** The scheduled callbacks of one task and one kind of time. Java: PunctuationQueue, PunctuationSchedule. */
export class PunctuationQueue {
  readonly #schedules: Schedule[] = []

  schedule(schedule: Schedule): Cancellable {
    const entry: Schedule = { ...schedule }
    this.#schedules.push(entry)
    return {
      cancel: () => {
        const at = this.#schedules.indexOf(entry)
        if (at >= 0) this.#schedules.splice(at, 1)
      },
    }
  }

  /** Earliest time at which something is due; Infinity if there is nothing. */
  nextMs(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const schedule of this.#schedules) {
      if (schedule.nextMs < earliest) earliest = schedule.nextMs
    }
    return earliest
  }

  /** The wall clock was set back: what would have fired within its interval does so now too, not hours later. */
  clockSetBack(fromMs: number, toMs: number): void {
    for (const schedule of this.#schedules) {
      const { nextMs, intervalMs } = schedule
      // What waits for longer than its interval has a start time, which is an hour of the day.
      if (nextMs <= fromMs + intervalMs) schedule.nextMs = Math.min(nextMs, toMs + intervalMs)
    }
  }

  /**
   * Fires what is due at `nowMs`, earliest first, each schedule once however many intervals were missed: the next one
   * is the first multiple of the interval after now. Returns whether anything fired.
   */
  fire(
    nowMs: number,
    punctuate: (node: NodeInstance, punctuator: Punctuator, nowMs: number) => void,
    save: (name: string, nextMs: number) => void,
  ): boolean {
    let fired = false
    for (let due = this.#takeDue(nowMs); due !== undefined; due = this.#takeDue(nowMs)) {
      const missed = Math.floor((nowMs - due.nextMs) / due.intervalMs)
      due.nextMs += (missed + 1) * due.intervalMs
      save(due.metadataName, due.nextMs)
      punctuate(due.node, due.punctuator, nowMs)
      fired = true
    }
    return fired
  }

  #takeDue(nowMs: number): Schedule | undefined {
    let due: Schedule | undefined
    for (let i = this.#schedules.length - 1; i >= 0; i--) {
      const schedule = this.#schedules[i] as Schedule
      if (schedule.nextMs <= nowMs && (due === undefined || schedule.nextMs <= due.nextMs)) due = schedule
    }
    return due
  }
}
