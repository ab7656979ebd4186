import { type BalanceFold, createBalanceFold } from '#load'
import { createTopicSerde, type RegisteredSchemas, type SaccoEvent, type SaccoTopicName } from '#schemas'
import type { Headers, Log, Serde } from '#streams/ports'
import { partitionsOf, readTopics } from '../platform/read-topic.ts'
import type { Checks } from './differences.ts'
import type { JournalBook } from './journal-book.ts'
import type { Refusals } from './refusals.ts'

/** Topics whose events the intake takes. */
export const INPUT_TOPICS = [
  'sacco.member.events',
  'sacco.transaction.events',
  'sacco.loan.events',
  'sacco.payment.events',
  'sacco.accounting.events',
] as const satisfies readonly SaccoTopicName[]

/** How the records of a topic ought to have ended, by the records alone. */
export type TopicAccount = {
  records: number
  /** Appended once and no longer there: the topic keeps the newest event per key. */
  compacted: number
  /** Some may be gone, and nobody can say how many. */
  mayLack: boolean
  /** Written by the platform itself: journals, loans in arrears. */
  own: number
  unreadable: number
  processed: number
  duplicate: number
  late: number
  deadLettered: number
  /** Events of members who are not known yet. */
  waiting: number
}

export type Inputs = {
  readonly byTopic: ReadonlyMap<string, TopicAccount>
  readonly fold: BalanceFold
  readonly isProcessed: (eventId: string) => boolean
  /** Members who were registered by an event that was processed. */
  readonly members: ReadonlySet<string>
}

const OWN_HEADER_KEY = 'mto.origin'
const LOANS_SOURCE = 'mto-loans'
/** Reasons that are not of the event alone: a later copy of it is a duplicate, not another attempt. */
const FINAL_REASONS: ReadonlySet<string> = new Set(['unknown-member', 'unknown-account', 'wrong-currency'])

type Options = {
  readonly log: Log
  /** True where transactions take offsets too. */
  readonly hasMarkers: boolean
  readonly schemas: RegisteredSchemas
  readonly refusals: Refusals
  /** Ids of events that wait for their member. */
  readonly waiting: ReadonlySet<string>
  readonly journals: JournalBook
  readonly checks: Checks
  readonly onProgress?: (records: number) => void
}

/**
 * Reads every input once and says what must have become of it, without asking the platform: events that were refused
 * are known by the dead letters, all others count once, and what they do to the money is folded independently.
 */
