import type { Profiler } from 'node:inspector'
import type { Drained } from '../runner/said.ts'
import type { ThreadProfile } from './profile-thread.ts'
import { fileOf, type Stage, stageNames, stageOf } from './stages.ts'

/** µs of processor time of one event, by stage and by function; the sums are the whole process. */
export type Attribution = {
  readonly events: number
  readonly stages: readonly { readonly thread: string; readonly stage: Stage; readonly micros: number }[]
  readonly functions: readonly HotFunction[]
  /** Threads that run no JavaScript, by their kind. */
  readonly others: Readonly<Record<string, number>>
  /** What the process used in all. */
  readonly micros: number
}
export type HotFunction = {
  readonly thread: string
  readonly stage: Stage
  readonly name: string
  readonly micros: number
}

/** One way through the functions of a thread: the weight is µs of an event. */
export type FoldedStack = {
  readonly frames: readonly { readonly name: string; readonly stage: Stage }[]
  readonly micros: number
}

type Walked = { readonly path: FoldedStack['frames']; readonly stage: Stage; readonly selfMicros: number }

/** Profiling itself, which is no work of the program. */
const OWN_FILE = 'node:inspector'
const IDLE = '(idle)'

/**
 * The samples of V8 say where a thread was, also while it waited for a core; how much processor time it had the system
 * says. So a stage has its share of the samples that were not idle, of that time.
 */
function walk({ profile, cpuMicros }: ThreadProfile, events: number): readonly Walked[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const weights = new Map<number, number>()
  profile.samples?.forEach((id, index) => {
    weights.set(id, (weights.get(id) ?? 0) + Math.max(0, profile.timeDeltas?.[index] ?? 0))
  })
  let busy = 0
  const walked: Walked[] = []
  const visit = (
    node: Profiler.ProfileNode,
    path: FoldedStack['frames'],
    caller: Stage | undefined,
    callerFile: string,
  ): void => {
    const { callFrame } = node
    if (callFrame.functionName === IDLE || callFrame.url.startsWith(OWN_FILE)) return
    const found = stageOf(callFrame, caller) ?? caller
    const stage = found ?? 'unattributed'
    const frames =
      callFrame.functionName === '(root)' ? path : [...path, { name: nameOf(callFrame, callerFile), stage }]
    const weight = weights.get(node.id) ?? 0
    busy += weight
    if (weight > 0) walked.push({ path: frames, stage, selfMicros: weight })
    for (const id of node.children ?? []) {
      const child = nodes.get(id)
      if (child !== undefined) visit(child, frames, found, fileOf(callFrame.url))
    }
  }
  const [root] = profile.nodes
  if (root !== undefined) visit(root, [], undefined, '')
  const scale = busy === 0 ? 0 : cpuMicros / busy / events
  return walked.map((each) => ({ ...each, selfMicros: each.selfMicros * scale }))
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode['callFrame'], callerFile: string): string {
  // All functions of native packages go through one door of Node: V8 takes each for the one that came first.
  if (url === '' && callerFile.startsWith('state-stores/')) return 'state engine (native)'
  if (url === '') return functionName === '' ? '(native)' : functionName
  const file = fileOf(url)
  const short = file.slice(file.lastIndexOf('/') + 1)
  return `${functionName === '' ? '(anonymous)' : functionName} ${short}:${lineNumber + 1}`
}

export function attribute(drained: Drained): Attribution {
  const { events, profiles = [], threads = {}, cpuMicros } = drained
  const stages: { thread: string; stage: Stage; micros: number }[] = []
  const functions: HotFunction[] = []
  for (const each of profiles) {
    const walked = walk(each, events)
    for (const stage of stageNames) {
      const micros = sumOf(walked.filter((one) => one.stage === stage))
      if (micros > 0) stages.push({ thread: each.thread, stage, micros })
    }
    const byName = Map.groupBy(walked, ({ path, stage }) => `${stage}\n${path.at(-1)?.name ?? '(root)'}`)
    for (const [key, some] of byName) {
      const [stage, name] = key.split('\n') as [Stage, string]
      functions.push({ thread: each.thread, stage, name, micros: sumOf(some) })
    }
  }
  const { JavaScript: _measuredBetter, ...others } = threads
  return {
    events,
    stages,
    functions: functions.sort((left, right) => right.micros - left.micros),
    others: Object.fromEntries(Object.entries(others).map(([kind, micros]) => [kind, micros / events])),
    micros: cpuMicros / events,
  }
}

function sumOf(walked: readonly Walked[]): number {
  return walked.reduce((sum, { selfMicros }) => sum + selfMicros, 0)
}

/** The share of the threads' own time of which no stage can be said. */
export function unattributedShare({ stages }: Attribution): number {
  const all = stages.reduce((sum, { micros }) => sum + micros, 0)
  const unknown = stages.filter(({ stage }) => stage === 'unattributed').reduce((sum, { micros }) => sum + micros, 0)
  return all === 0 ? 0 : unknown / all
}

/** For the flame graph. */
export function foldedStacks({ events, profiles = [] }: Drained): readonly FoldedStack[] {
  return profiles.flatMap((each) =>
    walk(each, events).map(({ path, selfMicros }) => ({
      frames: [{ name: each.thread, stage: 'loop' as const }, ...path],
      micros: selfMicros,
    })),
  )
}
