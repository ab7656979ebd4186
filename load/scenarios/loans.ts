import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../calendar.ts'
import { applyForLoan, repay } from '../loan-flows.ts'
import { join, newDevice } from '../member-flows.ts'
import { KES, roundTens } from '../money-flows.ts'
import { outsidePhone } from '../population.ts'
import { isAlive, type Loan, type LoanProduct, type Person } from '../world.ts'
import { partOf, payOutTo } from './money.ts'
import type { Scenario } from './scene.ts'

/** Patterns of loans: catalogue numbers 12 to 15. */

const hasNoLoan = (person: Person): boolean => isAlive(person) && person.loans.length === 0

export const loanStacking: Scenario = {
  family: 'loan-stacking',
  benign: false,
  eventsMin: 20,
  note: 'Four or more loans taken within two weeks, the bureau reports many more elsewhere.',
  play(scene) {
    const { random, flow, world } = scene
    const borrower = scene.cast(isAlive)
    if (borrower === undefined) return false
    const products: readonly LoanProduct[] = [
      'mobile',
      'emergency',
      'salary_advance',
      'school_fees',
      'mobile',
      'emergency',
    ]
    const count = random.whole(4, 6)
    for (const [index, product] of products.slice(0, count).entries()) {
      scene.after(index * random.between(20, 60) * HOUR_MS, () => {
        const loan = applyForLoan(world, {
          flow,
          borrower,
          product,
          amountMinor: roundTens(borrower.member.monthlyIncomeMinor * random.between(0.4, 0.9)),
          habit: random.pick(['delinquent', 'defaulting']),
          approvalDelayMs: random.between(1, 5) * HOUR_MS,
          payoutDelayMs: random.between(10, 90) * MINUTE_MS,
          openLoanCount: random.whole(4, 9) + index,
        })
        scene.involveLoan(loan)
      })
    }
    return true
  },
}

export const guarantorCycle: Scenario = {
  family: 'guarantor-cycle',
  benign: false,
  eventsMin: 10,
  note: 'Members guarantee each other in a circle: nobody outside vouches for anything.',
  play(scene) {
    const { random, flow, world } = scene
    const circle = scene.castMany(random.whole(2, 4), isAlive)
    if (circle === undefined) return false
    for (const [index, borrower] of circle.entries()) {
      const guarantor = circle[(index + 1) % circle.length] as Person
      scene.after(index * random.between(8, 40) * HOUR_MS, () => {
        const loan = applyForLoan(world, {
          flow,
          borrower,
          product: 'emergency',
          amountMinor: roundTens(borrower.bosa.balanceMinor * random.between(1, 2)),
          habit: random.pick(['late', 'delinquent']),
          guarantors: [guarantor],
        })
        scene.involveLoan(loan)
      })
    }
    return true
  },
}

export const ghostBorrowers: Scenario = {
  family: 'ghost-borrowers',
  benign: false,
  eventsMin: 45,
  note: 'Members registered within one minute by one officer, one device and one phone; loans without any savings.',
  play(scene) {
    const { random, flow, world } = scene
    const branch = random.pick(world.sacco.branches)
    const staff = random.pick(branch.officers)
    const like = random.pick(world.bySegment.farmer).member
    const device = newDevice(world)
    const phone = outsidePhone(random)
    const batch = world.newReference('BATCH')
    scene.involveStaff(staff)
    const count = random.whole(5, 8)
    for (let n = 0; n < count; n++) {
      scene.after(n * random.between(1, 8) * SECOND_MS, () => {
        const ghost = join(world, flow, { ...like, branch }, { staff, batch, device, phone })
        // Nobody is there: no ordinary life, no part in another scenario.
        ghost.quietUntilMs = Number.POSITIVE_INFINITY
        ghost.reservedUntilMs = Number.POSITIVE_INFINITY
        scene.involve(ghost)
        scene.after(random.between(1, 4) * DAY_MS, () => {
          const loan = applyForLoan(world, {
            flow,
            borrower: ghost,
            product: 'mobile',
            amountMinor: random.whole(20, 60) * 1_000 * KES,
            habit: 'never',
            maker: staff,
            approvalDelayMs: random.between(0.5, 4) * HOUR_MS,
            payoutDelayMs: random.between(5, 60) * MINUTE_MS,
            payoutPhone: phone,
          })
          scene.involveLoan(loan)
        })
      })
    }
    return true
  },
}

