import { expect, test } from 'vitest'
import type { EventType } from '#schemas'
import { serdes } from '#streams'
import { MINUTE_MS } from '../shared/time.ts'
import { createSaccoDriver, type SaccoDriver } from '../testing/sacco-driver.ts'
import { historyKey } from './keep-balances.ts'
import type { AccountBalance, BalanceEntry, LedgerTotal } from './stores.ts'

type Row = readonly [
  type: EventType,
  data: Readonly<Record<string, unknown>>,
  first: number,
  second: number,
  ledger: Readonly<Record<string, number>>,
]
const terms = { principal_minor: 900, annual_rate_bps: 1200, method: 'flat', instalment_count: 1, frequency: 'once' }
const loan = { loan_id: 'L1', product: 'mobile', terms: { ...terms, first_due_date: '2026-04-01' }, disbursed_at: '' }
const repaid = {
  repayment_id: 'R1',
  loan_id: 'L1',
  principal_minor: 500,
  interest_minor: 40,
  fees_minor: 10,
  received_at: '',
}
const undone = (type: string, more = {}) => ({
  original_transaction_id: 'T0',
  original_event_id: 'E0',
  original_event_type: type,
  amount_minor: 70,
  ...more,
})

/** What each event does to the accounts of two members and to the SACCO's own. Both start with 1,000. */
const ROWS: readonly Row[] = [
  ['deposit.completed', { amount_minor: 250 }, 250, 0, { 'gl:mpesa-float': -250 }],
  ['withdrawal.processed', { amount_minor: 100, fee_minor: 5 }, -105, 0, { 'gl:mpesa-float': 100, 'gl:fee-income': 5 }],
  [
    'transfer.executed',
    { amount_minor: 100, fee_minor: 5, to_member_id: 'M2', to_account_id: 'M2-F' },
    -105,
    100,
    { 'gl:fee-income': 5 },
  ],
  ['fee.charged', { amount_minor: 30, fee: 'ledger' }, -30, 0, { 'gl:fee-income': 30 }],
  ['interest.posted', { amount_minor: 12, period: '2026-02' }, 12, 0, { 'gl:interest-expense': -12 }],
  [
    'dividend.posted',
    { amount_minor: 80, withholding_tax_minor: 4, financial_year: 2025 },
    80,
    0,
    { 'gl:dividends-payable': -80 },
  ],
  ['adjustment.posted', { amount_minor: 60, direction: 'debit' }, -60, 0, { 'gl:adjustments': 60 }],
  ['transaction.reversed', undone('withdrawal.processed'), 70, 0, { 'gl:reversals': -70 }],
  ['transaction.reversed', undone('deposit.completed'), -70, 0, { 'gl:reversals': 70 }],
  ['transaction.reversed', undone('transfer.executed', { to_account_id: 'M2-F', to_member_id: 'M2' }), 70, -70, {}],
  ['loan.disbursed', { ...loan, amount_minor: 900, channel: 'internal' }, 900, 0, { 'gl:loans-receivable': -900 }],
  [
    'loan.disbursed',
    { ...loan, amount_minor: 900, channel: 'mpesa', account_id: null },
    0,
    0,
    { 'gl:loans-receivable': -900, 'gl:mpesa-float': 900 },
  ],
  [
    'repayment.received',
    { ...repaid, amount_minor: 550 },
    -550,
    0,
    { 'gl:loans-receivable': 500, 'gl:loan-interest-income': 40, 'gl:fee-income': 10 },
  ],
  [
    'loan.written.off',
    { loan_id: 'L1', amount_minor: 400, written_off_at: '' },
    0,
    0,
    { 'gl:loans-receivable': 400, 'gl:loan-losses': -400 },
  ],
]

function openTwo(): SaccoDriver {
  const sacco = createSaccoDriver()
  for (const member of ['M1', 'M2']) {
    sacco.join(member)
    sacco.send('deposit.completed', { member_id: member, account_id: `${member}-F`, amount_minor: 1_000 } as never)
  }
  return sacco
}

function ledgerOf(sacco: SaccoDriver): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const { key, value } of sacco.all<LedgerTotal>('ledger-accounts')) {
    totals[key] = (totals[key] ?? 0) + value.balance_minor
  }
  return totals
}

