import { messageOf, parseTaskId, partitionForKey, type TaskId, taskId } from '#streams/base'
import { type Logger, SILENT_LOGGER, type TopicSpec } from '#streams/ports'
import { type ResolvedTopology, resolveConfig, resolveTopology, type StreamsConfig } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import { runCheckers } from './checkers/index.ts'
import { Cluster } from './cluster.ts'
import { createEmbeddedLogHost, type EmbeddedLogHost } from './embedded-log-host.ts'
import type { Fault } from './faults.ts'
import type { LogHost } from './log-host.ts'
import { COMMITS_TOPIC } from './observed-log.ts'
import type { Delivery, Plan } from './plan.ts'
import { withoutRealTime } from './real-time-guard.ts'
import { createSimulatedLogHost, type SimulatedLogHost } from './simulated-log-host.ts'
import { withTaskProbe } from './task-probe.ts'
import { type Violation, World } from './world.ts'

export type RunResult = {
  readonly plan: Plan
  readonly violations: readonly Violation[]
  readonly traceHash: string
  readonly events: number
  readonly ticks: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly faultsByKind: ReadonlyMap<string, number>
  readonly threadEnds: ReadonlyMap<string, number>
  readonly recordsIn: number
  readonly commits: number
  readonly checkedAgainstDriver: boolean
  /** Stores of standby tasks, all of them up to date, when the run ended. */
  readonly copies: number
  readonly polls: number
  readonly pollsReordered: number
  /** How often bounds were looked at. */
  readonly boundsChecked: number
}

/** After the last fault everything must be processed and committed within so much virtual time. */
const LIVENESS_MS = 120_000
const STOP_MS = 60_000
const TICKS_MAX = 1_000_000
const SETTLE_EVERY_MS = 300
/** When the state directories are looked at in the middle of a run with standby tasks. */
const SAMPLE_AT = 0.6

/** Runs one plan from its first timer to the verdicts of the checkers. */
export function runPlan(plan: Plan, logger: Logger = SILENT_LOGGER): Promise<RunResult> {
  return withoutRealTime(() => withTaskProbe(() => new Run(plan, logger).run()))
}

class Run {
  readonly #world: World
  readonly #plan: Plan
  readonly #topology: Topology
  readonly #config: StreamsConfig
  readonly #resolved: ResolvedTopology
  readonly #host: LogHost
  readonly #simulated: SimulatedLogHost | undefined
  readonly #embedded: EmbeddedLogHost | undefined
  readonly #cluster: Cluster
  #finished = false
  #phase = 'starting'
  /** Stores of standby tasks when everything was quiet. */
  #copies = 0

