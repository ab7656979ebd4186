import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentilesOf } from '../peers/statistics.ts'
import { DEFAULT_PLAN } from '../runner/plan.ts'
import { measureIn, startPlan } from '../runner/run-plan.ts'
import type { Said } from '../runner/said.ts'
import { memberOf } from '../topologies/event.ts'
import { applicationOf, bySize, KEYS, type Scenario } from './scenario.ts'

const CONNECTIONS = 32
const TICK_MS = 1
const OK = 200
const ANSWER_MS_MAX = 30_000

type Asked = {
  readonly latencies: Float64Array
  /** How many had which status; 0: no answer. */
  readonly statuses: ReadonlyMap<number, number>
  readonly lateMsMax: number
}

/**
 * Requests at a steady rate, whatever became of those before: a request that waits for a connection waits in its
 * figure, since each counts from the moment when it was due.
 */
export async function askAtRate(url: (number: number) => string, rate: number, count: number): Promise<Asked> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const latencies = new Float64Array(count)
  const answers: Promise<number>[] = []
  const startMs = performance.now()
  let lateMsMax = 0
  const ask = (number: number, dueMs: number): Promise<number> =>
    new Promise((resolve) => {
      const end = (status: number): void => {
        latencies[number] = performance.now() - dueMs
        resolve(status)
      }
      get(url(number), { agent, timeout: ANSWER_MS_MAX }, (response) => {
        response.resume()
        response.once('end', () => end(response.statusCode ?? 0))
        response.once('error', () => end(0))
      }).once('error', () => end(0))
    })
  while (answers.length < count) {
    const nowMs = performance.now()
    for (let number = answers.length; number < count; number++) {
      const dueMs = startMs + (number * 1000) / rate
      if (dueMs > nowMs) break
      lateMsMax = Math.max(lateMsMax, nowMs - dueMs)
      answers.push(ask(number, dueMs))
    }
    await sleep(TICK_MS)
  }
  const statuses = new Map<number, number>()
  for (const status of await Promise.all(answers)) statuses.set(status, (statuses.get(status) ?? 0) + 1)
  agent.destroy()
  return { latencies, lateMsMax, statuses }
}

const found = <Kind extends Said['kind']>(
  said: readonly Said[],
  kind: Kind,
): Extract<Said, { kind: Kind }> | undefined =>
  said.find((each): each is Extract<Said, { kind: Kind }> => each.kind === kind)

export const query: Scenario = {
  name: 'query',
  title: 'Query API under load (GET /v1/stores/balances/keys/…, 1,000 requests/s, while 10,000 events/s flow)',
  about: 'point reads over HTTP at 1,000 requests/s while 10,000 events/s flow through the peer topology',
  repeats: 1,
  async measure({ size, write }) {
    const seconds = bySize(size, { tiny: 1, quick: 6, full: 30 })
    const warmUpSeconds = bySize(size, { tiny: 1, quick: 4, full: 10 })
    const rate = bySize(size, { tiny: 500, quick: 10_000, full: 10_000 })
    const requestRate = bySize(size, { tiny: 50, quick: 1_000, full: 1_000 })
    return measureIn(async (directory) => {
      const running = startPlan({
        ...DEFAULT_PLAN,
        directory,
        application: applicationOf('peer-every-update'),
        steps: [
          { kind: 'members' },
          { kind: 'serve' },
          { kind: 'paced', name: 'measured', from: 0, rate, keys: KEYS, warmUpSeconds, seconds },
          // The server stays until the last answer, however late that is.
          { kind: 'hold' },
        ],
      })
      try {
        const { url } = await running.until('it serves', (said) => found(said, 'serving'))
        await running.until('events flow', (said) => found(said, 'pacing'))
        const address = (number: number): string =>
          `${url}/v1/stores/balances/keys/${memberOf(Math.imul(number, 0x9e3779b1) >>> 0, KEYS)}`
        // The route is compiled, and every member has had an event, before what counts.
        await askAtRate(address, requestRate / 2, (warmUpSeconds * requestRate) / 2)
        const { latencies, statuses, lateMsMax } = await askAtRate(address, requestRate, seconds * requestRate)
        const { latency } = await running.until('its last output', (said) => found(said, 'paced'))
        const failed = latencies.length - (statuses.get(OK) ?? 0)
        if (failed > 0) write(`Answers by status (0: none): ${JSON.stringify(Object.fromEntries(statuses))}\n`)
        const { p50, p95, p99 } = percentilesOf(latencies)
        return [
          { name: 'request: p50', unit: 'ms', better: 'lower', value: p50 },
          { name: 'request: p95', unit: 'ms', better: 'lower', value: p95 },
          { name: 'request: p99', unit: 'ms', better: 'lower', value: p99 },
          { name: 'requests not answered with 200', unit: 'of all', better: 'lower', value: failed },
          { name: 'requests sent late, worst', unit: 'ms', better: 'neither', value: lateMsMax },
          { name: 'events meanwhile: p99 to committed output', unit: 'ms', better: 'lower', value: latency.p99 },
        ]
      } finally {
        await running.kill()
      }
    })
  },
}
