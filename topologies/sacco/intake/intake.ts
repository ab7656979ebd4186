import { definitionOf, problemOfEvent, type SaccoEvent } from '#schemas'
import type {
  FixedKeyProcessorContext,
  FixedKeyProcessorSupplier,
  Header,
  Headers,
  KeyValueStore,
  ProcessorContext,
  ProcessorSupplier,
  StreamRecord,
  TimestampedKeyValueStore,
  WindowStore,
} from '#streams'
import { problemWithMoney } from '../balances/journal.ts'
import type { MemberProfile, MembersStoreSpec } from '../members/stores.ts'
import {
  CLOCK_SKEW_MAX_MS,
  LATENESS_MAX_MS,
  PARKED_CHECK_INTERVAL_MS,
  PARKED_EVENTS_MAX,
  SEEN_BUCKET_MS,
  UNKNOWN_MEMBER_WAIT_MS,
} from '../shared/limits.ts'
import { DEAD_LETTER_TOPIC, LATE_TOPIC } from '../shared/names.ts'
import { MINUTE_MS, timeKey } from '../shared/time.ts'
import type { IntakeStores } from './stores.ts'

/**
 * The one door for events: each is taken once, or refused with a reason. Every input ends as exactly one of
 * `processed`, `late` (late topic), `duplicate` or `dead-lettered` (dead-letter topic), and is counted as that.
 */
export type Reason =
  | 'invalid'
  | 'cannot-be-booked'
  | 'wrong-key'
  | 'timestamp-in-future'
  | 'too-late'
  | 'duplicate'
  | 'unknown-member'
  | 'unknown-account'
  | 'wrong-currency'
export type Outcome = 'processed' | 'duplicate' | 'late' | 'dead-lettered'

export type Refused = { readonly refused: SaccoEvent; readonly topic: string }
export type Taken = SaccoEvent | Refused

export const isRefused = (value: Taken): value is Refused => 'refused' in value
export const isTaken = (value: Taken): value is SaccoEvent => 'event_id' in value

/** Header of an event that was already too late in the partition that it was produced to. */
export const LATE_HEADER = 'sacco.late'
export const REASON_HEADER = 'sacco.reason'
const encoder = new TextEncoder()
const header = (key: string, text: string): Header => ({ key, value: encoder.encode(text) })

/**
 * Lateness is measured in the partition that an event was produced to: behind a repartition topic, partitions that are
 * read at different speeds would make each other's events look late. Passes everything on, marked where it is late.
 */
export function markLate(): ProcessorSupplier<string | null, SaccoEvent, string | null, SaccoEvent> {
  return {
    get: () => {
      let context: ProcessorContext<string | null, SaccoEvent>
      return {
        init: (given) => {
          context = given
        },
        process: (record) => {
          const lateByMs = context.currentStreamTimeMs() - record.timestampMs
          if (lateByMs <= LATENESS_MAX_MS) context.forward(record)
          else context.forward({ ...record, headers: [...record.headers, header(LATE_HEADER, String(lateByMs))] })
        },
      }
    },
  }
}

export type IntakeOptions = {
  readonly stores: IntakeStores
  readonly members: MembersStoreSpec
  /** Their lateness is judged here; events of other topics bring their mark along. */
  readonly directTopics: readonly string[]
}

export function takeEvents(options: IntakeOptions): FixedKeyProcessorSupplier<string, SaccoEvent, Taken> {
  const { seen, accounting, progress, parked } = options.stores
  return {
    stores: [seen, accounting, progress, parked, options.members],
    get: () => new Intake(options),
  }
}

type Incoming = StreamRecord<string, SaccoEvent>

