import type { Log, LogRecord, PartitionOffset, TopicPartition } from '#streams/ports'
import { partitionsOf, readBetween } from '../live/log-tail.ts'

export type PlacedRecord = TopicPartition & { readonly record: LogRecord }
export type BackwardPage = {
  readonly records: readonly PlacedRecord[]
  /** Where the topics ended when they were read. */
  readonly ends: readonly PartitionOffset[]
  /** Exclusive upper bounds of what comes after the first `count` records; undefined when there is nothing more. */
  below(count: number): readonly PartitionOffset[] | undefined
}

/** Of cursors: what `below` gave. */
export const isPositions = (value: unknown): value is readonly PartitionOffset[] =>
  Array.isArray(value) &&
  value.every((each) => typeof each?.topic === 'string' && Number.isSafeInteger(each.partition) && each.offset >= 0)

/** Offsets may have gaps (transactions, compaction): windows grow until they hold enough. */
const WINDOW_GROWTH = 4
const WINDOW_RECORDS_MAX = 20_000

/**
 * The newest records of topics first, by their timestamps within what each partition appended last: the log is read
 * backwards by windows of offsets.
 */
export async function readBackwards(
  log: Log,
  topics: readonly string[],
  limit: number,
  before?: readonly PartitionOffset[],
): Promise<BackwardPage> {
  const partitions = await partitionsOf(log, topics)
  const starts = await log.admin.startOffsets(partitions)
  const ends = await log.admin.endOffsets(partitions)
  const upper = ends.map((end) => {
    const asked = before?.find((bound) => bound.topic === end.topic && bound.partition === end.partition)
    return asked === undefined ? end : { ...end, offset: Math.min(asked.offset, end.offset) }
  })
  const startOf = new Map(starts.map((start) => [placeOf(start), start.offset]))
  const stacks = await Promise.all(upper.map((end) => lastRecords(log, end, startOf.get(placeOf(end)) ?? 0, limit)))
  const records = takeNewest(
    stacks.map((stack) => [...stack]),
    limit,
  )
  const below: BackwardPage['below'] = (count) => {
    if (count === records.length && records.length < limit) return undefined
    const taken = records.slice(0, count)
    return upper.map((end) => {
      const offsets = taken.filter((each) => placeOf(each) === placeOf(end)).map(({ record }) => record.offset)
      return { ...end, offset: Math.min(end.offset, ...offsets) }
    })
  }
  return { records, ends, below }
}

/** At least the last `limit` records below a bound, or all. */
async function lastRecords(
  log: Log,
  end: PartitionOffset,
  start: number,
  limit: number,
): Promise<readonly PlacedRecord[]> {
  for (let size = limit; ; size *= WINDOW_GROWTH) {
    const from = Math.max(start, end.offset - size)
    const records = await readBetween(log, [{ ...end, offset: from }], [end], WINDOW_RECORDS_MAX)
    if (records.length >= limit || from === start || size >= WINDOW_RECORDS_MAX) return records.slice(-limit)
  }
}

/**
 * Within a partition by offset, whatever the timestamps say (the next page goes on below the lowest one taken); between
 * partitions by the timestamps of their last records.
 */
function takeNewest(stacks: PlacedRecord[][], limit: number): readonly PlacedRecord[] {
  const taken: PlacedRecord[] = []
  while (taken.length < limit) {
    let newest: PlacedRecord[] | undefined
    for (const stack of stacks) {
      const head = stack.at(-1)
      if (head === undefined) continue
      const best = newest?.at(-1)
      if (best === undefined || head.record.timestampMs > best.record.timestampMs) newest = stack
    }
    const record = newest?.pop()
    if (record === undefined) break
    taken.push(record)
  }
  return taken
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
