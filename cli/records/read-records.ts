import { hasCode, partitionName } from '#streams/base'
import type { FetchedBatch, IsolationLevel, Log, LogRecord, PartitionOffset } from '#streams/ports'
import type { Range } from './positions.ts'

export type ReadOptions = {
  readonly ranges: readonly Range[]
  readonly isolation: IsolationLevel
  /** Goes on with what comes after the ends. */
  readonly follows: boolean
  readonly max: number
  readonly signal: AbortSignal
  /** Before the records of a batch: what has to be known of them. */
  readonly prepare: (records: readonly LogRecord[]) => Promise<void>
  readonly onRecord: (record: LogRecord, batch: FetchedBatch) => void
  /** After each poll: what was written for it has to go out. */
  readonly onPolled: (records: number) => Promise<void>
  /** Where the log's owner may end while it is followed: the log of the next one. Undefined: there will be none. */
  readonly reopen?: () => Promise<Log | undefined>
}

const POLL_RECORDS_MAX = 1_000
const POLL_BYTES_MAX = 4 * 1024 * 1024
const POLL_WAIT_MS = 1_000

export type ReadResult = {
  readonly records: number
  /** Where each partition goes on. */
  readonly positions: readonly PartitionOffset[]
}

/** Reads partitions to their ends, or on and on. Done on position: offsets have gaps. */
export async function readRecords(log: Log, options: ReadOptions): Promise<ReadResult> {
  const { ranges, follows, reopen } = options
  const reading = {
    positions: new Map(ranges.map((range) => [partitionName(range.topic, range.partition), range as PartitionOffset])),
    open: new Map(
      ranges.filter(({ offset, endOffset }) => offset < endOffset).map((range) => [rangeName(range), range]),
    ),
    records: 0,
  }
  for (let current: Log | undefined = log; current !== undefined; ) {
    try {
      await readFrom(current, options, reading)
      break
    } catch (error) {
      if (!hasCode(error, 'CLOSED') || !follows || reopen === undefined || options.signal.aborted) throw error
      current = await reopen()
    }
  }
  return { records: reading.records, positions: [...reading.positions.values()] }
}

type Reading = {
  readonly positions: Map<string, PartitionOffset>
  /** Partitions whose end is not reached. */
  readonly open: Map<string, Range>
  records: number
}

const rangeName = ({ topic, partition }: Range): string => partitionName(topic, partition)

async function readFrom(log: Log, options: ReadOptions, reading: Reading): Promise<void> {
  const { follows, max, signal, isolation, onPolled } = options
  const { open, positions } = reading
  const consumer = await log.createConsumer({
    clientId: 'mto-consume',
    isolation,
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  const wake = (): void => consumer.wakeup()
  signal.addEventListener('abort', wake)
  try {
    const assigned = follows ? positions : open
    consumer.assign([...assigned.keys()].map((name) => positions.get(name) as PartitionOffset))
    while (!signal.aborted && reading.records < max && (follows || open.size > 0)) {
      const batches = await consumer.poll(POLL_WAIT_MS)
      for (const batch of batches) await readBatch(batch, options, reading)
      for (const { topic, partition } of batches) {
        const name = partitionName(topic, partition)
        const range = open.get(name)
        if (range === undefined || (positions.get(name)?.offset ?? 0) < range.endOffset) continue
        open.delete(name)
        if (!follows) consumer.pause([{ topic, partition }])
      }
      await onPolled(reading.records)
    }
  } finally {
    signal.removeEventListener('abort', wake)
    await consumer.close()
  }
}

async function readBatch(batch: FetchedBatch, options: ReadOptions, reading: Reading): Promise<void> {
  const { follows, max, signal, prepare, onRecord } = options
  const { topic, partition, records, nextOffset } = batch
  const name = partitionName(topic, partition)
  const end = follows ? Number.POSITIVE_INFINITY : (reading.open.get(name)?.endOffset ?? 0)
  await prepare(records)
  for (const record of records) {
    if (record.offset >= end || reading.records >= max || signal.aborted) return
    reading.records++
    onRecord(record, batch)
    reading.positions.set(name, { topic, partition, offset: record.offset + 1 })
  }
  reading.positions.set(name, { topic, partition, offset: nextOffset })
}
