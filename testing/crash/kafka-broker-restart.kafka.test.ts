import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { type Broker, startBroker, whyNoBroker } from '../broker/index.ts'
import { topics } from './application.ts'
import { ALL_OUTPUTS, type Outputs, outputDifferences, readOutputs } from './compare-outputs.ts'
import { feed } from './feeder.ts'
import { startMember, untilDrained, untilSaid } from './kafka-group.ts'
import { readTopics } from './read-all.ts'

/** The only broker is killed with SIGKILL under load, and comes back; then a member is killed too. */
const EVENTS = 12_000
const PAUSE_MS = 150
const BEFORE_KILL_MS = 3_000
const DOWN_MS = 2_000
const DRAIN_MS_MAX = 60_000
const START_MS_MAX = 20_000

const reason = await whyNoBroker()
let directory: string
let broker: Broker
let log: KafkaLog
let expected: Outputs

beforeAll(async () => {
  if (reason !== undefined) return
  directory = await mkdtemp(join(tmpdir(), 'mto-restart-'))
  const script = fileURLToPath(new URL('./process.ts', import.meta.url))
  const quiet = spawnSync(process.execPath, [script, join(directory, 'quiet'), String(EVENTS), '0', '1'])
  expect(quiet.status, quiet.stderr.toString()).toBe(0)
  expected = await readTopics(join(directory, 'quiet', 'log'), ALL_OUTPUTS)
  broker = await startBroker()
  log = await createKafkaLog({ brokers: [broker.brokers], clientId: 'restart-test' })
  await log.admin.createTopics(topics)
}, 90_000)

afterAll(async () => {
  if (reason !== undefined) return
  await log.close()
  await broker.stop()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a broker that dies', () => {
  test.skipIf(reason !== undefined)(
    `exactly-once: the output is that of an undisturbed run${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    { timeout: 180_000 },
    async () => {
      const applicationId = 'broker-restart'
      const settings = { brokers: [broker.brokers], applicationId, directory, standbys: 1 }
      const start = (name: string) => startMember(name, { ...settings, guarantee: 'exactly_once_v2' })
      const members = [start('a'), start('b')]
      for (const member of members) await untilSaid(member, 'started', START_MS_MAX)
      const feeding = feed(log, EVENTS, PAUSE_MS)
      try {
        await sleep(BEFORE_KILL_MS)
        await broker.kill()
        await sleep(DOWN_MS)
        await broker.restart()
        await members[0]?.kill('SIGKILL')
        members[0] = start('a')
        await feeding
        await untilDrained(log, applicationId, DRAIN_MS_MAX)
        for (const member of members) {
          await untilSaid(member, 'started', START_MS_MAX)
          expect(await member.kill('SIGTERM'), member.errors()).toBe(0)
        }
        expect(outputDifferences(await readOutputs(log), expected)).toEqual([])
      } catch (error) {
        for (const member of members) process.stderr.write(`--- ${member.name}\n${member.errors().slice(-3000)}\n`)
        throw error
      } finally {
        for (const member of members) if (member.isAlive()) await member.kill('SIGKILL')
      }
    },
  )
})
