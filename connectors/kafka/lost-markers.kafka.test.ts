import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { utf8Decode, utf8Encode } from '#streams/base'
import { NO_HEADERS, type Producer, type TopicPartition } from '#streams/ports'
import { type Broker, startBroker, whyNoBroker } from '../../testing/broker/index.ts'
import { createKafkaLog, type KafkaLog } from './index.ts'

/**
 * A broker that is killed when commits have just been answered, and their markers are not all written: when it comes
 * back, it forgets some of them (KAFKA-20734, in 4.3.1). What was committed must be there, with its offsets.
 */
const TOPIC = 'marked'
const PRODUCERS = 8
const PARTITIONS = 48
const DEATHS = 3
const HELD_BACK_MS_MAX = 20_000

const reason = await whyNoBroker()
const warnings: string[] = []
let broker: Broker
let log: KafkaLog

beforeAll(async () => {
  if (reason !== undefined) return
  broker = await startBroker()
  const options = { brokers: [broker.brokers], clientId: 'markers', limits: { retryTimeoutMs: 60_000 } }
  log = await createKafkaLog(options, (message) => warnings.push(message))
}, 120_000)

afterAll(async () => {
  if (reason !== undefined) return
  await log.close()
  await broker.stop()
}, 60_000)

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const partitionsOf = (topic: string): readonly TopicPartition[] =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
const ownOf = (topic: string, number: number): readonly TopicPartition[] =>
  partitionsOf(topic).filter(({ partition }) => partition % PRODUCERS === number)
const groupOf = (number: number): string => `marked-group-${number}`

async function createProducer(topic: string, number: number): Promise<Producer> {
  const name = `${topic}-${number}`
  const producer = await log.createProducer({ clientId: name, transactionalId: name, bufferBytesMax: 100_000 })
  await producer.prepareTopics([topic])
  return producer
}

const createProducers = (topic: string): Promise<readonly Producer[]> =>
  Promise.all(Array.from({ length: PRODUCERS }, (_, number) => createProducer(topic, number)))

function send(producer: Producer, places: readonly TopicPartition[], value: string): void {
  for (const { topic, partition } of places) producer.send(topic, partition, null, utf8Encode(value), 1, NO_HEADERS)
}

/** Every producer commits; the broker dies when the last answer is there, and comes back. */
async function commitAndDie(topic: string, producers: readonly Producer[], value: number): Promise<void> {
  await Promise.all(
    producers.map(async (producer, number) => {
      send(producer, ownOf(topic, number), String(value))
      await producer.flush()
    }),
  )
  await Promise.all(
    producers.map((producer, number) =>
      producer.commitTransaction(groupOf(number), [{ topic, partition: number, offset: value + 1, metadata: '' }]),
    ),
  )
  await broker.kill()
  await broker.restart()
}

async function heldBack(topic: string): Promise<readonly TopicPartition[]> {
  const [stable, ends] = await Promise.all([
    log.admin.endOffsets(partitionsOf(topic), 'read_committed'),
    log.admin.endOffsets(partitionsOf(topic), 'read_uncommitted'),
  ])
  return stable.filter(({ offset }, index) => offset < (ends[index]?.offset ?? 0))
}

/** As a restore does: asked again and again, until nothing is in the way. Returns what was said. */
async function releaseAll(topic: string): Promise<readonly string[]> {
  const said: string[] = []
  const endMs = performance.now() + HELD_BACK_MS_MAX
  while (performance.now() < endMs) {
    const [first] = await heldBack(topic)
    if (first === undefined) break
    said.push((await log.admin.releaseHeldBack?.(first)) ?? '')
  }
  return said
}

