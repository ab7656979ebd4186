import type { EventOf, SaccoEvent } from '#schemas'
import {
  type KeyValueStore,
  NO_HEADERS,
  type ProcessorContext,
  type ProcessorSupplier,
  type StreamRecord,
} from '#streams'
import { OWN_HEADER } from '../shared/own-header.ts'
import type { Activity } from '../shared/signals.ts'
import { dateOfDay, dayNumberOf, isoOf } from '../shared/time.ts'
import { type LedgerAccount, MEMBER_ACCOUNTS } from './chart-of-accounts.ts'
import { type Hold, holdOf, type Journal, journalOf, type Leg } from './journal.ts'
import type { AccountPosting, BalanceStores, LedgerTotal } from './stores.ts'

const JOURNAL_HEADERS = [OWN_HEADER]

export type JournalEvent = EventOf<'journal.posted'>
/** A posting to an account of the member in whose task the event is. */
export type OwnPosting = { readonly own: AccountPosting }
export type LedgerOutput = OwnPosting | AccountPosting | JournalEvent
export const isOwnPosting = (value: LedgerOutput): value is OwnPosting => 'own' in value
export const isJournal = (value: LedgerOutput): value is JournalEvent => 'event_type' in value && 'metadata' in value
export const isPosting = (value: LedgerOutput): value is AccountPosting => 'kind' in value

/**
 * Books each event: the SACCO's own legs here (their accounts are the same few for everybody, so each task keeps its
 * share), the members' legs as postings to their accounts, the whole journal as an accounting event.
 */
export function postJournals(stores: BalanceStores): ProcessorSupplier<string, Activity, string, LedgerOutput> {
  return { stores: [stores.ledger], get: () => new JournalPoster(stores) }
}

class JournalPoster {
  readonly #stores: BalanceStores
  #context!: ProcessorContext<string, LedgerOutput>
  #ledger!: KeyValueStore<string, LedgerTotal>
  /** Of the record in process. */
  #member = ''

  constructor(stores: BalanceStores) {
    this.#stores = stores
  }

  init(context: ProcessorContext<string, LedgerOutput>): void {
    this.#context = context
    this.#ledger = context.store(this.#stores.ledger)
  }

  process({ key, value: event, timestampMs }: StreamRecord<string, Activity>): void {
    this.#member = key
    switch (event.event_type) {
      case 'member.signal':
      case 'loan.aged':
        return
      case 'account.opened':
      case 'account.closed':
        return this.#forward(accountChange(event), timestampMs)
      default:
        this.#book(event, timestampMs)
    }
  }

  #book(event: SaccoEvent, timestampMs: number): void {
    const journal = journalOf(event)
    const hold = holdOf(event)
    if (journal === undefined) {
      if (hold !== undefined) this.#forwardHold(event, hold, timestampMs)
      return
    }
    for (const leg of journal.legs) {
      if (leg.kind === 'ledger') {
        this.#add(leg.account, leg.amountMinor)
        continue
      }
      this.#add(MEMBER_ACCOUNTS, leg.amountMinor)
      this.#forward(postingOf(event, leg, hold), timestampMs)
    }
    const posted = journalEvent(event, journal, timestampMs)
    this.#context.forward({ key: posted.data.journal_id, value: posted, timestampMs, headers: JOURNAL_HEADERS })
  }

  #forwardHold(event: SaccoEvent, hold: Hold, timestampMs: number): void {
    const { account_id, member_id } = event.data as { account_id: string; member_id: string }
    const leg: Leg = { kind: 'member', accountId: account_id, memberId: member_id, amountMinor: 0 }
    this.#forward(postingOf(event, leg, hold), timestampMs)
  }

  #forward(posting: AccountPosting, timestampMs: number): void {
    const value = posting.member_id === this.#member ? { own: posting } : posting
    this.#context.forward({ key: posting.member_id, value, timestampMs, headers: NO_HEADERS })
  }

  #add(account: LedgerAccount, amountMinor: number): void {
    const before = this.#ledger.get(account.id)
    this.#ledger.put(account.id, {
      account_class: account.class,
      balance_minor: (before?.balance_minor ?? 0) + amountMinor,
      debits_minor: (before?.debits_minor ?? 0) + (amountMinor < 0 ? -amountMinor : 0),
      credits_minor: (before?.credits_minor ?? 0) + (amountMinor > 0 ? amountMinor : 0),
      postings: (before?.postings ?? 0) + 1,
    })
  }
}

