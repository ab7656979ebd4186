import type { Prng } from '#streams/base'
import type { Headers, Serde } from '#streams/ports'
import type { StreamsOptions } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import { EMBEDDED_LOG_FAULTS, type Fault, type FaultName, SIMULATED_LOG_FAULTS } from './faults.ts'
import type { FinalPartition } from './log-host.ts'
import { drawPlan } from './plan.ts'
import { outsideOfRun } from './real-time-guard.ts'
import { failureText, Totals } from './report.ts'
import { runPlan } from './run.ts'
import { shrinkFaults } from './shrink.ts'
import type { SimulatedRecord } from './workload.ts'
import type { Violation } from './world.ts'

export type SimulatedOutput<K, V> = {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers
  readonly partition: number
  readonly offset: number
}

/** The log at the end of a run, for checks of one's own. */
export type SimulatedTopics = {
  /** What was committed to a topic, partition by partition, in the order of the log. */
  records<K, V>(topic: string, serdes: { readonly key: Serde<K>; readonly value: Serde<V> }): SimulatedOutput<K, V>[]
}

export type SimulateOptions = {
  /** The same seed is the same run: members, partitions, times, faults, order of all that happens. Default 1. */
  readonly seed?: number
  /** So many seeds from `seed` on; default 20. */
  readonly count?: number
  /** What the world writes; `simulatedInput` makes records from values. Delivered in this order, at drawn times. */
  readonly inputs: readonly SimulatedRecord[] | ((prng: Prng) => readonly SimulatedRecord[])
  /** Kinds of faults; default all. `none`: an undisturbed run. */
  readonly faults?: 'all' | 'none' | readonly FaultName[]
  /** Throws where something is wrong with what came out. What the engine promises is checked without it. */
  readonly check?: (topics: SimulatedTopics) => void
  readonly config?: Partial<StreamsOptions>
  /** The topology asks for the wall clock: members' clocks then neither differ nor jump. */
  readonly usesWallClock?: boolean
  readonly name?: string
}

export type SimulationReport = { readonly seeds: number; readonly faults: number; readonly text: string }

/** A run failed; the message says what, how to repeat it, and which faults it needs. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly faults: readonly Fault[]

  constructor(message: string, seed: number, violations: readonly Violation[], faults: readonly Fault[]) {
    super(message)
    this.seed = seed
    this.violations = violations
    this.faults = faults
  }
}

/**
 * Runs a topology as a cluster of members over a log that misbehaves, with crashes at any await, in virtual time. Each
 * run is compared with the same topology in a single undisturbed life: what it wrote must be the same, record for
 * record (under at-least-once: nothing may be missing). Rejects with a SimulationFailure.
 *
 * Give a function that builds the topology where its processors share something outside of their stores.
 */
export async function simulate(
  topology: Topology | (() => Topology),
  options: SimulateOptions,
): Promise<SimulationReport> {
  const { seed: from = 1, count = 20, inputs, faults = 'all', check, config, name = 'the topology' } = options
  checkFaults(faults)
  const build = () => (typeof topology === 'function' ? topology() : topology)
  const readTopics = topicsRead(build())
  const totals = new Totals()
  for (let seed = from; seed < from + count; seed++) {
    const application = {
      name,
      usesWallClock: options.usesWallClock ?? false,
      build,
      records: (prng: Prng) => checkedInputs(typeof inputs === 'function' ? inputs(prng) : inputs, readTopics),
      ...(config === undefined ? {} : { config }),
      ...(check === undefined
        ? {}
        : { check: (partitions: readonly FinalPartition[]) => outsideOfRun(() => check(topicsOf(partitions))) }),
    }
    const guarantee = config?.processingGuarantee ?? 'exactly_once_v2'
    const kinds = faults === 'all' ? {} : { kinds: faults === 'none' ? [] : faults }
    const plan = drawPlan(seed, application, { ...kinds, guarantee })
    const result = await runPlan(plan)
    totals.add(result)
    if (result.violations.length === 0) continue
    const shrunk = await shrinkFaults(plan, result)
    const text = failureText(result, shrunk, `simulate(topology, { seed: ${seed}, count: 1, … })`)
    throw new SimulationFailure(text, seed, shrunk.result.violations, shrunk.faults)
  }
  const happened = [...totals.faultsByKind.values()].reduce((sum, times) => sum + times, 0)
  return { seeds: totals.seeds, faults: happened, text: totals.text() }
}

const FAULT_KINDS: readonly string[] = [...new Set([...SIMULATED_LOG_FAULTS, ...EMBEDDED_LOG_FAULTS])].sort()

/** A run in which nothing is simulated would hold always: what cannot have been meant is refused. */
function checkFaults(faults: SimulateOptions['faults']): void {
  if (!Array.isArray(faults)) return
  const unknown = (faults as readonly string[]).filter((kind) => !FAULT_KINDS.includes(kind))
  if (unknown.length === 0) return
  throw new Error(`there is no kind of fault ${unknown.join(', ')}; kinds: ${FAULT_KINDS.join(', ')}`)
}

function topicsRead({ subTopologies, globalStores }: Topology): ReadonlySet<string> {
  const sources = subTopologies.flatMap(({ sourceTopics }) => sourceTopics)
  return new Set([
    ...sources.filter(({ internal }) => !internal).map(({ name }) => name),
    ...globalStores.flatMap(({ source }) => source.topics).map(({ name }) => name),
  ])
}

function checkedInputs(records: readonly SimulatedRecord[], topics: ReadonlySet<string>): readonly SimulatedRecord[] {
  const reads = `it reads: ${[...topics].sort().join(', ')}`
  if (records.length === 0) throw new Error(`there are no inputs, so nothing would be simulated; ${reads}`)
  const unread = records.find(({ topic }) => !topics.has(topic))
  if (unread === undefined) return records
  throw new Error(`the topology reads no topic ${unread.topic}, so records for it would do nothing; ${reads}`)
}

/** Records for an input topic, from values. */
export function simulatedInput<K, V>(
  topic: string,
  serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
  records: readonly { readonly key: K; readonly value: V; readonly timestampMs: number; readonly headers?: Headers }[],
): readonly SimulatedRecord[] {
  const bytesOf = <T>(serde: Serde<T>, data: T): Uint8Array | null =>
    data === null || data === undefined ? null : serde.serialize(data, topic)
  return records.map(({ key, value, timestampMs, headers }) => ({
    topic,
    key: bytesOf(serdes.key, key),
    value: bytesOf(serdes.value, value),
    timestampMs,
    ...(headers === undefined ? {} : { headers }),
  }))
}

function topicsOf(partitions: readonly FinalPartition[]): SimulatedTopics {
  return {
    records: <K, V>(name: string, { key, value }: { readonly key: Serde<K>; readonly value: Serde<V> }) => {
      if (!partitions.some(({ topic }) => topic === name)) {
        const known = [...new Set(partitions.map(({ topic }) => topic))].sort()
        throw new Error(`there is no topic ${name} to read; topics: ${known.join(', ')}`)
      }
      return partitions
        .filter(({ topic }) => topic === name)
        .flatMap(({ partition, records }) =>
          records.map(({ record }) => ({
            key: record.key === null ? (null as K) : key.deserialize(record.key, name, record.headers),
            value: record.value === null ? (null as V) : value.deserialize(record.value, name, record.headers),
            timestampMs: record.timestampMs,
            headers: record.headers,
            partition,
            offset: record.offset,
          })),
        )
    },
  }
}