/** What readers of committed records see in each partition, when nothing is held back any more. */
async function read(topic: string): Promise<readonly string[]> {
  const endMs = performance.now() + HELD_BACK_MS_MAX
  for (let held = await heldBack(topic); held.length > 0; held = await heldBack(topic)) {
    if (performance.now() > endMs)
      throw new Error(`held back: ${held.map(({ partition }) => `${topic}-${partition}`).join(', ')}`)
    await sleep(50)
  }
  const consumer = await log.createConsumer({
    clientId: 'reader',
    isolation: 'read_committed',
    pollRecordsMax: 1_000,
    pollBytesMax: 100_000,
  })
  const values: string[] = Array.from({ length: PARTITIONS }, () => '')
  const ends = await log.admin.endOffsets(partitionsOf(topic))
  consumer.assign(partitionsOf(topic).map((at) => ({ ...at, offset: 0 })))
  while (ends.some((end) => consumer.position(end) < end.offset)) {
    for (const { partition, records } of await consumer.poll(200))
      for (const { value } of records) values[partition] += utf8Decode(value as Uint8Array)
  }
  await consumer.close()
  return values
}

async function committed(topic: string): Promise<readonly (number | undefined)[]> {
  return Promise.all(
    Array.from({ length: PRODUCERS }, async (_, number) => {
      const offsets = await log.admin.committedOffsets(groupOf(number), [{ topic, partition: number }])
      return offsets[0]?.offset
    }),
  )
}

const everywhere = (value: string): readonly string[] => Array.from({ length: PARTITIONS }, () => value)
const everyGroup = (offset: number): readonly number[] => Array.from({ length: PRODUCERS }, () => offset)

describe.skipIf(reason !== undefined)(
  'a broker that dies when transactions have just ended',
  { timeout: 240_000 },
  () => {
    test('the next transaction of a producer does not end the one before in its own way', async () => {
      const topic = `${TOPIC}-next`
      await log.admin.createTopics([{ name: topic, partitions: PARTITIONS }])
      const producers = await createProducers(topic)
      for (let death = 0; death < DEATHS; death++) {
        await commitAndDie(topic, producers, death)
        await Promise.all(
          producers.map(async (producer, number) => {
            send(producer, ownOf(topic, number).slice(0, 3), 'x')
            await producer.flush()
            await producer.abortTransaction()
          }),
        )
      }
      process.stderr.write(`${warnings.length} of ${DEATHS * PRODUCERS} transactions had lost markers\n`)
      expect(await read(topic)).toEqual(everywhere('012'))
      expect(await committed(topic)).toEqual(everyGroup(DEATHS))
      for (const producer of producers) await producer.close()
    })

    test('producers that begin anew complete what their predecessors have committed', async () => {
      const topic = `${TOPIC}-anew`
      await log.admin.createTopics([{ name: topic, partitions: PARTITIONS }])
      for (let death = 0; death < DEATHS; death++) {
        const producers = await createProducers(topic)
        await commitAndDie(topic, producers, death)
      }
      await createProducers(topic)
      expect(await read(topic)).toEqual(everywhere('012'))
      expect(await committed(topic)).toEqual(everyGroup(DEATHS))
    })

    test('who cannot read on completes the transactions of processes that never come back', async () => {
      const said: string[] = []
      for (let death = 0; death < DEATHS; death++) {
        const topic = `${TOPIC}-gone-${death}`
        await log.admin.createTopics([{ name: topic, partitions: PARTITIONS }])
        await commitAndDie(topic, await createProducers(topic), death)
        said.push(...(await releaseAll(topic)))
        expect(await read(topic)).toEqual(everywhere(String(death)))
      }
      process.stderr.write(`${[...new Set(said)].join('\n')}\n`)
    })

    test('an open transaction is left alone, and said by name', async () => {
      const topic = `${TOPIC}-open`
      await log.admin.createTopics([{ name: topic, partitions: PARTITIONS }])
      const producer = await createProducer(topic, 0)
      send(producer, [{ topic, partition: 0 }], 'a')
      await producer.flush()
      const said = await log.admin.releaseHeldBack?.({ topic, partition: 0 })
      expect(said).toMatch(/the transaction of marked-open-0 is open \(Ongoing, until .*from offset 0 on, producer \d+/)
      await producer.commitTransaction(groupOf(0), [])
      expect((await read(topic))[0]).toBe('a')
      await producer.close()
    })
  },
)
