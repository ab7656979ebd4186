import type { Sample } from '../results/figures.ts'
import { drainOnce, ratesOf, type Scenario } from './scenario.ts'

const TOPOLOGIES = ['stateless', 'count', 'window', 'join', 'peer'] as const

export const throughput: Scenario = {
  name: 'throughput',
  title: 'Topologies, one stream thread',
  about: 'stateless, count, window, join, peer: events a second, exactly-once, commits every 100 ms',
  repeats: 3,
  async measure(context) {
    const samples: Sample[] = []
    for (const topology of TOPOLOGIES) samples.push(...ratesOf(topology, await drainOnce({ context, topology })))
    return samples
  },
}
