import { createSacco, type EventStream, type EventStreamOptions, events } from '#load'
import { StreamsError } from '#streams/base'
import type { Log, Producer } from '#streams/ports'

/**
 * What a feeder makes: everything that decides which records come out, in which order. It is kept in the log with the
 * first records, so that every later start makes the same ones and knows which are there already.
 */
export type FeedPlan = {
  readonly seed: number
  readonly members: number
  /** Start of live traffic by simulated time; the opening lies before it. */
  readonly startMs: number
  readonly options: EventStreamOptions
}

/** The one record of the plan; the feeder's position is a committed offset of this topic's partition. */
export const PLAN_TOPIC = 'mto.load.plan'
export const FEEDER_GROUP = 'mto-load'
export const FEEDER_TRANSACTIONAL_ID = 'mto-load'

export function streamOf({ seed, members, startMs, options }: FeedPlan): EventStream {
  return events(createSacco({ seed, members, startMs }), options)
}

export type FeedState = {
  /** Records that are in the log: the next one is this number, counted from 0. */
  readonly records: number
  /** Simulated time of publication of the last of them. */
  readonly publishedMs: number
  /** True once the stream has come to its end: nothing follows. */
  readonly ended: boolean
}

export const NOTHING_FED: FeedState = { records: 0, publishedMs: 0, ended: false }

export async function createPlanTopic(log: Log): Promise<void> {
  await log.admin.createTopics([
    { name: PLAN_TOPIC, partitions: 1, config: { cleanupPolicy: 'compact', retentionMs: -1 } },
  ])
}

export async function readFeedState(log: Log): Promise<FeedState> {
  const committed = await log.admin.committedOffsets(FEEDER_GROUP)
  const own = committed.find(({ topic }) => topic === PLAN_TOPIC)
  if (own === undefined) return NOTHING_FED
  return { records: own.offset, ...parseProgress(own.metadata) }
}

/** What is committed beside the offset. CONFIG_INVALID on what no feeder has written. */
export function parseProgress(metadata: string): Pick<FeedState, 'publishedMs' | 'ended'> {
  const { publishedMs, ended } = membersOf(metadata)
  if (typeof publishedMs === 'number' && typeof ended === 'boolean') return { publishedMs, ended }
  throw notOurs(`group ${FEEDER_GROUP} has committed ${JSON.stringify(metadata.slice(0, 100))}`)
}

/** The record of the plan. CONFIG_INVALID on what no feeder has written: another plan would make other records. */
export function parsePlan(text: string): FeedPlan {
  const plan = membersOf(text)
  const { seed, members, startMs, options } = plan
  const isSound =
    [seed, members, startMs].every(Number.isSafeInteger) && typeof options === 'object' && options !== null
  if (isSound) return plan as FeedPlan
  throw notOurs(`topic ${PLAN_TOPIC} has the record ${JSON.stringify(text.slice(0, 100))}`)
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

function notOurs(what: string): StreamsError {
  return new StreamsError(
    'CONFIG_INVALID',
    `${what}, which is not of mto demo or mto load: use another directory, or --fresh`,
  )
}

/** Goes into the transaction with the records: after a crash both are there, or neither. */
export function commitFed(producer: Producer, { records, publishedMs, ended }: FeedState): Promise<void> {
  const metadata = JSON.stringify({ publishedMs, ended })
  return producer.commitTransaction(FEEDER_GROUP, [{ topic: PLAN_TOPIC, partition: 0, offset: records, metadata }])
}

export async function readPlan(log: Log): Promise<FeedPlan | undefined> {
  const described = await log.admin.describeTopics([PLAN_TOPIC])
  if (!described.has(PLAN_TOPIC)) return undefined
  const [start, end] = await Promise.all([
    log.admin.startOffsets([{ topic: PLAN_TOPIC, partition: 0 }]),
    log.admin.endOffsets([{ topic: PLAN_TOPIC, partition: 0 }]),
  ])
  const endOffset = end[0]?.offset ?? 0
  const consumer = await log.createConsumer({
    clientId: 'mto-load-plan',
    isolation: 'read_committed',
    pollRecordsMax: 100,
    pollBytesMax: 1024 * 1024,
  })
  try {
    let plan: FeedPlan | undefined
    consumer.assign(start)
    while (consumer.position({ topic: PLAN_TOPIC, partition: 0 }) < endOffset) {
      for (const { records } of await consumer.poll(1_000)) {
        for (const { value } of records) {
          if (value !== null) plan = parsePlan(new TextDecoder().decode(value))
        }
      }
    }
    return plan
  } finally {
    await consumer.close()
  }
}

/**
 * The plan of a data directory: the one that it has, or the new one. What was asked for explicitly and differs from
 * what the directory has is refused: two different SACCOs under the same ids would contradict each other.
 */
export function reconcilePlans(
  existing: FeedPlan | undefined,
  wanted: FeedPlan,
  asked: { readonly seed?: number | undefined; readonly members?: number | undefined },
): FeedPlan {
  if (existing === undefined) return wanted
  for (const name of ['seed', 'members'] as const) {
    const value = asked[name]
    if (value !== undefined && value !== existing[name]) {
      throw new StreamsError(
        'CONFIG_INVALID',
        `this data directory has a SACCO with ${name} ${existing[name]}, not ${value}: leave --${name} out to go on with it, or name another directory with --data`,
      )
    }
  }
  return existing
}
