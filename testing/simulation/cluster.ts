import { createMemoryEngine, type MemoryEngine } from '#state-stores'
import { messageOf, type Prng, StreamsError } from '#streams/base'
import { type Logger, NO_METRICS } from '#streams/ports'
import { createStreamThread, type StreamsConfig, type StreamThread } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import { Bounds } from './bounds.ts'
import type { StateDirectory } from './checkers/finished-run.ts'
import type { Fault } from './faults.ts'
import type { LogHost } from './log-host.ts'
import { observeLog } from './observed-log.ts'
import { APPLICATION_ID, prngFor } from './plan.ts'
import type { CommittedWork } from './registry.ts'
import { ProcessDied, SimulatedProcess } from './simulated-process.ts'
import { createStateDisk } from './state-disk.ts'
import { probeTasksOf } from './task-probe.ts'
import type { World } from './world.ts'

/** A state directory, with the threads of one operating system's process over it: they die together. */
export type Machine = {
  readonly name: string
  engine: MemoryEngine
  /** As it was a while ago, for power cuts. */
  earlier: MemoryEngine | undefined
}

/** One place in the cluster, on which threads come and go. */
export type Slot = {
  readonly index: number
  readonly name: string
  machine: Machine
  clockOffsetMs: number
  process: SimulatedProcess | undefined
  thread: StreamThread | undefined
  processesStarted: number
  isStopped: boolean
}

/** Ends that faults explain; any other is a failure of the run. */
const EXPECTED_ENDS: readonly string[] = [
  'FENCED',
  'TASK_MIGRATED',
  'LOG_UNAVAILABLE',
  'DISK_FULL',
  'DISK_FAILED',
  'CLOSED',
]
const RESTART_AFTER_ERROR_MS = 500
/** Long enough to do harm. */
const ZOMBIE_MS = 4_000
const EARLIER_STATE_EVERY_MS = 700

export type ClusterOptions = {
  readonly world: World
  readonly host: LogHost
  readonly topology: Topology
  readonly config: StreamsConfig
  readonly logger: Logger
  /** The group or the whole process is told of a death. */
  readonly onDeath: (process: SimulatedProcess) => void
  /** False while nothing can be started (the log's process is down). */
  readonly canStart: () => boolean
}

/** N real stream threads in one event loop, each in a process of its own that can die at any await. */
export class Cluster {
  readonly slots: readonly Slot[]
  /** State directories as they were once. */
  readonly samples: StateDirectory[] = []
  readonly #options: ClusterOptions
  readonly #prng: Prng
  readonly #zombies = new Set<SimulatedProcess>()
  /** Threads that have come to their end by themselves. */
  readonly #ending = new WeakSet<SimulatedProcess>()
  #quiet = false
  #machines = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    const { plan } = options.world
    this.#prng = prngFor(plan.seed, 'processes')
    const machines = Array.from({ length: Math.ceil(plan.members / plan.threadsPerMachine) }, () => this.#newMachine())
    this.slots = Array.from({ length: plan.members }, (_, index) => ({
      index,
      name: `${APPLICATION_ID}-m${index}`,
      machine: machines[Math.floor(index / plan.threadsPerMachine)] as Machine,
      clockOffsetMs: plan.clockOffsetsMs[index] as number,
      process: undefined,
      thread: undefined,
      processesStarted: 0,
      isStopped: false,
    }))
  }

