import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { runCli, startCli } from './testing/run-cli.ts'

/** `mto produce` and `mto consume` on a real broker, as somebody types them. */
const brokers = inject('kafkaBrokers')
const unique = Date.now().toString(36)
const kafka = ['--kafka', brokers.join()]
const purchases = fileURLToPath(new URL('../examples/purchases.ts', import.meta.url))
let log: KafkaLog
let directory: string

beforeAll(async () => {
  log = await createKafkaLog({ brokers, clientId: 'records-test' })
  directory = await mkdtemp(join(tmpdir(), 'mto-records-'))
})
afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

test('records go in with all that they have, and come out so', async () => {
  const topic = `records-${unique}`
  const line =
    '{"key":"k","value":{"id":12345678901234567890},"partition":1,"timestamp":42000,"headers":[{"key":"h","value":"1"}]}'
  const produced = await runCli(
    ['produce', topic, '--create', '2', '--format', 'record', '--json', ...kafka],
    `${line}\n`,
  )
  expect(JSON.parse(produced.stdout)).toEqual({
    ...{ topic, acknowledged: 1, rejected: 0, lastLine: 1 },
    offsets: [{ partition: 1, nextOffset: 1 }],
  })
  const { stdout } = await runCli(['consume', topic, '--json', ...kafka])
  expect(stdout).toBe(
    `{"topic":"${topic}","partition":1,"offset":0,"timestamp":42000,"time":"1970-01-01T00:00:42.000Z","key":"k",` +
      '"value":{"id":12345678901234567890},"keyFormat":"text","valueFormat":"json","headers":[{"key":"h","value":"1"}]}\n',
  )
  const none = await runCli(['consume', `${topic}-absent`, ...kafka])
  expect([none.exitCode, none.stderr]).toEqual([1, expect.stringMatching(/^error TOPIC_MISSING: there is no topic/)])
})

test('what was never committed is shown to those who ask for it only', async () => {
  const topic = `aborted-${unique}`
  await log.admin.createTopics([{ name: topic, partitions: 1 }])
  const producer = await log.createProducer({ clientId: 'a', transactionalId: topic, bufferBytesMax: 1_000_000 })
  await producer.prepareTopics([topic])
  producer.send(topic, 0, null, utf8Encode('taken back'), 0, NO_HEADERS)
  await producer.flush()
  await producer.abortTransaction()
  producer.send(topic, 0, null, utf8Encode('kept'), 0, NO_HEADERS)
  await producer.commitTransaction(`group-${topic}`, [])
  await producer.close()
  const values = async (isolation: string) =>
    (await runCli(['consume', topic, '--isolation', isolation, '--json', ...kafka])).stdout
      .split('\n')
      .filter(Boolean)
      .map((each) => JSON.parse(each).value)
  expect(await values('read-committed')).toEqual(['kept'])
  expect(await values('read-uncommitted')).toEqual(['taken back', 'kept'])
})

test('an application of one’s own, on Kafka', { timeout: 120_000 }, async () => {
  const data = ['--data', directory, '--application-id', `purchases-${unique}`]
  const customer = `asha-${unique}`
  expect(await runCli(['topics', 'apply', purchases, ...kafka])).toMatchObject({ exitCode: 0 })
  const application = startCli(['run', purchases, ...data, ...kafka])
  await application.waitFor(/^ready$/m)
  const line = `${customer}|{"item":"rice","amount":250}\n`
  const produced = await runCli(['produce', 'purchases', '--key-separator', '|', '--format', 'json', ...kafka], line)
  expect(produced.stdout).toBe('1 record acknowledged\n')
  const results = startCli(['consume', 'spent', '--format', 'int64', '--follow', '--timeout', '60', ...kafka])
  await results.waitFor(new RegExp(`  ${customer}  250\n`))
  results.process.kill('SIGINT')
  application.process.kill('SIGINT')
  expect([(await results.ended).exitCode, (await application.ended).exitCode]).toEqual([0, 0])
})
