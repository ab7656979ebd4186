import {
  type AccountId,
  eventTimeMs,
  type LoanId,
  type MemberId,
  problemOfEvent,
  type SaccoEvent,
  type TransactionId,
} from '#schemas'
import { assert } from '#streams/base'
import { DAY_MS } from './calendar.ts'

/**
 * The meaning of money in the events, in the plainest form: a sum per account and per loan, independent of the order
 * of the events. docs/LOAD.md has it as a table. It is the reference that the balances of the platform are compared
 * with, so it shares no code with them.
 */
export type AccountFold = {
  readonly accountId: AccountId
  memberId: MemberId | undefined
  balanceMinor: number
  /** Asked for by withdrawals that are neither paid nor rejected yet. Available is balance less held. */
  heldMinor: number
  isOpened: boolean
}

export type LoanFold = {
  readonly loanId: LoanId
  readonly memberId: MemberId
  disbursedMinor: number
  outstandingMinor: number
  interestPaidMinor: number
}

export const FOLD_OUTCOMES = ['booked', 'no-money', 'duplicate', 'invalid', 'too-late'] as const
/** What became of an event. Only `booked` moved something; `invalid` is what `problemOfEvent` speaks against. */
export type FoldOutcome = (typeof FOLD_OUTCOMES)[number]

export type FoldResult = {
  readonly accounts: ReadonlyMap<AccountId, AccountFold>
  readonly loans: ReadonlyMap<LoanId, LoanFold>
  /** Accounts that were posted to but never opened: what is posted to them counts nowhere. */
  readonly unknownAccounts: ReadonlyMap<AccountId, AccountFold>
  readonly counts: Readonly<Record<FoldOutcome, number>>
}

export type BalanceFold = {
  /**
   * `source` is the partition that the event comes from: how late it is is measured against the newest event of the
   * same partition, as a stream does.
   */
  add(event: SaccoEvent, source?: string): FoldOutcome
  /** The account as it is now; undefined if nothing has mentioned it. */
  account(id: AccountId): Readonly<AccountFold> | undefined
  result(): FoldResult
}

export type FoldOptions = {
  /** An event older than the newest of its source by more than this changes nothing: its period is closed. */
  readonly lateMaxMs?: number
}

export const LATE_MAX_DEFAULT_MS = 30 * DAY_MS
/** Ids kept to recognise duplicates: a JavaScript set holds no more. */
const EVENT_IDS_MAX = 16_000_000

export function createBalanceFold({ lateMaxMs = LATE_MAX_DEFAULT_MS }: FoldOptions = {}): BalanceFold {
  const books = createBooks()
  const seen = new Set<string>()
  const newestMs = new Map<string, number>()
  const counts: Record<FoldOutcome, number> = {
    booked: 0,
    'no-money': 0,
    duplicate: 0,
    invalid: 0,
    'too-late': 0,
  }
  const outcomeOf = (event: SaccoEvent, source: string): FoldOutcome => {
    if (seen.has(event.event_id)) return 'duplicate'
    if (problemOfEvent(event) !== undefined) return 'invalid'
    const timeMs = eventTimeMs(event)
    const newest = newestMs.get(source) ?? Number.NEGATIVE_INFINITY
    if (timeMs > newest) newestMs.set(source, timeMs)
    else if (timeMs < newest - lateMaxMs) return 'too-late'
    assert(seen.size < EVENT_IDS_MAX, `more than ${EVENT_IDS_MAX} events: fold them in parts, by member`)
    seen.add(event.event_id)
    return book(books, event) ? 'booked' : 'no-money'
  }
  return {
    add(event, source = event.event_type) {
      const outcome = outcomeOf(event, source)
      counts[outcome]++
      return outcome
    },
    account: (id) => books.accounts.get(id),
    result() {
      const accounts = new Map<AccountId, AccountFold>()
      const unknownAccounts = new Map<AccountId, AccountFold>()
      for (const [id, account] of books.accounts) (account.isOpened ? accounts : unknownAccounts).set(id, account)
      return { accounts, loans: books.loans, unknownAccounts, counts }
    },
  }
}

export function foldBalances(events: Iterable<SaccoEvent>, options: FoldOptions = {}): FoldResult {
  const fold = createBalanceFold(options)
  for (const event of events) fold.add(event)
  return fold.result()
}

type Hold = { readonly account: AccountFold; readonly amountMinor: number }
type Books = {
  readonly accounts: Map<AccountId, AccountFold>
  readonly loans: Map<LoanId, LoanFold>
  readonly holds: Map<TransactionId, Hold>
  /** Withdrawals that ended before their request arrived: the request then holds nothing. */
  readonly endedEarly: Set<TransactionId>
}

const createBooks = (): Books => ({ accounts: new Map(), loans: new Map(), holds: new Map(), endedEarly: new Set() })