class Intake {
  readonly #options: IntakeOptions
  #context!: FixedKeyProcessorContext<string, Taken>
  #seen!: WindowStore<string, boolean>
  #accounting!: KeyValueStore<string, number>
  #progress!: KeyValueStore<string, number>
  #parked!: TimestampedKeyValueStore<string, SaccoEvent>
  #members!: KeyValueStore<string, MemberProfile>
  readonly #times = new Map<string, { newestMs: number; savedMs: number }>()
  #parkedCount = 0
  /** Members for whom something waits. */
  readonly #waiting = new Set<string>()

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  init(context: FixedKeyProcessorContext<string, Taken>): void {
    const { stores, members, directTopics } = this.#options
    this.#context = context
    this.#seen = context.store(stores.seen)
    this.#accounting = context.store(stores.accounting)
    this.#progress = context.store(stores.progress)
    this.#parked = context.store(stores.parked)
    this.#members = context.store(members)
    for (const topic of directTopics) {
      const savedMs = this.#progress.get(topic) ?? 0
      this.#times.set(topic, { newestMs: savedMs, savedMs })
    }
    for (const { key } of this.#parked.all()) {
      this.#parkedCount++
      this.#waiting.add(key.slice(0, key.indexOf('|')))
    }
    context.schedule({ intervalMs: PARKED_CHECK_INTERVAL_MS, type: 'wall-clock-time' }, () => this.#expireParked())
  }

  process(record: Incoming): void {
    const event = record.value
    const { topic, key } = definitionOf(event.event_type)
    const problem = problemOfEvent(event)
    if (problem !== undefined) return this.#refuse(record, topic, 'invalid', problem)
    const moneyProblem = problemWithMoney(event)
    if (moneyProblem !== undefined) return this.#refuse(record, topic, 'cannot-be-booked', moneyProblem)
    const subject = (event.data as unknown as Readonly<Record<string, string | null>>)[key] ?? null
    if (this.#times.has(topic) && subject !== record.key) {
      return this.#refuse(record, topic, 'wrong-key', `its key is not its ${key}`)
    }
    if (claimsFuture(record)) return this.#refuse(record, topic, 'timestamp-in-future', `it claims ${event.timestamp}`)
    if (this.#isLate(record, topic)) return this.#refuse(record, topic, 'too-late', 'it is older than the limit')
    if (this.#isDuplicate(event.event_id, record.timestampMs)) {
      return this.#refuse(record, topic, 'duplicate', 'an event with its id was there before')
    }
    this.#takeOrPark(record, topic)
  }

  #takeOrPark(record: Incoming, topic: string): void {
    const event = record.value
    const memberId = memberHere(event, topic)
    if (memberId === null) return this.#take(record, topic)
    const profile = this.#members.get(memberId)
    if (mustWait(profile, event)) return this.#park(record, topic, memberId)
    const reason = profile === undefined ? undefined : problemWithAccount(profile, event)
    if (reason !== undefined) {
      return this.#refuse(record, topic, reason, `account ${accountOf(event)} of member ${memberId}`)
    }
    this.#take(record, topic)
    if (isAwaited(event.event_type) && this.#waiting.has(memberId)) this.#release(memberId)
  }

  #take(record: Incoming, topic: string): void {
    this.#count(topic, 'processed', '')
    const { value, timestampMs, headers } = record
    this.#context.forward({ key: memberHere(value, topic) ?? record.key, value, timestampMs, headers })
  }

  // Late and duplicate -----------------------------------------------------------------------------------------------

  #isLate({ timestampMs, headers }: Incoming, topic: string): boolean {
    if (headers.length > 0 && headers.some(({ key }) => key === LATE_HEADER)) return true
    const times = this.#times.get(topic)
    if (times === undefined) return false
    if (timestampMs > times.newestMs) times.newestMs = timestampMs
    if (times.newestMs - times.savedMs >= MINUTE_MS) {
      times.savedMs = times.newestMs
      this.#progress.put(topic, times.savedMs)
    }
    return times.newestMs - timestampMs > LATENESS_MAX_MS
  }

  #isDuplicate(eventId: string, timestampMs: number): boolean {
    const bucketMs = Math.floor(timestampMs / SEEN_BUCKET_MS) * SEEN_BUCKET_MS
    if (this.#seen.fetch(eventId, bucketMs) !== undefined) return true
    this.#seen.put(eventId, true, bucketMs)
    return false
  }

  // Members and accounts that are not known yet ------------------------------------------------------------------------------------

