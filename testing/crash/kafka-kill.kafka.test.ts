import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { createPrng } from '#streams/base'
import { INPUT, REGROUPED_OUTPUT, topics } from './application.ts'
import { ALL_OUTPUTS, type Outputs, outputDifferences, readOutputs, type Sequences } from './compare-outputs.ts'
import { feed } from './feeder.ts'
import { type Member, type MemberSettings, startMember, untilDrained, untilSaid } from './kafka-group.ts'
import { readTopic, readTopics } from './read-all.ts'

/**
 * Three processes of one application on a real broker, one after the other killed with SIGKILL under load and started
 * again. Exactly-once says that the end is that of an undisturbed run, record for record.
 */
const EVENTS = 20_000
const KILLS = 5
const SEED = Number(process.env.CRASH_SEED ?? 20_261_120)
const NAMES = ['a', 'b', 'c'] as const
const KILL_EVERY_MS = 4_000
/** One batch of 200 events; so the load lasts as long as the kills do. */
const PAUSE_MS = 190
const DRAIN_MS_MAX = 60_000
const START_MS_MAX = 20_000

const brokers = inject('kafkaBrokers')

let directory: string
let log: KafkaLog
/** An undisturbed run on the embedded log. */
let expected: Outputs

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-crash-kafka-'))
  const script = fileURLToPath(new URL('./process.ts', import.meta.url))
  const quiet = spawnSync(process.execPath, [script, join(directory, 'quiet'), String(EVENTS), '0', '1'])
  expect(quiet.status, quiet.stderr.toString()).toBe(0)
  expected = await readTopics(join(directory, 'quiet', 'log'), ALL_OUTPUTS)
  log = await createKafkaLog({ brokers, clientId: 'crash-test' })
}, 60_000)

afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

async function freshTopics(): Promise<void> {
  const names = topics.map(({ name }) => name)
  await log.admin.deleteTopics(names)
  await log.admin.createTopics(topics)
  await log.admin.deleteGroup('crash-feeder')
  expect(names).toContain(INPUT)
}

/** Kills a member now and then while events come in, starts it again a moment later, and stops all when all is done. */
async function disturbedRun(settings: MemberSettings): Promise<readonly Member[]> {
  for (const name of NAMES) await rm(join(settings.directory, name), { recursive: true, force: true })
  await freshTopics()
  const prng = createPrng(SEED)
  const all: Member[] = []
  const start = (name: string): Member => {
    const member = startMember(name, settings)
    all.push(member)
    return member
  }
  const members = NAMES.map(start)
  const feeding = feed(log, EVENTS, PAUSE_MS)
  for (let kill = 0; kill < KILLS; kill++) {
    await new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS))
    const victim = prng.below(NAMES.length)
    await members[victim]?.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, prng.below(1_500)))
    members[victim] = start(NAMES[victim] as string)
  }
  await feeding
  try {
    await untilDrained(log, settings.applicationId, DRAIN_MS_MAX)
    for (const member of members) {
      await untilSaid(member, 'started', START_MS_MAX)
      expect(await member.kill('SIGTERM'), member.errors()).toBe(0)
    }
  } catch (error) {
    for (const member of members) if (member.isAlive()) await member.kill('SIGKILL')
    if (process.env.CRASH_LOGS !== undefined)
      for (const member of all) process.stderr.write(`--- ${member.name}\n${member.errors()}\n`)
    throw error
  }
  return all
}

describe('kill -9 of members of a group on Kafka', () => {
  test('exactly-once: the output is that of an undisturbed run, record for record', { timeout: 150_000 }, async () => {
    const applicationId = `crash-eos-${Date.now().toString(36)}`
    await disturbedRun({ brokers, applicationId, directory, guarantee: 'exactly_once_v2', standbys: 0 })
    expect(outputDifferences(await readOutputs(log), expected)).toEqual([])
  })

  test('at-least-once: nothing is missing, though some of it is there twice', { timeout: 150_000 }, async () => {
    const applicationId = `crash-alo-${Date.now().toString(36)}`
    await disturbedRun({ brokers, applicationId, directory, guarantee: 'at_least_once', standbys: 0 })
    const [actual, wanted] = [await readTopic(log, REGROUPED_OUTPUT), expected.get(REGROUPED_OUTPUT)]
    const updates = (partitions: Sequences | undefined): number => partitions?.flat().length ?? 0
    expect(updates(actual)).toBeGreaterThanOrEqual(updates(wanted))
    const keys = (partitions: Sequences | undefined): readonly string[] =>
      [...new Set(partitions?.flat().map(({ key }) => key))].sort()
    expect(keys(actual)).toEqual(keys(wanted))
    // Counting anew what was not committed makes totals larger, never smaller.
    const totals = (partitions: Sequences | undefined): ReadonlyMap<string, bigint> =>
      new Map(partitions?.flat().map(({ key, value }) => [key, BigInt(`0x${value}`)]))
    const found = totals(actual)
    for (const [key, total] of totals(wanted)) expect(found.get(key), key).toBeGreaterThanOrEqual(total)
  })
})
