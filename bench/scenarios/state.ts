import type { Sample } from '../results/figures.ts'
import { DEFAULT_PLAN } from '../runner/plan.ts'
import { drainedIn, runPlan } from '../runner/run-plan.ts'
import { applicationOf, bySize, eventsOf, fillThenDrain, ratesOf, type Scenario } from './scenario.ts'

const MIB = 2 ** 20

/** The defaults (256 MiB of block cache, 256 MiB of write buffers, 50,000 entries a store), or small against the state. */
const MEMORIES = [
  { name: 'default memory', settings: {} },
  {
    name: '20 MiB for state',
    settings: { stateCacheBytesMax: 8 * MIB, stateWriteBufferBytesMax: 12 * MIB, cleanEntriesPerStoreMax: 100 },
  },
] as const

export const state: Scenario = {
  name: 'state',
  title: 'State larger than memory (the last event of each key, about 250 bytes; one stream thread)',
  about: '100 MB of state (--full 1 GB) with the default memory of 512 MiB, and with 20 MiB (the least for 12 tasks)',
  repeats: 1,
  async measure(context) {
    const keys = bySize(context.size, { tiny: 2_000, quick: 400_000, full: 4_000_000 })
    const samples: Sample[] = []
    for (const { name, settings } of MEMORIES) {
      const said = await runPlan({
        ...DEFAULT_PLAN,
        ...settings,
        application: applicationOf('latest'),
        steps: fillThenDrain(keys, eventsOf(context.size) / 2),
      })
      const measured = drainedIn(said, 'measured')
      samples.push(
        ...ratesOf(name, measured),
        { name: `${name}: resident`, unit: 'MiB', better: 'lower', value: measured.residentMiB },
        { name: `${name}: state on disk`, unit: 'MiB', better: 'neither', value: measured.stateMiB },
      )
    }
    return samples
  },
}