  constructor(plan: Plan, logger: Logger) {
    const world = new World(plan)
    this.#world = world
    this.#plan = plan
    this.#topology = plan.application.build(plan.persistence)
    this.#config = resolveConfig(plan.config)
    this.#resolved = resolveTopology(this.#topology, this.#config, {
      names: [],
      partitionsOf: () => plan.partitions,
    })
    const inputs = inputsOf(this.#resolved)
    if (plan.log === 'simulated') this.#simulated = createSimulatedLogHost(world, inputs)
    else
      this.#embedded = createEmbeddedLogHost({
        world,
        inputs,
        onDeath: () => {
          for (const process of this.#cluster.processes) process.die(undefined)
        },
        onStart: () => {
          if (this.#phase !== 'starting') for (const slot of this.#cluster.slots) this.#cluster.start(slot)
        },
      })
    this.#host = (this.#simulated ?? this.#embedded) as LogHost
    this.#cluster = new Cluster({
      world,
      host: this.#host,
      topology: this.#topology,
      config: this.#config,
      logger,
      onDeath: (process) => this.#simulated?.group.died(process.name),
      canStart: () => this.#embedded?.isUp() ?? true,
    })
  }

  async run(): Promise<RunResult> {
    const { time, trace } = this.#world
    this.#script().catch((error: unknown) => {
      this.#world.violation('simulation', error instanceof Error ? (error.stack ?? error.message) : String(error))
      this.#finished = true
    })
    const untilMs = this.#plan.faultsEndMs + LIVENESS_MS + STOP_MS + 10_000
    const end = await time.run(() => this.#finished, { untilMs, ticksMax: TICKS_MAX })
    if (end !== 'done') {
      const states = this.#cluster.slots.map(({ name, thread }) => `${name} ${thread?.state ?? 'down'}`)
      this.#world.violation(
        'liveness',
        `${this.#phase} does not end (${end} at ${Math.round(time.nowMs)} ms; ${states})`,
      )
    }
    for (const process of this.#cluster.processes) process.alive = false
    const { plan, violations, faultsHappened, faultsByKind, threadEnds, registry } = this.#world
    return {
      plan,
      violations,
      traceHash: trace.text,
      events: trace.events,
      ticks: time.ticks,
      virtualMs: time.nowMs,
      faults: faultsHappened,
      faultsByKind,
      threadEnds,
      recordsIn: plan.deliveries.length,
      commits: registry.attempts.length,
      checkedAgainstDriver: this.#world.checkedAgainstDriver,
      copies: this.#copies,
      polls: this.#world.polls,
      pollsReordered: this.#world.pollsReordered,
      boundsChecked: this.#world.bounds.reduce((sum, { checks }) => sum + checks, 0),
    }
  }

  async #script(): Promise<void> {
    const { time } = this.#world
    await this.#host.start()
    await this.#host.createTopics(this.#externalTopics())
    // Global tables are complete before the first thread starts, so that what a join finds in them is determined.
    const isGlobal = ({ record }: Delivery): boolean =>
      this.#resolved.globalStores.some(({ topic }) => topic === record.topic)
    const global = this.#plan.deliveries.filter(isGlobal)
    for (const { record } of global) await this.#append(record)
    const startMs = time.nowMs
    this.#phase = 'the time of faults'
    for (const slot of this.#cluster.slots) this.#cluster.start(slot)
    if (this.#plan.standbyReplicas > 0)
      time.after(this.#plan.faultsEndMs * SAMPLE_AT, () => this.#cluster.sampleState())
    for (const fault of this.#plan.faults) time.after(fault.atMs, () => this.#inflict(fault))
    for (const { atMs, record } of this.#plan.deliveries.filter((delivery) => !isGlobal(delivery))) {
      if (startMs + atMs > time.nowMs) await time.sleep(startMs + atMs - time.nowMs)
      await this.#append(record)
    }
    const left = startMs + this.#plan.faultsEndMs - time.nowMs
    if (left > 0) await time.sleep(left)
    this.#calmDown()
    this.#phase = 'processing without faults'
    await this.#settle()
    this.#phase = 'stopping'
    await this.#stop()
    await this.#check()
    this.#finished = true
  }

  #externalTopics(): readonly TopicSpec[] {
    const internal = new Set(this.#resolved.internalTopics.map(({ name }) => name))
    const names = new Set<string>()
    for (const { sources } of this.#resolved.subTopologies)
      for (const { topics } of sources) for (const { name } of topics) names.add(name)
    for (const name of this.#resolved.writtenTopics) names.add(name)
    for (const { topic } of this.#resolved.globalStores) names.add(topic)
    for (const { record } of this.#plan.deliveries) names.add(record.topic)
    for (const name of this.#plan.application.topics ?? []) names.add(name)
    const config = { retentionMs: -1 }
    const { partitions } = this.#plan
    return [
      ...[...names].filter((name) => !internal.has(name)).map((name) => ({ name, partitions, config })),
      { name: COMMITS_TOPIC, partitions: 1, config },
    ]
  }

  async #append(record: Delivery['record']): Promise<void> {
    const { partitions } = this.#plan
    const byKey = record.key === null ? 0 : partitionForKey(record.key, partitions)
    await this.#host.append(record, record.partition ?? byKey)
  }

  // Faults -----------------------------------------------------------------------------------------------------------

  #inflict(fault: Fault): void {
    if (this.#phase !== 'the time of faults') return
    const slot = this.#cluster.slot(fault.member)
    const { process } = slot
    const { time } = this.#world
    switch (fault.kind) {
      case 'rebalance':
      case 'compaction':
        this.#world.happened(fault)
        if (fault.kind === 'rebalance') this.#simulated?.group.rebalance(true)
        else this.#simulated?.core.compact()
        return
      case 'hanging-transaction':
        // Without transactions everybody would read what is in it.
        if (this.#config.processingGuarantee !== 'exactly_once_v2') return
        this.#world.happened(fault)
        return this.#simulated?.hang(this.#resolved.internalTopics, fault)
      case 'log-crash':
        return this.#embedded?.crash(fault)
      case 'bit-flip':
        this.#world.happened(fault)
        return this.#embedded?.flipBit()
      case 'log-disk-full':
        this.#world.happened(fault)
        return this.#embedded?.fillDisk(fault.durationMs)
      case 'clock-jump':
        this.#world.happened(fault)
        slot.clockOffsetMs += fault.byMs
        return
      default:
    }
    if (process === undefined) return
    // The lock of the embedded log's directory keeps a second process out; without transactions nothing else fences it.
    const { processingGuarantee } = this.#config
    if (fault.kind === 'replaced' && this.#embedded !== undefined && processingGuarantee === 'at_least_once') return
    switch (fault.kind) {
      case 'lost-request':
      case 'lost-response':
      case 'late-request':
      case 'delay':
      case 'duplicate-request':
      case 'crash':
        return process.arm(fault, fault.operation)
      case 'state-disk-full':
        return process.arm(fault, 'batch')
      default:
    }
    this.#world.happened(fault)
    switch (fault.kind) {
      case 'stall':
        process.stalledUntilMs = time.nowMs + fault.durationMs
        return
      case 'slow':
        process.slowUntilMs = time.nowMs + fault.durationMs
        process.slowStepMs = fault.stepMs
        return
      case 'unreachable':
        process.unreachableUntilMs = time.nowMs + fault.durationMs
        return
      case 'missed-heartbeat':
        this.#simulated?.group.fence(process.name, fault.learnsAfterMs)
        return
      case 'replaced':
        return this.#cluster.replace(slot)
      case 'restart':
        return this.#cluster.restart(slot, fault.downMs)
      case 'transaction-aborted':
        this.#simulated?.core.timeOut(slot.name)
        return
      default:
        fault satisfies never
    }
  }

  #calmDown(): void {
    this.#embedded?.calmDown()
    this.#cluster.calmDown()
  }

  // The end ----------------------------------------------------------------------------------------------------------

  async #settle(): Promise<void> {
    const { time } = this.#world
    const untilMs = time.nowMs + LIVENESS_MS
    const quietMs = Math.max(SETTLE_EVERY_MS, this.#config.commitIntervalMs + 200)
    while (time.nowMs < untilMs) {
      await time.sleep(quietMs)
      const isSettled = await this.#host.isSettled()
      const allRun = this.#cluster.slots.every(({ thread }) => thread?.state === 'running')
      if (isSettled && allRun && this.#copiesBehind().length === 0) return
    }
    const states = this.#cluster.slots.map(({ name, thread }) => `${name} ${thread?.state ?? 'down'}`)
    const lag = [this.#host.describeLag(), ...this.#copiesBehind()].filter((text) => text !== '').join('; ')
    this.#world.violation(
      'liveness',
      `not everything was processed within ${LIVENESS_MS} ms without faults: ${states}; ${lag}`,
    )
  }

  /** Standby tasks that have not read their changelogs to the end, for people. */
  #copiesBehind(): readonly string[] {
    const { core, group } = this.#simulated ?? {}
    if (core === undefined || group === undefined) return []
    this.#copies = 0
    return this.#cluster.slots.flatMap(({ process, thread }) => {
      if (process === undefined || thread === undefined) return []
      const { storeLags } = thread.metadata()
      return group.standbysOf(process.name).flatMap((task) => {
        const { subTopology, partition } = parseTaskId(task)
        return this.#resolved.subTopology(subTopology).stores.flatMap(({ spec, changelog, changelogIsSource }) => {
          if (changelog === undefined || changelogIsSource || spec.persistence === 'memory') return []
          this.#copies++
          const end = core.stableOffset({
            topic: this.#resolved.topicName(changelog.name, changelog.internal),
            partition,
          })
          const copy = storeLags.find((lag) => lag.store === spec.name && lag.partition === partition)
          if (copy?.position === end) return []
          return `${process.name} has store ${spec.name} of standby task ${task} at ${copy?.position} of ${end}`
        })
      })
    })
  }

  async #stop(): Promise<void> {
    const { time } = this.#world
    const untilMs = time.nowMs + STOP_MS
    this.#cluster.stopAll()
    while (!this.#cluster.allStopped && time.nowMs < untilMs) await time.sleep(SETTLE_EVERY_MS)
    if (!this.#cluster.allStopped) this.#world.violation('liveness', `threads do not stop within ${STOP_MS} ms`)
  }

  async #check(): Promise<void> {
    const world = this.#world
    const topics = [
      ...this.#externalTopics().map(({ name }) => name),
      ...this.#resolved.internalTopics.map(({ name }) => name),
    ]
    const partitions = await this.#host.readAll(topics)
    const offsets = await this.#host.committedOffsets()
    try {
      this.#plan.application.check?.(partitions, this.#config.processingGuarantee === 'exactly_once_v2')
    } catch (error) {
      world.violation('check', messageOf(error))
    }
    await runCheckers({
      world,
      topology: this.#topology,
      resolved: this.#resolved,
      config: this.#config,
      partitions: new Map(partitions.map((each) => [`${each.topic}/${each.partition}`, each])),
      offsets,
      directories: [...this.#cluster.machines.map(({ name, engine }) => ({ name, engine })), ...this.#cluster.samples],
    })
  }
}

/** Which task reads each partition. */
function inputsOf(resolved: ResolvedTopology): ReadonlyMap<string, TaskId> {
  const inputs = new Map<string, TaskId>()
  for (const { id, partitionCount } of resolved.subTopologies) {
    for (let partition = 0; partition < partitionCount; partition++) {
      for (const input of resolved.inputsOf({ subTopology: id, partition }))
        inputs.set(`${input.topic}/${input.partition}`, taskId(id, partition))
    }
  }
  return inputs
}
