import { createPrng, type Prng } from '#streams/base'
import type { StreamsOptions } from '#streams/runtime'
import { drawFaults, EMBEDDED_LOG_FAULTS, type Fault, type FaultName, SIMULATED_LOG_FAULTS } from './faults.ts'
import type { SimulatedApplication, SimulatedRecord } from './workload.ts'

export const APPLICATION_ID = 'sim'

export type Delivery = { readonly atMs: number; readonly record: SimulatedRecord }

/** Everything that is drawn before a run begins. The same plan gives the same run. */
export type Plan = {
  readonly seed: number
  readonly application: SimulatedApplication
  readonly persistence: 'persistent' | 'memory'
  readonly log: 'simulated' | 'embedded'
  readonly members: number
  readonly partitions: number
  readonly config: StreamsOptions
  readonly deliveries: readonly Delivery[]
  /** Faults happen until then; afterwards everything must finish. */
  readonly faultsEndMs: number
  readonly faults: readonly Fault[]
  readonly latencyMs: number
  readonly controlRecords: boolean
  readonly lingerMs: number | undefined
  readonly retriesMax: number
  /** Copies of the state of each task on other members; with simulated brokers only. */
  readonly standbyReplicas: number
  readonly namesCommitters: boolean
  /** Threads that share a process and its state directory; with simulated brokers that decide who commits. */
  readonly threadsPerMachine: number
  readonly clockOffsetsMs: readonly number[]
  /** Limits of the embedded log's buffers: so small that flushes and checkpoints happen all the time. */
  readonly logBytes: number
}

export type PlanOptions = {
  readonly log?: 'simulated' | 'embedded'
  readonly guarantee?: 'exactly_once_v2' | 'at_least_once'
  /** Kinds of faults that may happen; empty = none. Default: all that the log allows, some of them in each run. */
  readonly kinds?: readonly FaultName[]
  readonly faultsMax?: number
}

const EMBEDDED_SHARE = 0.2
const AT_LEAST_ONCE_SHARE = 0.15
const FOCUSED_SHARE = 0.3

const MIB = 1024 * 1024

const pick = <T>(prng: Prng, items: readonly T[]): T => items[prng.below(items.length)] as T

/** Each concern draws from a generator of its own, so that a change in one does not change the others. */
export function prngFor(seed: number, concern: string): Prng {
  let hash = 0x811c9dc5
  for (let i = 0; i < concern.length; i++) hash = Math.imul(hash ^ concern.charCodeAt(i), 0x01000193)
  return createPrng(seed * 0x1_0000 + ((hash >>> 0) % 0x1_0000))
}

export function drawPlan(seed: number, application: SimulatedApplication, options: PlanOptions = {}): Plan {
  const prng = prngFor(seed, 'plan')
  const drawnLog = prng.next() < EMBEDDED_SHARE ? 'embedded' : 'simulated'
  const log = options.log ?? drawnLog
  const members = 1 + prng.below(4)
  const drawnPartitions = 1 + prng.below(4)
  const partitions = application.partitions ?? drawnPartitions
  const faultsEndMs = 2_000 + prng.below(15_000)
  const records = application.records(prngFor(seed, 'records'))
  const clockFaults = !application.usesWallClock
  const namesCommitters = prng.next() < 0.5
  const threadsPerMachine = pick(prng, [1, 1, 2, 4])
  return {
    seed,
    application,
    persistence: prng.next() < 0.8 ? 'persistent' : 'memory',
    log,
    members,
    partitions,
    config: {
      // Drawn apart, so that all else of a seed stays what it was.
      commitShareMax: pick(prngFor(seed, 'commits'), [0, 0.5, 1]),
      ...drawConfig(prng, application, options.guarantee),
      // The embedded log is read at the end, and what was purged of it could not be compared.
      ...(log === 'embedded' ? { repartitionPurgeIntervalMs: 1e9 } : {}),
    },
    deliveries: drawDeliveries(prng, records, faultsEndMs),
    faultsEndMs,
    faults: drawFaultMix(prngFor(seed, 'faults'), { log, members, faultsEndMs, clockFaults }, options),
    latencyMs: pick(prng, [0.5, 2, 5, 20]),
    controlRecords: prng.next() < 0.7,
    lingerMs: prng.next() < 0.5 ? undefined : prng.below(50),
    retriesMax: prng.below(3),
    standbyReplicas: log === 'embedded' ? 0 : pick(prng, [0, 0, 1, 2]),
    namesCommitters,
    threadsPerMachine: log === 'simulated' && namesCommitters ? threadsPerMachine : 1,
    clockOffsetsMs: Array.from({ length: members }, () => {
      const offset = prng.below(20_000) - 10_000
      return clockFaults ? offset : 0
    }),
    logBytes: pick(prng, [500, 5_000, 500_000]),
  }
}