test.each(ROWS)('%s is a balanced journal %#', (type, data, first, second, expected) => {
  using sacco = openTwo()
  const before = ledgerOf(sacco)
  const id = sacco.send(type, { member_id: 'M1', account_id: 'M1-F', ...data } as never)
  expect(sacco.get<AccountBalance>('balances', 'M1-F')?.balance_minor).toBe(1_000 + first)
  expect(sacco.get<AccountBalance>('balances', 'M2-F')?.balance_minor).toBe(1_000 + second)
  const after = ledgerOf(sacco)
  const changes = Object.fromEntries(
    Object.keys(after)
      .map((key) => [key, (after[key] ?? 0) - (before[key] ?? 0)] as const)
      .filter(([, change]) => change !== 0),
  )
  const members = first + second
  expect(changes).toEqual({ ...expected, ...(members === 0 ? {} : { 'gl:member-accounts': members }) })
  expect(Object.values(after).reduce((sum, each) => sum + each, 0)).toBe(0)
  const journal = sacco.events('journal.posted').find(({ data: posted }) => posted.source_event_id === id)
  const sides = { debit: 0, credit: 0 }
  for (const { side, amount_minor } of journal?.data.lines ?? []) sides[side] += amount_minor
  expect(sides.debit).toBeGreaterThan(0)
  expect(sides.debit).toBe(sides.credit)
})

test('a withdrawal is held from its request to its end, in either order', () => {
  using sacco = openTwo()
  const of = (transaction: string, amount: number) =>
    ({ member_id: 'M1', account_id: 'M1-F', amount_minor: amount, transaction_id: transaction }) as never
  const balance = () => {
    const { balance_minor, held_minor, available_minor } = sacco.get<AccountBalance>(
      'balances',
      'M1-F',
    ) as AccountBalance
    return [balance_minor, held_minor, available_minor]
  }
  sacco.send('withdrawal.requested', of('W1', 300))
  sacco.send('withdrawal.requested', of('W2', 200))
  expect(balance()).toEqual([1_000, 500, 500])
  sacco.send('withdrawal.processed', of('W1', 300))
  expect(balance()).toEqual([700, 200, 500])
  sacco.send('withdrawal.rejected', of('W2', 200))
  expect(balance()).toEqual([700, 0, 700])
  sacco.send('withdrawal.processed', of('W3', 100))
  sacco.send('withdrawal.requested', of('W3', 100))
  expect(balance()).toEqual([600, 0, 600])
})

test('history answers as of any moment, and a late event corrects what comes after it', () => {
  using sacco = openTwo()
  const deposit = (amount: number) => ({ member_id: 'M1', account_id: 'M1-F', amount_minor: amount }) as never
  const startMs = sacco.nowMs
  sacco.send('deposit.completed', deposit(10), { atMs: startMs + 10 * MINUTE_MS })
  sacco.send('deposit.completed', deposit(20), { atMs: startMs + 30 * MINUTE_MS })
  sacco.send('deposit.completed', deposit(5), { atMs: startMs + 20 * MINUTE_MS })
  const entries = sacco.all<BalanceEntry>('balance-history').filter(({ key }) => key.startsWith('M1-F|'))
  const asOf = (minutes: number) =>
    entries.findLast(({ key }) => key <= historyKey('M1-F', startMs + minutes * MINUTE_MS))?.value.balance_minor
  expect([5, 10, 15, 20, 25, 30].map(asOf)).toEqual([1_000, 1_010, 1_010, 1_015, 1_015, 1_035])
})

test('a lost state directory changes nothing', () => {
  using sacco = openTwo()
  sacco.send('transfer.executed', {
    member_id: 'M1',
    account_id: 'M1-F',
    to_member_id: 'M2',
    to_account_id: 'M2-F',
    amount_minor: 400,
  } as never)
  const before = sacco.all('balances')
  sacco.driver.crashAndLoseState()
  expect(sacco.all('balances')).toEqual(before)
})

test('only what belongs to another member leaves the task', () => {
  using sacco = openTwo()
  const moved = sacco.driver.outputTopic('sacco-postings-by-member-repartition', {
    key: serdes.string,
    value: serdes.bytes,
  })
  const transfer = { member_id: 'M1', account_id: 'M1-F', amount_minor: 400 }
  sacco.send('deposit.completed', transfer as never)
  expect(moved.readAll()).toEqual([])
  sacco.send('transfer.executed', { ...transfer, to_member_id: 'M2', to_account_id: 'M2-F' } as never)
  expect(moved.readAll().map(({ key }) => key)).toEqual(['M2'])
})

test('a transfer is reversed only where it is said whose account had been credited', () => {
  using sacco = openTwo()
  const of = { member_id: 'M1', account_id: 'M1-F', ...undone('transfer.executed', { to_account_id: 'M2-F' }) }
  sacco.send('transaction.reversed', of as never)
  expect(sacco.refused()).toMatchObject([
    { reason: 'cannot-be-booked', message: expect.stringContaining('who was paid') },
  ])
})
