import type { TaskId } from '#streams/base'
import { messageOf, StreamsError } from '#streams/base'
import type { Logger } from '#streams/ports'
import { createLocalGroup, type LocalGroup, type ThreadState } from '#streams/runtime'
import type { GroupCallbacks, ThreadWorker } from './thread-worker.ts'

/** What happens when a stream thread has failed. Java: StreamThreadExceptionResponse. */
export type ThreadFailureResponse =
  /** Another thread takes its place, and its tasks go on from what is committed. */
  | 'replace-thread'
  | 'shut-down-client'
  /** Embedded, the process is the application. */
  | 'shut-down-application'

export type ThreadPoolOptions = {
  readonly threads: number
  readonly logger: Logger
  readonly start: (index: number, callbacks: GroupCallbacks) => ThreadWorker
  readonly onThreadFailure: (error: unknown, threadName: string) => ThreadFailureResponse
  readonly onThreadState: (threadName: string, state: ThreadState, before: ThreadState) => void
  readonly threadReplacementsMax: number
  /** The application is ending with an error. */
  readonly onFailing: () => void
}

const REPLACEMENT_WINDOW_MS = 600_000
/** A thread that fails at once is not started again in a tight loop. */
const REPLACEMENT_BACKOFF_MS = 250

type Slot = { readonly index: number; readonly worker: ThreadWorker; isLeaving: boolean }

/**
 * The stream threads of one process: starts them, deals the tasks out among them, replaces those that fail where the
 * application says so, and ends with the first failure that is not answered by a replacement.
 */
export class ThreadPool {
  /** Resolves when every thread runs its tasks for the first time; rejects if the application fails before. */
  readonly ready: Promise<void>
  /** Resolves when all threads have ended after `stop`; rejects with the failure that ended them. */
  readonly finished: Promise<void>
  readonly #options: ThreadPoolOptions
  readonly #group: LocalGroup = createLocalGroup()
  readonly #slots = new Set<Slot>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #finished = Promise.withResolvers<void>()
  readonly #replacedAtMs: number[] = []
  #tasks: readonly TaskId[] = []
  #incarnations = 0
  #replacements = 0
  #failedThreads = 0
  #isStopping = false
  #isPaused = false
  #failure: { readonly error: unknown } | undefined

