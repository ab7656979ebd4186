import { expect } from 'vitest'
import {
  fromStart,
  type LogContractTools,
  readToEnd,
  sendText,
  uniqueName,
  valuesOf,
  WAIT_MS,
} from './log-harness.contract.ts'

type Check = (title: string, body: () => Promise<void>) => void

/** The part of the log's contract that exactly-once stands on. */
export function logTransactionContract(check: Check, tools: LogContractTools): void {
  check('a transaction is invisible until it commits, and then whole', async () => {
    const log = await tools.connect()
    const topics = [await tools.topic(log, 2), await tools.topic(log, 1)] as const
    const producer = await tools.producer(log, topics, uniqueName('tx'))
    const positions = [...fromStart(topics[0], 2), ...fromStart(topics[1])]
    const consumer = await tools.consumer(log, positions)
    for (let i = 0; i < 30; i++) {
      sendText(producer, topics[0], i % 2, 'k', `a${i}`)
      sendText(producer, topics[1], 0, 'k', `b${i}`)
    }
    await producer.flush()
    expect((await consumer.poll(50)).flatMap(({ records }) => records)).toEqual([])
    const group = uniqueName('group')
    expect(await log.admin.committedOffsets(group)).toEqual([])
    await producer.commitTransaction(group, [{ topic: topics[1], partition: 0, offset: 4, metadata: 'time=9' }])
    const records = await readToEnd(log, consumer, positions)
    expect(records.map((each) => each.length)).toEqual([15, 15, 30])
    expect(await log.admin.committedOffsets(group, [{ topic: topics[1], partition: 0 }])).toEqual([
      { topic: topics[1], partition: 0, offset: 4, metadata: 'time=9' },
    ])
    expect(producer.producedOffset(topics[1], 0)).toBeGreaterThanOrEqual(30)
    expect(producer.bytesBuffered).toBe(0)
  })

  check('an aborted transaction leaves nothing that a reader sees', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    const group = uniqueName('group')
    for (const [value, commits] of [
      ['a', true],
      ['lost', false],
      ['b', true],
    ] as const) {
      sendText(producer, topic, 0, 'k', value)
      if (commits) await producer.commitTransaction(group, [])
      else await producer.abortTransaction()
    }
    const consumer = await tools.consumer(log, fromStart(topic))
    expect(valuesOf((await readToEnd(log, consumer, fromStart(topic)))[0])).toEqual(['a', 'b'])
    expect(await log.admin.committedOffsets(group)).toEqual([])
  })

  check('positions and end offsets pass what transactions leave between records', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    for (let i = 0; i < 10; i++) {
      sendText(producer, topic, 0, 'k', `${i}`)
      if (i % 3 === 2) await producer.abortTransaction()
      else await producer.commitTransaction('', [])
    }
    const consumer = await tools.consumer(log, fromStart(topic), { pollRecordsMax: 2 })
    const [records] = await readToEnd(log, consumer, fromStart(topic))
    expect(valuesOf(records)).toEqual(['0', '1', '3', '4', '6', '7', '9'])
    const [end] = await log.admin.endOffsets(fromStart(topic))
    expect(consumer.position({ topic, partition: 0 })).toBe(end?.offset)
    expect(producer.producedOffset(topic, 0)).toBeGreaterThan(records?.at(-1)?.offset ?? 0)
    expect(await consumer.poll(20)).toEqual([])
  })

  check('offsets alone make a transaction, and so does nothing at all', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    const group = uniqueName('group')
    await producer.commitTransaction(group, [])
    await producer.commitTransaction(group, [{ topic, partition: 0, offset: 11, metadata: '' }])
    expect(await log.admin.committedOffsets(group, [{ topic, partition: 0 }])).toEqual([
      { topic, partition: 0, offset: 11, metadata: '' },
    ])
    await producer.abortTransaction()
    expect(await log.admin.committedOffsets(group)).toHaveLength(1)
  })

  check('a newer producer with the same id fences the older one', async () => {
    const log = await tools.connect()
    const other = await tools.connect()
    const topic = await tools.topic(log)
    const id = uniqueName('tx')
    const group = uniqueName('group')
    const older = await tools.producer(log, [topic], id)
    sendText(older, topic, 0, 'k', 'committed by the older')
    await older.commitTransaction(group, [])
    sendText(older, topic, 0, 'k', 'open when it was fenced')
    const newer = await tools.producer(other, [topic], id)
    sendText(newer, topic, 0, 'k', 'by the newer')
    await expect(older.commitTransaction(group, [{ topic, partition: 0, offset: 99, metadata: '' }])).rejects.toThrow(
      expect.objectContaining({ code: 'FENCED' }),
    )
    await newer.commitTransaction(group, [{ topic, partition: 0, offset: 1, metadata: '' }])
    const consumer = await tools.consumer(log, fromStart(topic))
    expect(valuesOf((await readToEnd(log, consumer, fromStart(topic)))[0])).toEqual([
      'committed by the older',
      'by the newer',
    ])
    expect(await log.admin.committedOffsets(group, [{ topic, partition: 0 }])).toEqual([
      { topic, partition: 0, offset: 1, metadata: '' },
    ])
    await expect(older.commitTransaction(group, [])).rejects.toThrow(expect.objectContaining({ code: 'FENCED' }))
  })

  check('producers of different ids do not disturb one another', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log)
    const producers = await Promise.all([1, 2, 3].map(() => tools.producer(log, [topic], uniqueName('tx'))))
    await Promise.all(
      producers.map(async (producer, p) => {
        for (let round = 0; round < 10; round++) {
          for (let i = 0; i < 5; i++) sendText(producer, topic, 0, `${p}`, `${p}-${round}-${i}`)
          await producer.commitTransaction('', [])
        }
      }),
    )
    const consumer = await tools.consumer(log, fromStart(topic))
    const values = valuesOf((await readToEnd(log, consumer, fromStart(topic)))[0])
    const expected = (p: number): string[] => Array.from({ length: 50 }, (_, i) => `${p}-${Math.floor(i / 5)}-${i % 5}`)
    for (const p of [0, 1, 2]) expect(values.filter((value) => value?.startsWith(`${p}-`))).toEqual(expected(p))
    expect(values).toHaveLength(150)
  })

  check('a waiting poll gets the records of a commit', async () => {
    const log = await tools.connect()
    const topic = await tools.topic(log, 2)
    const producer = await tools.producer(log, [topic], uniqueName('tx'))
    const consumer = await tools.consumer(log, fromStart(topic, 2))
    const waiting = consumer.poll(60_000)
    sendText(producer, topic, 1, 'k', 'now')
    await producer.commitTransaction('', [])
    const batches = [...(await waiting)]
    while (batches.length === 0) batches.push(...(await consumer.poll(WAIT_MS)))
    expect(batches.flatMap(({ records }) => valuesOf(records))).toEqual(['now'])
  })
}