export async function readInputs(options: Options): Promise<Inputs> {
  const { log, schemas, refusals, waiting, journals, checks } = options
  const byTopic = new Map<string, TopicAccount>(INPUT_TOPICS.map((topic) => [topic, newAccount()]))
  const fold = createBalanceFold({ lateMaxMs: Number.POSITIVE_INFINITY })
  const ids = createIdBook(refusals, waiting)
  const members = new Set<string>()
  const serdes = new Map<string, Serde<SaccoEvent>>(
    INPUT_TOPICS.map((topic) => [topic, createTopicSerde(topic, schemas) as unknown as Serde<SaccoEvent>]),
  )
  const unreadable = new Set(refusals.unreadable)
  const read = (topic: string, value: Uint8Array | null, headers: Headers): SaccoEvent | string => {
    if (value === null) return 'it has no value'
    try {
      return (serdes.get(topic) as Serde<SaccoEvent>).deserialize(value, topic, headers)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  await readTopics({
    log,
    topics: INPUT_TOPICS,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    onRecord: ({ offset, value, headers }, { topic, partition }) => {
      const account = byTopic.get(topic) as TopicAccount
      account.records++
      const at = `${topic}-${partition}@${offset}`
      const event = read(topic, value, headers)
      if (unreadable.delete(at)) {
        account.unreadable++
        return
      }
      if (typeof event === 'string') {
        checks.compare('every input is accounted for', `${at} cannot be read and is in no dead letter: ${event}`)
        return
      }
      if (event.event_type === 'journal.posted' && headers.some(({ key }) => key === OWN_HEADER_KEY)) {
        account.own++
        journals.add(event, at)
        return
      }
      if (event.metadata.source === LOANS_SOURCE) {
        account.own++
        return
      }
      take(event, account, ids, fold, checks)
      if (event.event_type === 'member.registered' && ids.isProcessed(event.event_id)) members.add(event.data.member_id)
    },
  })
  if (options.hasMarkers) await markCompacting(log, byTopic)
  else await countCompacted(log, byTopic)
  checkDeadLetters(unreadable, byTopic, checks)
  return { byTopic, fold, isProcessed: ids.isProcessed, members }
}

/** Every append took one offset, so what is missing between start and end was compacted away. */
async function countCompacted(log: Log, byTopic: ReadonlyMap<string, TopicAccount>): Promise<void> {
  for (const { topic, offset } of await log.admin.endOffsets(await partitionsOf(log, [...byTopic.keys()]))) {
    const account = byTopic.get(topic)
    if (account !== undefined) account.compacted += offset
  }
  for (const account of byTopic.values()) account.compacted -= account.records
}

/** Where markers lie between the records, what was compacted away cannot be counted. */
async function markCompacting(log: Log, byTopic: ReadonlyMap<string, TopicAccount>): Promise<void> {
  for (const [topic, { config }] of await log.admin.describeTopics([...byTopic.keys()])) {
    const account = byTopic.get(topic)
    if (account !== undefined) account.mayLack = config.cleanupPolicy?.includes('compact') ?? false
  }
}

/** What is left are dead letters whose input was not found: gone with compaction, or never there. */
function checkDeadLetters(
  unreadable: ReadonlySet<string>,
  byTopic: ReadonlyMap<string, TopicAccount>,
  checks: Checks,
): void {
  for (const at of unreadable) {
    const account = byTopic.get(at.slice(0, at.lastIndexOf('-')))
    if (account !== undefined && (account.compacted > 0 || account.mayLack)) {
      account.unreadable++
      continue
    }
    checks.compare('every input is accounted for', `a dead letter is of ${at}: no such input`)
  }
}

function newAccount(): TopicAccount {
  return {
    records: 0,
    compacted: 0,
    mayLack: false,
    own: 0,
    unreadable: 0,
    processed: 0,
    duplicate: 0,
    late: 0,
    deadLettered: 0,
    waiting: 0,
  }
}

function take(event: SaccoEvent, account: TopicAccount, ids: IdBook, fold: BalanceFold, checks: Checks): void {
  const outcome = ids.next(event.event_id)
  account[outcome]++
  if (outcome !== 'processed') return
  const folded = fold.add(event)
  const isSound = folded === 'booked' || folded === 'no-money'
  checks.compare(
    'what was processed is valid',
    isSound ? undefined : `${event.event_type} ${event.event_id} was processed, but it is ${folded}`,
  )
}

type IdBook = {
  next(eventId: string): 'processed' | 'duplicate' | 'late' | 'deadLettered' | 'waiting'
  isProcessed(eventId: string): boolean
}

const PROCESSED = 1
const REFUSED = 2

/**
 * Which of the records with the same id is which cannot be told, and need not be: refused ones are counted off first,
 * then one was processed (unless the first refusal was final), the rest are duplicates.
 */
function createIdBook(refusals: Refusals, waiting: ReadonlySet<string>): IdBook {
  const states = new Map<string, number>()
  const refusedSoFar = new Map<string, number>()
  const refusalOf = (eventId: string, reasons: readonly string[]): 'late' | 'deadLettered' | undefined => {
    const index = refusedSoFar.get(eventId) ?? 0
    const reason = reasons[index]
    if (reason === undefined) return undefined
    refusedSoFar.set(eventId, index + 1)
    if (FINAL_REASONS.has(reason)) states.set(eventId, REFUSED)
    return reason === 'too-late' ? 'late' : 'deadLettered'
  }
  return {
    next(eventId) {
      const reasons = refusals.byEvent.get(eventId)
      const refused = reasons === undefined ? undefined : refusalOf(eventId, reasons)
      if (refused !== undefined) return refused
      if (states.has(eventId)) return 'duplicate'
      const isWaiting = waiting.has(eventId)
      states.set(eventId, isWaiting ? REFUSED : PROCESSED)
      return isWaiting ? 'waiting' : 'processed'
    },
    isProcessed: (eventId) => states.get(eventId) === PROCESSED,
  }
}
