import { describe, expect, test } from 'vitest'
import { createPrng, EMPTY_BYTES, hasCode, utf8Encode } from '../base/index.ts'
import { type Headers, NO_HEADERS } from './headers.ts'
import type { LogRecord } from './log.ts'
import {
  createTools,
  fromStart,
  type LogContractOptions,
  type LogContractTools,
  plain,
  readToEnd,
  sendText,
  uniqueName,
  valuesOf,
  WAIT_MS,
} from './log-harness.contract.ts'
import { logModelTest } from './log-model.contract.ts'
import { logTransactionContract } from './log-transactions.contract.ts'

export type { LogContractOptions } from './log-harness.contract.ts'

/**
 * Every implementation of the log passes this. Nothing in here expects offsets to be dense: transactions leave control
 * records in Kafka, and readers are done on position.
 */
export function logContract(name: string, options: LogContractOptions): void {
  const { skip = {} } = options
  const check = (title: string, body: () => Promise<void>): void => {
    const reason = skip[title]
    if (reason === undefined) test(title, body)
    else test.skip(`${title} (skipped: ${reason})`, body)
  }
  describe(`${name} as log`, () => {
    const tools = createTools(options)
    recordCases(check, tools)
    readingCases(check, tools)
    positionCases(check, tools)
    adminCases(check, tools)
    logTransactionContract(check, tools)
    logModelTest(check, tools, options.modelRuns ?? 25)
  })
}

type Check = (title: string, body: () => Promise<void>) => void

function recordCases(check: Check, tools: LogContractTools): void {
  check('records come back in order, with what they were sent with', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const headers: Headers = [
      { key: 'trace', value: utf8Encode('a') },
      { key: 'trace', value: null },
      { key: 'größe', value: EMPTY_BYTES },
    ]
    producer.send(topic, 0, utf8Encode('key'), utf8Encode('value'), 1_700_000_000_000, headers)
    producer.send(topic, 0, null, utf8Encode('no key'), 5, NO_HEADERS)
    producer.send(topic, 0, utf8Encode('tombstone'), null, 4, NO_HEADERS)
    producer.send(topic, 0, EMPTY_BYTES, EMPTY_BYTES, 0, NO_HEADERS)
    producer.send(topic, 0, null, null, 1_900_000_000_000, NO_HEADERS)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic))
    const [records] = await readToEnd(log, consumer, fromStart(topic))
    expect(records?.map(plain)).toEqual([
      {
        key: '6b6579',
        value: '76616c7565',
        timestampMs: 1_700_000_000_000,
        headers: [
          ['trace', '61'],
          ['trace', null],
          ['größe', ''],
        ],
      },
      { key: null, value: '6e6f206b6579', timestampMs: 5, headers: [] },
      { key: '746f6d6273746f6e65', value: null, timestampMs: 4, headers: [] },
      { key: '', value: '', timestampMs: 0, headers: [] },
      { key: null, value: null, timestampMs: 1_900_000_000_000, headers: [] },
    ])
  })

  check('records of every size up to the limit come back, a larger one is refused alone', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 1, { maxMessageBytes: 1024 * 1024 })
    const producer = await tools.producer(log, [topic])
    const prng = createPrng(3)
    const sizes = [1, 127, 128, 129, 16_383, 16_384, 131_072, 200_000, 900_000, 3]
    const sent = sizes.map((size) => Uint8Array.from({ length: size }, () => prng.below(256)))
    for (const value of sent) producer.send(topic, 0, null, value, 1, NO_HEADERS)
    const tooLarge = new Uint8Array(1024 * 1024 + 1)
    expect(() => producer.send(topic, 0, null, tooLarge, 1, NO_HEADERS)).toThrow(
      expect.objectContaining({ code: 'RECORD_TOO_LARGE' }),
    )
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic))
    const [records] = await readToEnd(log, consumer, fromStart(topic))
    expect(records?.map(({ value }) => value?.length)).toEqual(sizes)
    expect(records?.every(({ value }, i) => value !== null && Buffer.compare(value, sent[i] as Uint8Array) === 0)).toBe(
      true,
    )
  })

  check('a timestamp that is no whole number is refused alone', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    for (const timestampMs of [1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => producer.send(topic, 0, null, null, timestampMs, NO_HEADERS)).toThrow(
        expect.objectContaining({ code: 'RECORD_UNWRITABLE' }),
      )
    producer.send(topic, 0, null, null, 7, NO_HEADERS)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic))
    const [records] = await readToEnd(log, consumer, fromStart(topic))
    expect(records?.map(({ timestampMs }) => timestampMs)).toEqual([7])
  })

  check('bytes that were read stay as they are', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const consumer = await tools.consumer(log, fromStart(topic))
    const seen: LogRecord[] = []
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 100; i++) sendText(producer, topic, 0, `key-${round}-${i}`, `value-${round}-${i}`)
      await producer.flush()
      const at = [{ topic, partition: 0, offset: consumer.position({ topic, partition: 0 }) }]
      seen.push(...((await readToEnd(log, consumer, at))[0] as LogRecord[]))
    }
    expect(valuesOf(seen)).toEqual(Array.from({ length: 500 }, (_, i) => `value-${Math.floor(i / 100)}-${i % 100}`))
  })

  check('the producer says what it will not take', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic])
    const send = (name: string, partition: number) => () => producer.send(name, partition, null, null, 0, NO_HEADERS)
    expect(producer.partitionCount(topic)).toBe(2)
    expect(producer.partitionCount('unknown')).toBeUndefined()
    expect(send('unknown', 0)).toThrow(expect.objectContaining({ code: 'TOPIC_MISSING' }))
    expect(send(topic, 2)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    expect(send(topic, -1)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
    const missing = uniqueName('missing')
    await expect(producer.prepareTopics([topic, missing])).rejects.toThrow(
      expect.objectContaining({ code: 'TOPIC_MISSING' }),
    )
    await expect(producer.prepareTopics([missing])).rejects.toThrow(missing)
  })

  check('flush empties the buffer and says where the records ended', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic])
    expect(producer.bytesBuffered).toBe(0)
    expect(producer.producedOffset(topic, 0)).toBeUndefined()
    for (let i = 0; i < 10; i++) sendText(producer, topic, 0, 'k', `value-${i}`)
    expect(producer.bytesBuffered).toBeGreaterThan(0)
    await producer.flush()
    expect(producer.bytesBuffered).toBe(0)
    expect(producer.producedOffset(topic, 0)).toBe(10)
    expect(producer.producedOffset(topic, 1)).toBeUndefined()
  })
}

