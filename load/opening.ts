import { addMonths, DAY_MS, HOUR_MS, isoOf, officeTimeFrom } from './calendar.ts'
import { drawGuarantors, LOAN_PRODUCTS, planRepayment, pledge, scheduleOf, termsOf } from './loan-flows.ts'
import { emitAccounts, emitRegistered, emitVerified, seeDevice } from './member-flows.ts'
import { credit, depositByMpesa, depositCash, KES, MPESA_MAX_MINOR, shillings } from './money-flows.ts'
import { originSystem } from './origins.ts'
import type { Segment } from './population.ts'
import type { Loan, LoanProduct, Person, RepaymentHabit, World } from './world.ts'

/**
 * How the books come into the system before live traffic: member by member, each with papers, accounts, opening
 * deposits and running loans. Every shilling comes from an event, and nobody but the dormant looks dormant.
 */

const SAVINGS_MINOR: Readonly<Record<Segment, number>> = {
  salaried: 4_500_000,
  farmer: 2_500_000,
  trader: 7_000_000,
  agent: 20_000_000,
}
const BORROWERS_SHARE = 0.32

export function planOpening(world: World): void {
  for (const person of world.persons) world.at(person.member.openedAtMs, () => open(world, person))
}

function open(world: World, person: Person): void {
  const { life, random } = world
  const { member } = person
  const officer = random.pick(member.branch.officers)
  emitRegistered(world, life, person)
  emitVerified(world, life, person, officer)
  emitAccounts(world, life, person, officer)
  if (person.device !== undefined && !member.isDormant) seeDevice(world, life, person, person.device)
  const takeOn = (account: Person['fosa'], median: number): void => {
    const amountMinor = Math.max(100 * KES, shillings(random.around(median, 0.7)))
    credit(world, {
      flow: life,
      account,
      amountMinor,
      origin: originSystem,
      control: { maker_id: officer.id, checker_id: member.branch.manager.id, approved_at: isoOf(world.nowMs) },
    })
  }
  takeOn(person.fosa, SAVINGS_MINOR[member.segment] * (member.isDormant ? 4 : 1))
  takeOn(person.bosa, member.monthlyIncomeMinor * 2.5)
  takeOn(person.shares, 2_000_000)
  if (member.isDormant) {
    world.at(Math.min(world.nowMs + DORMANT_AFTER_MS, world.sacco.options.startMs - 1), () => fallAsleep(world, person))
    return
  }
  if (random.chance(BORROWERS_SHARE)) takeOnLoan(world, person)
  planFirstDeposit(world, person)
}

const DORMANT_AFTER_MS = 180 * DAY_MS

function fallAsleep(world: World, person: Person): void {
  world.emit(world.life, 'member.status.changed', {
    member_id: person.member.id,
    status_before: 'active',
    status_after: 'dormant',
    reason: 'no activity for 180 days',
    changed_at: isoOf(world.nowMs),
  })
}

/** A first deposit by the member's own hand in the days after: some time before live traffic starts. */
function planFirstDeposit(world: World, person: Person): void {
  const { startMs } = world.sacco.options
  const byMs = Math.min(startMs - HOUR_MS, world.nowMs + 20 * DAY_MS)
  const atMs = Math.min(byMs, officeTimeFrom(world.random.between(world.nowMs + HOUR_MS, byMs), world.random.next()))
  world.at(atMs, () => {
    const amountMinor = Math.min(MPESA_MAX_MINOR, Math.max(200 * KES, shillings(world.random.around(1_500 * KES, 0.8))))
    if (world.random.chance(0.8))
      depositByMpesa(world, { flow: world.life, account: person.fosa, amountMinor, fails: false })
    else depositCash(world, world.life, person.fosa, amountMinor, world.random.pick(person.member.branch.tellers))
  })
}

/** What is left of a loan from before, taken on with the schedule that is left. Its money went out long ago. */
function takeOnLoan(world: World, person: Person): void {
  const { random } = world
  const product: LoanProduct = random.pick(['development', 'development', 'emergency', 'school_fees'])
  const amountMinor = shillings(random.around(product === 'development' ? 15_000_000 : 4_000_000, 0.6))
  // Some are nearly repaid, most have a good part of their term left.
  const instalmentsLeft = random.whole(1, LOAN_PRODUCTS[product].instalments)
  const { guarantors: guarantorCount } = LOAN_PRODUCTS[product]
  const vouching = drawGuarantors(world, person, guarantorCount)
  const loan: Loan = {
    id: world.newLoanId(),
    borrower: person,
    product,
    principalMinor: amountMinor,
    instalments: [],
    guarantors: vouching.map((guarantor) => ({
      person: guarantor,
      amountMinor: Math.floor(amountMinor / vouching.length),
      guaranteeId: world.newReference('G'),
    })),
    habit: drawHabit(random.next()),
    outstandingMinor: amountMinor,
    paidCount: 0,
    status: 'open',
  }
  // The first line falls due, and is paid, before live traffic: nobody has never paid anything.
  const firstDueMs = random.between(world.nowMs + DAY_MS, world.sacco.options.startMs)
  const instalments = scheduleOf(loan, addMonths(Math.floor(firstDueMs), -1), instalmentsLeft)
  Object.assign(loan, { instalments })
  person.loans.push(loan)
  world.emit(world.life, 'loan.disbursed', {
    loan_id: loan.id,
    member_id: person.member.id,
    product,
    amount_minor: amountMinor,
    currency: 'KES',
    terms: termsOf(loan, instalments),
    channel: 'other',
    control: { maker_id: person.member.branch.officers[0]?.id ?? null, checker_id: person.member.branch.manager.id },
    disbursed_at: isoOf(world.nowMs),
  })
  planRepayment(world, loan)
  // Once everybody is known: a guarantor's own books may be opened after these.
  const pledgeMs = Math.max(world.nowMs, world.sacco.options.startMs - 3 * HOUR_MS)
  world.at(pledgeMs, () => pledge(world, world.life, loan))
}

/** Most pay as agreed: about one in twenty is a month behind at some time, one in fifty stops. */
export function drawHabit(draw: number): RepaymentHabit {
  if (draw < 0.8) return 'punctual'
  if (draw < 0.93) return 'late'
  return draw < 0.98 ? 'delinquent' : 'defaulting'
}
