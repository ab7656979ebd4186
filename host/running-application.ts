import type { MessagePort } from 'node:worker_threads'
import type { Topology } from '#streams'
import { parseTaskId, StreamsError, type TaskId } from '#streams/base'
import type { Log, RecordingLevel } from '#streams/ports'
import {
  mergeStateResults,
  type QueryAnswer,
  type StandbyBound,
  type StateQueryRequest,
  type StateQueryResult,
  type StoreQuery,
} from '#streams/query'
import type { StoreLag, ThreadMetadata } from '#streams/runtime'
import { type ApplicationState, applicationState, clientStateOrder, clientStates } from './application-state.ts'
import type { MetricSample } from './metrics-registry.ts'
import type { PartialAnswer } from './query-endpoint.ts'
import type { ThreadPool } from './thread-pool.ts'

/** A running application in this process: the embedded log and the stream threads on it. */
export type EmbeddedApplication = {
  readonly state: ApplicationState
  /** The log, for producing inputs, reading outputs and administration. */
  readonly log: Log
  /** A way to the log for another thread of this process: transfer it there and give it to `createLogClient`. */
  logPort(): MessagePort
  readonly topology: Topology
  /** Resolves when every task runs; rejects when the application fails before. */
  readonly ready: Promise<void>
  /** Resolves after `stop`; rejects with the error that ended the application. */
  readonly finished: Promise<void>
  /**
   * Asks the threads that may hold the key or range; entries come thread by thread. STATE_UNAVAILABLE while a task that
   * would answer is restoring or moves between threads.
   */
  query(query: StoreQuery): Promise<QueryAnswer>
  /** KIP-796: each partition answers for itself, with how far it had got, or with the reason why it cannot. */
  queryState(request: StateQueryRequest): Promise<StateQueryResult>
  samples(): Promise<readonly MetricSample[]>
  /** KIP-834: processing and punctuation rest; restores and commits go on. Not kept over a restart. */
  pause(): void
  resume(): void
  readonly isPaused: boolean
  /** Starts one more stream thread; tasks move to it. Returns its name. */
  addThread(): string
  /** Ends a stream thread (the newest, if none is named) after its commit; its tasks move. Undefined: there is no such. */
  removeThread(threadName?: string): Promise<string | undefined>
  /** What each thread is doing. Java: metadataForLocalThreads. */
  threads(): Promise<readonly ThreadMetadata[]>
  /** Java: allLocalStorePartitionLags. */
  storeLags(): Promise<readonly StoreLag[]>
  /**
   * Commits, closes and gives the directory free. Idempotent. False: it took longer than `timeoutMs`, so the threads were
   * ended where they were; what they had not committed is processed again after the next start.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<boolean>
}

const recordingLevels: readonly RecordingLevel[] = ['info', 'debug', 'trace']

export function unavailable(query: StoreQuery, missing: readonly TaskId[]): StreamsError {
  return new StreamsError(
    'STATE_UNAVAILABLE',
    query.atLeast === undefined
      ? `store ${query.store}: tasks ${missing.join(', ')} are restoring or on their way to another thread; ask again shortly`
      : `store ${query.store}: tasks ${missing.join(', ')} are restoring, on their way to another thread, or have not got as far as was asked; ask again shortly`,
  )
}

export class RunningApplication implements EmbeddedApplication {
  readonly log: Log
  readonly logPort: () => MessagePort
  readonly topology: Topology
  readonly ready: Promise<void>
  readonly finished: Promise<void>
  readonly #pool: ThreadPool
  readonly #onState: (state: ApplicationState, before: ApplicationState) => void
  readonly #applicationId: string
  readonly #recordingLevel: RecordingLevel
  #isPaused = false
  #ended: 'stopped' | 'failed' | undefined
  #lastState: ApplicationState = 'created'

  constructor(options: {
    readonly topology: Topology
    readonly log: Log
    readonly logPort: () => MessagePort
    readonly pool: ThreadPool
    readonly closeLog: () => Promise<void>
    readonly onState: (state: ApplicationState, before: ApplicationState) => void
    readonly applicationId: string
    readonly recordingLevel: RecordingLevel
  }) {
    this.#applicationId = options.applicationId
    this.#recordingLevel = options.recordingLevel
    this.topology = options.topology
    this.log = options.log
    this.logPort = options.logPort
    this.#pool = options.pool
    this.#onState = options.onState
    this.ready = options.pool.ready
    this.finished = this.#finish(options.closeLog)
    this.finished.catch(() => {})
    this.checkState()
  }

  get state(): ApplicationState {
    return applicationState({
      ended: this.#ended,
      isStopping: this.#pool.isStopping,
      hasFailed: this.#pool.hasFailed,
      threads: this.#pool.states,
    })
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Tells the listener of a change; called whenever a thread has changed its state. */
  checkState(): void {
    const { state } = this
    const before = this.#lastState
    if (state === before) return
    this.#lastState = state
    this.#onState(state, before)
  }

  async #finish(closeLog: () => Promise<void>): Promise<void> {
    try {
      await this.#pool.finished
      await closeLog()
      this.#ended = 'stopped'
    } catch (error) {
      await closeLog()
      this.#ended = 'failed'
      throw error
    } finally {
      this.checkState()
    }
  }

  pause(): void {
    this.#isPaused = true
    this.#pool.setPaused(true)
  }

  resume(): void {
    this.#isPaused = false
    this.#pool.setPaused(false)
  }

  addThread(): string {
    const name = this.#pool.add()
    this.checkState()
    return name
  }

  removeThread(threadName?: string): Promise<string | undefined> {
    return this.#pool.remove(threadName)
  }

  async stop(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    this.#pool.stop()
    this.checkState()
    const { timeoutMs } = options
    if (timeoutMs === undefined) {
      await this.finished
      return true
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs)
    })
    const first = await Promise.race([this.finished, late])
    clearTimeout(timer)
    if (first !== 'late') return true
    await this.#pool.terminate()
    await this.finished
    return false
  }

  async query(query: StoreQuery): Promise<QueryAnswer> {
    const { answer, missing } = await this.queryHere(query)
    if (missing.length > 0) throw unavailable(query, missing)
    return answer
  }

  /**
   * What the threads of this process know. A task that is restoring or moving, or runs in another process, is missing:
   * that must not look like "there is no such key".
   */
  async queryHere(query: StoreQuery): Promise<PartialAnswer> {
    this.#requireAlive()
    const { workers } = this.#pool
    // Every thread has its own copy of a global store: one answer is the answer.
    const isGlobal = this.topology.globalStores.some(({ storeName }) => storeName === query.store)
    if (isGlobal) {
      const running = workers.find(({ state }) => state === 'running') ?? workers[0]
      const answer = running === undefined ? { entries: [], freshness: [] } : await running.query(query)
      return { answer, missing: [] }
    }
    const answers = await Promise.all(workers.map((worker) => worker.query(query)))
    const freshness = answers.flatMap((answer) => answer.freshness)
    const missing = this.#missing(query, new Set(freshness.map(({ taskId }) => taskId)))
    return { answer: { entries: answers.flatMap(({ entries }) => entries), freshness }, missing }
  }

  /** Of a partition's standbys here, the one that is the least behind. */
  async queryStandbysHere(query: StoreQuery, standby: StandbyBound): Promise<QueryAnswer> {
    this.#requireAlive()
    const answers = await Promise.all(this.#pool.workers.map((worker) => worker.queryStandbys(query, standby)))
    const lagOf = ({ freshness }: QueryAnswer): number => freshness[0]?.standbyLag ?? Number.POSITIVE_INFINITY
    const [best] = [...answers].sort((left, right) => lagOf(left) - lagOf(right))
    return best ?? { entries: [], freshness: [] }
  }

  async queryState(request: StateQueryRequest): Promise<StateQueryResult> {
    this.#requireAlive()
    return mergeStateResults(request, await Promise.all(this.#pool.workers.map((worker) => worker.queryState(request))))
  }

  #missing(query: StoreQuery, answered: ReadonlySet<string>): readonly TaskId[] {
    const sub = this.topology.subTopologies.find(({ stores }) => stores.includes(query.store))
    return this.#pool.tasks.filter((id) => {
      const { subTopology, partition } = parseTaskId(id)
      const isAsked = query.partition === undefined || query.partition === partition
      return subTopology === sub?.id && isAsked && !answered.has(id)
    })
  }

  async samples(): Promise<readonly MetricSample[]> {
    const samples = await Promise.all(this.#pool.workers.map((worker) => worker.samples()))
    return [...this.#clientSamples(), ...samples.flat()]
  }

  #clientSamples(): readonly MetricSample[] {
    const { states, failedThreads } = this.#pool
    const gauge = (name: string, description: string, value: number, tags = {}): MetricSample => ({
      group: 'stream-metrics',
      name,
      description,
      tags: { 'client-id': this.#applicationId, ...tags },
      kind: 'gauge',
      value,
    })
    const state = clientStates[this.state]
    return [
      gauge('client-state', "The number of Java's client state", clientStateOrder.indexOf(state), { state }),
      gauge('alive-stream-threads', 'Stream threads', states.filter((each) => each !== 'dead').length),
      gauge('failed-stream-threads', 'Stream threads that have failed since the start', failedThreads),
      gauge('application-id', 'The application, as a tag', 1, { 'application-id': this.#applicationId }),
      gauge('recording-level', '0 = info, 1 = debug, 2 = trace', recordingLevels.indexOf(this.#recordingLevel)),
    ]
  }

  async threads(): Promise<readonly ThreadMetadata[]> {
    this.#requireAlive()
    const found = await Promise.all(this.#pool.workers.map((worker) => worker.metadata()))
    return found.filter((metadata) => metadata !== undefined)
  }

  async storeLags(): Promise<readonly StoreLag[]> {
    return (await this.threads()).flatMap(({ storeLags }) => storeLags)
  }

  #requireAlive(): void {
    if (this.#ended !== undefined) throw new StreamsError('CLOSED', 'the application has ended')
  }
}
