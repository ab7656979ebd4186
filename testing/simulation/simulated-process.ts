import { type Prng, StreamsError } from '#streams/base'
import type { Clock } from '#streams/ports'
import type { Fault, Operation } from './faults.ts'
import type { TraceHash } from './trace-hash.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Wall clock at the start of every run. */
export const EPOCH_MS = 1_700_000_000_000
/** What a turn of a thread's loop takes at least. */
const STEP_MS = 0.3
/** A caller gives up after so long. */
const REQUEST_TIMEOUT_MS = 1_000

/** Thrown out of a synchronous call in which the process dies; nothing that runs because of it has an effect. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied'
}

type Armed = { readonly fault: Fault; readonly operation: Operation | 'any' | 'batch' }

export type ProcessOptions = {
  readonly name: string
  /** What it shares its state directory with. Default: nothing. */
  readonly machine?: string
  readonly time: VirtualTime
  readonly prng: Prng
  readonly trace: TraceHash
  readonly latencyMs: number
  readonly clockOffsetMs: () => number
  readonly onFault: (fault: Fault) => void
  readonly onDeath: (process: SimulatedProcess, cause: Fault | undefined) => void
}

/**
 * One process of a run: everything that its code awaits goes through here. A dead process is never answered again, so
 * that none of its code can run on; a stalled one is answered when the stall is over.
 */
export class SimulatedProcess {
  readonly name: string
  readonly clock: Clock
  alive = true
  stalledUntilMs = 0
  unreachableUntilMs = 0
  slowUntilMs = 0
  slowStepMs = 0
  readonly #options: ProcessOptions
  readonly #armed: Armed[] = []
  #disarmed = false

