import { DAY_MS, HOUR_MS, MINUTE_MS, officeMorningFrom, officeTimeFrom, SECOND_MS } from '../calendar.ts'
import { applyForLoan, repay } from '../loan-flows.ts'
import { accessRecord, changeCredential, seeDevice, signIn } from '../member-flows.ts'
import {
  credit,
  depositByMpesa,
  depositCash,
  KES,
  type Posted,
  reverseWithdrawal,
  roundTens,
  shillings,
  transfer,
  withdraw,
} from '../money-flows.ts'
import { originCheckOff, originPhone } from '../origins.ts'
import { outsidePhone } from '../population.ts'
import { availableOf, isAlive, type Loan, type Person } from '../world.ts'
import { originAt } from './identity.ts'
import { hasAtLeast, partOf, payOutTo } from './money.ts'
import type { Scenario } from './scene.ts'

/**
 * Honest people whose doings resemble fraud: a rule that fires on one of these is wrong. Each is named for the family
 * that it resembles.
 */

const sleeping = (person: Person): boolean =>
  person.member.isDormant && person.transactionCount <= 3 && availableOf(person.fosa) > 1_000_000

const traderWithMoney = (person: Person): boolean => isAlive(person) && person.member.segment === 'trader'

const marketDay: Scenario = {
  family: 'velocity-burst',
  benign: true,
  eventsMin: 1,
  note: 'Market day: a trader is paid by customers all morning long and pays two suppliers.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(traderWithMoney)
    if (person === undefined) return false
    const count = random.whole(14, 26)
    for (let n = 0; n < count; n++) {
      scene.after(random.between(0, 7) * HOUR_MS, () => {
        const amountMinor = random.whole(10, 90) * 10 * KES
        depositByMpesa(world, {
          flow,
          account: person.fosa,
          amountMinor,
          payerPhone: outsidePhone(random),
          fails: false,
        })
      })
    }
    return true
  },
}

const landSale: Scenario = {
  family: 'structuring',
  benign: true,
  eventsMin: 1,
  note: 'Land is sold in two payments, both large, two weeks apart.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast()
    if (person === undefined) return false
    for (const day of [0, random.whole(12, 18)]) {
      scene.on(officeTimeFrom(world.nowMs + day * DAY_MS, random.next()), () => {
        const amountMinor = shillings(world.options.cashReportMinor * random.between(0.55, 0.97))
        depositCash(world, flow, person.fosa, amountMinor, random.pick(person.member.branch.tellers))
      })
    }
    return true
  },
}

const salaryAndBills: Scenario = {
  family: 'rapid-in-out',
  benign: true,
  eventsMin: 1,
  note: 'Salary in the morning; rent, fees and the shop are paid from it the same day, to the usual payees.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast((each) => isAlive(each) && each.member.employer !== undefined)
    const employer = person?.member.employer
    if (person === undefined || employer === undefined) return false
    const amountMinor = shillings(person.member.monthlyIncomeMinor * 0.7)
    const from = { origin: originCheckOff, employer: employer.id, counterparty: { name: employer.name } }
    credit(world, { flow, account: person.fosa, amountMinor, ...from })
    while (person.payees.length < 3) person.payees.push(outsidePhone(random))
    for (const [index, payee] of person.payees.slice(0, 3).entries()) {
      scene.after((index + 1) * random.between(0.5, 3) * HOUR_MS, () => {
        payOutTo(scene, person, Math.min(partOf(person, 0.9), roundTens(amountMinor * 0.27)), payee)
      })
    }
    return true
  },
}

const chama: Scenario = {
  family: 'fan-in',
  benign: true,
  eventsMin: 1,
  note: 'A savings group: eight to ten members pay the same round contribution to their treasurer over a day.',
  play(scene) {
    const { world, random, flow } = scene
    const treasurer = scene.cast()
    const group = scene.castMany(random.whole(8, 10), hasAtLeast(400_000))
    if (treasurer === undefined || group === undefined) return false
    const amountMinor = random.pick([500, 1_000, 2_000]) * KES
    for (const from of group) {
      scene.after(random.between(0, 22) * HOUR_MS, () => {
        transfer(world, { flow, from: from.fosa, to: treasurer.fosa, amountMinor, origin: originPhone(world, from) })
      })
    }
    return true
  },
}

