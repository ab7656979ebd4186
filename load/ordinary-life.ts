import { DAY_MS, HOUR_MS, isOfficeHours, MINUTE_MS, SECOND_MS, trafficAt } from './calendar.ts'
import { applyForLoan, applyInVain } from './loan-flows.ts'
import { accessRecord, changeContact, changeCredential, join, newDevice, seeDevice, signIn } from './member-flows.ts'
import {
  adjust,
  chargeFee,
  credit,
  depositByMpesa,
  depositCash,
  KES,
  MPESA_MAX_MINOR,
  reverseWithdrawal,
  roundTens,
  transfer,
  withdraw,
} from './money-flows.ts'
import { drawHabit } from './opening.ts'
import { originAgent, originPhone, originTeller } from './origins.ts'
import { outsidePhone, SEGMENTS, type Segment } from './population.ts'
import { availableOf, isAlive, type LoanProduct, type Person, type World } from './world.ts'

/**
 * What people do of their own accord: a Poisson process whose rate follows the traffic of their segments. Everything
 * here is honest; what only looks like fraud is in scenarios/look-alikes.ts.
 */

/** Activities per member and day in the mean. */
const ACTIVITIES_PER_DAY: Readonly<Record<Segment, number>> = { salaried: 0.4, farmer: 0.25, trader: 2.6, agent: 7 }

export type OrdinaryLife = {
  /** When the next activity happens after `fromMs`, with fractions: a busy millisecond has several. */
  nextMs(fromMs: number): number
  /** Lets it happen, at `nowMs`. */
  act(): void
}

export function createOrdinaryLife(world: World): OrdinaryLife {
  const { traffic } = world.options
  const weights: Record<Segment, number> = { salaried: 0, farmer: 0, trader: 0, agent: 0 }
  let weighedHour = -1
  let weightSum = 0
  let activities = 0
  const emittedBefore = { count: -1 }

  const weigh = (): void => {
    const hour = Math.floor(world.nowMs / HOUR_MS)
    if (hour === weighedHour) return
    weighedHour = hour
    weightSum = 0
    for (const segment of SEGMENTS) {
      weights[segment] = world.bySegment[segment].length * ACTIVITIES_PER_DAY[segment] * trafficAt(segment, world.nowMs)
      weightSum += weights[segment]
    }
  }
  /** Records per activity are only known by experience: three to begin with, then what came out so far. */
  const meanGapMs = (): number => {
    if (traffic.kind === 'calendar') return DAY_MS / (weightSum * traffic.factor)
    if (emittedBefore.count < 0) emittedBefore.count = world.emitted
    const perActivity = (world.emitted - emittedBefore.count + 3_000) / (activities + 1_000)
    return (SECOND_MS * perActivity) / traffic.recordsPerSecond
  }
  return {
    nextMs(fromMs) {
      weigh()
      return fromMs + world.random.exponential(meanGapMs())
    },
    act() {
      activities++
      let rest = world.random.next() * weightSum
      for (const segment of SEGMENTS) {
        rest -= weights[segment]
        if (rest < 0) {
          actAs(world, segment)
          return
        }
      }
    },
  }
}

function actAs(world: World, segment: Segment): void {
  const person = world.random.pick(world.bySegment[segment])
  if (person.quietUntilMs > world.nowMs) return
  const draw = world.random.next()
  if (draw < 0.004) {
    rareMatter(world, person)
    return
  }
  if (draw < 0.16) signInUsually(world, person)
  let rest = world.random.next()
  for (const [share, act, medianShillings] of ACTS[segment]) {
    rest -= share
    if (rest < 0) {
      act(world, person, medianShillings)
      return
    }
  }
}

/** What people of a segment do: share, act, median amount in shillings. The shares of a segment sum to 1. */
type Act = (world: World, person: Person, medianShillings: number) => void
const ACTS: Readonly<Record<Segment, readonly (readonly [share: number, act: Act, medianShillings: number])[]>> = {
  salaried: [
    [0.42, withdrawSome, 3_000],
    [0.13, payAgent, 2_500],
    [0.17, payMember, 1_500],
    [0.1, saveOwn, 2_000],
    [0.18, depositSome, 1_800],
  ],
  farmer: [
    [0.25, payAgent, 1_500],
    [0.2, depositAtAgent, 1_200],
    [0.15, payMember, 900],
    [0.15, visitBranch, 4_000],
    [0.1, withdrawSome, 1_500],
    [0.15, depositSome, 1_000],
  ],
  trader: [
    [0.58, depositSome, 1_400],
    [0.2, withdrawSome, 5_000],
    [0.12, payMember, 2_500],
    [0.06, visitBranch, 15_000],
    [0.04, saveOwn, 3_000],
  ],
  agent: [
    [0.55, depositSome, 4_000],
    [0.4, withdrawSome, 6_000],
    [0.05, payMember, 3_000],
  ],
}

