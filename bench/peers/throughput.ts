import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Configuration, Peer } from './configurations.ts'
import { type Outputs, readOutputs, readState, type State } from './outputs.ts'
import { measureRestore, type RestoreResult } from './restore.ts'
import { PREFIX, PRELOADED } from './topics.ts'
import { untilDone } from './until-done.ts'
import { endsOf, removeFromBroker, startIn, type World } from './world.ts'

export type ThroughputResult = {
  readonly eventsPerSecondFromStart: number
  /** From the moment when it first says that it has processed records; what it has by then is not counted. */
  readonly eventsPerSecondFromFirst: number
  readonly secondsToFirst: number
  readonly cpuSeconds: number
  readonly cpuSecondsPerMillion: number
  readonly coresUsed: number
  readonly residentMiBMax: number
  readonly outputs: Outputs
  readonly states: readonly State[]
  readonly restore?: RestoreResult
}

/** Whose changelogs are compared: both sides write them in the same formats. */
const STORES = ['members', 'balances', 'activity']

/** One peer reads all events once, with a new application id; then it restores its state, if that is asked for. */
export async function measureThroughput(
  world: World,
  peer: Peer,
  configuration: Configuration,
  round: number,
): Promise<ThroughputResult> {
  const { log, options, directory } = world
  const applicationId = `${PREFIX}${peer}-${configuration.name}-${round}`
  const run = { peer, configuration, applicationId }
  const before = await endsOf(log, PRELOADED.output)
  const running = await startIn(world, run, PRELOADED, false)
  let measured: Omit<ThroughputResult, 'outputs' | 'states'>
  try {
    measured = await untilDone(running, log, run, options.events)
  } finally {
    await running.stop()
  }
  const outputs = await readOutputs(log, before, await endsOf(log, PRELOADED.output))
  const states: State[] = []
  for (const store of STORES)
    states.push(await readState(log, store, await endsOf(log, `${applicationId}-${store}-changelog`)))
  const state = join(directory, applicationId)
  await rm(state, { recursive: true })
  const restore = options.restore ? await measureRestore(world, run) : undefined
  await rm(state, { recursive: true, force: true })
  await removeFromBroker(log, applicationId)
  return { ...measured, outputs, states, ...(restore === undefined ? {} : { restore }) }
}
