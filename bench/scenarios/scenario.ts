import type { Sample } from '../results/figures.ts'
import type { ApplicationSettings, Plan, Step, TopologyName } from '../runner/plan.ts'
import { DEFAULT_PLAN } from '../runner/plan.ts'
import { drainedIn, runPlan } from '../runner/run-plan.ts'
import type { Drained } from '../runner/said.ts'

/** `tiny` is for tests: does it work at all? */
export type Size = 'tiny' | 'quick' | 'full'

export type ScenarioContext = {
  readonly size: Size
  /** From 1. */
  readonly repeat: number
  readonly brokers: readonly string[] | undefined
  /** Pictures and tables that are no figures go here. */
  readonly outputDirectory: string
  readonly write: (line: string) => void
}

export type Scenario = {
  readonly name: string
  readonly title: string
  /** A line for --help. */
  readonly about: string
  /** Unless told otherwise; those that take long are run once. */
  readonly repeats: number
  /** One repeat. Figures that it returns have the same names each time. */
  measure(context: ScenarioContext): Promise<readonly Sample[]>
}

export function bySize<T>(size: Size, sizes: Readonly<Record<Size, T>>): T {
  return sizes[size]
}

export const KEYS = 10_000

/** Events that are processed before what counts, so that V8 has compiled what is hot. */
export function warmUpOf(size: Size): number {
  return bySize(size, { tiny: 500, quick: 50_000, full: 200_000 })
}

export function eventsOf(size: Size): number {
  return bySize(size, { tiny: 1_000, quick: 150_000, full: 1_000_000 })
}

export type DrainOptions = {
  readonly context: ScenarioContext
  readonly topology: TopologyName
  readonly partitions?: number
  readonly isProfiled?: boolean
  readonly plan?: Partial<Omit<Plan, 'steps' | 'application'>>
}

/** A fresh process and directory: warm-up, then events over 10,000 members, as fast as they go. */
export async function drainOnce({ context, topology, plan, ...settings }: DrainOptions): Promise<Drained> {
  const warmUp = warmUpOf(context.size)
  const events = eventsOf(context.size)
  const said = await runPlan({
    ...DEFAULT_PLAN,
    ...plan,
    application: applicationOf(topology, settings),
    steps: [
      { kind: 'members' },
      { kind: 'write', from: 0, events: warmUp, keys: KEYS },
      { kind: 'drain', name: 'warm-up', events: warmUp },
      { kind: 'write', from: warmUp, events, keys: KEYS },
      { kind: 'drain', name: 'measured', events },
    ],
  })
  return drainedIn(said, 'measured')
}

export const PARTITIONS = 12

export function applicationOf(
  topology: TopologyName,
  { partitions = PARTITIONS, isProfiled = false }: { readonly partitions?: number; readonly isProfiled?: boolean } = {},
): ApplicationSettings {
  return { topology, partitions, isProfiled }
}

/** Each key once, in turn, then events at random: the state has all keys when what counts begins. */
export function fillThenDrain(keys: number, events: number): readonly Step[] {
  return [
    { kind: 'write', from: 0, events: keys, keys, isInTurn: true },
    { kind: 'drain', name: 'fill', events: keys },
    { kind: 'write', from: keys, events, keys },
    { kind: 'drain', name: 'measured', events },
  ]
}

/** Events a second, and what one costs: the first depends on what else runs on the machine, the second less. */
export function ratesOf(name: string, { events, seconds, cpuMicros }: Drained): readonly Sample[] {
  return [
    { name: `${name}: events/s`, unit: 'events/s', better: 'higher', value: events / seconds },
    { name: `${name}: processor time`, unit: 'µs/event', better: 'lower', value: cpuMicros / events },
  ]
}
