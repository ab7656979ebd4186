import {
  accountId,
  createEvent,
  type EventType,
  eventId,
  keyOfEvent,
  memberId,
  type SaccoEvent,
  transactionId,
} from '#schemas'
import { assert } from '#streams/base'
import {
  DUPLICATE_DELAY_MAX_MS,
  type EventOptions,
  LATE_MAX_MS,
  LATE_MEDIAN_MS,
  LATE_MIN_MS,
  OUT_OF_ORDER_MAX_MS,
  PUBLISH_DELAY_MS,
  RECORDS_PENDING_MAX,
  YEAR_LATE_MS,
} from './options.ts'
import { createRandom, type Random, subSeed } from './random.ts'
import { FLAWED_KINDS, type FlawedKind, type LoadRecord, type RecordKind } from './records.ts'
import { createTimeHeap } from './time-heap.ts'

/**
 * The way from what happened to what is published: in order, except for the flaws that were asked for. It draws from
 * a generator of its own, so that other rates of flaws do not change what happens in the world.
 */
export type Publisher = {
  publish(event: SaccoEvent, topic: string, timestampMs: number, phase: LoadRecord['phase']): void
  /** The next record whose time has come, if everything up to `nowMs` has happened. */
  next(nowMs: number): LoadRecord | undefined
  readonly pending: number
}

/**
 * Members, accounts and loans are made known by these: a receiver that has not seen them must refuse what follows, so
 * they are never held back.
 */
const NEVER_DELAYED: ReadonlySet<EventType> = new Set<EventType>([
  'member.registered',
  'account.opened',
  'loan.application.submitted',
  'loan.approved',
  'loan.disbursed',
])

export function createPublisher(options: EventOptions): Publisher {
  const random = createRandom(subSeed(options.seed, 'publisher'))
  const { flaws } = options
  const heap = createTimeHeap<LoadRecord>()
  let flawedCount = 0
  // Wrong deposits go to an account that exists: only their own fault may be the reason why they are refused.
  let deposit: LoadRecord | undefined

  const push = (record: LoadRecord): void => {
    assert(
      heap.count < RECORDS_PENDING_MAX,
      `${RECORDS_PENDING_MAX} records wait for publication: lower the rate of late events or of traffic`,
    )
    heap.push(record.publishAtMs, record)
  }
  const flawsOf = (record: LoadRecord): void => {
    if (random.chance(flaws.duplicate)) {
      const delayMs = Math.min(DUPLICATE_DELAY_MAX_MS, Math.ceil(random.around(20_000, 2)))
      push({ ...record, kind: 'duplicate', publishAtMs: record.publishAtMs + delayMs })
    }
    if (random.chance(flaws.malformed)) {
      const id = `${options.run}x${(flawedCount++).toString(36)}`
      push(flawedRecord({ kind: random.pick(FLAWED_KINDS), beside: record, deposit: deposit ?? record, random, id }))
    }
  }
  return {
    publish(event, topic, timestampMs, phase) {
      let kind: RecordKind = 'normal'
      let delayMs = PUBLISH_DELAY_MS
      if (phase === 'live' && !NEVER_DELAYED.has(event.event_type)) {
        const draw = random.next()
        if (draw < flaws.late) {
          kind = 'late'
          delayMs = Math.min(LATE_MAX_MS, Math.max(LATE_MIN_MS, Math.round(random.around(LATE_MEDIAN_MS, 1.6))))
        } else if (draw < flaws.late + flaws.outOfOrder) {
          kind = 'out-of-order'
          delayMs = random.whole(1_000, OUT_OF_ORDER_MAX_MS - 1)
        }
      }
      const publishAtMs = timestampMs + delayMs
      const record = { topic, key: keyOfEvent(event), timestampMs, publishAtMs, phase, kind, event, bytes: undefined }
      push(record)
      if (event.event_type === 'deposit.completed') deposit = record
      if (phase === 'live') flawsOf(record)
    },
    next: (nowMs) => (heap.headTimeMs() <= nowMs ? heap.pop() : undefined),
    get pending() {
      return heap.count
    },
  }
}

type FlawedInput = {
  readonly kind: FlawedKind
  readonly beside: LoadRecord
  readonly deposit: LoadRecord
  readonly random: Random
  readonly id: string
}

/** An added record beside `beside`: it never replaces a good one, so the money of the world stays whole. */
function flawedRecord(input: FlawedInput): LoadRecord {
  const { kind, beside, random, id } = input
  // The event gets an id of its own: its bytes are unreadable, and nobody may take it for a duplicate.
  const event = { ...beside.event, event_id: eventId(id) }
  switch (kind) {
    case 'undecodable': {
      // The first byte is never the 0 of the wire format.
      const bytes = Uint8Array.from({ length: random.whole(0, 40) }, () => random.whole(1, 255))
      return { ...beside, kind, event, bytes }
    }
    case 'unknown-schema':
    case 'wrong-type':
      return { ...beside, kind, event }
    case 'negative-amount':
    case 'unknown-member':
    case 'year-late':
      return wrongDeposit(input)
  }
}

function wrongDeposit({ kind, beside, deposit, random, id }: FlawedInput): LoadRecord {
  const timestampMs = kind === 'year-late' ? beside.timestampMs - YEAR_LATE_MS : beside.timestampMs
  const text = new Date(timestampMs).toISOString()
  const target = deposit.event.data as { readonly member_id: string; readonly account_id?: string }
  const isKnown = kind !== 'unknown-member' && target.account_id !== undefined
  const key = isKnown ? target.member_id : `UNKNOWN-${id}`
  const amount = random.whole(1, 5_000) * 100
  const event = createEvent('deposit.completed', {
    event_id: eventId(id),
    timestamp: text,
    data: {
      transaction_id: transactionId(`T-${id}`),
      member_id: memberId(key),
      account_id: accountId(isKnown ? (target.account_id as string) : `UNKNOWN-${id}-F`),
      amount_minor: kind === 'negative-amount' ? -amount : amount,
      currency: 'KES',
      origin: { channel: 'mpesa', initiated_by: 'member' },
      control: {},
      occurred_at: text,
    },
    metadata: { source: beside.event.metadata.source },
  })
  return { ...beside, topic: 'sacco.transaction.events', key, timestampMs, kind, event, bytes: undefined }
}
