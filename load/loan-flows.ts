import type { DefinitionOf, EventInput } from '#schemas'
import { addMonths, DAY_MS, dateOf, HOUR_MS, isoOf, MINUTE_MS, officeTimeFrom } from './calendar.ts'
import { KES, roundTens } from './money-flows.ts'
import { LOAN_PURPOSES } from './names.ts'
import { originCheckOff, originMpesa, originPhone } from './origins.ts'
import type { Staff } from './population.ts'
import {
  availableOf,
  type Flow,
  type Guarantor,
  type Instalment,
  isAlive,
  type Loan,
  type LoanProduct,
  move,
  type Person,
  type RepaymentHabit,
  type World,
} from './world.ts'

/** The life of a loan: application, bureau, guarantors, approval by two, disbursement, repayments, release. */

type ProductTerms = {
  readonly months: number
  readonly frequency: 'weekly' | 'monthly'
  readonly instalments: number
  readonly rateBps: number
  readonly guarantors: number
}
export const LOAN_PRODUCTS: Readonly<Record<LoanProduct, ProductTerms>> = {
  development: { months: 36, frequency: 'monthly', instalments: 36, rateBps: 1_200, guarantors: 4 },
  emergency: { months: 12, frequency: 'monthly', instalments: 12, rateBps: 1_200, guarantors: 2 },
  school_fees: { months: 12, frequency: 'monthly', instalments: 12, rateBps: 1_200, guarantors: 3 },
  mobile: { months: 1, frequency: 'weekly', instalments: 4, rateBps: 9_600, guarantors: 0 },
  salary_advance: { months: 3, frequency: 'monthly', instalments: 3, rateBps: 6_000, guarantors: 0 },
}

const AUTHORITY_MINOR = 50_000_000

export type LoanRequest = {
  readonly flow: Flow
  readonly borrower: Person
  readonly product: LoanProduct
  readonly amountMinor: number
  readonly habit: RepaymentHabit
  /** Pledge what is asked; drawn at random if left out. */
  readonly guarantors?: readonly Person[]
  readonly refinances?: Loan
  readonly maker?: Staff
  readonly checker?: Staff
  /** From application to approval and from approval to payout; drawn at random, in office hours, if left out. */
  readonly approvalDelayMs?: number
  /** Instead of the delay: a moment that the calendar gives. */
  readonly approvedAtMs?: number
  readonly payoutDelayMs?: number
  /** Pays to this phone instead of the member's account. */
  readonly payoutPhone?: string
  readonly openLoanCount?: number
  readonly onDisbursed?: (loan: Loan) => void
}

export function applyForLoan(world: World, request: LoanRequest): Loan {
  const { flow, borrower, product, amountMinor } = request
  const { random } = world
  const { months } = LOAN_PRODUCTS[product]
  const loan = newLoan(world, request)
  const maker = request.maker ?? random.pick(borrower.member.branch.officers)
  world.emit(flow, 'loan.application.submitted', {
    loan_id: loan.id,
    member_id: borrower.member.id,
    product,
    amount_minor: amountMinor,
    currency: 'KES',
    term_months: months,
    purpose: random.pick(LOAN_PURPOSES),
    guarantors: loan.guarantors.map(guarantorData),
    monthly_income_minor: borrower.member.monthlyIncomeMinor,
    deposits_minor: borrower.bosa.balanceMinor,
    refinances_loan_id: request.refinances?.id ?? null,
    origin: originPhone(world, borrower),
    control: { maker_id: maker.id },
    submitted_at: isoOf(world.nowMs),
  })
  pledge(world, flow, loan)
  checkCredit(world, request, loan)
  const approves = (): void => approve(world, request, loan, maker)
  const { approvalDelayMs } = request
  const { approvedAtMs = officeTimeFrom(world.nowMs + random.between(4, 60) * HOUR_MS, random.next()) } = request
  if (approvalDelayMs === undefined) flow.on(approvedAtMs, approves)
  else flow.after(approvalDelayMs, approves)
  return loan
}