type Moved = { readonly transaction_id?: string; readonly repayment_id?: string; readonly currency?: string }

function postingOf(event: SaccoEvent, leg: Leg & { kind: 'member' }, hold: Hold | undefined): AccountPosting {
  const data = event.data as Moved
  return {
    kind: leg.amountMinor === 0 && hold !== undefined ? 'held' : 'posted',
    account_id: leg.accountId,
    member_id: leg.memberId,
    event_id: event.event_id,
    event_type: event.event_type,
    transaction_id: data.transaction_id ?? data.repayment_id ?? '',
    delta_minor: leg.amountMinor,
    hold_minor: hold === undefined ? 0 : hold.kind === 'hold' ? hold.amountMinor : -Math.max(1, hold.amountMinor),
    currency: data.currency ?? '',
    product: '',
  }
}

function accountChange(event: EventOf<'account.opened'> | EventOf<'account.closed'>): AccountPosting {
  const isOpened = event.event_type === 'account.opened'
  return {
    kind: isOpened ? 'opened' : 'closed',
    account_id: event.data.account_id,
    member_id: event.data.member_id,
    event_id: event.event_id,
    event_type: event.event_type,
    transaction_id: '',
    delta_minor: 0,
    hold_minor: 0,
    currency: isOpened ? event.data.currency : '',
    product: isOpened ? event.data.product : '',
  }
}

const METADATA: JournalEvent['metadata'] = { source: 'mto-ledger', correlation_id: null, user_id: null }
const NO_CONTROL: JournalEvent['data']['control'] = { maker_id: null, checker_id: null, approved_at: null }

/** The journal as the accounting domain knows it; its id follows from the event, so that a repeat changes nothing. */
function journalEvent(event: SaccoEvent, journal: Journal, timestampMs: number): JournalEvent {
  const postedAt = isoOf(timestampMs)
  const data = event.data as {
    readonly currency: JournalEvent['data']['currency']
    readonly value_date?: string | null
  }
  const journalId = `J-${event.event_id}` as JournalEvent['data']['journal_id']
  return {
    event_id: journalId as unknown as JournalEvent['event_id'],
    event_type: 'journal.posted',
    timestamp: postedAt,
    version: '1.0',
    data: {
      journal_id: journalId,
      description: journal.description,
      lines: journal.legs.map(lineOf),
      currency: data.currency,
      manual: false,
      control: NO_CONTROL,
      source_event_id: event.event_id,
      posted_at: postedAt,
      value_date: data.value_date ?? valueDateOf(timestampMs),
    },
    metadata: METADATA,
  }
}

type Line = JournalEvent['data']['lines'][number]

function lineOf(leg: Leg): Line {
  const isMember = leg.kind === 'member'
  return {
    account_id: (isMember ? leg.accountId : leg.account.id) as Line['account_id'],
    account_class: isMember ? 'member' : leg.account.class,
    side: leg.amountMinor < 0 ? 'debit' : 'credit',
    amount_minor: Math.abs(leg.amountMinor),
    member_id: isMember && leg.memberId !== '' ? (leg.memberId as NonNullable<Line['member_id']>) : null,
  }
}

let lastDay = Number.NaN
let lastDate = ''
/** Most events are of the same day: its text is made once. */
function valueDateOf(timestampMs: number): string {
  const day = dayNumberOf(timestampMs)
  if (day !== lastDay) {
    lastDay = day
    lastDate = dateOfDay(day)
  }
  return lastDate
}