  #newMachine(): Machine {
    return { name: `machine ${this.#machines++}`, engine: createMemoryEngine(), earlier: undefined }
  }

  get machines(): readonly Machine[] {
    return [...new Set(this.slots.map(({ machine }) => machine))]
  }

  slot(index: number): Slot {
    return this.slots[index % this.slots.length] as Slot
  }

  get processes(): readonly SimulatedProcess[] {
    return [...this.slots.flatMap(({ process }) => process ?? []), ...this.#zombies]
  }

  start(slot: Slot): void {
    const { world, host, topology, config, logger, canStart } = this.#options
    if (slot.process?.alive === true || slot.isStopped || !canStart()) return
    const process = new SimulatedProcess({
      name: `${slot.name}.${slot.processesStarted++}`,
      machine: slot.machine.name,
      time: world.time,
      prng: prngFor(this.#prng.below(0x7fff_ffff), slot.name),
      trace: world.trace,
      latencyMs: world.plan.latencyMs,
      clockOffsetMs: () => slot.clockOffsetMs,
      onFault: (fault) => world.happened(fault),
      onDeath: (dead, cause) => this.#died(slot, dead, cause),
    })
    if (this.#quiet) process.disarm()
    const prepared: CommittedWork[] = []
    const violation = (checker: string, message: string): void => world.violation(checker, message)
    const bounds = new Bounds({ config, violation })
    world.bounds.push(bounds)
    probeTasksOf(process.clock, { prepared, bounds, violation })
    const log = observeLog(host.connect(process, slot.name), {
      registry: world.registry,
      process: process.name,
      takePrepared: () => prepared.splice(0),
      bounds,
    })
    const thread = createStreamThread({
      name: slot.name,
      topology,
      config,
      log,
      membership: host.membershipOf(process, slot.index),
      stateEngine: createStateDisk(slot.machine.engine, process),
      memoryEngine: createMemoryEngine(),
      clock: process.clock,
      logger,
      metrics: NO_METRICS,
    })
    slot.process = process
    slot.thread = thread
    this.#keepEarlier(slot, process)
    world.trace.add(`${world.time.nowMs} ${process.name} starts`)
    thread.run().then(
      () => this.#ended(process, undefined),
      (error: unknown) => this.#ended(process, error),
    )
  }

  /** Copies of the state directory from time to time: what a power cut may leave. */
  #keepEarlier(slot: Slot, process: SimulatedProcess): void {
    if (!this.#options.world.plan.faults.some((fault) => fault.kind === 'crash' && fault.state === 'earlier')) return
    this.#options.world.time.after(EARLIER_STATE_EVERY_MS, () => {
      if (!process.alive || slot.process !== process || this.#quiet) return
      slot.machine.earlier = slot.machine.engine.crashClone()
      this.#keepEarlier(slot, process)
    })
  }

  #ended(process: SimulatedProcess, error: unknown): void {
    if (!process.alive) return
    const { world } = this.#options
    if (error !== undefined) {
      const code = error instanceof StreamsError ? error.code : error instanceof Error ? error.name : 'unknown'
      world.threadEnds.set(code, (world.threadEnds.get(code) ?? 0) + 1)
      world.trace.add(`${world.time.nowMs} ${process.name} ends ${code}`)
      if (!EXPECTED_ENDS.includes(code) && !(error instanceof ProcessDied)) {
        const stack = error instanceof StreamsError ? '' : `\n${error instanceof Error ? error.stack : ''}`
        world.violation('thread', `${process.name} ended with ${code}: ${messageOf(error)}${stack}`)
      }
    }
    this.#ending.add(process)
    process.die(undefined)
  }

  /** A thread that came to its end by itself has closed its stores; any other takes its whole process with it. */
  #died(slot: Slot, process: SimulatedProcess, cause: Fault | undefined): void {
    this.#zombies.delete(process)
    this.#options.onDeath(process)
    const isCurrent = slot.process === process
    if (isCurrent) {
      slot.process = undefined
      slot.thread = undefined
    }
    const mates = this.processes.filter(({ machine }) => machine === process.machine)
    if (!this.#ending.has(process) || mates.length === 0) this.#crash(process.machine, cause)
    for (const mate of this.#ending.has(process) ? [] : mates) mate.die(cause)
    if (!isCurrent) return
    const downMs = cause !== undefined && 'downMs' in cause ? cause.downMs : RESTART_AFTER_ERROR_MS
    this.#options.world.time.after(downMs, () => this.start(slot))
  }

  #crash(name: string, cause: Fault | undefined): void {
    const machine = this.machines.find((each) => each.name === name)
    if (machine === undefined) return
    const state = cause?.kind === 'crash' ? cause.state : 'kept'
    if (state === 'lost') machine.engine = createMemoryEngine()
    else if (state === 'earlier' && machine.earlier !== undefined) machine.engine = machine.earlier.crashClone()
    else machine.engine = machine.engine.crashClone()
  }

  /** Keeps what is on every machine now, of running tasks and of standby tasks. */
  sampleState(): void {
    const atMs = Math.round(this.#options.world.time.nowMs)
    for (const { name, engine } of this.machines)
      this.samples.push({ name: `${name} at ${atMs} ms`, engine: engine.crashClone() })
  }

  /** A process starts under the same name, on another machine; the old one does not know. */
  replace(slot: Slot): void {
    if (slot.process === undefined) return
    const zombie = slot.process
    this.#zombies.add(zombie)
    this.#options.world.time.after(ZOMBIE_MS, () => zombie.die(undefined))
    slot.process = undefined
    slot.machine = this.#newMachine()
    this.start(slot)
  }

  /** A clean end, then a start. */
  restart(slot: Slot, downMs: number): void {
    const { process, thread } = slot
    if (process === undefined || thread === undefined) return
    slot.isStopped = true
    thread.stop()
    this.#options.world.time.after(downMs, () => {
      if (this.#quiet) return
      slot.isStopped = false
      this.start(slot)
    })
  }

  /** From here on nothing goes wrong any more, and everybody is there. */
  calmDown(): void {
    this.#quiet = true
    for (const zombie of [...this.#zombies]) zombie.die(undefined)
    for (const slot of this.slots) {
      slot.isStopped = false
      slot.process?.disarm()
      this.start(slot)
    }
  }

  stopAll(): void {
    for (const slot of this.slots) {
      slot.isStopped = true
      slot.thread?.stop()
    }
  }

  get allStopped(): boolean {
    return this.slots.every(({ process }) => process === undefined)
  }
}
