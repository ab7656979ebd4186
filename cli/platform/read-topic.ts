import type { Log, LogRecord, PartitionOffset, TopicPartition } from '#streams/ports'

const POLL_RECORDS_MAX = 10_000
const POLL_BYTES_MAX = 16 * 1024 * 1024
const POLL_WAIT_MS = 1_000

export type TopicReading = {
  readonly log: Log
  readonly topics: readonly string[]
  readonly onRecord: (record: LogRecord, at: TopicPartition) => void
  readonly onProgress?: (records: number) => void
}

/** All partitions of those topics that exist. */
export async function partitionsOf(log: Log, topics: readonly string[]): Promise<readonly TopicPartition[]> {
  const described = await log.admin.describeTopics(topics)
  return [...described.values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}

/** Reads committed records of topics from their start to what is their end now. Returns how many. */
export async function readTopics({ log, topics, onRecord, onProgress }: TopicReading): Promise<number> {
  const partitions = await partitionsOf(log, topics)
  const [starts, ends] = await Promise.all([log.admin.startOffsets(partitions), log.admin.endOffsets(partitions)])
  const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`
  const endOf = new Map(ends.map((end) => [nameOf(end), end.offset]))
  const isOpen = (at: PartitionOffset): boolean => at.offset < (endOf.get(nameOf(at)) ?? 0)
  const open = new Set(starts.filter(isOpen).map(nameOf))
  const consumer = await log.createConsumer({
    clientId: 'mto-read',
    isolation: 'read_committed',
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  let count = 0
  try {
    consumer.assign(starts.filter(isOpen))
    while (open.size > 0) {
      for (const { topic, partition, records, nextOffset } of await consumer.poll(POLL_WAIT_MS)) {
        const end = endOf.get(nameOf({ topic, partition })) ?? 0
        for (const record of records) {
          if (record.offset >= end) break
          count++
          onRecord(record, { topic, partition })
        }
        if (nextOffset < end || !open.delete(nameOf({ topic, partition }))) continue
        consumer.pause([{ topic, partition }])
      }
      onProgress?.(count)
    }
  } finally {
    await consumer.close()
  }
  return count
}
