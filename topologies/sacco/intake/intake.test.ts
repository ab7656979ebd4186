import { expect, test } from 'vitest'
import { LATENESS_MAX_MS, UNKNOWN_MEMBER_WAIT_MS } from '../shared/limits.ts'
import { LATE_TOPIC } from '../shared/names.ts'
import { DAY_MS } from '../shared/time.ts'
import { createSaccoDriver } from '../testing/sacco-driver.ts'

const deposit = (member: string, amountMinor: number, more: object = {}) =>
  ({ member_id: member, account_id: `${member}-F`, amount_minor: amountMinor, ...more }) as never
type Balance = { readonly balance_minor: number }

test('an event is taken once, whatever comes between it and its repetition', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  const atMs = sacco.nowMs
  sacco.send('deposit.completed', deposit('M1', 500), { id: 'D1', atMs })
  sacco.wait(20 * DAY_MS)
  sacco.send('deposit.completed', deposit('M1', 200), { id: 'D2' })
  sacco.send('deposit.completed', deposit('M1', 500), { id: 'D1', atMs })
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(700)
  expect(sacco.accounting()).toMatchObject({
    'sacco.transaction.events|processed|': 3,
    'sacco.transaction.events|duplicate|': 1,
  })
  expect(sacco.refused()).toMatchObject([{ reason: 'duplicate', event: { event_id: 'D1' } }])
})

const REFUSED = [
  ['a negative amount', deposit('M1', -1), {}, 'invalid', 'data.amount_minor is -1'],
  ['an account of somebody else', deposit('M1', 1, { account_id: 'M2-F' }), {}, 'unknown-account', 'M2-F'],
  ['another currency', deposit('M1', 1, { currency: 'USD' }), {}, 'wrong-currency', 'M1-F'],
  ['a key that is not its member', deposit('M1', 1), { key: 'M2' }, 'wrong-key', 'member_id'],
  ['a time far ahead', deposit('M1', 1), { atMs: Date.parse('2031-01-01') }, 'timestamp-in-future', '2031'],
] as const

test.each(REFUSED)('%s goes to the dead letters with its reason', (_, data, options, reason, words) => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  sacco.join('M2')
  sacco.send('deposit.completed', data, { id: 'BAD', ...options })
  const [refusal] = sacco.refused()
  expect(refusal).toMatchObject({ reason, event: { event_id: 'BAD' } })
  expect(refusal?.message).toContain(words)
  expect(sacco.accounting()[`sacco.transaction.events|dead-lettered|${reason}`]).toBe(1)
  // The stream goes on.
  sacco.send('deposit.completed', deposit('M1', 7))
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(7)
})

test('money that cannot be booked is refused before it is booked in part', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  const parts = { principal_minor: 50, interest_minor: 10, fees_minor: 0, received_at: '' }
  sacco.send('repayment.received', {
    repayment_id: 'R1',
    loan_id: 'L1',
    ...parts,
    ...(deposit('M1', 100) as object),
  } as never)
  expect(sacco.refused()).toMatchObject([
    { reason: 'cannot-be-booked', message: expect.stringContaining('parts are 60') },
  ])
  expect(sacco.all('ledger-accounts')).toEqual([])
})

test('bytes that are no event go to the dead letters, and the stream goes on', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  sacco.sendBytes('sacco.transaction.events', 'M1', Uint8Array.of(75, 1, 2, 3))
  sacco.sendBytes('sacco.transaction.events', 'M1', Uint8Array.of(0, 0x7f, 0, 0, 0, 1, 2))
  expect(sacco.refused().map(({ message }) => message)).toEqual([
    expect.stringContaining('not in the Confluent wire format'),
    expect.stringContaining('schema id'),
  ])
  sacco.send('deposit.completed', deposit('M1', 7))
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(7)
})

test('an event that is far too late is kept aside, one that is a little late is booked', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  sacco.send('deposit.completed', deposit('M1', 100), { atMs: sacco.nowMs - LATENESS_MAX_MS - DAY_MS, id: 'YEAR' })
  sacco.send('deposit.completed', deposit('M1', 10), { atMs: sacco.nowMs - LATENESS_MAX_MS / 2 })
  expect(sacco.refused(LATE_TOPIC)).toMatchObject([{ reason: 'too-late', event: { event_id: 'YEAR' } }])
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(10)
  expect(sacco.accounting()['sacco.transaction.events|late|too-late']).toBe(1)
})

