import { describe, expect, test } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../shared/time.ts'
import { createSaccoDriver, type SaccoDriver, type SendOptions } from '../testing/sacco-driver.ts'
import { DEFAULT_FRAUD_RULES } from './default-rules.ts'
import { explainFlag } from './explain.ts'
import { RULE_KINDS } from './kinds.ts'
import { problemOfRule } from './rule-book.ts'

const KES = 100
const member = (id: string) => ({ member_id: id, account_id: `${id}-F` })
type More = Readonly<Record<string, unknown>>

/** What tests say in a line each. Amounts in shillings. */
function words(sacco: SaccoDriver) {
  const minor = (shillings: number) => ({ amount_minor: shillings * KES })
  const send = (type: Parameters<SaccoDriver['send']>[0], data: More, options?: SendOptions) =>
    sacco.send(type, data as never, options)
  return {
    cashIn: (id: string, shillings: number) =>
      send('deposit.completed', {
        ...member(id),
        ...minor(shillings),
        origin: { channel: 'cash', initiated_by: 'member' },
      }),
    payIn: (id: string, shillings: number, phone: string, more: More = {}) =>
      send('deposit.completed', { ...member(id), ...minor(shillings), counterparty: { phone }, ...more }),
    payOut: (id: string, shillings: number, phone: string | null = null, more: More = {}) =>
      send('withdrawal.processed', {
        ...member(id),
        ...minor(shillings),
        counterparty: phone === null ? null : { phone },
        ...more,
      }),
    transfer: (from: string, to: string, shillings: number, options?: SendOptions) =>
      send(
        'transfer.executed',
        { ...member(from), to_member_id: to, to_account_id: `${to}-F`, ...minor(shillings) },
        options,
      ),
    apply: (id: string, loan: string) =>
      send('loan.application.submitted', {
        member_id: id,
        loan_id: loan,
        product: 'mobile',
        ...minor(5_000),
        term_months: 1,
        purpose: '',
        submitted_at: '',
      }),
    lend: (id: string, loan: string, shillings: number, more: More = {}) =>
      send('loan.disbursed', {
        member_id: id,
        loan_id: loan,
        product: 'mobile',
        ...minor(shillings),
        channel: 'internal',
        disbursed_at: '',
        ...more,
        terms: {
          principal_minor: shillings * KES,
          annual_rate_bps: 1_000,
          method: 'flat',
          instalment_count: 1,
          frequency: 'once',
          first_due_date: new Date(sacco.nowMs + 30 * DAY_MS).toISOString().slice(0, 10),
        },
      }),
    pledge: (borrower: string, guarantor: string) =>
      send('guarantee.pledged', {
        guarantee_id: `${borrower}-${guarantor}`,
        loan_id: `L-${borrower}`,
        member_id: borrower,
        guarantor_member_id: guarantor,
        ...minor(1_000),
        pledged_at: '',
      }),
    signIn: (id: string, outcome: string, device: string | null = null) =>
      send('member.authentication.attempted', {
        member_id: id,
        outcome,
        channel: 'mobile_app',
        device_id: device,
        attempted_at: '',
      }),
    swapSim: (id: string, options?: SendOptions) =>
      send(
        'member.credential.changed',
        { member_id: id, credential: 'sim', initiated_by: 'third_party', changed_at: '' },
        options,
      ),
    changePhone: (id: string, maker: string | null, checker: string | null) =>
      send('member.contact.changed', {
        member_id: id,
        contact: 'phone',
        value_after: '254799',
        channel: 'internal',
        initiated_by: maker === null ? 'member' : 'staff',
        maker_id: maker,
        checker_id: checker,
        changed_at: '',
      }),
    seenAt: (id: string, latitude: number, longitude: number) =>
      send('member.device.seen', { member_id: id, device_id: `D-${id}`, seen_at: '', latitude, longitude }),
    approve: (id: string, loan: string, control: More, options?: SendOptions) =>
      send(
        'loan.approved',
        {
          member_id: id,
          loan_id: loan,
          product: 'mobile',
          ...minor(5_000),
          control,
          approved_at: '',
          terms: {
            principal_minor: 1,
            annual_rate_bps: 1,
            method: 'flat',
            instalment_count: 1,
            frequency: 'once',
            first_due_date: '2026-05-01',
          },
        },
        options,
      ),
    adjust: (id: string, control: More) =>
      send('adjustment.posted', { ...member(id), direction: 'credit', ...minor(1_000), control }),
    view: (id: string, staff: string, request: string | null) =>
      send('member.record.accessed', {
        member_id: id,
        staff_id: staff,
        action: 'viewed',
        service_request_id: request,
        accessed_at: '',
      }),
    repayByLoan: (id: string, loan: string, by: string | null) =>
      send('repayment.received', {
        repayment_id: `R-${loan}`,
        member_id: id,
        loan_id: loan,
        ...minor(100),
        principal_minor: 100 * KES,
        interest_minor: 0,
        fees_minor: 0,
        paid_by_loan_id: by,
        received_at: '',
      }),
    drawer: (staff: string, shortShillings: number) =>
      send('teller.drawer.balanced', {
        staff_id: staff,
        branch_id: 'B1',
        expected_minor: 1_000_000,
        counted_minor: 1_000_000 - shortShillings * KES,
        balanced_at: '',
      }),
    confirm: (id: string, paid: number, requested: number | null) =>
      send('payment.processed', {
        payment_id: `P-${paid}`,
        member_id: id,
        direction: 'inbound',
        channel: 'mpesa',
        ...minor(paid),
        requested_minor: requested === null ? null : requested * KES,
        processed_at: '',
      }),
  }
}
type Words = ReturnType<typeof words>
const times = (count: number, act: (index: number) => void): void => {
  for (let i = 0; i < count; i++) act(i)
}
/** Members M1 to M9, who have each been seen to pay before. */
const PEOPLE = ['M1', 'M2', 'M3', 'M4', 'M5', 'M6', 'M7', 'M8', 'M9', 'M10', 'M11', 'M12']