function readingCases(check: Check, tools: LogContractTools): void {
  check('a poll keeps its limits, and gives one record however large', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 60; i++)
      producer.send(topic, i % 2, null, new Uint8Array(i % 9 === 4 ? 5_000 : 100), i, NO_HEADERS)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic, 2), { pollRecordsMax: 7, pollBytesMax: 450 })
    let count = 0
    while (count < 60) {
      const records = (await consumer.poll(WAIT_MS)).flatMap((batch) => batch.records)
      const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
      expect(records.length).toBeGreaterThan(0)
      expect(records.length).toBeLessThanOrEqual(7)
      expect(bytes <= 450 || records.length === 1, `${records.length} records with ${bytes} bytes`).toBe(true)
      count += records.length
    }
    expect(count).toBe(60)
  })

  check('partitions take turns', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 3)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 3_000; i++) sendText(producer, topic, i % 3, 'k', `${i}`)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic, 3), { pollRecordsMax: 2 })
    const seen = [0, 0, 0]
    for (let polls = 0; polls < 12; polls++) {
      for (const { partition, records } of await consumer.poll(WAIT_MS))
        seen[partition] = (seen[partition] ?? 0) + records.length
    }
    expect(Math.min(...seen), `records per partition: ${seen}`).toBeGreaterThan(0)
  })

  check('a poll waits for what is written meanwhile, and no longer than asked', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const consumer = await tools.consumer(log, fromStart(topic))
    expect(await consumer.poll(0)).toEqual([])
    expect(await consumer.poll(20)).toEqual([])
    const waiting = consumer.poll(60_000)
    sendText(producer, topic, 0, 'k', 'late')
    await producer.flush()
    expect(valuesOf((await waiting)[0]?.records)).toEqual(['late'])
  })

  check('wakeup ends a waiting poll, and nothing is lost by it', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const consumer = await tools.consumer(log, fromStart(topic))
    const waiting = consumer.poll(60_000)
    consumer.wakeup()
    expect(await waiting).toEqual([])
    sendText(producer, topic, 0, 'k', 'after')
    await producer.flush()
    expect(valuesOf((await readToEnd(log, consumer, fromStart(topic)))[0])).toEqual(['after'])
  })

  check('several consumers read independently, also through another client', async () => {
    const log = await tools.connect()
    const other = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 100; i++) sendText(producer, topic, 0, 'k', `${i}`)
    await producer.flush()
    const expected = Array.from({ length: 100 }, (_, i) => `${i}`)
    const readers = [await tools.consumer(log, fromStart(topic)), await tools.consumer(other, fromStart(topic))]
    for (const reader of readers) {
      expect(valuesOf((await readToEnd(log, reader, fromStart(topic)))[0])).toEqual(expected)
    }
  })

  check('what one client wrote is there for a client that comes later', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    sendText(producer, topic, 0, 'k', 'kept')
    await producer.close()
    await log.close()
    const later = await tools.connect()
    const consumer = await tools.consumer(later, fromStart(topic))
    expect(valuesOf((await readToEnd(later, consumer, fromStart(topic)))[0])).toEqual(['kept'])
  })
}