test('lateness of loans is judged in their own partition, before they are brought to the member', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  const application = {
    loan_id: 'L1',
    member_id: 'M1',
    product: 'mobile',
    amount_minor: 100,
    term_months: 1,
    purpose: '',
  }
  sacco.send('loan.application.submitted', { ...application, submitted_at: '' } as never)
  const atMs = sacco.nowMs - LATENESS_MAX_MS - DAY_MS
  sacco.send('loan.application.submitted', { ...application, loan_id: 'L2', submitted_at: '' } as never, { atMs })
  expect(sacco.all('loans').map(({ key }) => key)).toEqual(['L1'])
  expect(sacco.accounting()['sacco.loan.events|late|too-late']).toBe(1)
})

test('events of a member who is not known yet wait for the registration, and are refused if none comes', () => {
  using sacco = createSaccoDriver()
  const account = (member: string) => ({
    member_id: member,
    account_id: `${member}-F`,
    product: 'fosa_savings',
    opened_at: '',
  })
  for (const member of ['M1', 'M2']) {
    sacco.send('account.opened', account(member) as never)
    sacco.send('deposit.completed', deposit(member, 300))
  }
  expect(sacco.all('balances')).toEqual([])
  sacco.join('M1')
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(300)
  expect(sacco.refused()).toEqual([])
  sacco.driver.crashAndLoseState()
  sacco.driver.advanceWallClock(UNKNOWN_MEMBER_WAIT_MS + 2_000)
  expect(sacco.refused().map(({ reason }) => reason)).toEqual(['unknown-member', 'unknown-member'])
  expect(sacco.all('parked-events')).toEqual([])
})

test('accounting events are in the partition of their account: they need no member there', () => {
  using sacco = createSaccoDriver()
  for (const member of ['M1', 'M2', 'M3', 'M4']) {
    sacco.join(member)
    const period = { annual_rate_bps: 1_200, period_from: '2026-02-01', period_to: '2026-02-28' }
    sacco.send('interest.accrued', {
      member_id: member,
      account_id: `LOAN-${member}`,
      amount_minor: 5,
      ...period,
    } as never)
  }
  sacco.driver.advanceWallClock(UNKNOWN_MEMBER_WAIT_MS + 2_000)
  expect(sacco.refused()).toEqual([])
  expect(sacco.accounting()['sacco.accounting.events|processed|']).toBe(4)
  expect(sacco.all('fraud-context').map(({ key }) => key)).toEqual(expect.not.arrayContaining(['LOAN-M1', 'LOAN-M2']))
})

test('the money of a loan waits for its account, and is refused if nobody opens it', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1')
  const paidTo = (account: string, loan: string) => ({
    loan_id: loan,
    member_id: 'M1',
    account_id: account,
    amount_minor: 900,
    product: 'mobile',
    channel: 'internal',
    terms: {
      principal_minor: 900,
      annual_rate_bps: 1200,
      method: 'flat',
      instalment_count: 1,
      frequency: 'once',
      first_due_date: '2026-04-01',
    },
    disbursed_at: '',
  })
  sacco.send('loan.disbursed', paidTo('M1-B', 'L1') as never)
  sacco.send('loan.disbursed', paidTo('M1-X', 'L2') as never)
  sacco.send('deposit.completed', deposit('M1', 5))
  expect(sacco.all('parked-events')).toHaveLength(2)
  sacco.send('account.opened', {
    member_id: 'M1',
    account_id: 'M1-B',
    product: 'bosa_deposits',
    opened_at: '',
  } as never)
  expect(sacco.get<Balance>('balances', 'M1-B')?.balance_minor).toBe(900)
  sacco.driver.crash()
  sacco.driver.advanceWallClock(UNKNOWN_MEMBER_WAIT_MS + 2_000)
  expect(sacco.refused()).toMatchObject([{ reason: 'unknown-account', event: { data: { loan_id: 'L2' } } }])
  expect(sacco.all('parked-events')).toEqual([])
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(5)
})

test('what waits is taken once, in its order, when a registration and then an account are told', () => {
  using sacco = createSaccoDriver()
  const account = { member_id: 'M1', account_id: 'M1-F', product: 'fosa_savings', opened_at: '' }
  const parts = { repayment_id: 'R1', loan_id: 'L1', principal_minor: 500, interest_minor: 40, fees_minor: 10 }
  const repaid = { member_id: 'M1', account_id: 'M1-F', amount_minor: 550, received_at: '', ...parts }
  sacco.send('repayment.received', repaid as never)
  sacco.send('account.opened', account as never)
  sacco.send('deposit.completed', deposit('M1', 1_000))
  expect(sacco.all('parked-events')).toHaveLength(3)
  const names = { email: '', phone: '254711', registered_at: '2026-03-02T10:00:00Z' }
  sacco.send('member.registered', { member_id: 'M1', ...names } as never)
  expect(sacco.all('parked-events')).toEqual([])
  expect(sacco.get<Balance>('balances', 'M1-F')?.balance_minor).toBe(450)
  expect(Object.values(sacco.accounting()).reduce((sum, count) => sum + count, 0)).toBe(4)
})
