import type { Sample } from '../results/figures.ts'
import { DEFAULT_PLAN } from '../runner/plan.ts'
import { pacedIn, runPlan } from '../runner/run-plan.ts'
import { applicationOf, bySize, KEYS, type Scenario } from './scenario.ts'

const RATE = 10_000

export const commitInterval: Scenario = {
  name: 'commit-interval',
  title: 'Commit interval and latency (peer topology, every update goes out, 10,000 events/s, one stream thread)',
  about: '5 to 1,000 ms: from the moment an event is due to its committed output in a reader, and what events cost',
  repeats: 1,
  async measure({ size }) {
    const intervals = bySize(size, { tiny: [10, 100], quick: [5, 30, 100, 1_000], full: [5, 10, 30, 100, 500, 1_000] })
    const seconds = bySize(size, { tiny: 1, quick: 4, full: 30 })
    const rate = bySize(size, { tiny: 500, quick: RATE, full: RATE })
    const samples: Sample[] = []
    for (const commitIntervalMs of intervals) {
      const said = await runPlan({
        ...DEFAULT_PLAN,
        commitIntervalMs,
        application: applicationOf('peer-every-update'),
        steps: [
          { kind: 'members' },
          {
            kind: 'paced',
            name: 'measured',
            from: 0,
            rate,
            keys: KEYS,
            warmUpSeconds: bySize(size, { tiny: 1, quick: 2, full: 10 }),
            seconds,
          },
        ],
      })
      const { latency, cpuMicros, events, lateMsMax } = pacedIn(said, 'measured')
      const name = `${commitIntervalMs} ms`
      const percentile = (which: 'p50' | 'p95' | 'p99'): Sample => ({
        name: `${name}: ${which}`,
        unit: 'ms',
        better: 'lower',
        value: latency[which],
      })
      samples.push(
        percentile('p50'),
        percentile('p95'),
        percentile('p99'),
        { name: `${name}: processor time`, unit: 'µs/event', better: 'lower', value: cpuMicros / events },
        { name: `${name}: producer late, worst`, unit: 'ms', better: 'neither', value: lateMsMax },
      )
    }
    return samples
  },
}
