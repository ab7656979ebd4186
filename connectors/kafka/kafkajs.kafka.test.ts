import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { utf8Decode, utf8Encode } from '#streams/base'
import type { LogRecord } from '#streams/ports'
import { createTools, fromStart, readToEnd, sendText, uniqueName } from '../../streams/ports/log-harness.contract.ts'
import { createKafkaLog } from './index.ts'

/** kafkajs is another implementation of the protocol: what one writes, the other reads. */
const brokers = inject('kafkaBrokers')
const kafka = new Kafka({ brokers: [...brokers], clientId: 'independent', logLevel: logLevel.NOTHING })
const tools = createTools({ connect: () => createKafkaLog({ brokers, clientId: 'kafkajs-test' }) })
const opened: { disconnect(): Promise<void> }[] = []
afterAll(async () => {
  for (const client of opened) await client.disconnect()
})

type Plain = readonly [key: string | null, value: string | null, timestamp: number, headers: string]

function plainOf(record: LogRecord): Plain {
  const headers = record.headers.map(({ key, value }) => `${key}=${value === null ? null : utf8Decode(value)}`)
  return [
    record.key === null ? null : utf8Decode(record.key),
    record.value === null ? null : utf8Decode(record.value),
    record.timestampMs,
    headers.join(),
  ]
}

/** Reads a partition with kafkajs until it has `count` records. */
async function readWithKafkajs(topic: string, count: number): Promise<Plain[]> {
  const consumer = kafka.consumer({ groupId: uniqueName('kafkajs'), readUncommitted: false })
  opened.push(consumer)
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const records: Plain[] = []
  await new Promise<void>((resolve) => {
    consumer.run({
      eachMessage: ({ message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([key, value]) => `${key}=${String(value)}`)
        records.push([
          message.key?.toString() ?? null,
          message.value?.toString() ?? null,
          Number(message.timestamp),
          headers.join(),
        ])
        if (records.length === count) resolve()
        return Promise.resolve()
      },
    })
  })
  return records
}

describe('kafkajs and this client', () => {
  test('kafkajs reads what is written here, and not what was aborted', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    const expected: Plain[] = []
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 40; i++) {
        const timestampMs = 1_700_000_000_000 + round * 1000 - i * 7
        const headers = [{ key: 'größe', value: utf8Encode(`${i}`) }]
        const value = i % 9 === 0 ? null : `value-${round}-${i}`
        producer.send(topic, 0, utf8Encode(`key-${i}`), value === null ? null : utf8Encode(value), timestampMs, headers)
        if (round % 3 !== 2) expected.push([`key-${i}`, value, timestampMs, `größe=${i}`])
      }
      if (round % 3 === 2) await producer.abortTransaction()
      else await producer.commitTransaction('', [])
    }
    expect(await readWithKafkajs(topic, expected.length)).toEqual(expected)
  })

  test('what kafkajs writes is read here, compressed or not, and not what it aborted', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = kafka.producer({
      transactionalId: uniqueName('kafkajs'),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    opened.push(producer)
    await producer.connect()
    const expected: Plain[] = []
    for (let round = 0; round < 6; round++) {
      const transaction = await producer.transaction()
      const messages = Array.from({ length: 30 }, (_, i) => ({
        key: `key-${i}`,
        value: i % 7 === 0 ? null : `value-${round}-${i}`,
        timestamp: `${1_700_000_000_000 + i}`,
        headers: { trace: `${round}` },
      }))
      const compression = round % 2 === 0 ? CompressionTypes.GZIP : CompressionTypes.None
      await transaction.send({ topic, messages, compression })
      if (round % 3 === 1) {
        await transaction.abort()
        continue
      }
      await transaction.commit()
      for (const { key, value, timestamp } of messages) expected.push([key, value, Number(timestamp), `trace=${round}`])
    }
    const consumer = await tools.consumer(log, fromStart(topic))
    const [records] = await readToEnd(log, consumer, fromStart(topic))
    expect(records?.map(plainOf)).toEqual(expected)
  })

  test('kafkajs sees committed offsets, and commits ones that are read here', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const group = uniqueName('group')
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    sendText(producer, topic, 0, 'k', 'v')
    await producer.commitTransaction(group, [{ topic, partition: 0, offset: 17, metadata: 'time=4' }])
    await log.admin.committedOffsets(group, [{ topic, partition: 0 }])
    const admin = kafka.admin()
    opened.push(admin)
    await admin.connect()
    const [seen] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    expect(seen?.partitions).toContainEqual({ partition: 0, offset: '17', metadata: 'time=4' })
    await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 1, offset: '5' }] })
    const [found] = await log.admin.committedOffsets(group, [{ topic, partition: 1 }])
    expect(found?.offset).toBe(5)
  })
})