type Case = readonly [
  rule: string,
  suspicious: (say: Words, sacco: SaccoDriver) => void,
  honest: (say: Words, sacco: SaccoDriver) => void,
  about?: string,
]
const NIGHT = { atMs: Date.parse('2026-03-03T01:00:00+03:00') }
const CASES: readonly Case[] = [
  ['velocity-burst', (say) => times(12, () => say.payOut('M1', 500)), (say) => times(11, () => say.payOut('M1', 500))],
  [
    'structuring',
    (say) => times(3, () => say.cashIn('M1', 1_900_000)),
    (say) => times(2, () => say.cashIn('M1', 1_900_000)),
  ],
  ['large-cash', (say) => say.cashIn('M1', 1_940_000), (say) => say.cashIn('M1', 1_939_999)],
  [
    'cash-aggregate',
    (say) => times(2, () => say.cashIn('M1', 970_000)),
    (say, sacco) =>
      times(2, () => {
        say.cashIn('M1', 970_000)
        sacco.wait(DAY_MS)
      }),
  ],
  [
    'rapid-in-out',
    (say) => {
      times(3, (i) => say.payIn('M1', 30_000, `07-${i}`))
      times(2, (i) => say.payOut('M1', 40_000, `08-${i}`))
    },
    (say) => {
      times(3, () => say.payIn('M1', 30_000, '07-employer'))
      times(2, (i) => say.payOut('M1', 40_000, `08-${i}`))
    },
  ],
  [
    'fan-in',
    (say) => times(11, (i) => say.transfer(PEOPLE[i + 1] as string, 'M1', 100)),
    (say) => times(11, () => say.transfer('M2', 'M1', 100)),
  ],
  [
    'fan-out',
    (say) => times(10, (i) => say.transfer('M1', PEOPLE[i + 1] as string, 100)),
    (say) => times(9, (i) => say.transfer('M1', PEOPLE[i + 1] as string, 100)),
  ],
  [
    'transfer-ring',
    (say) => {
      say.transfer('M1', 'M2', 5_000)
      say.transfer('M2', 'M3', 4_900)
      say.transfer('M3', 'M1', 4_800)
    },
    (say) => {
      say.transfer('M1', 'M2', 5_000)
      say.transfer('M2', 'M3', 1_500)
      say.transfer('M3', 'M1', 5_000)
    },
  ],
  [
    'dormant-reactivation',
    (say, sacco) => {
      say.payOut('M1', 100)
      sacco.wait(181 * DAY_MS - HOUR_MS)
      say.payOut('M1', 9_000)
    },
    (say, sacco) => {
      sacco.wait(200 * DAY_MS)
      say.payIn('M1', 10, '')
      say.payOut('M1', 9_000)
    },
  ],
  [
    'repeated-amounts',
    (say) => times(5, () => say.payOut('M1', 9_900)),
    (say) => times(5, (i) => say.payOut('M1', 9_900 + i)),
  ],
  [
    'first-payee-large',
    (say) => say.payOut('M1', 150_000, '07-new'),
    (say) => {
      say.payOut('M1', 10, '07-old')
      say.payOut('M1', 150_000, '07-old')
    },
  ],
  [
    'reversal-abuse',
    (_say, sacco) =>
      times(3, () => {
        sacco.send('transaction.reversed', {
          ...member('M1'),
          original_transaction_id: 'T',
          original_event_id: 'E',
          original_event_type: 'withdrawal.processed',
          amount_minor: 1,
        } as never)
        sacco.wait(DAY_MS)
      }),
    (say) => say.payOut('M1', 1),
  ],
  [
    'receipt-replay',
    (say) => {
      say.payIn('M1', 10, '', { mpesa_receipt: 'RX1' })
      say.payIn('M2', 10, '', { mpesa_receipt: 'RX1' })
    },
    (say) => {
      say.payIn('M1', 10, '', { mpesa_receipt: 'RX1' })
      say.payIn('M2', 10, '', { mpesa_receipt: 'RX2' })
    },
    'M2',
  ],
  ['payment-mismatch', (say) => say.confirm('M1', 10, 500), (say) => say.confirm('M1', 500, 500)],
  [
    'sim-swap',
    (say) => {
      say.swapSim('M1')
      say.payOut('M1', 9_000, '07-thief')
    },
    (say) => {
      say.swapSim('M1')
      say.payOut('M1', 9_000, '2547M1')
    },
  ],
  [
    'shared-device',
    (say) => times(6, (i) => say.signIn(PEOPLE[i] as string, 'succeeded', 'DX')),
    (say) => times(9, (i) => say.signIn(PEOPLE[i % 3] as string, 'succeeded', 'DX')),
    'DX',
  ],
  [
    'impossible-travel',
    (say) => {
      say.seenAt('M1', -1.29, 36.82)
      say.seenAt('M1', -4.04, 39.67)
    },
    (say, sacco) => {
      say.seenAt('M1', -1.29, 36.82)
      sacco.wait(8 * HOUR_MS)
      say.seenAt('M1', -4.04, 39.67)
    },
  ],
  [
    'pin-burst',
    (say) => {
      times(5, () => say.signIn('M1', 'wrong_pin'))
      say.signIn('M1', 'succeeded')
    },
    (say) => {
      times(4, () => say.signIn('M1', 'wrong_pin'))
      say.signIn('M1', 'succeeded')
    },
  ],
  [
    'loan-stacking',
    (say) => times(3, (i) => say.apply('M1', `L${i}`)),
    (say, sacco) =>
      times(3, (i) => {
        say.apply('M1', `L${i}`)
        sacco.wait(20 * DAY_MS)
      }),
  ],
  [
    'guarantor-cycle',
    (say) => {
      say.pledge('M1', 'M2')
      say.pledge('M2', 'M3')
      say.pledge('M3', 'M1')
    },
    (say) => {
      say.pledge('M1', 'M2')
      say.pledge('M2', 'M3')
      say.pledge('M1', 'M3')
    },
    // Found where the circle closes: by the guarantor of the last pledge, who looks to the others.
    'M2',
  ],
  [
    'ghost-borrowers',
    (say) =>
      times(3, (i) => say.lend(PEOPLE[i] as string, `L${i}`, 100, { channel: 'mpesa', disbursed_to_phone: '07-one' })),
    (say) => times(3, (i) => say.lend('M1', `L${i}`, 100, { channel: 'mpesa', disbursed_to_phone: '07-one' })),
    'M3',
  ],
  [
    'mass-registration',
    (_say, sacco) => times(4, (i) => sacco.join(`N${i}`, { phone: '07-one' })),
    (_say, sacco) => times(4, (i) => sacco.join(`N${i}`)),
    'N3',
  ],
  [
    'first-payment-default',
    (say, sacco) => {
      say.lend('M1', 'L1', 1_000)
      sacco.wait(36 * DAY_MS)
      say.view('M1', 'S1', 'R')
    },
    (say, sacco) => {
      say.lend('M1', 'L1', 1_000)
      say.repayByLoan('M1', 'L1', null)
      sacco.wait(36 * DAY_MS)
      say.view('M1', 'S1', 'R')
    },
  ],
  [
    'disbursement-flight',
    (say) => {
      say.lend('M1', 'L1', 50_000, { account_id: 'M1-F' })
      say.payOut('M1', 45_000, '07-x')
    },
    (say, sacco) => {
      say.lend('M1', 'L1', 50_000, { account_id: 'M1-F' })
      sacco.wait(2 * HOUR_MS)
      say.payOut('M1', 45_000, '07-x')
    },
  ],
  [
    'evergreening',
    (say) => {
      say.lend('M1', 'L1', 1_000)
      say.repayByLoan('M1', 'L1', 'L2')
    },
    (say) => {
      say.lend('M1', 'L1', 1_000)
      say.repayByLoan('M1', 'L1', null)
    },
  ],
  [
    'maker-checker',
    (say) => say.adjust('M1', { maker_id: 'S1', checker_id: 'S1' }),
    (say) => say.adjust('M1', { maker_id: 'S1', checker_id: 'S2' }),
  ],
  [
    'staff-own-account',
    (say, sacco) => {
      sacco.join('STAFF', { staff_id: 'S1' })
      say.adjust('STAFF', { maker_id: 'S1', checker_id: 'S2' })
    },
    (say) => say.adjust('M1', { maker_id: 'S1', checker_id: 'S2' }),
    'STAFF',
  ],
  [
    'edit-then-payout',
    (say) => {
      say.changePhone('M1', 'S1', null)
      say.payOut('M1', 9_000, '254799')
    },
    (say) => {
      say.changePhone('M1', 'S1', 'S2')
      say.payOut('M1', 9_000, '254799')
    },
  ],
  [
    'record-snooping',
    (say, sacco) =>
      times(20, (i) => {
        sacco.join(`V${i}`)
        sacco.wait(-2 * MINUTE_MS)
        say.view(`V${i}`, 'S1', null)
      }),
    (say) => times(20, (i) => say.view(PEOPLE[i % 12] as string, 'S1', `R${i}`)),
    'S1',
  ],
  [
    'approval-out-of-hours',
    (say) => say.approve('M1', 'L1', { maker_id: 'S1', checker_id: 'S2' }, NIGHT),
    (say) => say.approve('M1', 'L1', { maker_id: 'S1', checker_id: 'S2' }),
  ],
  [
    'approval-burst',
    (say, sacco) =>
      times(10, (i) => {
        sacco.wait(-50_000)
        say.approve('M1', `L${i}`, { maker_id: 'S1', checker_id: 'S2' })
      }),
    (say) => times(9, (i) => say.approve('M1', `L${i}`, { maker_id: 'S1', checker_id: 'S2' })),
    'S2',
  ],
  [
    'teller-shortage',
    (say, sacco) =>
      times(3, () => {
        say.drawer('S1', 2_000)
        sacco.wait(DAY_MS)
      }),
    (say, sacco) =>
      times(3, () => {
        say.drawer('S1', 900)
        sacco.wait(DAY_MS)
      }),
    'S1',
  ],
]