const payWorkers: Scenario = {
  family: 'fan-out',
  benign: true,
  eventsMin: 1,
  note: 'A farmer or trader pays half a dozen casual workers on a Friday or whenever the work is done.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(1_500_000))
    const workers = scene.castMany(random.whole(5, 7))
    if (person === undefined || workers === undefined) return false
    for (const worker of workers) {
      scene.after(random.between(0, 3) * HOUR_MS, () => {
        const amountMinor = random.whole(8, 15) * 100 * KES
        transfer(world, { flow, from: person.fosa, to: worker.fosa, amountMinor, origin: originPhone(world, person) })
      })
    }
    return true
  },
}

const homecoming: Scenario = {
  family: 'dormant-reactivation',
  benign: true,
  eventsMin: 1,
  note: 'Somebody comes back after a long time: pays in first, later takes out a little.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(sleeping)
    if (person === undefined) return false
    const startsMs = officeTimeFrom(world.nowMs, random.next())
    const teller = random.pick(person.member.branch.tellers)
    scene.on(startsMs, () => accessRecord(world, flow, person, teller, 'viewed', world.newReference('SR')))
    scene.on(startsMs + 10 * MINUTE_MS, () => {
      depositCash(world, flow, person.fosa, random.whole(20, 100) * 100 * KES, teller)
    })
    scene.on(startsMs + random.between(1, 4) * DAY_MS, () =>
      payOutTo(scene, person, random.whole(5, 15) * 100 * KES, person.phone),
    )
    return true
  },
}

const newSim: Scenario = {
  family: 'sim-swap',
  benign: true,
  eventsMin: 1,
  note: 'A lost SIM is replaced: the same phone, usual small payments go on.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(500_000))
    if (person === undefined) return false
    changeCredential(world, flow, person, 'sim')
    scene.after(random.between(3, 30) * HOUR_MS, () => signIn(world, flow, person, 'succeeded'))
    scene.after(random.between(31, 60) * HOUR_MS, () =>
      payOutTo(scene, person, random.whole(5, 20) * 10 * KES, person.phone),
    )
    return true
  },
}

const family: Scenario = {
  family: 'shared-device',
  benign: true,
  eventsMin: 1,
  note: 'A family of three uses one telephone.',
  play(scene) {
    const { world, random, flow } = scene
    const persons = scene.castMany(3, (each) => isAlive(each) && each.device !== undefined)
    const device = persons?.[0]?.device
    if (persons === undefined || device === undefined) return false
    for (const [index, person] of persons.entries()) {
      scene.after(index * random.between(0.5, 5) * HOUR_MS, () => {
        signIn(world, flow, person, 'succeeded', device)
        seeDevice(world, flow, person, device)
      })
    }
    return true
  },
}

const busJourney: Scenario = {
  family: 'impossible-travel',
  benign: true,
  eventsMin: 1,
  note: 'A night bus: seen at home, nine hours or more later in a town far away.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast((each) => isAlive(each) && each.device !== undefined && availableOf(each.fosa) > 300_000)
    const device = person?.device
    if (person === undefined || device === undefined) return false
    seeDevice(world, flow, person, device)
    const { place } = random.pick(world.sacco.branches)
    // Ordinary life goes on at home: the traveller is left out of it while away.
    person.quietUntilMs = Math.max(person.quietUntilMs, world.nowMs + 40 * HOUR_MS)
    scene.after(random.between(14, 20) * HOUR_MS, () => {
      seeDevice(world, flow, person, device, place)
      const amountMinor = random.whole(5, 15) * 100 * KES
      const origin = originAt(person, device, place)
      withdraw(world, { flow, account: person.fosa, amountMinor, origin, toPhone: person.phone })
    })
    return true
  },
}

const forgottenPin: Scenario = {
  family: 'pin-burst',
  benign: true,
  eventsMin: 1,
  note: 'The PIN is wrong two or three times, then right; a small payment follows.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(300_000))
    if (person === undefined) return false
    const count = random.whole(2, 3)
    for (let n = 0; n < count; n++) scene.after(n * 20 * SECOND_MS, () => signIn(world, flow, person, 'wrong_pin'))
    scene.after(80 * SECOND_MS, () => signIn(world, flow, person, 'succeeded'))
    scene.after(2 * MINUTE_MS, () => payOutTo(scene, person, random.whole(5, 20) * 10 * KES, person.phone))
    return true
  },
}