function newLoan(world: World, request: LoanRequest): Loan {
  const { borrower, product, amountMinor } = request
  const { guarantors: count } = LOAN_PRODUCTS[product]
  const persons = request.guarantors ?? drawGuarantors(world, borrower, count)
  const share = persons.length === 0 ? 0 : Math.floor(amountMinor / persons.length)
  return {
    id: world.newLoanId(),
    borrower,
    product,
    principalMinor: amountMinor,
    instalments: [],
    guarantors: persons.map((person) => ({ person, amountMinor: share, guaranteeId: world.newReference('G') })),
    habit: request.habit,
    outstandingMinor: amountMinor,
    paidCount: 0,
    status: 'open',
  }
}

/** People vouch for those who joined after them: so no honest chain of guarantees comes back to its start. */
export function drawGuarantors(world: World, borrower: Person, count: number): readonly Person[] {
  const guarantors: Person[] = []
  const index = borrower.member.index
  if (index < 200) return guarantors
  for (let attempt = 0; guarantors.length < count && attempt < 40; attempt++) {
    const person = world.persons[world.random.below(index)] as Person
    if (isAlive(person) && person.reservedUntilMs <= world.nowMs && !guarantors.includes(person))
      guarantors.push(person)
  }
  return guarantors
}

const guarantorData = ({ person, amountMinor }: Guarantor) => ({
  member_id: person.member.id,
  amount_minor: amountMinor,
  staff_id: person.member.staff?.id ?? null,
})

function guaranteeData(loan: Loan, { person, amountMinor, guaranteeId }: Guarantor) {
  return {
    guarantee_id: guaranteeId,
    loan_id: loan.id,
    member_id: loan.borrower.member.id,
    guarantor_member_id: person.member.id,
    amount_minor: amountMinor,
    currency: 'KES',
    guarantor_staff_id: person.member.staff?.id ?? null,
  } as const
}

export function pledge(world: World, flow: Flow, loan: Loan): void {
  for (const guarantor of loan.guarantors) {
    flow.after(world.random.whole(1, 90) * MINUTE_MS, () => {
      world.emit(flow, 'guarantee.pledged', {
        ...guaranteeData(loan, guarantor),
        guarantor_deposits_minor: guarantor.person.bosa.balanceMinor,
        device_id: guarantor.person.device ?? null,
        pledged_at: isoOf(world.nowMs),
      })
    })
  }
}

function checkCredit(world: World, request: LoanRequest, loan: Loan): void {
  const { flow, borrower } = request
  const head = { loan_id: loan.id, member_id: borrower.member.id }
  world.emit(flow, 'credit.check.initiated', { ...head, bureau: 'metropol' })
  flow.after(world.random.whole(2, 20) * 1_000, () => {
    const open = request.openLoanCount ?? borrower.loans.length
    world.emit(flow, 'credit.check.passed', {
      ...head,
      score: world.random.whole(601, 880),
      open_loan_count: open,
      open_balance_minor: borrower.loans.reduce((sum, each) => sum + each.outstandingMinor, 0),
      currency: 'KES',
      adverse_listing: false,
    })
  })
}

/** An application that the bureau or the committee turns down. */
export function applyInVain(world: World, flow: Flow, borrower: Person): void {
  const { random } = world
  const loanId = world.newLoanId()
  const head = { loan_id: loanId, member_id: borrower.member.id }
  const officer = random.pick(borrower.member.branch.officers)
  world.emit(flow, 'loan.application.submitted', {
    ...head,
    product: 'emergency',
    amount_minor: roundTens(borrower.member.monthlyIncomeMinor * 4),
    currency: 'KES',
    term_months: 12,
    purpose: random.pick(LOAN_PURPOSES),
    origin: originPhone(world, borrower),
    control: { maker_id: officer.id },
    submitted_at: isoOf(world.nowMs),
  })
  world.emit(flow, 'credit.check.initiated', { ...head, bureau: 'metropol' })
  flow.after(random.whole(2, 20) * 1_000, () => {
    const found = { open_loan_count: random.whole(1, 5), open_balance_minor: random.whole(50, 900) * 1_000 * KES }
    const answer = {
      ...head,
      ...found,
      score: random.whole(300, 600),
      currency: 'KES',
      adverse_listing: random.chance(0.5),
    } as const
    world.emit(flow, 'credit.check.failed', answer)
  })
  flow.on(officeTimeFrom(world.nowMs + 2 * HOUR_MS, random.next()), () => {
    world.emit(flow, 'loan.rejected', {
      ...head,
      reason: 'credit_check',
      control: { maker_id: officer.id, checker_id: borrower.member.branch.manager.id, approved_at: isoOf(world.nowMs) },
      rejected_at: isoOf(world.nowMs),
    })
  })
}

