import type { TaskId } from '#streams/base'
import type { Clock, CommittedOffset } from '#streams/ports'
import { StreamTask } from '#streams/runtime'
import type { Bounds } from './bounds.ts'
import type { CommittedWork, TaskEvent } from './registry.ts'

/** What the probe asks of the process in which a task lives. */
export type ProbedProcess = {
  readonly prepared: CommittedWork[]
  readonly bounds: Bounds
  violation(checker: string, message: string): void
}

type Life = {
  readonly process: ProbedProcess
  readonly number: number
  readonly startedMs: number
  readonly streamTimeAtStartMs: number
  streamTimeMs: number
  events: TaskEvent[]
}

/**
 * Follows what tasks do, without a trace in production code: the methods of the task class are replaced while a
 * simulation runs. A task belongs to the process whose clock it was given.
 */
let currentTask: TaskId | undefined
let livesBegun = 0
const processes = new WeakMap<Clock, ProbedProcess>()
const lives = new WeakMap<StreamTask, Life>()

/** The task whose step is being made now: what is sent is sent by it. */
export function taskInStep(): TaskId | undefined {
  return currentTask
}

export function probeTasksOf(clock: Clock, process: ProbedProcess): void {
  processes.set(clock, process)
}

const original = {
  start: StreamTask.prototype.start,
  addRecords: StreamTask.prototype.addRecords,
  processNext: StreamTask.prototype.processNext,
  punctuateWallClock: StreamTask.prototype.punctuateWallClock,
  prepareCommit: StreamTask.prototype.prepareCommit,
}

function within<T>(task: StreamTask, body: () => T): T {
  const before = currentTask
  currentTask = task.id
  try {
    return body()
  } finally {
    currentTask = before
  }
}

function probedStart(this: StreamTask): void {
  const process = processes.get(this.clock)
  if (process === undefined) return original.start.call(this)
  const streamTimeMs = this.streamTimeMs
  lives.set(this, {
    process,
    number: livesBegun++,
    startedMs: this.clock.wallClockMs(),
    streamTimeAtStartMs: streamTimeMs,
    streamTimeMs,
    events: [],
  })
  process.bounds.started(this)
  within(this, () => original.start.call(this))
}

function probedAddRecords(this: StreamTask, ...args: Parameters<StreamTask['addRecords']>): void {
  const bytesBefore = this.group.byteCount
  within(this, () => original.addRecords.apply(this, args))
  lives.get(this)?.process.bounds.added(this, bytesBefore)
}

function probedProcessNext(this: StreamTask): boolean {
  const life = lives.get(this)
  if (life === undefined) return original.processNext.call(this)
  const queue = this.group.next()
  if (queue === undefined) return false
  // Noted before it is processed: a processor may ask for the time, and what fails is never committed.
  const { topic, partition } = queue
  const wallClockMs = this.clock.wallClockMs()
  life.events.push({ kind: 'record', topic, partition, offset: queue.head.offset, wallClockMs })
  const result = within(this, () => original.processNext.call(this))
  if (this.streamTimeMs < life.streamTimeMs) {
    life.process.violation('stream-time', `task ${this.id} fell from ${life.streamTimeMs} to ${this.streamTimeMs}`)
  }
  life.streamTimeMs = this.streamTimeMs
  life.process.bounds.processed(this)
  return result
}

function probedPunctuate(this: StreamTask): boolean {
  const life = lives.get(this)
  if (life === undefined) return original.punctuateWallClock.call(this)
  const wallClockMs = this.clock.wallClockMs()
  const fired = within(this, () => original.punctuateWallClock.call(this))
  if (fired) life.events.push({ kind: 'punctuation', wallClockMs })
  return fired
}

function probedPrepareCommit(this: StreamTask): readonly CommittedOffset[] {
  const life = lives.get(this)
  const offsets = within(this, () => original.prepareCommit.call(this))
  if (life === undefined) return offsets
  life.process.bounds.committing()
  life.process.prepared.push({
    task: this.id,
    life: life.number,
    startedMs: life.startedMs,
    streamTimeAtStartMs: life.streamTimeAtStartMs,
    streamTimeMs: this.streamTimeMs,
    wallClockMs: this.clock.wallClockMs(),
    events: life.events,
  })
  life.events = []
  return offsets
}

/** Runs `body` with the probe in place. Not for two simulations at once in one thread. */
export async function withTaskProbe<T>(body: () => Promise<T>): Promise<T> {
  livesBegun = 0
  Object.assign(StreamTask.prototype, {
    start: probedStart,
    addRecords: probedAddRecords,
    processNext: probedProcessNext,
    punctuateWallClock: probedPunctuate,
    prepareCommit: probedPrepareCommit,
  })
  try {
    return await body()
  } finally {
    Object.assign(StreamTask.prototype, original)
  }
}