function setUp(rule = '') {
  const sacco = createSaccoDriver()
  for (const id of PEOPLE.slice(0, WITH_MANY.has(rule) ? PEOPLE.length : 4)) sacco.join(id)
  sacco.flags()
  return { sacco, say: words(sacco) }
}

const NAMED = CASES.map(([rule, suspicious, honest, about = 'M1']) => ({ rule, suspicious, honest, about }))
const WITH_MANY = new Set(['fan-in', 'fan-out', 'shared-device', 'record-snooping'])

describe.each(NAMED)('$rule', ({ rule, suspicious, honest, about }) => {
  test('fires once, with evidence that exists and words that say why', () => {
    const { sacco, say } = setUp(rule)
    using _ = sacco
    suspicious(say, sacco)
    const flags = sacco.flags().filter(({ data }) => data.rule_id === rule)
    expect(flags.map(({ data }) => data.subject_id)).toContain(about)
    const ring = rule === 'transfer-ring' || rule === 'guarantor-cycle'
    if (!ring) expect(flags).toHaveLength(1)
    for (const flag of flags) {
      expect(flag.data.evidence.length).toBeGreaterThan(0)
      expect(flag.data.rule_version).toBe(1)
      const { title, reason, events } = explainFlag(flag)
      expect(title).not.toBe(rule)
      expect(reason.length).toBeGreaterThan(20)
      expect(events.filter(({ eventId }) => eventId !== '')).toHaveLength(flag.data.evidence.length)
      const stored = sacco.get<typeof flag>('fraud-flags', flag.data.flag_id)
      expect(stored?.data.flag_id).toBe(flag.data.flag_id)
    }
  })

  test('does not fire on what only looks like it', () => {
    const { sacco, say } = setUp(rule)
    using _ = sacco
    honest(say, sacco)
    expect(sacco.flags().filter(({ data }) => data.rule_id === rule)).toEqual([])
  })
})