const drawAmount = (world: World, medianShillings: number): number =>
  roundTens(Math.min(MPESA_MAX_MINOR, world.random.around(medianShillings * KES, 0.75)))

/** Not more than half of what is there: people keep something, and nobody's balance runs dry. */
function affordable(world: World, person: Person, medianShillings: number): number {
  const wanted = drawAmount(world, medianShillings)
  const limit = Math.floor((availableOf(person.fosa) * 0.5) / 1_000) * 1_000
  return Math.min(wanted, limit)
}

function depositSome(world: World, person: Person, median: number): void {
  depositByMpesa(world, { flow: world.life, account: person.fosa, amountMinor: drawAmount(world, median) })
}

function withdrawSome(world: World, person: Person, median: number): void {
  const { random } = world
  const amountMinor = affordable(world, person, median)
  if (amountMinor < 50 * KES) {
    depositSome(world, person, median)
    return
  }
  const rejectedFor = random.chance(0.015) ? random.pick(['cancelled', 'timeout', 'limit']) : undefined
  withdraw(world, {
    flow: world.life,
    account: person.fosa,
    amountMinor,
    origin: originPhone(world, person),
    toPhone: payeeOf(world, person),
    ...(rejectedFor === undefined ? {} : { rejectedFor }),
    ...(random.chance(0.003) ? { onPaid: (posted) => planReversal(world, person, posted, amountMinor) } : {}),
  })
}

/** Now and then a payout really fails at the provider and comes back, once. */
function planReversal(
  world: World,
  person: Person,
  posted: Parameters<typeof reverseWithdrawal>[1]['posted'],
  amountMinor: number,
): void {
  world.life.after(world.random.between(1, 20) * HOUR_MS, () => {
    const { manager, officers } = person.member.branch
    const staff = world.random.pick(officers)
    reverseWithdrawal(world, {
      flow: world.life,
      account: person.fosa,
      posted,
      amountMinor,
      reason: 'provider_failure',
      staff,
      checker: manager,
    })
  })
}

/** Mostly the own phone, else somebody usual, seldom somebody new. */
function payeeOf(world: World, person: Person): string {
  const { random } = world
  if (random.chance(0.75)) return person.phone
  if (person.payees.length < 2 || (person.payees.length < 6 && random.chance(0.05)))
    person.payees.push(outsidePhone(random))
  return random.pick(person.payees)
}

function agentNear(world: World, person: Person): Person | undefined {
  // A small SACCO may have none.
  if (world.bySegment.agent.length === 0) return undefined
  for (let attempt = 0; attempt < 12; attempt++) {
    const agent = world.random.pick(world.bySegment.agent)
    if (agent.member.branch === person.member.branch) return agent
  }
  return undefined
}

function payAgent(world: World, person: Person, median: number): void {
  const agent = agentNear(world, person)
  const amountMinor = affordable(world, person, median)
  if (agent === undefined || amountMinor < 50 * KES) {
    depositSome(world, person, median)
    return
  }
  withdraw(world, { flow: world.life, account: person.fosa, amountMinor, origin: originAgent(world, person, agent) })
}

function depositAtAgent(world: World, person: Person, median: number): void {
  const agent = agentNear(world, person)
  if (agent === undefined) {
    depositSome(world, person, median)
    return
  }
  const origin = originAgent(world, person, agent)
  credit(world, { flow: world.life, account: person.fosa, amountMinor: drawAmount(world, median), origin })
}

/** To one of a few people whom this member pays, found by index: the same ones each time. */
function payMember(world: World, person: Person, median: number): void {
  const amountMinor = affordable(world, person, median)
  const { index } = person.member
  const other = world.persons[(index * 31 + 17 + world.random.below(4) * 7) % world.sacco.members.length] as Person
  const cannot = other === person || other.member.isDormant || other.quietUntilMs > world.nowMs
  if (cannot || amountMinor < 50 * KES) {
    depositSome(world, person, median)
    return
  }
  transfer(world, {
    flow: world.life,
    from: person.fosa,
    to: other.fosa,
    amountMinor,
    origin: originPhone(world, person),
  })
}

function saveOwn(world: World, person: Person, median: number): void {
  const amountMinor = affordable(world, person, median)
  if (amountMinor < 50 * KES) {
    depositSome(world, person, median)
    return
  }
  const to = world.random.chance(0.85) ? person.bosa : person.shares
  transfer(world, { flow: world.life, from: person.fosa, to, amountMinor, origin: originPhone(world, person) })
}

