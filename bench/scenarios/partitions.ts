import type { Sample } from '../results/figures.ts'
import { drainOnce, ratesOf, type Scenario } from './scenario.ts'

const COUNTS = [1, 12, 48] as const

export const partitions: Scenario = {
  name: 'partitions',
  title: 'Partitions (peer topology, one stream thread)',
  about: `${COUNTS.join(', ')} partitions: what a task costs by being there`,
  repeats: 2,
  async measure(context) {
    const samples: Sample[] = []
    for (const count of COUNTS) {
      const name = count === 1 ? '1 partition' : `${count} partitions`
      samples.push(...ratesOf(name, await drainOnce({ context, topology: 'peer', partitions: count })))
    }
    return samples
  },
}
