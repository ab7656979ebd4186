import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS } from '#streams/ports'
import { type Broker, startBroker, whyNoBroker } from '../../testing/broker/index.ts'
import { createKafkaLog, type KafkaOptions } from './index.ts'

const reason = await whyNoBroker()
const USER = { user: 'teller', password: 'a secret of tests' }
let broker: Broker

beforeAll(async () => {
  if (reason === undefined) broker = await startBroker({ secure: [USER] })
}, 90_000)
afterAll(async () => {
  if (reason === undefined) await broker.stop()
}, 30_000)

function options(changed: Partial<KafkaOptions> = {}): KafkaOptions {
  return {
    brokers: [broker.secure?.brokers ?? ''],
    clientId: 'security-test',
    tls: { ca: broker.secure?.authority ?? '' },
    sasl: { mechanism: 'SCRAM-SHA-512', username: USER.user, password: USER.password },
    limits: { retryTimeoutMs: 4_000 },
    ...changed,
  }
}

async function roundTrip(log: Log): Promise<number> {
  await log.admin.createTopics([{ name: 'secured', partitions: 1 }])
  const producer = await log.createProducer({ clientId: 'p', transactionalId: 'secured', bufferBytesMax: 100_000 })
  await producer.prepareTopics(['secured'])
  producer.send('secured', 0, utf8Encode('k'), utf8Encode('v'), 1, NO_HEADERS)
  await producer.commitTransaction('secured-group', [{ topic: 'secured', partition: 0, offset: 0, metadata: '' }])
  const consumer = await log.createConsumer({
    clientId: 'c',
    isolation: 'read_committed',
    pollRecordsMax: 10,
    pollBytesMax: 10_000,
  })
  consumer.assign([{ topic: 'secured', partition: 0, offset: 0 }])
  for (let polls = 0; polls < 50; polls++) {
    const records = (await consumer.poll(200)).flatMap((batch) => batch.records)
    if (records.length > 0) return records.length
  }
  return 0
}

const codeOf = (attempt: Promise<Log>): Promise<unknown> =>
  attempt.then(
    () => 'connected',
    (error: { code?: unknown; message?: unknown }) => `${error.code}: ${error.message}`,
  )

describe.skipIf(reason !== undefined)('TLS and SASL/SCRAM-SHA-512', { timeout: 60_000 }, () => {
  test('reads, writes and commits', async () => {
    const log = await createKafkaLog(options())
    expect(await roundTrip(log)).toBe(1)
    await log.close()
  })

  test('a wrong password is refused at once, and the message says what to check', async () => {
    const startedMs = performance.now()
    const wrong = { mechanism: 'SCRAM-SHA-512', username: USER.user, password: 'wrong' } as const
    const said = await codeOf(createKafkaLog(options({ sasl: wrong })))
    expect(said).toMatch(/^LOG_REFUSED: .*password/)
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })

  test('a broker whose certificate nobody trusts is not talked to', async () => {
    expect(await codeOf(createKafkaLog(options({ tls: {} })))).toMatch(/^LOG_REFUSED: .*certificate/)
  })
})
