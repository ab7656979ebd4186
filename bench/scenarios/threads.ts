import { availableParallelism } from 'node:os'
import type { Sample } from '../results/figures.ts'
import { drainOnce, PARTITIONS, ratesOf, type Scenario } from './scenario.ts'

/** 1, 2, 4, … and as many as there are cores; never more than there are tasks. */
export function threadCounts(cores: number): readonly number[] {
  const most = Math.max(2, Math.min(cores, PARTITIONS))
  const counts: number[] = []
  for (let count = 1; count < most; count *= 2) counts.push(count)
  return [...counts, most]
}

export const threads: Scenario = {
  name: 'threads',
  title: 'Stream threads (peer topology, 12 partitions)',
  about: '1, 2, … up to the cores: how much faster two are than one, while the log has a thread of its own',
  repeats: 3,
  async measure(context) {
    const samples: Sample[] = []
    const rates: number[] = []
    for (const count of threadCounts(availableParallelism())) {
      const drained = await drainOnce({ context, topology: 'peer', plan: { threads: count } })
      samples.push(...ratesOf(count === 1 ? '1 thread' : `${count} threads`, drained))
      rates.push(drained.events / drained.seconds)
      if (count > 1) {
        const value = (rates.at(-1) as number) / (rates[0] as number)
        samples.push({ name: `${count} threads ÷ 1 thread`, unit: '×', better: 'higher', value })
      }
    }
    return samples
  },
}