const schoolFees: Scenario = {
  family: 'disbursement-flight',
  benign: true,
  eventsMin: 1,
  note: 'A loan for school fees is paid out, and the fees are paid from it the next day.',
  play(scene) {
    const { world, random, flow } = scene
    const borrower = scene.cast((each) => isAlive(each) && each.loans.length === 0)
    if (borrower === undefined) return false
    const amountMinor = roundTens(borrower.member.monthlyIncomeMinor * random.between(0.5, 1))
    const onDisbursed = (): void => {
      scene.after(random.between(5, 30) * HOUR_MS, () => {
        payOutTo(scene, borrower, Math.min(partOf(borrower, 0.8), roundTens(amountMinor * 0.8)), borrower.phone)
      })
    }
    scene.involveLoan(
      applyForLoan(world, { flow, borrower, product: 'school_fees', amountMinor, habit: 'punctual', onDisbursed }),
    )
    return true
  },
}

const rent: Scenario = {
  family: 'repeated-amounts',
  benign: true,
  eventsMin: 1,
  note: 'The same round rent every week to the same landlord.',
  play(scene) {
    const { random } = scene
    const amountMinor = random.whole(2, 9) * 500 * KES
    const person = scene.cast(hasAtLeast(amountMinor * 5))
    if (person === undefined) return false
    const landlord = person.payees[0] ?? outsidePhone(random)
    for (let week = 0; week < 3; week++) {
      scene.after(week * 7 * DAY_MS, () => payOutTo(scene, person, amountMinor, landlord))
    }
    return true
  },
}

const creditCommittee: Scenario = {
  family: 'approval-burst',
  benign: true,
  eventsMin: 1,
  note: 'The credit committee meets: five or six loans are approved over two hours in the office.',
  play(scene) {
    const { world, random, flow } = scene
    const checker = random.pick(world.sacco.branches).manager
    const borrowers = scene.castMany(random.whole(5, 6), (each) => isAlive(each) && each.loans.length === 0)
    if (borrowers === undefined) return false
    scene.involveStaff(checker)
    const openMs = officeMorningFrom(world.nowMs + DAY_MS)
    for (const [index, borrower] of borrowers.entries()) {
      const request = {
        flow,
        borrower,
        product: 'emergency',
        amountMinor: roundTens(borrower.member.monthlyIncomeMinor * random.between(0.5, 1)),
        habit: 'punctual',
        checker,
        approvedAtMs: openMs + index * random.between(18, 24) * MINUTE_MS,
      } as const
      scene.involveLoan(applyForLoan(world, request))
    }
    return true
  },
}

const topUp: Scenario = {
  family: 'evergreening',
  benign: true,
  eventsMin: 1,
  note: 'A loan that is mostly repaid is topped up once; the rest of it is settled from the new one.',
  play(scene) {
    const { world, random, flow } = scene
    const isSmall = (loan: Loan): boolean => loan.status === 'open' && loan.paidCount > 0 && loan.habit === 'punctual'
    const borrower = scene.cast((each) => isAlive(each) && each.loans.length === 1 && each.loans.every(isSmall))
    const old = borrower?.loans[0]
    if (borrower === undefined || old === undefined) return false
    const onDisbursed = (loan: Loan): void => {
      if (old.status !== 'open') return
      repay(world, flow, old, {
        principalMinor: old.outstandingMinor,
        interestMinor: 0,
        paidBy: loan,
        fromAccount: true,
      })
    }
    const amountMinor = roundTens(old.outstandingMinor * random.between(1.6, 2.2))
    const request = {
      flow,
      borrower,
      product: 'development',
      amountMinor,
      habit: 'punctual',
      refinances: old,
      onDisbursed,
    } as const
    scene.involveLoan(applyForLoan(world, request))
    return true
  },
}

const failedPayout: Scenario = {
  family: 'reversal-abuse',
  benign: true,
  eventsMin: 1,
  note: 'One payout fails at the provider and is put back, approved by the manager.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(500_000))
    if (person === undefined) return false
    const { officers, manager } = person.member.branch
    const amountMinor = random.whole(10, 20) * 100 * KES
    const putBack = (posted: Posted): void => {
      scene.on(officeTimeFrom(world.nowMs + HOUR_MS, random.next()), () => {
        const how = { reason: 'provider_failure', staff: random.pick(officers), checker: manager }
        reverseWithdrawal(world, { flow, account: person.fosa, posted, amountMinor, ...how })
      })
    }
    const origin = originPhone(world, person)
    return withdraw(world, { flow, account: person.fosa, amountMinor, origin, toPhone: person.phone, onPaid: putBack })
  },
}

export const LOOK_ALIKES: readonly Scenario[] = [
  marketDay,
  landSale,
  salaryAndBills,
  chama,
  payWorkers,
  homecoming,
  newSim,
  family,
  busJourney,
  forgottenPin,
  schoolFees,
  rent,
  creditCommittee,
  topUp,
  failedPayout,
]
