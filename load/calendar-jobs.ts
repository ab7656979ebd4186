import type { EventType } from '#schemas'
import {
  DAY_MS,
  dateOf,
  dayOfMonth,
  dayStartOf,
  HOUR_MS,
  isoOf,
  MINUTE_MS,
  monthNumber,
  monthOf,
  SECOND_MS,
  weekdayOf,
  yearOf,
} from './calendar.ts'
import { LOAN_PRODUCTS, restructure, writeOff } from './loan-flows.ts'
import { chargeFee, credit, KES, shillings } from './money-flows.ts'
import { originBank, originCheckOff } from './origins.ts'
import type { Employer } from './population.ts'
import { type Loan, move, type Person, type RepaymentHabit, type World } from './world.ts'

/** What the calendar brings: salaries, milk money, month ends, dividends, the work of the branches. */

/** Types that the platform makes itself from these events: the generator never publishes them. */
export const DERIVED_EVENT_TYPES: readonly EventType[] = [
  'loan.delinquent',
  'ledger.entry.created',
  'audit.trail.updated',
  'suspicious.activity.detected',
  'notification.sent',
  'notification.failed',
  'risk.score.calculated',
  'fraud.detected',
]

const SAVINGS_RATE_BPS = 300
const DIVIDEND_RATE_BPS = 1_000
const LEDGER_FEE_MINOR = 5_000
const WITHHOLDING_BPS = 500

export function planCalendar(world: World): void {
  const { startMs } = world.sacco.options
  const byEmployer = new Map<Employer, Person[]>()
  for (const person of world.persons) {
    const { employer, isDormant } = person.member
    if (employer === undefined || isDormant) continue
    const staff = byEmployer.get(employer) ?? []
    staff.push(person)
    byEmployer.set(employer, staff)
  }
  const firstDay = dayStartOf(startMs) + DAY_MS
  world.at(firstDay, () => eachDay(world, byEmployer))
}

function eachDay(world: World, byEmployer: ReadonlyMap<Employer, readonly Person[]>): void {
  const todayMs = world.nowMs
  world.at(todayMs + DAY_MS, () => eachDay(world, byEmployer))
  const day = dayOfMonth(todayMs)
  for (const [employer, persons] of byEmployer) if (employer.payday === day) planPayroll(world, employer, persons)
  if (day >= 5 && day <= 9) planMilkMoney(world, day)
  if (dayOfMonth(todayMs + DAY_MS) === 1) planMonthEnd(world)
  if (day === 15 && monthNumber(todayMs) === 3) planDividend(world)
  if (weekdayOf(todayMs) !== 0) planBranches(world)
}

function planPayroll(world: World, employer: Employer, persons: readonly Person[]): void {
  const { life, random } = world
  const startsMs = random.between(5, 9) * HOUR_MS
  let totalMinor = 0
  for (const [index, person] of persons.entries()) {
    const salaryMinor = Math.round((person.member.monthlyIncomeMinor * random.between(0.6, 0.75)) / KES) * KES
    const savingMinor = shillings(person.member.monthlyIncomeMinor * 0.08)
    totalMinor += salaryMinor + savingMinor
    life.after(startsMs + index * random.whole(20, 200), () => {
      const from = { flow: life, origin: originCheckOff, employer: employer.id, counterparty: { name: employer.name } }
      credit(world, { ...from, account: person.fosa, amountMinor: salaryMinor })
      if (savingMinor > 0) credit(world, { ...from, account: person.bosa, amountMinor: savingMinor })
    })
  }
  life.after(startsMs - MINUTE_MS, () => {
    world.emit(life, 'checkoff.remitted', {
      employer_id: employer.id,
      remittance_id: world.newReference('RM'),
      period: monthOf(world.nowMs),
      expected_minor: totalMinor,
      received_minor: totalMinor,
      currency: 'KES',
      member_count: persons.length,
      file_hash: hashText(world),
      occurred_at: isoOf(world.nowMs),
    })
  })
}

