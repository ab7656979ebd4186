import { StreamsError } from '#streams/base'
import type { Headers, LogRecord } from '#streams/ports'

/** Topics of a test, in memory. Offsets are positions in the array; nothing is ever removed. */
export type MemoryTopics = {
  create(name: string, partitions: number): void
  has(name: string): boolean
  names(): readonly string[]
  partitionCount(name: string): number | undefined
  append(name: string, partition: number, record: Omit<LogRecord, 'offset'>): LogRecord
  records(name: string, partition: number): readonly LogRecord[]
  endOffset(name: string, partition: number): number
}

export function createMemoryTopics(): MemoryTopics {
  const topics = new Map<string, LogRecord[][]>()
  const records = (name: string, partition: number): LogRecord[] => {
    const partitions = topics.get(name)
    const found = partitions?.[partition]
    if (found === undefined) {
      const known = [...topics.keys()].join(', ') || 'none'
      throw new StreamsError(
        'TOPIC_MISSING',
        `the test driver has no partition ${partition} of topic ${name}; topics: ${known}`,
      )
    }
    return found
  }
  return {
    create: (name, partitions) => {
      if (!topics.has(name))
        topics.set(
          name,
          Array.from({ length: partitions }, () => []),
        )
    },
    has: (name) => topics.has(name),
    names: () => [...topics.keys()],
    partitionCount: (name) => topics.get(name)?.length,
    append: (name, partition, record) => {
      const partitionRecords = records(name, partition)
      const appended: LogRecord = { ...record, offset: partitionRecords.length }
      partitionRecords.push(appended)
      return appended
    },
    records,
    endOffset: (name, partition) => records(name, partition).length,
  }
}

export type PendingRecord = {
  readonly topic: string
  readonly partition: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestampMs: number
  readonly headers: Headers
}