function positionCases(check: Check, tools: LogContractTools): void {
  check('seek goes back and forth', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 20; i++) sendText(producer, topic, 0, 'k', `${i}`)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic), { pollRecordsMax: 3 })
    /** Three records or more, in order from there: a poll may give fewer than it could. */
    const readFrom = async (first: number): Promise<void> => {
      const values: unknown[] = []
      while (values.length < 3) {
        const [batch] = await consumer.poll(WAIT_MS)
        expect(batch).toBeDefined()
        values.push(...valuesOf(batch?.records))
      }
      expect(values).toEqual(values.map((_, index) => `${first + index}`))
      expect(consumer.position({ topic, partition: 0 })).toBe(first + values.length)
    }
    await readFrom(0)
    consumer.seek({ topic, partition: 0, offset: 17 })
    await readFrom(17)
    consumer.seek({ topic, partition: 0, offset: 1 })
    expect(consumer.position({ topic, partition: 0 })).toBe(1)
    await readFrom(1)
  })

  check('seek is right also while the next records are on their way', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const count = 24_000
    for (let i = 0; i < count; i++) producer.send(topic, 0, null, new Uint8Array(250), i, NO_HEADERS)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic), { pollRecordsMax: 2_000 })
    // However many polls lie between two seeks, one of these rounds seeks just when a fetch is under way.
    for (let round = 0; round < 14; round++) {
      let expected = (round * 7_919) % 10_000
      consumer.seek({ topic, partition: 0, offset: expected })
      for (let polls = 0; polls <= round % 7; polls++) {
        const [batch] = await consumer.poll(WAIT_MS)
        expect(batch?.records[0]?.offset).toBe(expected)
        expected = batch?.nextOffset ?? 0
      }
    }
  })

  check('a paused partition is not given and keeps its position', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 20; i++) sendText(producer, topic, i % 2, 'k', `${i}`)
    await producer.flush()
    const consumer = await tools.consumer(log, fromStart(topic, 2), { pollRecordsMax: 4 })
    await consumer.poll(WAIT_MS)
    const paused = { topic, partition: 1 }
    consumer.pause([paused])
    const position = consumer.position(paused)
    for (;;) {
      const batches = await consumer.poll(50)
      if (batches.length === 0) break
      expect(batches.every(({ partition }) => partition === 0)).toBe(true)
    }
    expect(consumer.position(paused)).toBe(position)
    consumer.resume([paused])
    const [first] = await consumer.poll(WAIT_MS)
    expect(first?.partition).toBe(1)
    expect(first?.records[0]?.offset).toBe(position)
  })

  check('assign replaces the assignment', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 10; i++) sendText(producer, topic, i % 2, 'k', `${i}`)
    await producer.flush()
    const consumer = await tools.consumer(log, [{ topic, partition: 0, offset: 0 }])
    await consumer.poll(WAIT_MS)
    const only = [{ topic, partition: 1, offset: 3 }]
    consumer.assign(only)
    expect(valuesOf((await readToEnd(log, consumer, only))[0])).toEqual(['7', '9'])
    expect(() => consumer.position({ topic, partition: 0 })).toThrow('assigned')
  })

  check('a position outside the partition is an error that names it, and changes nothing', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    sendText(producer, topic, 0, 'k', 'v')
    await producer.flush()
    const consumer = await tools.consumer(log, [{ topic, partition: 0, offset: 5 }])
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await consumer.poll(WAIT_MS).catch((thrown: unknown) => thrown)
      expect(hasCode(error, 'OFFSET_OUT_OF_RANGE'), String(error)).toBe(true)
      expect(String(error)).toContain(topic)
      expect(consumer.position({ topic, partition: 0 })).toBe(5)
    }
    consumer.seek({ topic, partition: 0, offset: 0 })
    expect(valuesOf((await consumer.poll(WAIT_MS))[0]?.records)).toEqual(['v'])
  })

  check('deleted records are gone, and the start offset says so', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    for (let i = 0; i < 20; i++) sendText(producer, topic, 0, 'k', `${i}`)
    await producer.flush()
    await log.admin.deleteRecords([{ topic, partition: 0, offset: 12 }])
    expect(await log.admin.startOffsets([{ topic, partition: 0 }])).toEqual([{ topic, partition: 0, offset: 12 }])
    expect(await log.admin.endOffsets([{ topic, partition: 0 }])).toEqual([{ topic, partition: 0, offset: 20 }])
    const consumer = await tools.consumer(log, [{ topic, partition: 0, offset: 12 }])
    expect(valuesOf((await readToEnd(log, consumer, [{ topic, partition: 0, offset: 12 }]))[0])[0]).toBe('12')
    consumer.seek({ topic, partition: 0, offset: 11 })
    await expect(consumer.poll(WAIT_MS)).rejects.toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }))
  })

  check('offsets are found by time', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 1, { retentionMs: -1 })
    const producer = await tools.producer(log, [topic])
    for (const timestampMs of [100, 50, 200, 150, 300]) sendText(producer, topic, 0, 'k', 'v', timestampMs)
    await producer.flush()
    const find = async (timestampMs: number): Promise<number | undefined> =>
      (await log.admin.offsetsForTimes([{ topic, partition: 0, timestampMs }]))[0]?.offset
    expect([await find(0), await find(100), await find(101), await find(300), await find(301)]).toEqual([0, 0, 2, 4, 5])
  })
}

