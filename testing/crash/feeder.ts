import { serdes } from '#streams'
import { partitionForKey, utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS } from '#streams/ports'
import { eventOf, INPUT, PARTITIONS } from './application.ts'

const FEEDER_GROUP = 'crash-feeder'
const BATCH = 200

/**
 * Writes events `0…count`, exactly once over crashes: how far it is, is committed with the events. Returns how many
 * this call has written.
 */
export async function feed(log: Log, count: number, pauseMs: number): Promise<number> {
  const producer = await log.createProducer({
    clientId: 'feeder',
    transactionalId: FEEDER_GROUP,
    bufferBytesMax: 1_000_000,
  })
  await producer.prepareTopics([INPUT])
  const [committed] = await log.admin.committedOffsets(FEEDER_GROUP, [{ topic: INPUT, partition: 0 }])
  const first = committed?.offset ?? 0
  for (let next = first; next < count; ) {
    const end = Math.min(count, next + BATCH)
    for (; next < end; next++) {
      const { key, value, timestampMs } = eventOf(next)
      const bytes = utf8Encode(key)
      producer.send(
        INPUT,
        partitionForKey(bytes, PARTITIONS),
        bytes,
        serdes.int64.serialize(value, INPUT),
        timestampMs,
        NO_HEADERS,
      )
    }
    await producer.commitTransaction(FEEDER_GROUP, [{ topic: INPUT, partition: 0, offset: next, metadata: '' }])
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  await producer.close()
  return Math.max(0, count - first)
}