function accountIn(books: Books, accountId: AccountId): AccountFold {
  let account = books.accounts.get(accountId)
  if (account === undefined) {
    account = { accountId, memberId: undefined, balanceMinor: 0, heldMinor: 0, isOpened: false }
    books.accounts.set(accountId, account)
  }
  return account
}

function post(books: Books, accountId: AccountId, amountMinor: number): void {
  const account = accountIn(books, accountId)
  account.balanceMinor += amountMinor
  assert(Number.isSafeInteger(account.balanceMinor), `balance of ${accountId} is no safe integer any more`)
}

/** Moves what the event says; false if it moves nothing. */
function book(books: Books, event: SaccoEvent): boolean {
  switch (event.event_type) {
    case 'account.opened': {
      const account = accountIn(books, event.data.account_id)
      account.isOpened = true
      account.memberId = event.data.member_id
      return false
    }
    case 'deposit.completed':
    case 'interest.posted':
    case 'dividend.posted':
      post(books, event.data.account_id, event.data.amount_minor)
      return true
    case 'fee.charged':
      post(books, event.data.account_id, -event.data.amount_minor)
      return true
    case 'adjustment.posted':
      return bookAdjustment(books, event.data)
    case 'withdrawal.requested':
      return holdFor(books, event.data)
    case 'withdrawal.rejected':
      endHold(books, event.data.transaction_id)
      return true
    case 'withdrawal.processed':
      endHold(books, event.data.transaction_id)
      post(books, event.data.account_id, -event.data.amount_minor - event.data.fee_minor)
      return true
    case 'transfer.executed':
      post(books, event.data.account_id, -event.data.amount_minor - event.data.fee_minor)
      post(books, event.data.to_account_id, event.data.amount_minor)
      return true
    case 'transaction.reversed':
      return bookReversal(books, event.data)
    case 'loan.disbursed':
    case 'repayment.received':
    case 'loan.written.off':
      return bookLoan(books, event)
    default:
      return false
  }
}

type DataOf<Type extends SaccoEvent['event_type']> = Extract<SaccoEvent, { readonly event_type: Type }>['data']

function holdFor(books: Books, data: DataOf<'withdrawal.requested'>): boolean {
  if (books.endedEarly.delete(data.transaction_id)) return true
  const account = accountIn(books, data.account_id)
  account.heldMinor += data.amount_minor
  books.holds.set(data.transaction_id, { account, amountMinor: data.amount_minor })
  return true
}

function endHold(books: Books, transactionId: TransactionId): void {
  const hold = books.holds.get(transactionId)
  if (hold === undefined) {
    books.endedEarly.add(transactionId)
    return
  }
  hold.account.heldMinor -= hold.amountMinor
  books.holds.delete(transactionId)
}

function bookAdjustment(books: Books, data: DataOf<'adjustment.posted'>): boolean {
  if (data.direction === 'unknown') return false
  post(books, data.account_id, data.direction === 'credit' ? data.amount_minor : -data.amount_minor)
  return true
}

/** The opposite of the original. Fees of the original stay with the SACCO unless they are reversed themselves. */
function bookReversal(books: Books, data: DataOf<'transaction.reversed'>): boolean {
  switch (data.original_event_type) {
    case 'withdrawal.processed':
    case 'fee.charged':
      post(books, data.account_id, data.amount_minor)
      return true
    case 'deposit.completed':
    case 'interest.posted':
    case 'dividend.posted':
      post(books, data.account_id, -data.amount_minor)
      return true
    case 'transfer.executed':
      if (data.to_account_id === null || data.to_member_id === null) return false
      post(books, data.account_id, data.amount_minor)
      post(books, data.to_account_id, -data.amount_minor)
      return true
    default:
      return false
  }
}

type LoanMoney = Extract<
  SaccoEvent,
  { readonly event_type: 'loan.disbursed' | 'repayment.received' | 'loan.written.off' }
>

function bookLoan(books: Books, event: LoanMoney): boolean {
  const { loan_id: loanId, member_id: memberId } = event.data
  let loan = books.loans.get(loanId)
  if (loan === undefined) {
    loan = { loanId, memberId, disbursedMinor: 0, outstandingMinor: 0, interestPaidMinor: 0 }
    books.loans.set(loanId, loan)
  }
  switch (event.event_type) {
    case 'loan.disbursed':
      loan.disbursedMinor += event.data.amount_minor
      loan.outstandingMinor += event.data.amount_minor
      if (event.data.account_id !== null) post(books, event.data.account_id, event.data.amount_minor)
      return true
    case 'repayment.received':
      loan.outstandingMinor -= event.data.principal_minor
      loan.interestPaidMinor += event.data.interest_minor
      if (event.data.account_id !== null) post(books, event.data.account_id, -event.data.amount_minor)
      return true
    case 'loan.written.off':
      loan.outstandingMinor -= event.data.amount_minor
      return true
  }
}
