import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sample } from '../results/figures.ts'
import { DEFAULT_PLAN, type Plan } from '../runner/plan.ts'
import { measureIn, startPlan } from '../runner/run-plan.ts'
import { applicationOf, bySize, type Scenario } from './scenario.ts'

/** A process that does its steps and then waits to be killed: how long until it was ready, and what it restored. */
async function untilKilled(
  plan: Plan,
  isToFill: boolean,
): Promise<{ readonly seconds: number; readonly restored: number }> {
  const running = startPlan(plan)
  try {
    const ready = await running.until('it is ready', (said) => said.find(({ kind }) => kind === 'ready'))
    if (isToFill) await running.until('its state is there', (said) => said.find(({ kind }) => kind === 'held'))
    if (ready.kind !== 'ready') throw new Error('it was looked for by its kind')
    return { seconds: (ready.atMs - running.startedMs) / 1000, restored: ready.restored }
  } finally {
    await running.kill()
  }
}

export const restart: Scenario = {
  name: 'restart',
  title: 'Ready again (the last event of each key; one stream thread)',
  about:
    'from the start of the process until every task runs: after kill -9, and without its state (100 MB; --full 1 GB)',
  repeats: 1,
  async measure({ size }) {
    const keys = bySize(size, { tiny: 2_000, quick: 400_000, full: 4_000_000 })
    return measureIn(async (directory) => {
      const plan = { ...DEFAULT_PLAN, directory, application: applicationOf('latest') }
      const fill = { kind: 'write', from: 0, events: keys, keys, isInTurn: true } as const
      const drain = { kind: 'drain', name: 'fill', events: keys } as const
      await untilKilled({ ...plan, steps: [fill, drain, { kind: 'hold' }] }, true)
      const killed = await untilKilled({ ...plan, steps: [{ kind: 'hold' }] }, false)
      await rm(join(directory, 'state'), { recursive: true })
      const lost = await untilKilled({ ...plan, steps: [{ kind: 'hold' }] }, false)
      return [
        ...samplesOf('after kill -9', killed),
        ...samplesOf('state directory lost', lost),
        {
          name: 'state directory lost: restored',
          unit: 'records/s',
          better: 'higher',
          value: lost.restored / lost.seconds,
        },
      ]
    })
  },
}

function samplesOf(
  name: string,
  { seconds, restored }: { readonly seconds: number; readonly restored: number },
): readonly Sample[] {
  return [
    { name: `${name}: start to ready`, unit: 's', better: 'lower', value: seconds },
    { name: `${name}: records restored`, unit: 'records', better: 'neither', value: restored },
  ]
}
