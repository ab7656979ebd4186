import { hasCode, messageOf } from '#streams/base'
import type { Clock, FetchedBatch, Log, Logger, LogRecord, PartitionOffset, TopicPartition } from '#streams/ports'

/** Follows topics record by record, from where it is told, until it is closed. */
export type LogTail = {
  /** The next offset of each partition: everything below it was given to `onRecord`. */
  positions(): readonly PartitionOffset[]
  /** Resolves when it has reached what was the end at its start. */
  readonly caughtUp: Promise<void>
  close(): Promise<void>
}

export type TailOptions = {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly name: string
  readonly topics: readonly string[]
  /** `start`: all that the topics still hold. `end`: only what is new. */
  readonly from: 'start' | 'end'
  readonly onRecord: (record: LogRecord, partition: TopicPartition) => void
}

const POLL_RECORDS_MAX = 1_000
const POLL_BYTES_MAX = 4 * 1024 * 1024
const POLL_WAIT_MS = 500
const RETRY_DELAY_MS = 1_000

/** All partitions of those topics that exist. */
export async function partitionsOf(log: Log, topics: readonly string[]): Promise<readonly TopicPartition[]> {
  const described = await log.admin.describeTopics(topics)
  return [...described.values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}

export async function followLog(options: TailOptions): Promise<LogTail> {
  const { log, clock, logger, name, topics, from, onRecord } = options
  const partitions = await partitionsOf(log, topics)
  const ends = await log.admin.endOffsets(partitions)
  const starts = from === 'end' ? ends : await log.admin.startOffsets(partitions)
  const consumer = await log.createConsumer({
    clientId: name,
    isolation: 'read_committed',
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  consumer.assign(starts)
  const positions = new Map(starts.map((start) => [keyOf(start), start.offset]))
  const caughtUp = Promise.withResolvers<void>()
  const behind = new Map(ends.map((end) => [keyOf(end), end.offset]))
  const stopped = new AbortController()

  const passed = (): void => {
    for (const [key, end] of behind) if ((positions.get(key) ?? 0) >= end) behind.delete(key)
    if (behind.size === 0) caughtUp.resolve()
  }
  const take = (batch: FetchedBatch): void => {
    for (const record of batch.records) {
      positions.set(keyOf(batch), record.offset + 1)
      onRecord(record, batch)
    }
    positions.set(keyOf(batch), batch.nextOffset)
  }
  /** What a topic no longer holds is gone: going on from its start is all that a reader can do. */
  const recover = async (error: unknown): Promise<void> => {
    logger.warn(`${name}: cannot read`, { error: messageOf(error) })
    if (hasCode(error, 'OFFSET_OUT_OF_RANGE')) {
      for (const start of await log.admin.startOffsets(partitions)) {
        if ((positions.get(keyOf(start)) ?? 0) >= start.offset) continue
        positions.set(keyOf(start), start.offset)
        consumer.seek(start)
      }
    }
    await clock.sleep(RETRY_DELAY_MS, stopped.signal)
  }
  const run = async (): Promise<void> => {
    passed()
    while (!stopped.signal.aborted) {
      try {
        for (const batch of await consumer.poll(POLL_WAIT_MS)) take(batch)
        passed()
      } catch (error) {
        if (stopped.signal.aborted || hasCode(error, 'CLOSED')) break
        await recover(error).catch(() => clock.sleep(RETRY_DELAY_MS, stopped.signal))
      }
    }
    caughtUp.resolve()
    await consumer.close().catch(() => {})
  }
  const running = run()
  return {
    positions: () => partitions.map((each) => ({ ...each, offset: positions.get(keyOf(each)) ?? 0 })),
    caughtUp: caughtUp.promise,
    close: async () => {
      stopped.abort()
      consumer.wakeup()
      await running
    },
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

/** Reads from positions up to (not including) others, at most so many records; for catching up. */
export async function readBetween(
  log: Log,
  from: readonly PartitionOffset[],
  to: readonly PartitionOffset[],
  recordsMax: number,
): Promise<readonly (TopicPartition & { readonly record: LogRecord })[]> {
  const endOf = new Map(to.map((end) => [keyOf(end), end.offset]))
  const open = new Map(from.filter((start) => start.offset < (endOf.get(keyOf(start)) ?? 0)).map((s) => [keyOf(s), s]))
  if (open.size === 0) return []
  const consumer = await log.createConsumer({
    clientId: 'api-reader',
    isolation: 'read_committed',
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  const found: (TopicPartition & { readonly record: LogRecord })[] = []
  try {
    consumer.assign([...open.values()])
    while (open.size > 0 && found.length < recordsMax) {
      const batches = await consumer.poll(POLL_WAIT_MS)
      // Nothing more may be visible below the end that was asked for (an open transaction): what there is, is all.
      if (batches.length === 0) break
      for (const { topic, partition, records, nextOffset } of batches) {
        const end = endOf.get(keyOf({ topic, partition })) ?? 0
        for (const record of records) if (record.offset < end) found.push({ topic, partition, record })
        if (nextOffset < end) continue
        open.delete(keyOf({ topic, partition }))
        consumer.pause([{ topic, partition }])
      }
    }
  } finally {
    await consumer.close()
  }
  return found
}