function approve(world: World, request: LoanRequest, loan: Loan, maker: Staff): void {
  const { flow, borrower, product, amountMinor } = request
  const checker = request.checker ?? borrower.member.branch.manager
  const payoutMs = world.nowMs + (request.payoutDelayMs ?? world.random.whole(10, 6 * 60) * MINUTE_MS)
  const control = { maker_id: maker.id, checker_id: checker.id, approved_at: isoOf(world.nowMs) }
  const instalments = scheduleOf(loan, payoutMs)
  const terms = termsOf(loan, instalments)
  world.emit(
    flow,
    'loan.approved',
    {
      loan_id: loan.id,
      member_id: borrower.member.id,
      product,
      amount_minor: amountMinor,
      currency: 'KES',
      terms,
      guarantors: loan.guarantors.map(guarantorData),
      control,
      authority_limit_minor: AUTHORITY_MINOR * (checker.role === 'manager' ? 4 : 1),
      approved_at: isoOf(world.nowMs),
    },
    checker.id,
  )
  flow.after(payoutMs - world.nowMs, () => {
    const toPhone = request.payoutPhone
    Object.assign(loan, { instalments })
    borrower.loans.push(loan)
    if (toPhone === undefined) move(borrower.fosa, amountMinor)
    world.emit(flow, 'loan.disbursed', {
      loan_id: loan.id,
      member_id: borrower.member.id,
      product,
      amount_minor: amountMinor,
      currency: 'KES',
      terms,
      channel: toPhone === undefined ? 'internal' : 'mpesa',
      account_id: toPhone === undefined ? borrower.fosa.id : null,
      disbursed_to_phone: toPhone ?? null,
      mpesa_receipt: toPhone === undefined ? null : world.newReceipt(),
      refinances_loan_id: request.refinances?.id ?? null,
      control,
      disbursed_at: isoOf(world.nowMs),
    })
    planRepayment(world, loan)
    request.onDisbursed?.(loan)
  })
}

/** Equal principal, interest on what is left; the last line takes the rounding. */
export function scheduleOf(
  loan: Loan,
  fromMs: number,
  instalments: number = LOAN_PRODUCTS[loan.product].instalments,
): readonly Instalment[] {
  const { frequency, rateBps } = LOAN_PRODUCTS[loan.product]
  const part = Math.floor(loan.principalMinor / instalments)
  const periodsPerYear = frequency === 'weekly' ? 52 : 12
  return Array.from({ length: instalments }, (_, index) => ({
    number: index + 1,
    dueMs: frequency === 'weekly' ? fromMs + (index + 1) * 7 * DAY_MS : addMonths(fromMs, index + 1),
    principalMinor: index === instalments - 1 ? loan.principalMinor - part * (instalments - 1) : part,
    interestMinor: Math.round(((loan.principalMinor - part * index) * rateBps) / (10_000 * periodsPerYear)),
  }))
}

export function termsOf(
  loan: Loan,
  instalments: readonly Instalment[],
): EventInput<DefinitionOf<'loan.disbursed'>>['data']['terms'] {
  return {
    principal_minor: loan.principalMinor,
    annual_rate_bps: LOAN_PRODUCTS[loan.product].rateBps,
    method: 'reducing_balance',
    instalment_count: instalments.length,
    frequency: LOAN_PRODUCTS[loan.product].frequency,
    first_due_date: dateOf((instalments[0] as Instalment).dueMs),
    schedule: instalments.map((line) => ({
      number: line.number,
      due_date: dateOf(line.dueMs),
      principal_minor: line.principalMinor,
      interest_minor: line.interestMinor,
    })),
  }
}

/** Plans the next instalment of a loan as its borrower is used to paying; each plans the one after it. */
export function planRepayment(world: World, loan: Loan): void {
  const line = loan.instalments[loan.paidCount]
  if (line === undefined || loan.status !== 'open') return
  const delayDays = delayOf(world, loan)
  if (delayDays === undefined) return
  const paysMs = Math.max(world.nowMs + MINUTE_MS, line.dueMs + delayDays * DAY_MS)
  world.at(paysMs, () => payInstalment(world, loan))
}

