import { describe, expect, test } from 'vitest'
import {
  type AccountId,
  createEvent,
  type DefinitionOf,
  type EventInput,
  type EventType,
  type SaccoEvent,
} from '#schemas'
import { createBalanceFold, foldBalances } from './fold-balances.ts'
import { FLAWED_KINDS } from './records.ts'
import { takeSample } from './testing/sample.ts'

let count = 0
function event<Type extends EventType>(
  type: Type,
  data: Partial<Record<string, unknown>>,
  timestamp = 1_770_000_000_000,
): SaccoEvent {
  const base = {
    member_id: 'M1',
    account_id: 'A1',
    currency: 'KES',
    transaction_id: `T${count}`,
    occurred_at: '',
    fee_minor: 0,
    origin: { channel: 'mpesa', initiated_by: 'member' },
    control: {},
  }
  const input = { event_id: `E${count++}`, timestamp, data: { ...base, ...data }, metadata: { source: 'test' } }
  return createEvent(type as EventType, input as unknown as EventInput<DefinitionOf<Type>> as never) as SaccoEvent
}
const opened = (account: string): SaccoEvent =>
  event('account.opened', { account_id: account, product: 'fosa_savings', opened_at: '' })
const books = [opened('A1'), opened('A2'), event('deposit.completed', { amount_minor: 10_000 })]

type Row = readonly [
  name: string,
  found: readonly SaccoEvent[],
  balance: number,
  held: number,
  other: number,
  outstanding?: number,
]

/** The table of docs/LOAD.md: event, its effect on A1 (balance, held), on A2, and on the loan. */
const ROWS: readonly Row[] = [
  ['deposit.initiated', [event('deposit.initiated', { amount_minor: 500 })], 0, 0, 0],
  ['deposit.completed', [event('deposit.completed', { amount_minor: 500 })], 500, 0, 0],
  ['withdrawal.requested', [event('withdrawal.requested', { amount_minor: 500 })], 0, 500, 0],
  [
    'withdrawal.processed after its request',
    [
      event('withdrawal.requested', { amount_minor: 500, transaction_id: 'X1' }),
      event('withdrawal.processed', { amount_minor: 500, fee_minor: 30, transaction_id: 'X1' }),
    ],
    -530,
    0,
    0,
  ],
  [
    'withdrawal.processed before its request',
    [
      event('withdrawal.processed', { amount_minor: 500, fee_minor: 30, transaction_id: 'X2' }),
      event('withdrawal.requested', { amount_minor: 500, transaction_id: 'X2' }),
    ],
    -530,
    0,
    0,
  ],
  [
    'withdrawal.rejected',
    [
      event('withdrawal.requested', { amount_minor: 500, transaction_id: 'X3' }),
      event('withdrawal.rejected', { amount_minor: 500, transaction_id: 'X3', reason: 'limit' }),
    ],
    0,
    0,
    0,
  ],
  [
    'transfer.executed',
    [event('transfer.executed', { amount_minor: 500, fee_minor: 5, to_member_id: 'M2', to_account_id: 'A2' })],
    -505,
    0,
    500,
  ],
  ['transaction.reversed of a deposit', [event('transaction.reversed', reversal('deposit.completed'))], -500, 0, 0],
  [
    'transaction.reversed of a withdrawal',
    [event('transaction.reversed', reversal('withdrawal.processed'))],
    500,
    0,
    0,
  ],
  [
    'transaction.reversed of a transfer',
    [event('transaction.reversed', { ...reversal('transfer.executed'), to_account_id: 'A2', to_member_id: 'M2' })],
    500,
    0,
    -500,
  ],
  ['fee.charged', [event('fee.charged', { amount_minor: 50, fee: 'ledger' })], -50, 0, 0],
  ['interest.posted', [event('interest.posted', { amount_minor: 50, period: '2026-01' })], 50, 0, 0],
  [
    'dividend.posted',
    [event('dividend.posted', { amount_minor: 50, withholding_tax_minor: 3, financial_year: 2025 })],
    50,
    0,
    0,
  ],
  [
    'adjustment.posted credit',
    [event('adjustment.posted', { amount_minor: 50, direction: 'credit', reason: '' })],
    50,
    0,
    0,
  ],
  [
    'adjustment.posted debit',
    [event('adjustment.posted', { amount_minor: 50, direction: 'debit', reason: '' })],
    -50,
    0,
    0,
  ],
  ['loan.disbursed to the account', [disbursed('A1')], 9_000, 0, 0, 9_000],
  ['loan.disbursed to a phone', [disbursed(null)], 0, 0, 0, 9_000],
  ['repayment.received from the account', [disbursed(null), repaid('A1')], -1_100, 0, 0, 8_000],
  ['repayment.received from outside', [disbursed(null), repaid(null)], 0, 0, 0, 8_000],
  [
    'loan.written.off',
    [disbursed(null), event('loan.written.off', { loan_id: 'L1', amount_minor: 9_000, written_off_at: '' })],
    0,
    0,
    0,
    0,
  ],
]