  constructor(options: ProcessOptions) {
    this.name = options.name
    this.#options = options
    const { time } = options
    const local = (promise: (resolve: () => void) => void): Promise<void> => new Promise(promise)
    this.clock = {
      wallClockMs: () => EPOCH_MS + Math.floor(time.nowMs) + options.clockOffsetMs(),
      monotonicMs: () => time.nowMs,
      sleep: (durationMs, signal) =>
        local((resolve) => {
          if (signal?.aborted === true) return resolve()
          let timer: { cancel(): void } | undefined
          const finish = (): void => {
            timer?.cancel()
            this.resume(resolve)
          }
          signal?.addEventListener('abort', finish, { once: true })
          timer = time.after(Math.max(durationMs, this.#stepMs()), finish)
        }),
    }
  }

  get machine(): string {
    return this.#options.machine ?? this.name
  }

  get prng(): Prng {
    return this.#options.prng
  }

  #stepMs(): number {
    return this.#options.time.nowMs < this.slowUntilMs ? this.slowStepMs : STEP_MS
  }

  /** The fault waits for the next request that it is for. */
  arm(fault: Fault, operation: Operation | 'any' | 'batch'): void {
    if (!this.#disarmed) this.#armed.push({ fault, operation })
  }

  /** From here on nothing goes wrong. */
  disarm(): void {
    this.#disarmed = true
    this.#armed.length = 0
    this.stalledUntilMs = 0
    this.unreachableUntilMs = 0
    this.slowUntilMs = 0
  }

  take(operation: Operation | 'batch', kinds?: readonly Fault['kind'][]): Fault | undefined {
    const at = this.#armed.findIndex(
      (each) =>
        (each.operation === operation || (each.operation === 'any' && operation !== 'batch')) &&
        (kinds === undefined || kinds.includes(each.fault.kind)),
    )
    if (at < 0) return undefined
    const [armed] = this.#armed.splice(at, 1)
    if (armed !== undefined) this.#options.onFault(armed.fault)
    return armed?.fault
  }

  die(cause: Fault | undefined): void {
    if (!this.alive) return
    this.alive = false
    this.#options.trace.add(`${this.#options.time.nowMs} ${this.name} dies`)
    this.#options.onDeath(this, cause)
  }

  /** Runs code of the process: now, after the stall, or never. */
  resume(action: () => void): void {
    if (!this.alive) return
    const { time } = this.#options
    if (time.nowMs >= this.stalledUntilMs) action()
    else time.after(this.stalledUntilMs - time.nowMs, () => this.resume(action))
  }

  /** A request over the network, with the faults that wait for it. `apply` is what the other side does. */
  request<T>(operation: Operation, apply: () => Promise<T> | T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.alive) this.#send(operation, apply, resolve, reject)
    })
  }

  /** What takes a moment and cannot be lost: the state directory of this machine. */
  local<T>(operation: Operation, apply: () => Promise<T> | T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return
      const fault = this.take(operation, ['crash'])
      if (fault?.kind === 'crash' && fault.point === 'before') return this.die(fault)
      this.#options.time.after(0, () => this.#apply(operation, apply, fault, resolve, reject, 0))
    })
  }

  #send<T>(
    operation: Operation,
    apply: () => Promise<T> | T,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const { time, prng, trace, latencyMs } = this.#options
    const fault = this.take(operation)
    const latency = prng.next() * latencyMs
    trace.add(`${time.nowMs} ${this.name} ${operation} ${fault?.kind ?? ''}`)
    const timeOut = (): void => {
      time.after(REQUEST_TIMEOUT_MS, () => this.resume(() => reject(unavailable(operation))))
    }
    if (fault?.kind === 'crash' && fault.point === 'before') return this.die(fault)
    if (fault?.kind === 'lost-request' || time.nowMs < this.unreachableUntilMs) return timeOut()
    if (fault?.kind === 'lost-response' && operation === 'poll') return timeOut()
    if (fault?.kind === 'late-request') {
      timeOut()
      // Offsets without a transaction are not overtaken: one connection keeps the order of its requests.
      if (operation === 'poll' || operation === 'commit-offsets') return
      time.after(REQUEST_TIMEOUT_MS + fault.delayMs, () => void settle(apply, ignore, ignore))
      return
    }
    const delayMs = fault?.kind === 'delay' ? fault.delayMs : 0
    time.after(latency + delayMs, () => {
      // What was sent before the death of its sender may still arrive.
      if (!this.alive && prng.next() < 0.5) return
      if (fault?.kind === 'duplicate-request' && (operation === 'commit' || operation === 'commit-offsets'))
        void settle(apply, ignore, ignore)
      if (fault?.kind === 'lost-response') {
        timeOut()
        void settle(apply, ignore, ignore)
      } else this.#apply(operation, apply, fault, resolve, reject, latency)
    })
  }

  #apply<T>(
    operation: Operation,
    apply: () => Promise<T> | T,
    fault: Fault | undefined,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    latencyMs: number,
  ): void {
    const { time, trace } = this.#options
    const answer = (settleIt: () => void, outcome: string): void => {
      if (fault?.kind === 'crash') return this.die(fault)
      time.after(latencyMs, () =>
        this.resume(() => {
          trace.add(`${time.nowMs} ${this.name} ${operation} ${outcome}`)
          settleIt()
        }),
      )
    }
    void settle(
      apply,
      (value) => answer(() => resolve(value), 'ok'),
      (error) => answer(() => reject(error), `${(error as { code?: string }).code ?? 'error'}`),
    )
  }
}

async function settle<T>(
  apply: () => Promise<T> | T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Promise<void> {
  let value: T
  try {
    value = await apply()
  } catch (error) {
    reject(error)
    return
  }
  resolve(value)
}

function ignore(): void {
  // The caller no longer waits for it.
}

function unavailable(operation: Operation): StreamsError {
  return new StreamsError(
    'LOG_UNAVAILABLE',
    `No answer to '${operation}' within ${REQUEST_TIMEOUT_MS} ms (simulated); it may or may not have been carried out.`,
  )
}
