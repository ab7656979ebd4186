import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { type KafkaApplication, startKafkaApplication } from '#host'
import { hasCode } from '#streams/base'
import { SILENT_LOGGER } from '#streams/ports'
import type { QueryAnswer, StoreQuery } from '#streams/query'
import { eventOf, topics } from './application.ts'
import { feed } from './feeder.ts'
import { untilDrained } from './kafka-group.ts'

/** Any process answers for any key: what it does not run, it asks for where it runs. */
const EVENTS = 4_000
const WAIT_MS = 30_000
const ALL: StoreQuery = { store: 'counts', kind: 'range', limit: 1_000 }

const brokers = inject('kafkaBrokers')
const applicationId = `queries-${Date.now().toString(36)}`
let directory: string
let log: KafkaLog
let applications: KafkaApplication[]

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-queries-'))
  log = await createKafkaLog({ brokers, clientId: 'queries-test' })
  await log.admin.deleteTopics(topics.map(({ name }) => name))
  await log.admin.createTopics(topics)
  await log.admin.deleteGroup('crash-feeder')
  applications = []
  for (const name of ['one', 'two']) {
    applications.push(
      await startKafkaApplication({
        module: new URL('./application.ts', import.meta.url),
        applicationId,
        dataDirectory: join(directory, name),
        kafka: { brokers },
        userEndpoint: { host: '127.0.0.1', port: await freePort() },
        group: { sessionTimeoutMs: 2_000, heartbeatIntervalMs: 200 },
        logger: SILENT_LOGGER,
      }),
    )
  }
}, 60_000)

afterAll(async () => {
  await Promise.all(applications.map((application) => application.stop()))
  await log.close()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

/** Asks again while the answer is "not now": never anything else, and never a part. */
async function ask(application: KafkaApplication, query: StoreQuery): Promise<QueryAnswer> {
  const endMs = Date.now() + WAIT_MS
  for (;;) {
    try {
      return await application.query(query)
    } catch (error) {
      if (!hasCode(error, 'STATE_UNAVAILABLE') || Date.now() > endMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function expectedCounts(): ReadonlyMap<unknown, unknown> {
  const counts = new Map<string, number>()
  for (let number = 0; number < EVENTS; number++) {
    const { key } = eventOf(number)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const countsOf = ({ entries }: QueryAnswer): ReadonlyMap<unknown, unknown> =>
  new Map(entries.map(({ key, value }) => [key, (value as { readonly value: unknown }).value]))

describe('queries over processes', { timeout: 120_000 }, () => {
  test('each process answers for all keys, also while one leaves', async () => {
    await feed(log, EVENTS, 0)
    await untilDrained(log, applicationId, WAIT_MS)
    const [one, two] = applications as [KafkaApplication, KafkaApplication]
    const isShared = async (): Promise<boolean> => {
      const group = await log.operations.streamsGroup(applicationId)
      return group?.members.length === 2 && group.members.every(({ active }) => active.length > 0)
    }
    const endMs = Date.now() + WAIT_MS
    while (!(await isShared()) && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await isShared()).toBe(true)
    for (const application of [one, two]) {
      const answer = await ask(application, ALL)
      expect(countsOf(answer)).toEqual(expectedCounts())
      expect(answer.freshness.map(({ taskId }) => taskId).sort()).toHaveLength(3)
    }
    const leaving = two.stop()
    for (let i = 0; i < 40; i++) expect(countsOf(await ask(one, ALL))).toEqual(expectedCounts())
    await leaving
    expect(countsOf(await ask(one, ALL))).toEqual(expectedCounts())
  })
})
