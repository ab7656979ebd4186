import { openEmbeddedLog } from '#connectors/embedded-log'
import { type Log, type LogRecord, SILENT_LOGGER } from '#streams/ports'

export type ReadRecord = { readonly key: string; readonly value: string; readonly timestampMs: number }

/** All records of topics in a log that nobody else has open: by topic and partition, in offset order. */
export async function readTopics(
  directory: string,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly (readonly ReadRecord[])[]>> {
  const owner = await openEmbeddedLog({ directory, logger: SILENT_LOGGER })
  const log = owner.connect()
  const result = new Map<string, readonly (readonly ReadRecord[])[]>()
  for (const topic of topics) result.set(topic, await readTopic(log, topic))
  await log.close()
  await owner.close()
  return result
}

/** Of any log: what a read-committed reader sees. */
export async function readTopic(log: Log, topic: string): Promise<readonly (readonly ReadRecord[])[]> {
  const description = (await log.admin.describeTopics([topic])).get(topic)
  const partitions = Array.from({ length: description?.partitions ?? 0 }, (_, partition) => ({ topic, partition }))
  const [starts, ends] = await Promise.all([
    log.admin.startOffsets(partitions),
    log.admin.endOffsets(partitions, 'read_uncommitted'),
  ])
  const consumer = await log.createConsumer({
    clientId: 'reader',
    isolation: 'read_committed',
    pollRecordsMax: 10_000,
    pollBytesMax: 10_000_000,
  })
  consumer.assign(starts)
  const records: ReadRecord[][] = partitions.map(() => [])
  while (ends.some((end) => consumer.position(end) < end.offset)) {
    for (const batch of await consumer.poll(1000)) {
      for (const record of batch.records) records[batch.partition]?.push(readable(record))
    }
  }
  await consumer.close()
  return records
}

function readable({ key, value, timestampMs }: LogRecord): ReadRecord {
  return { key: hex(key), value: hex(value), timestampMs }
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes).toString('hex')
}
