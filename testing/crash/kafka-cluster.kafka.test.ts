import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { BROKER_SESSION_MS, type Cluster, startCluster, whyNoBroker } from '../broker/index.ts'
import { OUTPUTS, PARTITIONS } from './application.ts'
import { type Outputs, outputDifferences, readChangelogs, readOutputs, stateDifferences } from './compare-outputs.ts'
import { feed } from './feeder.ts'
import { endCleanly, freshTopics } from './kafka-disturbed-run.ts'
import { startMember, untilDrained, untilSaid } from './kafka-group.ts'
import { undisturbedRun } from './undisturbed.ts'
import { watchProgress } from './watch-progress.ts'

/** Three brokers, each of them killed with SIGKILL once, one at a time, under load. */
const EVENTS = 30_000
const PAUSE_MS = 190
const NODES = 3
const BETWEEN_MS = 1_500
const START_MS_MAX = 60_000
const DRAIN_MS_MAX = 60_000
/** What clients may take on top of the election, to find the new leaders and coordinators: on a busy machine, long. */
const FINDING_MS_MAX = 8_000

const reason = await whyNoBroker()
let directory: string
let cluster: Cluster
let log: KafkaLog
let expected: Outputs

beforeAll(async () => {
  if (reason !== undefined) return
  directory = await mkdtemp(join(tmpdir(), 'mto-cluster-'))
  expected = await undisturbedRun(directory, EVENTS)
  cluster = await startCluster({ nodes: NODES })
  // Three young brokers on a busy machine take their time to make the topics of groups and transactions.
  log = await createKafkaLog({ brokers: cluster.brokers, clientId: 'cluster-test', limits: { retryTimeoutMs: 90_000 } })
}, 120_000)

afterAll(async () => {
  if (reason !== undefined) return
  await log.close()
  await cluster.stop()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(what: string, condition: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now()
  while (!(await condition().catch(() => false))) {
    if (performance.now() - startedMs > START_MS_MAX) throw new Error(`${what} took longer than ${START_MS_MAX} ms`)
    await sleep(20)
  }
  return performance.now() - startedMs
}

/** How long it takes until no partition is led by the dead node, asked at another one. */
async function election(dead: number): Promise<number> {
  const other = cluster.brokers[(dead + 1) % NODES] ?? ''
  const asker = await createKafkaLog({ brokers: [other], clientId: 'election' })
  try {
    return await until('the election', async () => {
      const nodes = (await asker.operations.brokers()).map(({ nodeId }) => nodeId)
      const topics = await asker.operations.topicHealth()
      return !nodes.includes(dead + 1) && topics.every(({ withoutLeader }) => withoutLeader === 0)
    })
  } finally {
    await asker.close()
  }
}

describe.skipIf(reason !== undefined)('three brokers, one killed at a time', () => {
  test('nothing is lost, and nothing stands still longer than the election', { timeout: 300_000 }, async () => {
    const applicationId = 'cluster-application'
    await freshTopics(log)
    const settings = {
      brokers: cluster.brokers,
      applicationId,
      directory,
      guarantee: 'exactly_once_v2',
      standbys: 1,
    } as const
    const members = ['a', 'b'].map((name) => startMember(name, settings))
    const watch = watchProgress(log, OUTPUTS[0])
    try {
      for (const member of members) await untilSaid(member, 'ready', START_MS_MAX)
      const feeding = feed(log, EVENTS, PAUSE_MS)
      feeding.catch(() => {})
      const written = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: OUTPUTS[0], partition }))
      await until('the first outputs', async () =>
        (await log.admin.endOffsets(written)).every(({ offset }) => offset > 0),
      )
      await sleep(BETWEEN_MS)
      const said: string[] = []
      for (let node = 0; node < NODES; node++) {
        watch.longestStall()
        await cluster.kill(node)
        const electionMs = await election(node)
        await sleep(BETWEEN_MS)
        const { ms } = watch.longestStall()
        said.push(`node ${node + 1}: election ${electionMs.toFixed(0)} ms, longest stall ${ms} ms`)
        expect(ms, said.at(-1)).toBeLessThan(Math.max(electionMs, BROKER_SESSION_MS) + FINDING_MS_MAX)
        await cluster.restart(node)
        await until('catching up', async () =>
          (await log.operations.topicHealth()).every(({ underReplicated }) => underReplicated === 0),
        )
      }
      await feeding
      await untilDrained(log, applicationId, DRAIN_MS_MAX)
      for (const member of members) await endCleanly(member)
      process.stderr.write(`${said.join('; ')}\n`)
      expect(outputDifferences(await readOutputs(log), expected)).toEqual([])
      expect(stateDifferences(await readChangelogs(log, applicationId), expected)).toEqual([])
    } catch (error) {
      for (const { name, errors } of members) process.stderr.write(`--- ${name}\n${errors().slice(-4000)}\n`)
      throw error
    } finally {
      await watch.stop()
      for (const member of members) if (member.isAlive()) await member.kill('SIGKILL')
    }
  })
})