function drawConfig(
  prng: Prng,
  application: SimulatedApplication,
  guarantee: PlanOptions['guarantee'],
): StreamsOptions {
  const drawn = prng.next() < AT_LEAST_ONCE_SHARE ? 'at_least_once' : 'exactly_once_v2'
  return {
    processingGuarantee: guarantee ?? drawn,
    commitIntervalMs: pick(prng, [1, 20, 100, 500, 2_000]),
    pollMs: pick(prng, [5, 20, 100]),
    pollRecordsMax: pick(prng, [1, 3, 10, 1_000]),
    bufferedRecordsPerPartitionMax: pick(prng, [1, 5, 1_000]),
    recordsPerTurnMax: pick(prng, [1, 7, 1_000]),
    maxTaskIdleMs: pick(prng, [0, 0, -1, 50]),
    cacheBytesMax: pick(prng, [0, 10 * MIB]),
    cleanEntriesPerStoreMax: pick(prng, [0, 2, 50_000]),
    pollBytesMax: pick(prng, [100, 4 * MIB, 4 * MIB]),
    bufferedBytesMax: pick(prng, [200, 2_000, 64 * MIB]),
    producerBufferBytesMax: pick(prng, [200, 32 * MIB, 32 * MIB]),
    uncommittedBytesMax: pick(prng, [1, 500, 64 * MIB]),
    repartitionPurgeIntervalMs: pick(prng, [50, 1_000, 30_000]),
    stateFlushIntervalMs: pick(prng, [0, 50, 1_000]),
    ...application.config,
    applicationId: APPLICATION_ID,
  }
}

function drawDeliveries(prng: Prng, records: readonly SimulatedRecord[], endMs: number): readonly Delivery[] {
  const atOnce = prng.next() < 0.2
  const times = records.map(() => (atOnce ? 0 : Math.floor(prng.next() * endMs))).sort((left, right) => left - right)
  return records.map((record, i) => ({ atMs: times[i] as number, record }))
}

/** Swarm style: each run has only some kinds of faults, few or many, so that rare pairs meet. */
function drawFaultMix(
  prng: Prng,
  range: { log: Plan['log']; members: number; faultsEndMs: number; clockFaults: boolean },
  options: PlanOptions,
): readonly Fault[] {
  const all = range.log === 'simulated' ? SIMULATED_LOG_FAULTS : EMBEDDED_LOG_FAULTS
  const allowed = options.kinds === undefined ? all : all.filter((kind) => options.kinds?.includes(kind))
  const share = prng.next()
  // One kind alone, and often, reaches places that a mix never comes to.
  const isFocused = prng.next() < FOCUSED_SHARE
  const kinds = isFocused ? [] : allowed.filter(() => prng.next() < share)
  const count = Math.min(prng.below(25), options.faultsMax ?? 25)
  if (allowed.length === 0) return []
  return drawFaults(prng, {
    members: range.members,
    durationMs: range.faultsEndMs,
    log: range.log,
    clockFaults: range.clockFaults,
    kinds: kinds.length === 0 ? [allowed[prng.below(allowed.length)] as FaultName] : kinds,
    count,
  })
}