test('every kind of rule that is raised by default has a case above', () => {
  const live = DEFAULT_FRAUD_RULES.filter(({ status }) => status === 'live').map(({ rule_id }) => rule_id as string)
  expect(CASES.map(([rule]) => rule).sort()).toEqual(live.sort())
})

test.each(DEFAULT_FRAUD_RULES.map((rule) => [rule.rule_id, rule] as const))('default rule %s is sound', (_, rule) => {
  expect(problemOfRule(rule)).toBeUndefined()
  expect(RULE_KINDS[rule.kind]).toBeDefined()
})

describe('rules are data', () => {
  const burst = DEFAULT_FRAUD_RULES.find(
    ({ rule_id }) => rule_id === 'velocity-burst',
  ) as (typeof DEFAULT_FRAUD_RULES)[number]
  const changed = (change: Partial<typeof burst>) => ({ ...burst, rule_version: 2, ...change }) as never
  const stricter = {
    params: [
      { name: 'count', value: 3, unit: 'count' as const },
      { name: 'window_ms', value: 60_000 * 60, unit: 'ms' as const },
    ],
  }
  const hitsOf = (sacco: SaccoDriver) =>
    Object.fromEntries(sacco.all<number>('fraud-rule-hits').map(({ key, value }) => [key, value]))

  test('a new version takes effect with the next event, and after a crash', () => {
    const { sacco, say } = setUp()
    using _ = sacco
    sacco.send('fraud.rule.changed', changed(stricter))
    times(3, () => say.payOut('M1', 100))
    expect(sacco.flags().map(({ data }) => [data.rule_id, data.rule_version])).toEqual([['velocity-burst', 2]])
    sacco.driver.crashAndLoseState()
    times(3, () => say.payOut('M2', 100))
    expect(sacco.flags().map(({ data }) => data.subject_id)).toEqual(['M2'])
  })

  test('in shadow it is counted and not raised; retired it is neither', () => {
    const { sacco, say } = setUp()
    using _ = sacco
    sacco.send('fraud.rule.changed', changed({ ...stricter, status: 'shadow' }))
    times(3, () => say.payOut('M1', 100))
    expect(sacco.flags()).toEqual([])
    expect(hitsOf(sacco)).toEqual({ 'velocity-burst|2|shadow': 1 })
    sacco.send('fraud.rule.changed', changed({ ...stricter, rule_version: 3, status: 'retired' }))
    times(12, () => say.payOut('M2', 100))
    expect(sacco.flags()).toEqual([])
    expect(hitsOf(sacco)).toEqual({ 'velocity-burst|2|shadow': 1 })
  })

  test.each([
    ['without a second person', { ...stricter, checker_id: null }],
    ['of an unknown kind', { ...stricter, kind: 'guessing' }],
    ['without its parameters', { params: [] }],
    ['of an older version', { ...stricter, rule_version: 0 }],
  ])('a version %s is refused, and the one before stays', (_, change) => {
    const { sacco, say } = setUp()
    using _driver = sacco
    sacco.send('fraud.rule.changed', changed(change as never))
    times(3, () => say.payOut('M1', 100))
    expect(sacco.flags()).toEqual([])
    times(9, () => say.payOut('M1', 100))
    expect(sacco.flags().map(({ data }) => data.rule_version)).toEqual([1])
  })

  test('it counts only in its time', () => {
    const { sacco, say } = setUp()
    using _ = sacco
    sacco.send('fraud.rule.changed', changed({ ...stricter, effective_from: '2030-01-01T00:00:00.000Z' }))
    times(3, () => say.payOut('M1', 100))
    expect(sacco.flags()).toEqual([])
  })
})

test('what is known in another order is found all the same', () => {
  const { sacco, say } = setUp()
  using _ = sacco
  const startMs = sacco.nowMs
  sacco.wait(30 * MINUTE_MS)
  say.payOut('M1', 9_000, '07-thief')
  say.swapSim('M1', { atMs: startMs + 5 * MINUTE_MS })
  say.transfer('M3', 'M4', 5_000, { atMs: startMs + 25 * MINUTE_MS })
  say.transfer('M2', 'M3', 5_000, { atMs: startMs + 20 * MINUTE_MS })
  say.transfer('M4', 'M2', 5_000, { atMs: startMs + 30 * MINUTE_MS })
  const found = sacco.flags().map(({ data }) => `${data.rule_id} ${data.subject_id}`)
  expect(found.sort()).toEqual(['sim-swap M1', 'transfer-ring M2'])
})
