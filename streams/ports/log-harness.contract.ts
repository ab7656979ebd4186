import { afterEach, expect } from 'vitest'
import { type Bytes, hexOf, utf8Decode, utf8Encode } from '../base/index.ts'
import { NO_HEADERS } from './headers.ts'
import type {
  Consumer,
  ConsumerOptions,
  FetchedBatch,
  Log,
  LogRecord,
  PartitionOffset,
  Producer,
  TopicConfig,
} from './log.ts'

/** What the suite needs of an implementation. The log may hold topics of other tests: names are made unique. */
export type LogContractOptions = {
  /** Another client of one and the same log; closed by the suite. */
  readonly connect: () => Promise<Log>
  /** Runs of the model test, fewer where one run is slow. */
  readonly modelRuns?: number
  /** Cases that an implementation cannot pass, each with the reason. */
  readonly skip?: Readonly<Record<string, string>>
}

let names = 0
/** Unique over runs too, for a broker that lives longer than a test. */
export function uniqueName(what: string): string {
  return `${what}-${Date.now().toString(36)}-${names++}`
}

export const CONSUMER: ConsumerOptions = {
  clientId: 'contract-consumer',
  isolation: 'read_committed',
  pollRecordsMax: 500,
  pollBytesMax: 4 * 1024 * 1024,
}
export const BUFFER_BYTES_MAX = 32 * 1024 * 1024
/** A poll waits at most so long for what must come. */
export const WAIT_MS = 5_000

export type LogContractTools = ReturnType<typeof createTools>

/** Opens clients, topics, producers and consumers for one test, and closes them after it. */
export function createTools(options: LogContractOptions) {
  const opened: Log[] = []
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close()
  })
  const connect = async (): Promise<Log> => {
    const log = await options.connect()
    opened.push(log)
    return log
  }
  return {
    connect,
    async topic(log: Log, partitions = 1, config?: TopicConfig): Promise<string> {
      const name = uniqueName('contract')
      await log.admin.createTopics([config === undefined ? { name, partitions } : { name, partitions, config }])
      return name
    },
    async producer(log: Log, topics: readonly string[], transactionalId?: string): Promise<Producer> {
      const producer = await log.createProducer({
        clientId: 'contract-producer',
        bufferBytesMax: BUFFER_BYTES_MAX,
        ...(transactionalId === undefined ? {} : { transactionalId }),
      })
      await producer.prepareTopics(topics)
      return producer
    },
    async consumer(log: Log, positions: readonly PartitionOffset[], changed: Partial<ConsumerOptions> = {}) {
      const consumer = await log.createConsumer({ ...CONSUMER, ...changed })
      consumer.assign(positions)
      return consumer
    },
  }
}

/** Positions at the start of each partition. */
export function fromStart(topic: string, partitions = 1): PartitionOffset[] {
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 }))
}

export function sendText(
  producer: Producer,
  topic: string,
  partition: number,
  key: string,
  value: string,
  timestampMs = 0,
) {
  producer.send(topic, partition, utf8Encode(key), utf8Encode(value), timestampMs, NO_HEADERS)
}

/** Polls until every assigned partition is at its end; by position, since the last offsets may hold no records. */
export async function readToEnd(
  log: Log,
  consumer: Consumer,
  positions: readonly PartitionOffset[],
): Promise<LogRecord[][]> {
  const records: LogRecord[][] = positions.map(() => [])
  // What was committed a moment ago may not be marked so yet: it lies before this end, not before the other one.
  const ends = await log.admin.endOffsets(positions, 'read_uncommitted')
  const isDone = (): boolean => ends.every((end) => consumer.position(end) >= end.offset)
  while (!isDone()) {
    const batches = await consumer.poll(WAIT_MS)
    expect(batches.length, 'a poll that has something to give gives something').toBeGreaterThan(0)
    for (const batch of batches) addBatch(records, positions, batch)
  }
  return records
}

function addBatch(records: LogRecord[][], positions: readonly PartitionOffset[], batch: FetchedBatch): void {
  const at = positions.findIndex(({ topic, partition }) => topic === batch.topic && partition === batch.partition)
  const known = records[at] as LogRecord[]
  for (const record of batch.records) {
    expect(record.offset, 'offsets rise').toBeGreaterThan(known.at(-1)?.offset ?? -1)
    known.push(record)
  }
  expect(batch.nextOffset, 'the next position is behind the last record').toBeGreaterThan(known.at(-1)?.offset ?? -1)
  expect(batch.endOffset).toBeGreaterThanOrEqual(batch.nextOffset)
}

export function textOf(bytes: Bytes | null): string | null {
  return bytes === null ? null : utf8Decode(bytes)
}

export function valuesOf(records: readonly LogRecord[] | undefined): (string | null)[] {
  return (records ?? []).map(({ value }) => textOf(value))
}

/** A record in a form that tests compare: bytes as hexadecimal text. */
export function plain({ key, value, timestampMs, headers }: LogRecord): unknown {
  const hex = (bytes: Bytes | null): string | null => (bytes === null ? null : hexOf(bytes, bytes.length))
  return { key: hex(key), value: hex(value), timestampMs, headers: headers.map((each) => [each.key, hex(each.value)]) }
}