function adminCases(check: Check, tools: LogContractTools): void {
  check('topics are created once, described, listed and deleted', async () => {
    const log = await tools.connect()
    const { admin } = log
    const name = uniqueName('topic')
    await admin.createTopics([
      { name, partitions: 3, config: { cleanupPolicy: 'compact', retentionMs: 220_752_000_000 } },
    ])
    await admin.createTopics([{ name, partitions: 3 }])
    await expect(admin.createTopics([{ name, partitions: 4 }])).rejects.toThrow(
      expect.objectContaining({ code: 'TOPIC_MISMATCH' }),
    )
    const described = await admin.describeTopics([name, uniqueName('absent')])
    expect([...described.keys()]).toEqual([name])
    expect(described.get(name)).toMatchObject({
      name,
      partitions: 3,
      config: { cleanupPolicy: 'compact', retentionMs: 220_752_000_000 },
    })
    expect(await admin.listTopics()).toContain(name)
    await admin.deleteTopics([name])
    expect(await admin.listTopics()).not.toContain(name)
    expect((await admin.describeTopics([name])).size).toBe(0)
  })

  check('offsets of a group are committed, read, altered and deleted, with their metadata', async () => {
    const log = await tools.connect()
    const { admin } = log
    const topic = await tools.topic(log, 3)
    const group = uniqueName('group')
    expect(await admin.committedOffsets(group)).toEqual([])
    const producer = await tools.producer(log, [topic])
    await producer.commitOffsets(group, [
      { topic, partition: 0, offset: 7, metadata: 'time=5;größe' },
      { topic, partition: 1, offset: 0, metadata: '' },
    ])
    expect(
      await admin.committedOffsets(group, [
        { topic, partition: 0 },
        { topic, partition: 2 },
      ]),
    ).toEqual([{ topic, partition: 0, offset: 7, metadata: 'time=5;größe' }])
    await producer.commitOffsets(group, [{ topic, partition: 1, offset: 9, metadata: 'b' }])
    await producer.close()
    await admin.alterCommittedOffsets(group, [{ topic, partition: 0, offset: 3, metadata: 'reset' }])
    const all = [...(await admin.committedOffsets(group))].sort((left, right) => left.partition - right.partition)
    expect(all).toEqual([
      { topic, partition: 0, offset: 3, metadata: 'reset' },
      { topic, partition: 1, offset: 9, metadata: 'b' },
    ])
    expect(await admin.listGroups()).toContain(group)
    await admin.deleteGroup(group)
    expect(await admin.committedOffsets(group)).toEqual([])
    expect(await admin.listGroups()).not.toContain(group)
  })

  check('what is closed says so', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic])
    const consumer = await tools.consumer(log, fromStart(topic))
    const waiting = consumer.poll(60_000).then(
      (batches) => batches.length,
      (error: unknown) => (hasCode(error, 'CLOSED') ? 0 : error),
    )
    await producer.close()
    await consumer.close()
    expect(await waiting).toBe(0)
    await expect(producer.flush()).rejects.toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await expect(consumer.poll(0)).rejects.toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await producer.close()
    await consumer.close()
  })
}
