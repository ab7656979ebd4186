import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { type KafkaApplication, startKafkaApplication } from '#host'
import { serdes } from '#streams'
import { hasCode, partitionForKey, utf8Encode } from '#streams/base'
import { NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import type { Position, QueryAnswer, StoreQuery } from '#streams/query'
import { startBroker, whyNoBroker } from '../broker/index.ts'
import { eventOf, INPUT, PARTITIONS, topics } from './application.ts'
import { feed } from './feeder.ts'
import { freshTopics } from './kafka-disturbed-run.ts'
import { startMember, untilDrained, untilSaid } from './kafka-group.ts'

/** Any process answers for any key: what it does not run, it asks for where it runs. */
const EVENTS = 4_000
const WAIT_MS = 30_000
const SESSION_TIMEOUT_MS = 2_000
const ALL: StoreQuery = { store: 'counts', kind: 'range', limit: 1_000 }

const brokers = inject('kafkaBrokers')
let directory: string
let log: KafkaLog
const applications: KafkaApplication[] = []

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
}, 60_000)

afterAll(async () => {
  await Promise.all(applications.map((application) => application.stop()))
  await log.close()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

async function startHere(
  applicationId: string,
  name: string,
  options: { readonly brokers?: readonly string[]; readonly standbys?: number } = {},
): Promise<KafkaApplication> {
  const application = await startKafkaApplication({
    module: new URL('./application.ts', import.meta.url),
    applicationId,
    dataDirectory: join(directory, applicationId, name),
    kafka: { brokers: options.brokers ?? brokers },
    userEndpoint: { host: '127.0.0.1', port: await freePort() },
    group: {
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      heartbeatIntervalMs: 200,
      standbyReplicas: options.standbys ?? 0,
    },
    logger: SILENT_LOGGER,
  })
  applications.push(application)
  return application
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + WAIT_MS; !(await condition()); ) {
    if (Date.now() > endMs) throw new Error(`${what} took longer than ${WAIT_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Every member runs something, and, if there are to be standbys, every task has one. */
async function isShared(applicationId: string, standbys: number): Promise<boolean> {
  const group = await log.operations.streamsGroup(applicationId)
  const count = (lists: readonly { readonly partitions: readonly number[] }[]): number =>
    lists.reduce((sum, { partitions }) => sum + partitions.length, 0)
  const members = group?.members ?? []
  const standing = members.reduce((sum, { standby }) => sum + count(standby), 0)
  return members.length === 2 && members.every(({ active }) => count(active) > 0) && standing === standbys
}

/** Writes one event, and says where it is. */
async function write(key: string): Promise<Position> {
  const producer = await log.createProducer({ clientId: 'writer', bufferBytesMax: 100_000 })
  await producer.prepareTopics([INPUT])
  const bytes = utf8Encode(key)
  const partition = partitionForKey(bytes, PARTITIONS)
  producer.send(INPUT, partition, bytes, serdes.int64.serialize(1, INPUT), 1_700_000_900_000, NO_HEADERS)
  await producer.flush()
  const offset = (producer.producedOffset(INPUT, partition) ?? 0) - 1
  await producer.close()
  return { [INPUT]: { [partition]: offset } }
}

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
    await freshTopics(log)
    const applicationId = `queries-${Date.now().toString(36)}`
    const one = await startHere(applicationId, 'one')
    const two = await startHere(applicationId, 'two')
    await feed(log, EVENTS, 0)
    await untilDrained(log, applicationId, WAIT_MS)
    await until('sharing', () => isShared(applicationId, 0))
    for (const application of [one, two]) {
      const answer = await ask(application, ALL)
      expect(countsOf(answer)).toEqual(expectedCounts())
      expect(answer.freshness.map(({ taskId }) => taskId).sort()).toHaveLength(3)
    }
    const leaving = two.stop()
    for (let i = 0; i < 40; i++) expect(countsOf(await ask(one, ALL))).toEqual(expectedCounts())
    await leaving
    expect(countsOf(await ask(one, ALL))).toEqual(expectedCounts())
    await one.stop()
  })

  test('what was written is read, or the answer is "not yet"; standbys answer for a process that is dead', async () => {
    await freshTopics(log)
    const applicationId = `standby-${Date.now().toString(36)}`
    const here = await startHere(applicationId, 'here', { standbys: 1 })
    const settings = { brokers, applicationId, directory: join(directory, applicationId), standbys: 1 }
    const there = startMember('there', { ...settings, guarantee: 'exactly_once_v2' })
    try {
      await untilSaid(there, 'started', WAIT_MS)
      await feed(log, EVENTS, 0)
      await untilDrained(log, applicationId, WAIT_MS)
      await until('an assignment with standbys', () => isShared(applicationId, 2 * PARTITIONS))
      // The other process has no endpoint, and so is as good as gone: only who allows standbys is answered.
      await expect(here.query(ALL)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
      const answer = await ask(here, { ...ALL, standbyLagMax: 0 })
      expect(countsOf(answer)).toEqual(expectedCounts())
      expect(answer.freshness).toContainEqual(expect.objectContaining({ standbyLag: 0, position: {} }))
      expect(answer.freshness).toHaveLength(PARTITIONS)

      await there.kill('SIGKILL')
      const written = expectedCounts()
      for (const key of ['member-1', 'member-2', 'member-3', 'member-4', 'member-5']) {
        const atLeast = await write(key)
        const [partition] = Object.keys(atLeast[INPUT] ?? {}).map(Number)
        // At once, from who runs the task or from its standby; never the count without what was written.
        const query: StoreQuery = { store: 'counts', kind: 'key', key, partition, atLeast, standbyLagMax: 1_000 }
        const count = (written.get(key) as number) + 1
        expect(countsOf(await ask(here, query)).get(key), key).toBe(count)
      }
      const beyond = { ...ALL, atLeast: { [INPUT]: { 0: 1_000_000 } }, standbyLagMax: 1_000 }
      await expect(here.query(beyond)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
    } finally {
      if (there.isAlive()) await there.kill('SIGKILL')
      await here.stop()
    }
  })

  test('a process that may have been put out of its group answers nothing of its tasks', async (context) => {
    if ((await whyNoBroker()) !== undefined) context.skip()
    const own = await startBroker()
    const applicationId = 'cut-off'
    try {
      const ownLog = await createKafkaLog({ brokers: [own.brokers], clientId: 'cut-off-test' })
      await ownLog.admin.createTopics(topics)
      const application = await startHere(applicationId, 'alone', { brokers: [own.brokers] })
      await feed(ownLog, EVENTS, 0)
      await untilDrained(ownLog, applicationId, WAIT_MS)
      await ownLog.close()
      expect(countsOf(await ask(application, ALL))).toEqual(expectedCounts())
      await own.kill()
      expect(countsOf(await application.query(ALL))).toEqual(expectedCounts())
      await new Promise((resolve) => setTimeout(resolve, SESSION_TIMEOUT_MS + 500))
      await expect(application.query(ALL)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
      await own.restart()
      expect(countsOf(await ask(application, ALL))).toEqual(expectedCounts())
      await application.stop()
    } finally {
      await own.stop()
    }
  })
})
