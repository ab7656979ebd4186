import {
  createRecordSerde,
  enumeration,
  field,
  list,
  type RegisteredSchemas,
  record,
  recordDefinition,
  type TypeOf,
} from '#schemas'
import { keyValueStore, serdes } from '#streams'
import { STATE_NAMESPACE } from '../shared/names.ts'

/** A change of an account. It travels, keyed by member, only where the account is another member's. */
export const ACCOUNT_POSTING = record('AccountPosting', 'A change of one member account.', [
  field(
    'kind',
    enumeration('PostingKind', 'What changes.', ['opened', 'closed', 'posted', 'held']),
    'internal',
    'What changes.',
  ),
  field('account_id', 'string', 'internal', 'The account.'),
  field('member_id', 'string', 'internal', 'Its owner, in whose task it is kept.'),
  field('event_id', 'string', 'internal', 'The event that caused it.'),
  field('event_type', 'string', 'internal', 'Its type.'),
  field('transaction_id', 'string', 'internal', 'The movement of money; empty if none.'),
  field('delta_minor', 'long', 'internal', 'Credit positive, debit negative.'),
  field('hold_minor', 'long', 'internal', 'Above zero: held for the transaction. Below: freed again.'),
  field('currency', 'string', 'internal', 'Currency.'),
  field('product', 'string', 'internal', 'Kind of account, when it is opened.'),
])
export type AccountPosting = TypeOf<typeof ACCOUNT_POSTING>

export const ACCOUNT_BALANCE = record('AccountBalance', 'An account of a member, now.', [
  field('account_id', 'string', 'internal', 'The account.'),
  field('member_id', 'string', 'internal', 'Its owner.'),
  field('product', 'string', 'internal', 'Kind of account; empty before it is opened.'),
  field('currency', 'string', 'internal', 'Currency.'),
  field(
    'status',
    enumeration('AccountStatus', 'Status.', ['not_opened', 'open', 'closed']),
    'internal',
    'not_opened: money was posted to an account that nobody has opened; needs a look.',
  ),
  field('balance_minor', 'long', 'internal', 'What the SACCO owes the member, in minor units.'),
  field('held_minor', 'long', 'internal', 'Part of it that is promised to withdrawals under way.'),
  field('available_minor', 'long', 'internal', 'Balance less held.'),
  field('postings', 'long', 'internal', 'How many postings there were.'),
  list(
    'holds',
    record('AccountHold', 'A withdrawal under way; zero if its end came before its request.', [
      field('transaction_id', 'string', 'internal', 'The withdrawal.'),
      field('amount_minor', 'long', 'internal', 'Amount in minor units.'),
    ]),
    'internal',
    'Withdrawals under way.',
  ),
  field('last_event_id', 'string', 'internal', 'The event that changed it last.'),
  field('updated_ms', 'long', 'internal', 'Newest time of a posting or hold so far; 0 before the first.'),
])
export type AccountBalance = TypeOf<typeof ACCOUNT_BALANCE>

export const BALANCE_ENTRY = record('BalanceEntry', 'The account after everything up to a moment.', [
  field('balance_minor', 'long', 'internal', 'Balance in minor units.'),
  field('held_minor', 'long', 'internal', 'Held in minor units.'),
  field('delta_minor', 'long', 'internal', 'Change of the balance at that moment.'),
  field('event_id', 'string', 'internal', 'The event (the last one, if several had that millisecond).'),
  field('event_type', 'string', 'internal', 'Its type.'),
])
export type BalanceEntry = TypeOf<typeof BALANCE_ENTRY>

export const LEDGER_TOTAL = record('LedgerTotal', "One of the SACCO's own accounts, as far as this task booked it.", [
  field('account_class', 'string', 'internal', 'Class of the account.'),
  field('balance_minor', 'long', 'internal', 'Credits less debits, in minor units.'),
  field('debits_minor', 'long', 'internal', 'Sum of debits.'),
  field('credits_minor', 'long', 'internal', 'Sum of credits.'),
  field('postings', 'long', 'internal', 'How many.'),
])
export type LedgerTotal = TypeOf<typeof LEDGER_TOTAL>

export const accountPostingDefinition = recordDefinition(STATE_NAMESPACE, ACCOUNT_POSTING)
export const accountBalanceDefinition = recordDefinition(STATE_NAMESPACE, ACCOUNT_BALANCE)
export const balanceEntryDefinition = recordDefinition(STATE_NAMESPACE, BALANCE_ENTRY)
export const ledgerTotalDefinition = recordDefinition(STATE_NAMESPACE, LEDGER_TOTAL)
export const BALANCE_RECORDS = [
  accountPostingDefinition,
  accountBalanceDefinition,
  balanceEntryDefinition,
  ledgerTotalDefinition,
] as const

export function createBalanceStores(schemas: RegisteredSchemas) {
  return {
    /** Account id → balance. */
    balances: keyValueStore({
      name: 'balances',
      key: serdes.string,
      value: createRecordSerde(accountBalanceDefinition, schemas),
    }),
    /** `account|time` → the account after that moment: as-of is the last entry at or before it. */
    history: keyValueStore({
      name: 'balance-history',
      key: serdes.string,
      value: createRecordSerde(balanceEntryDefinition, schemas),
      // Written by every posting, read by the late ones and by queries only.
      cleanEntriesMax: 0,
    }),
    /** Ledger account → what the tasks of the members booked on it. Its balance is the sum over all tasks. */
    ledger: keyValueStore({
      name: 'ledger-accounts',
      key: serdes.string,
      value: createRecordSerde(ledgerTotalDefinition, schemas),
    }),
  }
}
export type BalanceStores = ReturnType<typeof createBalanceStores>