function reversal(type: string) {
  return {
    amount_minor: 500,
    original_transaction_id: 'T',
    original_event_id: 'E',
    original_event_type: type,
    reason: '',
  }
}
function disbursed(account: string | null): SaccoEvent {
  const terms = {
    principal_minor: 9_000,
    annual_rate_bps: 1_200,
    method: 'flat',
    instalment_count: 1,
    frequency: 'once',
    first_due_date: '',
  }
  return event('loan.disbursed', {
    loan_id: 'L1',
    product: 'mobile',
    amount_minor: 9_000,
    terms,
    channel: 'internal',
    account_id: account,
    disbursed_at: '',
  })
}
function repaid(account: string | null): SaccoEvent {
  const parts = { amount_minor: 1_100, principal_minor: 1_000, interest_minor: 100, fees_minor: 0 }
  return event('repayment.received', {
    repayment_id: 'R',
    loan_id: 'L1',
    ...parts,
    account_id: account,
    received_at: '',
  })
}

describe('reference fold', () => {
  test.each(ROWS.map((row) => [row[0], row] as const))('%s', (_, [, found, balance, held, other, outstanding]) => {
    const { accounts, loans } = foldBalances([...books, ...found])
    expect(accounts.get('A1' as never)).toMatchObject({ balanceMinor: 10_000 + balance, heldMinor: held })
    expect(accounts.get('A2' as never)?.balanceMinor).toBe(other)
    expect(loans.get('L1' as never)?.outstandingMinor).toBe(outstanding)
  })
  test('a duplicate, a negative amount and a year-old event change nothing, each with its reason', () => {
    const fold = createBalanceFold()
    for (const each of books) fold.add(each, 'p0')
    expect(fold.add(books[2] as SaccoEvent, 'p0')).toBe('duplicate')
    expect(fold.add(event('deposit.completed', { amount_minor: -5 }), 'p0')).toBe('invalid')
    expect(fold.add(event('deposit.completed', { amount_minor: 5 }, 1_770_000_000_000 - 370 * 86_400_000), 'p0')).toBe(
      'too-late',
    )
    expect(fold.add(event('deposit.completed', { amount_minor: 5, account_id: 'A9' }), 'p0')).toBe('booked')
    const { accounts, unknownAccounts, counts } = fold.result()
    expect(accounts.get('A1' as never)?.balanceMinor).toBe(10_000)
    expect([...unknownAccounts.keys()]).toEqual(['A9'])
    expect(counts).toEqual({ booked: 2, 'no-money': 2, duplicate: 1, invalid: 1, 'too-late': 1 })
  })
})

describe('money of the world', () => {
  const sample = takeSample({ seed: 21, members: 1_500, days: 14, flaws: { malformed: 0.01 } })
  const unreadable = new Set<string>(['undecodable', 'unknown-schema', 'wrong-type'])
  const readable = sample.records.filter(({ kind }) => !unreadable.has(kind))
  test('is what the published events come to, whatever is late, doubled or refused', () => {
    const { accounts, unknownAccounts, counts } = foldBalances(readable.map(({ event: each }) => each))
    const world = sample.stream.balances()
    expect(accounts.size).toBe(world.size)
    for (const [id, { balanceMinor, heldMinor }] of world) {
      expect(accounts.get(id), id).toMatchObject({ balanceMinor, heldMinor })
    }
    const countOf = (kind: string): number => readable.filter((record) => record.kind === kind).length
    expect(counts.duplicate).toBe(countOf('duplicate'))
    expect(counts.invalid).toBe(countOf('negative-amount'))
    expect(counts['too-late']).toBe(countOf('year-late'))
    expect(unknownAccounts.size).toBe(countOf('unknown-member'))
    expect(FLAWED_KINDS.every((kind) => sample.records.some((record) => record.kind === kind))).toBe(true)
  })
  test('in order of what happened, no account is ever below zero or holds more than it has', () => {
    const fold = createBalanceFold()
    const good = readable.filter(({ kind }) => kind === 'normal' || kind === 'late' || kind === 'out-of-order')
    // Event ids are numbered as things happen.
    const numberOf = (id: string): number => Number.parseInt(id.slice(id.lastIndexOf('-e') + 2), 36)
    good.sort((left, right) => numberOf(left.event.event_id) - numberOf(right.event.event_id))
    let compared = 0
    for (const { event: each } of good) {
      fold.add(each, 'one')
      const data = each.data as { readonly account_id?: AccountId | null; readonly balance_after_minor?: number | null }
      const account = data.account_id == null ? undefined : fold.account(data.account_id)
      if (account === undefined) continue
      if (account.balanceMinor < 0 || account.heldMinor > account.balanceMinor)
        throw new Error(`after ${each.event_id}`)
      if (data.balance_after_minor == null) continue
      compared++
      if (account.balanceMinor !== data.balance_after_minor) throw new Error(`balance printed in ${each.event_id}`)
    }
    expect(compared).toBeGreaterThan(20_000)
  })
})
