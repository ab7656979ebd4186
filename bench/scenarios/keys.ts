import type { Sample } from '../results/figures.ts'
import { DEFAULT_PLAN } from '../runner/plan.ts'
import { drainedIn, runPlan } from '../runner/run-plan.ts'
import { applicationOf, bySize, eventsOf, fillThenDrain, ratesOf, type Scenario } from './scenario.ts'

const MILLION = 1_000_000

export const keys: Scenario = {
  name: 'keys',
  title: 'Keys (a count per key, one stream thread)',
  about: '10 thousand, 1 million and (--full) 10 million keys, all in the state; memory and disk per million keys',
  repeats: 1,
  async measure(context) {
    const counts = bySize(context.size, {
      tiny: [100, 2_000],
      quick: [10_000, MILLION],
      full: [10_000, MILLION, 10 * MILLION],
    })
    const events = eventsOf(context.size)
    const samples: Sample[] = []
    let fewest: { readonly count: number; readonly residentMiB: number; readonly stateMiB: number } | undefined
    for (const count of counts) {
      const said = await runPlan({
        ...DEFAULT_PLAN,
        application: applicationOf('count'),
        steps: fillThenDrain(count, events),
      })
      const name = `${count.toLocaleString('en')} keys`
      const measured = drainedIn(said, 'measured')
      const { residentMiB, stateMiB } = measured
      samples.push(...ratesOf(name, measured))
      samples.push({ name: `${name}: resident`, unit: 'MiB', better: 'lower', value: residentMiB })
      if (fewest === undefined) {
        fewest = { count, residentMiB, stateMiB }
        continue
      }
      const millions = (count - fewest.count) / MILLION
      const perMillion = (more: number, less: number): number => (more - less) / millions
      samples.push(
        {
          name: `${name}: resident, per million keys`,
          unit: 'MiB',
          better: 'lower',
          value: perMillion(residentMiB, fewest.residentMiB),
        },
        {
          name: `${name}: state on disk, per million keys`,
          unit: 'MiB',
          better: 'neither',
          value: perMillion(stateMiB, fewest.stateMiB),
        },
      )
    }
    return samples
  },
}
