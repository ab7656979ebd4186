import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { utf8Encode } from '#streams/base'
import { type Consumer, NO_HEADERS, type Producer } from '#streams/ports'
import { type Broker, startBroker, whyNoBroker } from '../../testing/broker/index.ts'
import { createKafkaLog, type KafkaLog } from './index.ts'

/** Every way of a client to the broker, begun while it is down: all come to their end when it is back. */
const reason = await whyNoBroker()
const TOPIC = 'restarted'
const GROUP = 'restarted-group'
const DOWN_MS = 1_500
const at = { topic: TOPIC, partition: 0 }
let broker: Broker
let log: KafkaLog
let plain: Producer
let transactional: Producer
let consumer: Consumer

function send(producer: Producer, value: string): void {
  producer.send(TOPIC, 0, utf8Encode('k'), utf8Encode(value), 1, NO_HEADERS)
}

beforeAll(async () => {
  if (reason !== undefined) return
  broker = await startBroker()
  // On a busy machine a broker may take longer to come back than clients wait for by default.
  const limits = { retryTimeoutMs: 90_000 }
  log = await createKafkaLog({ brokers: [broker.brokers], clientId: 'restart-test', limits })
  await log.admin.createTopics([{ name: TOPIC, partitions: 1 }])
  plain = await log.createProducer({ clientId: 'plain', bufferBytesMax: 100_000 })
  transactional = await log.createProducer({ clientId: 'tx', transactionalId: 'restarted', bufferBytesMax: 100_000 })
  for (const producer of [plain, transactional]) await producer.prepareTopics([TOPIC])
  send(plain, 'before')
  await plain.flush()
  send(transactional, 'before, in a transaction')
  await transactional.commitTransaction(GROUP, [{ ...at, offset: 1, metadata: '' }])
  consumer = await log.createConsumer({
    clientId: 'reader',
    isolation: 'read_committed',
    pollRecordsMax: 100,
    pollBytesMax: 100_000,
  })
  consumer.assign([{ ...at, offset: 0 }])
}, 60_000)

afterAll(async () => {
  if (reason !== undefined) return
  await log.close()
  await broker.stop()
}, 30_000)

async function read(count: number): Promise<readonly string[]> {
  const values: string[] = []
  for (let polls = 0; values.length < count && polls < 100; polls++) {
    for (const { records } of await consumer.poll(200))
      values.push(...records.map(({ value }) => Buffer.from(value ?? []).toString()))
  }
  return values
}

describe.skipIf(reason !== undefined)('a broker that is killed and comes back', () => {
  test('no request is lost, and none is done twice', { timeout: 120_000 }, async () => {
    await broker.kill()
    send(plain, 'meanwhile')
    send(transactional, 'meanwhile, in a transaction')
    const { admin, operations } = log
    const requests: Readonly<Record<string, Promise<unknown>>> = {
      flush: plain.flush(),
      commit: transactional.commitTransaction(GROUP, [{ ...at, offset: 2, metadata: '' }]),
      'commit of offsets': plain.commitOffsets('another-group', [{ ...at, offset: 1, metadata: '' }]),
      poll: read(4),
      'new topic': admin.createTopics([{ name: 'made-meanwhile', partitions: 1 }]),
      description: admin.describeTopics([TOPIC]),
      ends: admin.endOffsets([at]),
      starts: admin.startOffsets([at]),
      times: admin.offsetsForTimes([{ ...at, timestampMs: 0 }]),
      'committed offsets': admin.committedOffsets(GROUP, [at]),
      'list of groups': operations.groups(),
      'settings of a topic': operations.topicSettings(TOPIC),
      'settings of a group': operations.configureStreamsGroup('a-streams-group', { standbyReplicas: 1 }),
      'new producer': log
        .createProducer({ clientId: 'later', transactionalId: 'later', bufferBytesMax: 1_000 })
        .then((producer) => producer.close()),
    }
    const ended = Promise.all(
      Object.entries(requests).map(async ([name, request]) => [
        name,
        await request.then(
          () => 'done',
          (error: unknown) => String(error),
        ),
      ]),
    )
    await new Promise((resolve) => setTimeout(resolve, DOWN_MS))
    await broker.restart()
    expect(Object.fromEntries(await ended)).toEqual(
      Object.fromEntries(Object.keys(requests).map((name) => [name, 'done'])),
    )
    const values = (await requests.poll) as readonly string[]
    expect([...values].sort()).toEqual([
      'before',
      'before, in a transaction',
      'meanwhile',
      'meanwhile, in a transaction',
    ])
    expect(await admin.committedOffsets(GROUP, [at])).toEqual([{ ...at, offset: 2, metadata: '' }])
  })

  test('a broker that stays away is "unavailable", when the time of retries is over', { timeout: 60_000 }, async () => {
    const impatient = await createKafkaLog({
      brokers: [broker.brokers],
      clientId: 'impatient',
      limits: { retryTimeoutMs: 1_000 },
    })
    const producer = await impatient.createProducer({ clientId: 'p', bufferBytesMax: 100_000 })
    await producer.prepareTopics([TOPIC])
    await broker.kill()
    send(producer, 'never')
    const outcomes = await Promise.allSettled([
      producer.flush(),
      impatient.admin.endOffsets([at]),
      impatient.admin.listTopics(),
    ])
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'LOG_UNAVAILABLE' } })
    await impatient.close()
    await broker.restart()
  })
})