  constructor(options: ThreadPoolOptions) {
    this.#options = options
    this.ready = this.#ready.promise
    this.finished = this.#finished.promise
    // Whoever awaits `finished` hears of a failure; `ready` alone must not end the process.
    this.ready.catch(() => {})
    this.finished.catch(() => {})
    const starts = Array.from({ length: options.threads }, (_, index) => this.#announce(index))
    for (const start of starts) start()
  }

  get workers(): readonly ThreadWorker[] {
    return [...this.#slots].map(({ worker }) => worker)
  }

  get states(): readonly ThreadState[] {
    return this.workers.map(({ state }) => state)
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  get failedThreads(): number {
    return this.#failedThreads
  }

  /** All tasks of the application, as soon as one thread has joined. */
  get tasks(): readonly TaskId[] {
    return this.#tasks
  }

  add(): string {
    this.#requireRunning('add a thread')
    const used = new Set([...this.#slots].map(({ index }) => index))
    let index = 0
    while (used.has(index)) index++
    return this.#announce(index)().worker.name
  }

  /** Resolves when the thread has committed, closed its tasks and ended. */
  async remove(threadName?: string): Promise<string | undefined> {
    this.#requireRunning('remove a thread')
    const staying = [...this.#slots].filter(({ isLeaving }) => !isLeaving)
    const slot = threadName === undefined ? staying.at(-1) : staying.find(({ worker }) => worker.name === threadName)
    if (slot === undefined) return undefined
    if (staying.length === 1) {
      throw new StreamsError('CONFIG_INVALID', 'the last stream thread cannot be removed: stop the application instead')
    }
    slot.isLeaving = true
    slot.worker.stop()
    await slot.worker.finished
    await slot.worker.exited
    return slot.worker.name
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    for (const worker of this.workers) worker.setPaused(isPaused)
  }

  stop(): void {
    this.#isStopping = true
    for (const worker of this.workers) worker.stop()
    this.#checkEnd()
  }

  /** Ends threads where they are: what they had not committed is processed again after the next start. */
  async terminate(): Promise<void> {
    this.stop()
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }

  #requireRunning(what: string): void {
    if (this.#isStopping) throw new StreamsError('CLOSED', `the application is ending, it cannot ${what}`)
  }

  /** Names the member first, so that tasks are dealt out once when several threads start together. */
  #announce(index: number): () => Slot {
    const memberId = `${index}#${this.#incarnations++}`
    this.#group.expect(memberId)
    return () => this.#startWorker(index, memberId)
  }

  #startWorker(index: number, memberId: string): Slot {
    const { start, onThreadState } = this.#options
    const slot: Slot = {
      index,
      isLeaving: false,
      worker: start(index, {
        onJoined: (tasks) => {
          this.#tasks = tasks
          this.#group.join(memberId, tasks, ({ generation, active }) => slot.worker.assign(generation, active))
        },
        onOwned: (generation, active) => this.#group.acknowledge(memberId, generation, active),
        onState: (state, before) => {
          onThreadState(slot.worker.name, state, before)
          if (this.states.every((each) => each === 'running')) this.#ready.resolve()
        },
      }),
    }
    this.#slots.add(slot)
    if (this.#isPaused) slot.worker.setPaused(true)
    if (this.#isStopping) slot.worker.stop()
    void this.#follow(slot, memberId)
    return slot
  }

  async #follow(slot: Slot, memberId: string): Promise<void> {
    const { worker } = slot
    const error = await worker.finished.then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    )
    // Only then are its databases closed for certain, and can be opened by the thread that is given its tasks.
    await worker.exited
    this.#slots.delete(slot)
    if (error !== undefined) await this.#onFailure(slot, error.reason)
    this.#group.leave(memberId)
    this.#checkEnd()
  }

  async #onFailure({ index, worker }: Slot, error: unknown): Promise<void> {
    this.#failedThreads++
    if (this.#isStopping) {
      this.#failure ??= { error }
      return
    }
    const { logger, threadReplacementsMax } = this.#options
    if (this.#respond(error, worker.name) === 'replace-thread') {
      const nowMs = performance.now()
      this.#replacedAtMs.push(nowMs)
      while ((this.#replacedAtMs[0] ?? nowMs) < nowMs - REPLACEMENT_WINDOW_MS) this.#replacedAtMs.shift()
      if (this.#replacedAtMs.length <= threadReplacementsMax) {
        logger.warn(`Stream thread ${worker.name} is replaced: ${messageOf(error)}`, { thread: worker.name })
        const start = this.#announce(index)
        this.#replacements++
        setTimeout(() => {
          this.#replacements--
          if (!this.#isStopping) start()
          else this.#checkEnd()
        }, REPLACEMENT_BACKOFF_MS)
        return
      }
      logger.error(
        `${threadReplacementsMax} stream threads were replaced within ${REPLACEMENT_WINDOW_MS / 60_000} minutes: the application ends`,
        { thread: worker.name },
      )
    }
    this.#failure = { error }
    this.#options.onFailing()
    this.stop()
  }

  /** A handler that fails itself must not leave the application hanging with a thread less. */
  #respond(error: unknown, threadName: string): ThreadFailureResponse {
    try {
      return this.#options.onThreadFailure(error, threadName)
    } catch (handlerError) {
      this.#options.logger.error(`onThreadFailure failed: ${messageOf(handlerError)}`, { thread: threadName })
      return 'shut-down-client'
    }
  }

  #checkEnd(): void {
    if (!this.#isStopping || this.#slots.size > 0 || this.#replacements > 0) return
    this.#ready.reject(this.#failure?.error ?? new StreamsError('CLOSED', 'the application was stopped'))
    if (this.#failure === undefined) this.#finished.resolve()
    else this.#finished.reject(this.#failure.error)
  }
}