/** Dairies and factories pay farmers in the first days of a month. */
function planMilkMoney(world: World, day: number): void {
  const { life, random } = world
  for (const person of world.bySegment.farmer) {
    if (person.member.isDormant || 5 + (person.member.index % 5) !== day) continue
    const amountMinor = shillings(person.member.monthlyIncomeMinor * random.between(0.5, 0.9))
    life.after(random.between(7, 15) * HOUR_MS, () => {
      credit(world, {
        flow: life,
        account: person.fosa,
        amountMinor,
        origin: originBank,
        counterparty: { name: 'Dairy Co-operative' },
      })
    })
  }
}

/** Interest and the ledger fee, and the return to the regulator, in the night after the last day. */
function planMonthEnd(world: World): void {
  const period = monthOf(world.nowMs)
  const fromMs = world.nowMs
  const nightMs = DAY_MS - 2 * HOUR_MS
  // Not more than 4 hours of batch, whatever the number of members.
  const gapMs = Math.min(1_000, (3.5 * HOUR_MS) / world.persons.length)
  world.life.after(nightMs, () => postInterest(world, period, 0, gapMs))
  world.life.after(10 * HOUR_MS, () => treatBadLoans(world))
  world.life.after(DAY_MS + 5 * HOUR_MS, () => {
    world.emit(world.life, 'sasra.report.generated', {
      report_id: world.newReference('SASRA'),
      report_kind: 'risk_classification',
      period_from: `${period}-01`,
      period_to: dateOf(fromMs),
      content_hash: hashText(world),
      generated_at: isoOf(world.nowMs),
    })
  })
}

const BAD_LOANS_PER_MONTH = 3

/** The committee restructures a few loans that are behind and writes a few off that nobody pays. */
function treatBadLoans(world: World): void {
  const loans = world.persons.flatMap((person) => (person.reservedUntilMs > world.nowMs ? [] : person.loans))
  const someOf = (habit: RepaymentHabit): readonly Loan[] =>
    loans.filter((loan) => loan.habit === habit && loan.outstandingMinor > 0).slice(0, BAD_LOANS_PER_MONTH)
  for (const loan of someOf('delinquent')) restructure(world, loan)
  for (const loan of someOf('defaulting')) writeOff(world, loan)
}

/** One person at a time, each planning the next: the agenda stays short. */
function postInterest(world: World, period: string, index: number, gapMs: number): void {
  const person = world.persons[index]
  if (person === undefined) return
  const { life } = world
  world.at(world.nowMs + gapMs, () => postInterest(world, period, index + 1, gapMs))
  const amountMinor = Math.floor((person.fosa.balanceMinor * SAVINGS_RATE_BPS) / 120_000)
  if (amountMinor > 0) {
    move(person.fosa, amountMinor)
    world.emit(life, 'interest.posted', {
      transaction_id: world.newTransactionId(),
      member_id: person.member.id,
      account_id: person.fosa.id,
      amount_minor: amountMinor,
      currency: 'KES',
      period,
      occurred_at: isoOf(world.nowMs),
    })
  }
  if (!person.member.isDormant) chargeFee(world, life, person.fosa, LEDGER_FEE_MINOR, 'ledger')
  for (const loan of person.loans) {
    const { rateBps } = LOAN_PRODUCTS[loan.product]
    const accruedMinor = Math.round((loan.outstandingMinor * rateBps) / 120_000)
    world.emit(life, 'interest.accrued', {
      member_id: person.member.id,
      account_id: `${loan.id}-L` as never,
      loan_id: loan.id,
      amount_minor: accruedMinor,
      currency: 'KES',
      annual_rate_bps: rateBps,
      period_from: `${period}-01`,
      period_to: dateOf(world.nowMs),
    })
  }
}

function planDividend(world: World): void {
  const { life } = world
  const year = yearOf(world.nowMs) - 1
  const totalMinor = world.persons.reduce((sum, { shares }) => sum + dividendOn(shares.balanceMinor), 0)
  life.after(10 * HOUR_MS, () => {
    world.emit(life, 'dividend.declared', {
      dividend_id: `DIV${year}`,
      financial_year: year,
      rate_bps: DIVIDEND_RATE_BPS,
      deposit_interest_rate_bps: 0,
      total_minor: totalMinor,
      currency: 'KES',
      record_date: dateOf(world.nowMs),
      declared_at: isoOf(world.nowMs),
    })
    payDividends(world, year, 0)
  })
}

const dividendOn = (sharesMinor: number): number => Math.floor((sharesMinor * DIVIDEND_RATE_BPS) / 10_000)

