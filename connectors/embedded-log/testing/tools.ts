import { utf8Decode, utf8Encode } from '#streams/base'
import { type Disk, type Log, type LogFields, type Logger, NO_HEADERS, type TopicConfig } from '#streams/ports'
import { createLogOwner, type LogOwner, type LogOwnerSettings } from '../index.ts'
import { nodeClock } from '../node-clock.ts'

export type RecordedLine = { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }

/** Keeps the lines, for tests of what the user is told. */
export function recordingLogger(lines: RecordedLine[]): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export type OpenOptions = Partial<LogOwnerSettings> & {
  readonly lines?: RecordedLine[]
  readonly wallClockMs?: () => number
}

export function openOwner(disk: Disk, { lines = [], wallClockMs, ...settings }: OpenOptions = {}): Promise<LogOwner> {
  return createLogOwner({
    disk,
    clock: wallClockMs === undefined ? nodeClock : { ...nodeClock, wallClockMs },
    logger: recordingLogger(lines),
    settings: { fsyncIntervalMs: 0, maintenanceIntervalMs: 0, ...settings },
  })
}

export async function createTopic(log: Log, name: string, config: TopicConfig = {}, partitions = 1): Promise<void> {
  await log.admin.createTopics([{ name, partitions, config }])
}

/** `key=value`, `key=` for a tombstone; each text is one record of partition 0, all of one flush. */
export async function produce(log: Log, topic: string, texts: readonly string[], timestampMs = 0): Promise<void> {
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 1e8 })
  await producer.prepareTopics([topic])
  for (const text of texts) {
    const [key = '', value = ''] = text.split('=')
    producer.send(topic, 0, utf8Encode(key), value === '' ? null : utf8Encode(value), timestampMs, NO_HEADERS)
  }
  await producer.flush()
  await producer.close()
}

/** What a new reader of partition 0 finds, from an offset (default the start): `offset:key=value`. */
export async function readTexts(log: Log, topic: string, from?: number): Promise<string[]> {
  const partition = { topic, partition: 0 }
  const [start] = await log.admin.startOffsets([partition])
  const [end] = await log.admin.endOffsets([partition])
  const consumer = await log.createConsumer({
    clientId: 'test',
    isolation: 'read_committed',
    pollRecordsMax: 100,
    pollBytesMax: 1e6,
  })
  consumer.assign([{ ...partition, offset: from ?? start?.offset ?? 0 }])
  const texts: string[] = []
  try {
    while (consumer.position(partition) < (end?.offset ?? 0)) {
      for (const { records } of await consumer.poll(1_000)) {
        for (const { offset, key, value } of records) {
          texts.push(`${offset}:${key === null ? '' : utf8Decode(key)}=${value === null ? '' : utf8Decode(value)}`)
        }
      }
    }
  } finally {
    await consumer.close()
  }
  return texts
}

export function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `k${from + i}=v${from + i}`)
}
