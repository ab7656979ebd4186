import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Configuration, configurations, type Peer } from './configurations.ts'
import type { Told } from './told.ts'
import { PREFIX, PRELOADED } from './topics.ts'
import { untilDone } from './until-done.ts'
import { type Run, startIn, type World } from './world.ts'

export type RestoreResult = {
  readonly records: number
  /** From the start of the process until every task runs. */
  readonly secondsToRunning: number
  /** From the first changelog that was begun to the last that was at its end. */
  readonly secondsRestoring: number
  readonly recordsPerSecond: number
  readonly cpuSeconds: number
  readonly residentMiBMax: number
}

const RUN_MS_MAX = 900_000
/** Tasks may move once more just after all run; when they have stayed so long, they stay. */
const SETTLED_MS = 3_000

/** Java's updates, each of them in the changelog, in the transactions of 100 ms in which it wrote them. */
export const restoredConfiguration = configurations.find(({ name }) => name === 'eos') as Configuration
const APPLICATION_ID = `${PREFIX}restored`

/** Both restore the same changelogs; Java writes them, and Mto takes the application over. */
export async function writeChangelogs(world: World): Promise<void> {
  const run: Run = { peer: 'java', configuration: restoredConfiguration, applicationId: APPLICATION_ID }
  const running = await startIn(world, run, PRELOADED, false)
  try {
    await untilDone(running, world.log, run, world.options.events)
  } finally {
    await running.stop()
  }
}

export async function measureSameRestore(
  world: World,
  peer: Peer,
  configuration: Configuration,
): Promise<RestoreResult> {
  await rm(join(world.directory, APPLICATION_ID), { recursive: true, force: true })
  return measureRestore(world, { peer, configuration, applicationId: APPLICATION_ID })
}

/** There is no state directory: everything comes from the changelogs. */
export async function measureRestore(world: World, run: Run): Promise<RestoreResult> {
  const running = await startIn(world, run, PRELOADED, false)
  try {
    for (;;) {
      const isRestored = (each: Told): boolean => each.kind === 'running' && each.restored > 0
      await running.until('its state was restored', RUN_MS_MAX, (told) => told.find(isRestored))
      const { cpuSeconds, residentMiBMax } = await running.usage()
      await sleep(SETTLED_MS)
      const last = await running.until('it runs', RUN_MS_MAX, (told) => {
        const latest = told.findLast(({ kind }) => kind === 'running' || kind === 'rebalancing')
        return latest?.kind === 'running' ? latest : undefined
      })
      if (Date.now() - last.atMs < SETTLED_MS) continue
      const secondsRestoring = (last.restoreEndMs - last.restoreStartMs) / 1000
      return {
        records: last.restored,
        secondsToRunning: (last.atMs - running.startedMs) / 1000,
        secondsRestoring,
        recordsPerSecond: last.restored / secondsRestoring,
        cpuSeconds,
        residentMiBMax,
      }
    }
  } finally {
    await running.stop()
  }
}