function payDividends(world: World, year: number, index: number): void {
  const person = world.persons[index]
  if (person === undefined) return
  world.at(world.nowMs + SECOND_MS, () => payDividends(world, year, index + 1))
  const grossMinor = dividendOn(person.shares.balanceMinor)
  const taxMinor = Math.floor((grossMinor * WITHHOLDING_BPS) / 10_000)
  if (grossMinor - taxMinor <= 0) return
  move(person.fosa, grossMinor - taxMinor)
  world.emit(world.life, 'dividend.posted', {
    transaction_id: world.newTransactionId(),
    member_id: person.member.id,
    account_id: person.fosa.id,
    amount_minor: grossMinor - taxMinor,
    withholding_tax_minor: taxMinor,
    currency: 'KES',
    financial_year: year,
    occurred_at: isoOf(world.nowMs),
  })
}

/** Drawers are counted in the afternoon; the accountant posts a journal or two; M-Pesa is reconciled. */
function planBranches(world: World): void {
  const { life, random } = world
  for (const branch of world.sacco.branches) {
    for (const teller of branch.tellers) {
      life.after(random.between(16, 17) * HOUR_MS, () => {
        const expectedMinor = random.whole(200, 2_000) * 1_000 * KES
        // Small change goes missing or turns up on one day in twelve.
        const differenceMinor = random.chance(0.08) ? random.whole(-2, 2) * 10 * KES : 0
        balanceDrawer(world, life, teller, expectedMinor, expectedMinor + differenceMinor)
      })
    }
    life.after(random.between(10, 15) * HOUR_MS, () =>
      postJournal(world, branch.id, branch.officers[0]?.id ?? null, branch.manager.id),
    )
  }
  life.after(random.between(20, 21) * HOUR_MS, () => reconcile(world))
}

export function balanceDrawer(
  world: World,
  flow: World['life'],
  teller: World['sacco']['staff'][number],
  expectedMinor: number,
  countedMinor: number,
): void {
  world.emit(flow, 'teller.drawer.balanced', {
    staff_id: teller.id,
    branch_id: teller.branch.id,
    expected_minor: expectedMinor,
    counted_minor: countedMinor,
    currency: 'KES',
    checker_id: teller.branch.manager.id,
    balanced_at: isoOf(world.nowMs),
  })
}

/** Rent, electricity: between the SACCO's own accounts, so no member's balance moves. */
function postJournal(world: World, branch: string, maker: string | null, checker: string): void {
  const amountMinor = world.random.whole(2_000, 90_000) * KES + world.random.below(100)
  const line = (account: string, kind: 'expense' | 'bank', side: 'debit' | 'credit') =>
    ({ account_id: account as never, account_class: kind, side, amount_minor: amountMinor, member_id: null }) as const
  world.emit(world.life, 'journal.posted', {
    journal_id: world.newReference('J') as never,
    description: world.random.pick(['Rent', 'Electricity', 'Stationery', 'Security', 'Internet']),
    lines: [line(`GL-EXPENSE-${branch}`, 'expense', 'debit'), line(`GL-BANK-${branch}`, 'bank', 'credit')],
    currency: 'KES',
    manual: true,
    control: { maker_id: maker as never, checker_id: checker as never, approved_at: isoOf(world.nowMs) },
    posted_at: isoOf(world.nowMs),
    value_date: dateOf(world.nowMs),
  })
}

/** A sample of the day's payments, all of which agree. */
function reconcile(world: World): void {
  for (const payment of world.paymentsRecent.splice(0)) {
    world.emit(world.life, 'payment.reconciled', {
      payment_id: payment.id,
      member_id: payment.person.member.id,
      transaction_id: payment.transaction,
      direction: payment.direction,
      channel: 'mpesa',
      outcome: 'matched',
      ledger_minor: payment.amountMinor,
      provider_minor: payment.amountMinor,
      currency: 'KES',
      mpesa_receipt: payment.receipt,
      reconciled_at: isoOf(world.nowMs),
    })
  }
}

/** Sixty-four hexadecimal digits: stands for the SHA-256 of a file that does not exist. */
function hashText(world: World): string {
  let text = ''
  for (let i = 0; i < 8; i++) text += world.random.below(0x1_0000_0000).toString(16).padStart(8, '0')
  return text
}