export const firstPaymentDefault: Scenario = {
  family: 'first-payment-default',
  benign: false,
  eventsMin: 5,
  note: 'The first instalment of a loan is never paid. It shows when the due date has passed.',
  play(scene) {
    const { random, flow, world } = scene
    const borrower = scene.cast(hasNoLoan)
    if (borrower === undefined) return false
    const loan = applyForLoan(world, {
      flow,
      borrower,
      product: 'mobile',
      amountMinor: roundTens(borrower.member.monthlyIncomeMinor * random.between(0.3, 0.8)),
      habit: 'never',
      onDisbursed: (disbursed) => {
        // Keeps the scenario open until the default can be seen: before that, nobody can find it.
        const dueMs = (disbursed.instalments[0]?.dueMs ?? world.nowMs) - world.nowMs
        scene.on(world.nowMs + dueMs + 5 * DAY_MS, () => undefined)
      },
    })
    scene.involveLoan(loan)
    return true
  },
}

export const disbursementFlight: Scenario = {
  family: 'disbursement-flight',
  benign: false,
  eventsMin: 8,
  note: 'A loan leaves the account within an hour of being paid out.',
  play(scene) {
    const { random, flow, world } = scene
    const borrower = scene.cast(hasNoLoan)
    if (borrower === undefined) return false
    const loan = applyForLoan(world, {
      flow,
      borrower,
      product: random.pick(['mobile', 'emergency']),
      amountMinor: Math.min(20_000_000, roundTens(borrower.member.monthlyIncomeMinor * random.between(0.5, 1.2))),
      habit: random.pick(['delinquent', 'defaulting']),
      onDisbursed: () => {
        scene.after(random.between(4, 50) * MINUTE_MS, () =>
          payOutTo(scene, borrower, partOf(borrower, 0.97), outsidePhone(random)),
        )
      },
    })
    scene.involveLoan(loan)
    return true
  },
}

export const evergreening: Scenario = {
  family: 'evergreening',
  benign: false,
  eventsMin: 15,
  note: 'A new loan pays off the old one, and another pays off that.',
  play(scene) {
    const { random, flow, world } = scene
    const borrower = scene.cast(hasNoLoan)
    if (borrower === undefined) return false
    const rounds = random.whole(2, 3)
    let amountMinor = roundTens(borrower.member.monthlyIncomeMinor * random.between(0.4, 0.9))
    const take = (round: number, refinances: Loan | undefined): void => {
      const loan = applyForLoan(world, {
        flow,
        borrower,
        product: 'mobile',
        amountMinor,
        habit: 'defaulting',
        approvalDelayMs: random.between(1, 6) * HOUR_MS,
        payoutDelayMs: random.between(5, 60) * MINUTE_MS,
        ...(refinances === undefined ? {} : { refinances }),
        onDisbursed: (disbursed) => {
          if (refinances?.status === 'open') {
            const interestMinor = refinances.instalments[refinances.paidCount]?.interestMinor ?? 0
            const principalMinor = refinances.outstandingMinor
            repay(world, flow, refinances, { principalMinor, interestMinor, paidBy: disbursed, fromAccount: true })
          }
          if (round === rounds) return
          amountMinor = roundTens(amountMinor * 1.15)
          scene.after(random.between(3, 9) * DAY_MS, () => take(round + 1, disbursed))
        },
      })
      scene.involveLoan(loan)
    }
    take(0, undefined)
    return true
  },
}

export const LOAN_SCENARIOS: readonly Scenario[] = [
  loanStacking,
  guarantorCycle,
  ghostBorrowers,
  firstPaymentDefault,
  disbursementFlight,
  evergreening,
]