  /**
   * Members come through another topic: the first deposit may overtake the registration. It waits for a short time
   * instead of being refused because of a race.
   */
  #park(record: Incoming, topic: string, memberId: string): void {
    if (this.#parkedCount >= PARKED_EVENTS_MAX) {
      return this.#refuse(
        record,
        topic,
        'unknown-member',
        `member ${memberId}; ${PARKED_EVENTS_MAX} events wait already`,
      )
    }
    // Where it was read tells it from all others, and is the same after a restart.
    const source = this.#context.recordMetadata()
    const place = `${timeKey(source?.offset ?? 0)}|${source?.topic ?? ''}`
    const key = `${memberId}|${timeKey(this.#context.currentSystemTimeMs())}|${place}`
    this.#parked.put(key, { value: record.value, timestampMs: record.timestampMs })
    this.#parkedCount++
    this.#waiting.add(memberId)
  }

  /** Takes what need not wait any longer; the rest keeps its time. */
  #release(memberId: string): void {
    const waiting = [...this.#parked.range(`${memberId}|`, `${memberId}|~`)]
    const profile = this.#members.get(memberId)
    const ready = waiting.filter(({ value }) => !mustWait(profile, value.value))
    if (ready.length === waiting.length) this.#waiting.delete(memberId)
    for (const { key, value } of ready) {
      // An account that was opened by one of them has released the others already.
      if (this.#parked.get(key) === undefined) continue
      this.#unpark(key)
      const record: Incoming = { key: memberId, value: value.value, timestampMs: value.timestampMs, headers: [] }
      this.#takeOrPark(record, definitionOf(value.value.event_type).topic)
    }
  }

  #expireParked(): void {
    if (this.#parkedCount === 0) return
    const untilMs = this.#context.currentSystemTimeMs() - UNKNOWN_MEMBER_WAIT_MS
    for (const { key, value } of [...this.#parked.all()]) {
      const [memberId = '', parkedAt = ''] = key.split('|')
      if (Number(parkedAt) > untilMs) continue
      this.#unpark(key)
      const record: Incoming = { key: memberId, value: value.value, timestampMs: value.timestampMs, headers: [] }
      const { topic } = definitionOf(value.value.event_type)
      if (this.#members.get(memberId) === undefined) {
        this.#refuse(record, topic, 'unknown-member', `there is no member ${memberId}`)
      } else {
        this.#refuse(record, topic, 'unknown-account', `account ${accountOf(value.value)} of member ${memberId}`)
      }
    }
    this.#forgetWaiting()
  }

  /** What waits no longer is not looked for. */
  #forgetWaiting(): void {
    this.#waiting.clear()
    for (const { key } of this.#parked.all()) this.#waiting.add(key.slice(0, key.indexOf('|')))
  }

  #unpark(key: string): void {
    this.#parked.delete(key)
    this.#parkedCount--
  }

  // Results ----------------------------------------------------------------------------------------------------------

  #refuse(record: Incoming, topic: string, reason: Reason, detail: string): void {
    const isLate = reason === 'too-late'
    if (reason === 'duplicate') this.#count(topic, 'duplicate', '')
    else this.#count(topic, isLate ? 'late' : 'dead-lettered', reason)
    const { key, value, timestampMs } = record
    const refused = { refused: value, topic: isLate ? LATE_TOPIC : DEAD_LETTER_TOPIC }
    const headers = refusalHeaders(record.headers, topic, reason, `${reason}: ${detail}`)
    this.#context.forward({ key, value: refused, timestampMs, headers })
  }

  #count(topic: string, outcome: Outcome, reason: Reason | ''): void {
    const key = `${topic}|${outcome}|${reason}`
    this.#accounting.put(key, (this.#accounting.get(key) ?? 0) + 1)
  }
}

/** The same header names as the engine's own dead letters (KIP-1034), so that one reader understands both. */
function refusalHeaders(headers: Headers, topic: string, reason: Reason, message: string): Headers {
  return [
    ...headers.filter(({ key }) => key !== LATE_HEADER),
    header('__streams.errors.exception', 'EventRefused'),
    header('__streams.errors.message', message),
    header('__streams.errors.topic', topic),
    header(REASON_HEADER, reason),
  ]
}

type MaybeMember = {
  readonly member_id?: string | null
  readonly account_id?: string | null
  readonly currency?: string
}

/**
 * The member in whose task the event is. Accounting events are in the partition of their account, journal or person of
 * staff, and say nothing to the tasks of members, though they may name one.
 */
function memberHere(event: SaccoEvent, topic: string): string | null {
  return topic === 'sacco.accounting.events' ? null : memberOf(event)
}

export function memberOf(event: SaccoEvent): string | null {
  return (event.data as MaybeMember).member_id ?? null
}

function accountOf(event: SaccoEvent): string | null {
  return (event.data as MaybeMember).account_id ?? null
}

/**
 * Members and their accounts come through another topic: what names them may overtake their registration or opening,
 * and waits. A payment names an account that its member has told before, so only the money of loans waits for one.
 */
function mustWait(profile: MemberProfile | undefined, event: SaccoEvent): boolean {
  if (profile === undefined) return event.event_type !== 'member.registered'
  if (event.event_type !== 'loan.disbursed' && event.event_type !== 'repayment.received') return false
  const { account_id } = event.data
  return account_id !== null && !profile.accounts.some((account) => account.account_id === account_id)
}

function isAwaited(eventType: SaccoEvent['event_type']): boolean {
  return eventType === 'member.registered' || eventType === 'account.opened'
}

/** Of movements of money. That an account of a loan is there was awaited. */
function problemWithAccount(profile: MemberProfile, event: SaccoEvent): Reason | undefined {
  const accountId = accountOf(event)
  if (accountId === null || event.event_type === 'account.opened') return undefined
  if (definitionOf(event.event_type).topic !== 'sacco.transaction.events') return undefined
  for (const account of profile.accounts) {
    if (account.account_id !== accountId) continue
    const { currency } = event.data as MaybeMember
    return currency === undefined || currency === account.currency ? undefined : 'wrong-currency'
  }
  return 'unknown-account'
}

/** `timestampOf` has given such a record the log's time. */
function claimsFuture({ value, timestampMs }: Incoming): boolean {
  const claimedMs = Date.parse(value.timestamp)
  return claimedMs - timestampMs > CLOCK_SKEW_MAX_MS
}