function visitBranch(world: World, person: Person, median: number): void {
  if (!isOfficeHours(world.nowMs)) {
    depositSome(world, person, median)
    return
  }
  const teller = world.random.pick(person.member.branch.tellers)
  const amountMinor = drawAmount(world, median)
  if (world.random.chance(0.65)) depositCash(world, world.life, person.fosa, amountMinor, teller)
  else {
    const affordableMinor = Math.min(amountMinor, affordable(world, person, median))
    withdraw(world, {
      flow: world.life,
      account: person.fosa,
      amountMinor: affordableMinor,
      origin: originTeller(teller),
      control: { maker_id: teller.id },
    })
  }
  if (world.random.chance(0.15)) accessRecord(world, world.life, person, teller, 'viewed', world.newReference('SR'))
}

function signInUsually(world: World, person: Person): void {
  const { life, random } = world
  if (random.chance(0.04)) signIn(world, life, person, 'wrong_pin')
  signIn(world, life, person, 'succeeded')
  if (person.device !== undefined && random.chance(0.4)) seeDevice(world, life, person, person.device)
}

/** Loans, changed details, new phones, errors of staff, people who join: seldom, but every day somewhere. */
const RARE_MATTERS: readonly (readonly [share: number, matter: (world: World, person: Person) => void])[] = [
  [0.45, borrow],
  [0.07, (world, person) => applyInVain(world, world.life, person)],
  [0.14, changeDetail],
  [0.06, (world, person) => changeCredential(world, world.life, person, 'pin')],
  [0.08, upgradePhone],
  [0.1, correct],
  [0.07, (world, person) => chargeFee(world, world.life, person.fosa, world.random.pick([5_000, 10_000]), 'statement')],
  [0.03, welcome],
]

function rareMatter(world: World, person: Person): void {
  if (!isAlive(person) || person.reservedUntilMs > world.nowMs) return
  let rest = world.random.next()
  for (const [share, matter] of RARE_MATTERS) {
    rest -= share
    if (rest < 0) {
      matter(world, person)
      return
    }
  }
}

function changeDetail(world: World, person: Person): void {
  const contact = world.random.pick(['email', 'next_of_kin', 'postal_address'] as const)
  changeContact(world, world.life, person, { contact, value: `changed-${world.random.below(1_000_000)}` })
}

function borrow(world: World, person: Person): void {
  const { random } = world
  if (person.loans.length >= 2) return
  const { employer, monthlyIncomeMinor } = person.member
  const product = random.pick<LoanProduct>(
    employer === undefined
      ? ['mobile', 'emergency', 'school_fees', 'development']
      : ['salary_advance', 'emergency', 'school_fees', 'development'],
  )
  if (person.loans.some((loan) => loan.product === product)) return
  const factor = product === 'development' ? 3 : product === 'mobile' || product === 'salary_advance' ? 0.4 : 1.2
  // Nobody may borrow over three times the deposits.
  const limit = Math.min(monthlyIncomeMinor * factor, person.bosa.balanceMinor * 3)
  const amountMinor = roundTens(random.between(0.4, 1) * limit)
  applyForLoan(world, {
    flow: world.life,
    borrower: person,
    product,
    amountMinor,
    habit: drawHabit(random.next()),
    // What for the loan was is paid a few hours to days later.
    onDisbursed: () => {
      world.life.after(random.between(3, 60) * HOUR_MS, () => {
        withdrawSome(world, person, (amountMinor * random.between(0.3, 0.8)) / KES)
      })
    },
  })
}

function upgradePhone(world: World, person: Person): void {
  if (person.device === undefined) return
  person.device = newDevice(world)
  seeDevice(world, world.life, person, person.device)
  signIn(world, world.life, person, 'succeeded')
}

/** An honest correction: entered by one, approved by another, small. */
function correct(world: World, person: Person): void {
  if (!isOfficeHours(world.nowMs)) return
  const { random } = world
  const { officers, manager } = person.member.branch
  const amountMinor = random.whole(1, 30) * 100 * KES
  const direction = random.chance(0.6) || availableOf(person.fosa) < amountMinor ? 'credit' : 'debit'
  adjust(world, {
    flow: world.life,
    account: person.fosa,
    direction,
    amountMinor,
    reason: 'posted to the wrong account',
    maker: random.pick(officers),
    checker: manager,
  })
}

function welcome(world: World, like: Person): void {
  const person = join(world, world.life, like.member)
  const amountMinor = world.random.whole(5, 50) * 100 * KES
  world.life.after(world.random.whole(5, 60) * MINUTE_MS, () => {
    depositByMpesa(world, { flow: world.life, account: person.fosa, amountMinor, fails: false })
  })
}
