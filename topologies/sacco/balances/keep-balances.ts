import { RETENTION_SEVEN_YEARS_MS } from '#schemas'
import type { KeyValueStore, ProcessorSupplier, StreamRecord } from '#streams'
import { HOLDS_PER_ACCOUNT_MAX } from '../shared/limits.ts'
import { timeKey } from '../shared/time.ts'
import type { AccountBalance, AccountPosting, BalanceEntry, BalanceStores } from './stores.ts'

/** Old history of an account is looked for at every so many of its postings. */
const HISTORY_CLEANUP_POSTINGS = 64
const HISTORY_CLEANUP_ENTRIES_MAX = 256

/**
 * The fold of an account's postings, in the task of the account. Addition does not depend on order, so the balance is
 * the same however postings of several senders interleave; history is kept by event time, and a late posting corrects
 * what comes after it.
 */
export function keepBalances(stores: BalanceStores): ProcessorSupplier<string, AccountPosting, never, never> {
  return { stores: [stores.balances, stores.history], get: () => new BalanceKeeper(stores) }
}

class BalanceKeeper {
  readonly #stores: BalanceStores
  #balances!: KeyValueStore<string, AccountBalance>
  #history!: KeyValueStore<string, BalanceEntry>

  constructor(stores: BalanceStores) {
    this.#stores = stores
  }

  init(context: { store: (spec: never) => unknown }): void {
    this.#balances = context.store(this.#stores.balances as never) as KeyValueStore<string, AccountBalance>
    this.#history = context.store(this.#stores.history as never) as KeyValueStore<string, BalanceEntry>
  }

  process({ value: posting, timestampMs }: StreamRecord<string, AccountPosting>): void {
    const accountId = posting.account_id
    const before = this.#balances.get(accountId)
    const after = nextBalance(before, accountId, posting, timestampMs)
    this.#balances.put(accountId, after)
    if (posting.kind === 'opened' || posting.kind === 'closed') return
    if (before === undefined || timestampMs >= before.updated_ms) this.#append(after, before, posting, timestampMs)
    else this.#insert(after, before, posting, timestampMs)
    if (after.postings % HISTORY_CLEANUP_POSTINGS === 0) this.#forget(accountId, timestampMs)
  }

  /** After everything else, or in the same millisecond as the last. */
  #append(
    after: AccountBalance,
    before: AccountBalance | undefined,
    posting: AccountPosting,
    timestampMs: number,
  ): void {
    const key = historyKey(after.account_id, timestampMs)
    const same = before?.updated_ms === timestampMs ? this.#history.get(key) : undefined
    this.#history.put(key, {
      balance_minor: after.balance_minor,
      held_minor: after.held_minor,
      delta_minor: (same?.delta_minor ?? 0) + posting.delta_minor,
      event_id: posting.event_id,
      event_type: posting.event_type,
    })
  }

  /** Not after everything else: all entries from its time on change by the same amount. */
  #insert(after: AccountBalance, before: AccountBalance, posting: AccountPosting, timestampMs: number): void {
    const { account_id } = after
    const heldDelta = after.held_minor - before.held_minor
    const here = historyKey(account_id, timestampMs)
    const earlier = this.#entryAt(account_id, timestampMs)
    for (const { key, value } of [...this.#history.range(here, `${account_id}|~`)]) {
      const balance_minor = value.balance_minor + posting.delta_minor
      this.#history.put(key, { ...value, balance_minor, held_minor: value.held_minor + heldDelta })
    }
    const same = this.#history.get(here)
    this.#history.put(here, {
      balance_minor: same?.balance_minor ?? (earlier?.balance_minor ?? 0) + posting.delta_minor,
      held_minor: same?.held_minor ?? (earlier?.held_minor ?? 0) + heldDelta,
      delta_minor: (same?.delta_minor ?? 0) + posting.delta_minor,
      event_id: posting.event_id,
      event_type: posting.event_type,
    })
  }

  #entryAt(accountId: string, timeMs: number): BalanceEntry | undefined {
    using entries = this.#history.reverseRange(`${accountId}|`, historyKey(accountId, timeMs))
    for (const { value } of entries) return value
    return undefined
  }

  #forget(accountId: string, timestampMs: number): void {
    const until = historyKey(accountId, timestampMs - RETENTION_SEVEN_YEARS_MS)
    const old: string[] = []
    for (const { key } of this.#history.range(`${accountId}|`, until)) {
      if (old.length >= HISTORY_CLEANUP_ENTRIES_MAX) break
      old.push(key)
    }
    for (const key of old) this.#history.delete(key)
  }
}

export function historyKey(accountId: string, timeMs: number): string {
  return `${accountId}|${timeKey(timeMs)}`
}

export function nextBalance(
  before: AccountBalance | undefined,
  accountId: string,
  posting: AccountPosting,
  timestampMs: number,
): AccountBalance {
  const holds = nextHolds(before?.holds ?? [], posting)
  const balanceMinor = (before?.balance_minor ?? 0) + posting.delta_minor
  const heldMinor = sumOfHolds(holds)
  const isPosting = posting.kind === 'posted' || posting.kind === 'held'
  return {
    account_id: accountId,
    // Who opened the account owns it, whoever else a later event says.
    member_id: before?.member_id || posting.member_id,
    product: posting.product || (before?.product ?? ''),
    currency: posting.currency || (before?.currency ?? ''),
    status: statusOf(before, posting),
    balance_minor: balanceMinor,
    held_minor: heldMinor,
    available_minor: balanceMinor - heldMinor,
    postings: (before?.postings ?? 0) + (posting.kind === 'posted' ? 1 : 0),
    holds,
    last_event_id: posting.event_id,
    updated_ms: isPosting ? Math.max(before?.updated_ms ?? 0, timestampMs) : (before?.updated_ms ?? 0),
  }
}

function statusOf(before: AccountBalance | undefined, posting: AccountPosting): AccountBalance['status'] {
  if (posting.kind === 'closed') return 'closed'
  if (posting.kind === 'opened') return before?.status === 'closed' ? 'closed' : 'open'
  return before?.status ?? 'not_opened'
}

type Holds = AccountBalance['holds']

/**
 * The end of a withdrawal (paid or rejected) frees what its request held. An end that overtakes its request leaves an
 * entry of zero, so that the request then holds nothing.
 */
function nextHolds(holds: Holds, { transaction_id, hold_minor }: AccountPosting): Holds {
  if (hold_minor === 0) return holds
  const isKnown = holds.some((hold) => hold.transaction_id === transaction_id)
  if (isKnown) return holds.filter((hold) => hold.transaction_id !== transaction_id)
  const next = [...holds, { transaction_id, amount_minor: Math.max(0, hold_minor) }]
  if (next.length <= HOLDS_PER_ACCOUNT_MAX) return next
  const ended = next.findIndex(({ amount_minor }) => amount_minor === 0)
  return next.filter((_, index) => index !== Math.max(0, ended))
}

function sumOfHolds(holds: Holds): number {
  let sumMinor = 0
  for (const { amount_minor } of holds) sumMinor += amount_minor
  return sumMinor
}