/** Days after the due date; undefined: never. */
function delayOf(world: World, { habit, paidCount }: Loan): number | undefined {
  const { random } = world
  if (habit === 'never') return undefined
  switch (paidCount === 0 ? 'punctual' : habit) {
    case 'punctual':
      return random.between(-3, 0.6)
    case 'late':
      return random.chance(0.4) ? random.between(1, 24) : random.between(-1, 1)
    case 'delinquent':
      return random.chance(0.5) ? random.between(31, 75) : random.between(0, 20)
    case 'defaulting':
      return paidCount < 2 ? random.between(-1, 0.6) : undefined
  }
}

function payInstalment(world: World, loan: Loan): void {
  const line = loan.instalments[loan.paidCount]
  if (line === undefined || loan.status !== 'open') return
  repay(world, world.life, loan, { principalMinor: line.principalMinor, interestMinor: line.interestMinor })
  loan.paidCount++
  planRepayment(world, loan)
}

export type Repayment = {
  readonly principalMinor: number
  readonly interestMinor: number
  readonly paidBy?: Loan
  readonly fromAccount?: boolean
}

export function repay(world: World, flow: Flow, loan: Loan, repayment: Repayment): void {
  const { principalMinor, interestMinor, paidBy } = repayment
  const { borrower } = loan
  const amountMinor = principalMinor + interestMinor
  const isCheckOff = borrower.member.employer !== undefined && paidBy === undefined
  const canDebit = availableOf(borrower.fosa) >= amountMinor
  const fromAccount = canDebit && (repayment.fromAccount ?? (!isCheckOff && world.random.chance(0.4)))
  if (fromAccount) move(borrower.fosa, -amountMinor)
  loan.outstandingMinor -= principalMinor
  const isOutside = !fromAccount && !isCheckOff
  world.emit(flow, 'repayment.received', {
    repayment_id: world.newTransactionId(),
    loan_id: loan.id,
    member_id: borrower.member.id,
    amount_minor: amountMinor,
    principal_minor: principalMinor,
    interest_minor: interestMinor,
    fees_minor: 0,
    currency: 'KES',
    origin: isCheckOff ? originCheckOff : isOutside ? originMpesa(borrower) : originPhone(world, borrower),
    account_id: fromAccount ? borrower.fosa.id : null,
    payer_phone: isOutside ? borrower.phone : null,
    paid_by_loan_id: paidBy?.id ?? null,
    mpesa_receipt: isOutside ? world.newReceipt() : null,
    received_at: isoOf(world.nowMs),
  })
  if (loan.outstandingMinor === 0) release(world, flow, loan)
}

/** What is left is spread over the product's whole term again. */
export function restructure(world: World, loan: Loan): void {
  const { branch } = loan.borrower.member
  const rest = { ...loan, principalMinor: loan.outstandingMinor }
  const instalments = scheduleOf(rest, world.nowMs)
  Object.assign(loan, { instalments, paidCount: 0 })
  world.emit(world.life, 'loan.restructured', {
    loan_id: loan.id,
    member_id: loan.borrower.member.id,
    currency: 'KES',
    terms: termsOf(rest, instalments),
    restructure_count: 1,
    reason: 'income fell',
    control: {
      maker_id: branch.officers[0]?.id ?? null,
      checker_id: branch.manager.id,
      approved_at: isoOf(world.nowMs),
    },
    restructured_at: isoOf(world.nowMs),
  })
}

export function writeOff(world: World, loan: Loan): void {
  const { branch } = loan.borrower.member
  world.emit(world.life, 'loan.written.off', {
    loan_id: loan.id,
    member_id: loan.borrower.member.id,
    amount_minor: loan.outstandingMinor,
    currency: 'KES',
    control: {
      maker_id: branch.officers[0]?.id ?? null,
      checker_id: branch.manager.id,
      approved_at: isoOf(world.nowMs),
    },
    written_off_at: isoOf(world.nowMs),
  })
  loan.outstandingMinor = 0
  loan.status = 'closed'
  const { loans } = loan.borrower
  loans.splice(loans.indexOf(loan), 1)
}

function release(world: World, flow: Flow, loan: Loan): void {
  loan.status = 'closed'
  const { loans } = loan.borrower
  loans.splice(loans.indexOf(loan), 1)
  for (const guarantor of loan.guarantors) {
    world.emit(flow, 'guarantee.released', {
      ...guaranteeData(loan, guarantor),
      reason: 'repaid',
      released_at: isoOf(world.nowMs),
    })
  }
}
