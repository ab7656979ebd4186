import { SACCO_TOPICS, type SaccoEvent } from '#schemas'
import { partitionForKey, utf8Decode, utf8Encode } from '#streams/base'
import type { PartitionOffset } from '#streams/ports'
import { type ApiApplication, inputTopicsOf, valueSerdeOf } from '../application.ts'
import { plainJson } from '../http/plain-json.ts'
import { partitionsOf, readBetween } from '../live/log-tail.ts'
import type { PlacedRecord } from './backward-reader.ts'
import { type MoneyView, moneyView } from './views.ts'
import { eventWords } from './words.ts'

export type MemberEventView = {
  readonly eventId: string
  readonly eventType: string
  readonly words: string
  readonly time: string
  readonly amount: MoneyView | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly data: unknown
}
export type MemberEventPage = {
  readonly events: readonly MemberEventView[]
  /** Where to go on; undefined when the topics are read to their starts. */
  readonly before: readonly PartitionOffset[] | undefined
}

/** Topics whose records are keyed by member: all events of a member are in one partition of each. */
const MEMBER_TOPICS = ['sacco.member.events', 'sacco.transaction.events', 'sacco.loan.events', 'sacco.payment.events']
/** The log has no index by key: one page looks at so many records of each partition, and its cursor goes on below. */
const SCANNED_PER_PARTITION = 20_000

/** A member's own events as they are in the log, the newest first. */
export async function readMemberEvents(
  application: ApiApplication,
  applicationId: string,
  memberId: string,
  limit: number,
  before: readonly PartitionOffset[] | undefined,
): Promise<MemberEventPage> {
  const inputs = new Set(inputTopicsOf(application.topology, applicationId).map(({ name }) => name))
  const topics = MEMBER_TOPICS.filter((topic) => inputs.has(topic) && SACCO_TOPICS.some(({ name }) => name === topic))
  const { log } = application
  const all = await partitionsOf(log, topics)
  const counts = new Map<string, number>()
  for (const { topic } of all) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  const key = utf8Encode(memberId)
  const own = all.filter(({ topic, partition }) => partition === partitionForKey(key, counts.get(topic) ?? 1))
  const starts = new Map((await log.admin.startOffsets(own)).map(({ topic, offset }) => [topic, offset]))
  const ends = (await log.admin.endOffsets(own)).map((end) => {
    const asked = before?.find(({ topic }) => topic === end.topic)?.offset
    return { ...end, offset: Math.min(end.offset, asked ?? end.offset) }
  })
  const froms = ends.map((end) => ({
    ...end,
    offset: Math.max(starts.get(end.topic) ?? 0, end.offset - SCANNED_PER_PARTITION),
  }))
  const records = await readBetween(log, froms, ends, SCANNED_PER_PARTITION * ends.length)
  const found = records
    .filter(({ record }) => record.key !== null && utf8Decode(record.key) === memberId)
    .sort((left, right) => right.record.timestampMs - left.record.timestampMs)
  const page = found.slice(0, limit)
  const isMore = found.length > page.length || froms.some(({ topic, offset }) => offset > (starts.get(topic) ?? 0))
  return {
    events: page.flatMap((placed) => eventView(application, placed) ?? []),
    before: isMore ? nextBounds(found, page, froms) : undefined,
  }
}

/** Below what was shown; where all that was found was shown, below what was looked at. */
function nextBounds(
  found: readonly PlacedRecord[],
  page: readonly PlacedRecord[],
  froms: readonly PartitionOffset[],
): readonly PartitionOffset[] {
  const shown = new Set(page)
  return froms.map((from) => {
    const left = found.filter((placed) => placed.topic === from.topic && !shown.has(placed))
    return { ...from, offset: Math.max(from.offset, ...left.map(({ record }) => record.offset + 1)) }
  })
}

/** Undefined for what cannot be read: it is among the dead letters, with the reason. */
function eventView(
  application: ApiApplication,
  { topic, partition, record }: PlacedRecord,
): MemberEventView | undefined {
  const serde = valueSerdeOf(application.topology, topic)
  if (serde === undefined || record.value === null) return undefined
  let event: SaccoEvent
  try {
    event = serde.deserialize(record.value, topic, record.headers) as SaccoEvent
  } catch {
    return undefined
  }
  const data = event.data as { readonly amount_minor?: number; readonly currency?: string }
  return {
    eventId: event.event_id,
    eventType: event.event_type,
    words: eventWords(event.event_type),
    time: event.timestamp,
    amount: data.amount_minor === undefined ? null : moneyView(data.amount_minor, data.currency ?? ''),
    topic,
    partition,
    offset: record.offset,
    data: plainJson(event.data),
  }
}
