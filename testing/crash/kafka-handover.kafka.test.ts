import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { PARTITIONS, topics } from './application.ts'
import { feed } from './feeder.ts'
import { type Member, startMember, untilDrained, untilSaid } from './kafka-group.ts'

/** How long nobody runs the tasks of a member that leaves, and of one that is killed, where another one stands by. */
const EVENTS = 20_000
const START_MS_MAX = 20_000
/** As kafka-process.ts sets it. */
const SESSION_TIMEOUT_MS = 2_000
const HANDOVER_MS_MAX = 3_000
const POLL_MS = 20
const TASKS = 2 * PARTITIONS

const brokers = inject('kafkaBrokers')
let directory: string
let log: KafkaLog
let applicationId: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-handover-'))
  log = await createKafkaLog({ brokers, clientId: 'handover-test' })
  applicationId = `handover-${Date.now().toString(36)}`
  await log.admin.deleteTopics(topics.map(({ name }) => name))
  await log.admin.createTopics(topics)
  await log.admin.deleteGroup('crash-feeder')
})

afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

function start(name: string): Member {
  return startMember(name, { brokers, applicationId, directory, guarantee: 'exactly_once_v2', standbys: 1 })
}

/** Tasks that the members own according to the group: of members that are named by what they say, all of them. */
async function ownedTasks(): Promise<{ active: number; standby: number; members: number }> {
  const group = await log.operations.streamsGroup(applicationId)
  const count = (lists: readonly { readonly partitions: readonly number[] }[]): number =>
    lists.reduce((sum, { partitions }) => sum + partitions.length, 0)
  const members = group?.members ?? []
  return {
    active: members.reduce((sum, { active }) => sum + count(active), 0),
    standby: members.reduce((sum, { standby }) => sum + count(standby), 0),
    members: members.length,
  }
}

async function until(what: string, condition: () => Promise<boolean>, timeoutMs: number): Promise<number> {
  const startedMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedMs > timeoutMs) throw new Error(`${what} took longer than ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return performance.now() - startedMs
}

/** Restores that a member has done since a moment. */
function restoredSince(member: Member, sinceMs: number): readonly { records: number; endOffset: number }[] {
  return member
    .output()
    .split('\n')
    .map((line) => /^restored (\d+) (.*)$/.exec(line))
    .flatMap((match) => (match === null || Number(match[1]) < sinceMs ? [] : [JSON.parse(match[2] ?? '{}')]))
}

describe('tasks of a member with a standby', () => {
  test('are taken over in seconds, and without a restore', { timeout: 120_000 }, async () => {
    const first = start('first')
    const second = start('second')
    await untilSaid(first, 'started', START_MS_MAX)
    await untilSaid(second, 'started', START_MS_MAX)
    await feed(log, EVENTS, 0)
    await untilDrained(log, applicationId, START_MS_MAX)
    const isSettled = async (): Promise<boolean> => {
      const { active, standby } = await ownedTasks()
      return active === TASKS && standby === TASKS
    }
    await until('an assignment with standbys', isSettled, START_MS_MAX)
    // A standby has caught up a moment after the last commit.
    await new Promise((resolve) => setTimeout(resolve, 1_500))

    const leftMs = Date.now()
    const leaving = second.kill('SIGTERM')
    await feed(log, EVENTS + 1_000, 0)
    await untilDrained(log, applicationId, START_MS_MAX)
    const leavingMs = Date.now() - leftMs
    expect(await leaving, second.errors()).toBe(0)
    const restored = restoredSince(first, leftMs)
    expect(restored.length).toBeGreaterThan(0)
    const records = restored.reduce((sum, each) => sum + each.records, 0)
    const whole = restored.reduce((sum, each) => sum + each.endOffset, 0)
    expect(whole).toBeGreaterThan(1_000)
    expect(records, `of ${whole} changelog records`).toBeLessThan(whole / 10)

    const third = start('second')
    await untilSaid(third, 'started', START_MS_MAX)
    await until('an assignment with standbys', isSettled, START_MS_MAX)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const killedMs = Date.now()
    await first.kill('SIGKILL')
    await feed(log, EVENTS + 2_000, 0)
    await untilDrained(log, applicationId, START_MS_MAX)
    const killedAfterMs = Date.now() - killedMs
    await third.kill('SIGTERM')
    process.stderr.write(
      `hand-over: leaving ${leavingMs} ms, killed ${killedAfterMs} ms (session time-out ${SESSION_TIMEOUT_MS} ms among it); restored ${records} of ${whole} records\n`,
    )
    expect(leavingMs).toBeLessThan(HANDOVER_MS_MAX)
    expect(killedAfterMs).toBeLessThan(SESSION_TIMEOUT_MS + HANDOVER_MS_MAX)
  })
})
