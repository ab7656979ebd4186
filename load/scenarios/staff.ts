import { DAY_MS, dayStartOf, HOUR_MS, MINUTE_MS, officeMorningFrom, officeTimeFrom, SECOND_MS } from '../calendar.ts'
import { balanceDrawer } from '../calendar-jobs.ts'
import { applyForLoan } from '../loan-flows.ts'
import { accessRecord, changeContact } from '../member-flows.ts'
import { adjust, KES, roundTens, withdraw } from '../money-flows.ts'
import { originStaff } from '../origins.ts'
import { outsidePhone, type Staff } from '../population.ts'
import { availableOf, isAlive, type Person } from '../world.ts'
import { partOf, payOutTo } from './money.ts'
import type { Scenario } from './scene.ts'

/** What people inside do: catalogue number 18. */

export const makerChecker: Scenario = {
  family: 'maker-checker',
  benign: false,
  eventsMin: 1,
  note: 'The same member of staff enters a credit or a loan and approves it.',
  play(scene) {
    const { random, flow, world } = scene
    const person = scene.cast(isAlive)
    if (person === undefined) return false
    const staff = random.pick(person.member.branch.officers)
    scene.involveStaff(staff)
    scene.on(officeTimeFrom(world.nowMs, random.next()), () => {
      const amountMinor = random.whole(10, 80) * 1_000 * KES
      if (random.chance(0.5)) {
        adjust(world, {
          flow,
          account: person.fosa,
          direction: 'credit',
          amountMinor,
          reason: 'correction',
          maker: staff,
          checker: staff,
        })
        return
      }
      const both = { maker: staff, checker: staff }
      scene.involveLoan(
        applyForLoan(world, { flow, borrower: person, product: 'mobile', amountMinor, habit: 'late', ...both }),
      )
    })
    return true
  },
}

export const staffOwnAccount: Scenario = {
  family: 'staff-own-account',
  benign: false,
  eventsMin: 4,
  note: 'A member of staff credits the own account by an adjustment and takes the money out.',
  play(scene) {
    const { random, flow, world } = scene
    const person = scene.cast((each) => each.member.staff !== undefined)
    const staff = person?.member.staff
    if (person === undefined || staff === undefined) return false
    const checker = staff.branch.manager === staff ? (staff.branch.officers[0] as Staff) : staff.branch.manager
    scene.involveStaff(staff)
    const amountMinor = random.whole(10, 90) * 1_000 * KES
    scene.on(officeTimeFrom(world.nowMs, random.next()), () => {
      scene.after(random.between(1, 20) * HOUR_MS, () =>
        payOutTo(scene, person, roundTens(amountMinor * 0.9), person.phone),
      )
      adjust(world, {
        flow,
        account: person.fosa,
        direction: 'credit',
        amountMinor,
        reason: 'allowance',
        maker: staff,
        checker,
      })
    })
    return true
  },
}

export const editThenPayout: Scenario = {
  family: 'edit-then-payout',
  benign: false,
  eventsMin: 6,
  note: 'Staff opens a record without a request, changes the phone and pays out to it within hours.',
  play(scene) {
    const { random, flow, world } = scene
    const fits = (each: Person) => each.member.staff === undefined && availableOf(each.fosa) > 3_000_000
    const person = scene.cast(fits)
    if (person === undefined) return false
    const { branch } = person.member
    const staff = random.pick(branch.officers)
    scene.involveStaff(staff)
    person.quietUntilMs = Math.max(person.quietUntilMs, world.nowMs + 2 * DAY_MS)
    accessRecord(world, flow, person, staff, 'viewed', null)
    scene.after(random.between(3, 30) * MINUTE_MS, () => {
      accessRecord(world, flow, person, staff, 'edited', null)
      changeContact(world, flow, person, { contact: 'phone', value: outsidePhone(random), staff })
    })
    scene.after(random.between(1, 18) * HOUR_MS, () => {
      withdraw(world, {
        flow,
        account: person.fosa,
        amountMinor: partOf(person, 0.8),
        origin: originStaff(branch, staff),
        control: { maker_id: staff.id },
        toPhone: person.phone,
      })
    })
    return true
  },
}

export const recordSnooping: Scenario = {
  family: 'record-snooping',
  benign: false,
  eventsMin: 30,
  note: 'Thirty or more records of members opened within an hour without any request.',
  play(scene) {
    const { random, flow, world } = scene
    const staff = random.pick(random.pick(world.sacco.branches).officers)
    scene.involveStaff(staff)
    const count = random.whole(30, 50)
    for (let n = 0; n < count; n++) {
      scene.after(random.between(0, 50) * MINUTE_MS, () => {
        accessRecord(world, flow, random.pick(world.persons), staff, 'viewed', null)
      })
    }
    return true
  },
}

export const approvalOutOfHours: Scenario = {
  family: 'approval-out-of-hours',
  benign: false,
  eventsMin: 5,
  note: 'Loans approved between eleven at night and four in the morning.',
  play(scene) {
    const { random, flow, world } = scene
    const borrowers = scene.castMany(random.whole(1, 3), isAlive)
    if (borrowers === undefined) return false
    const nightMs = dayStartOf(world.nowMs + HOUR_MS) + DAY_MS + random.between(-0.9, 3.8) * HOUR_MS
    for (const [index, borrower] of borrowers.entries()) {
      scene.involveStaff(borrower.member.branch.manager)
      const request = {
        flow,
        borrower,
        product: 'emergency',
        amountMinor: roundTens(borrower.member.monthlyIncomeMinor * random.between(0.5, 1.5)),
        habit: 'late',
        approvedAtMs: nightMs + index * 90 * SECOND_MS,
        payoutDelayMs: 10 * MINUTE_MS,
      } as const
      scene.involveLoan(applyForLoan(world, request))
    }
    return true
  },
}

export const approvalBurst: Scenario = {
  family: 'approval-burst',
  benign: false,
  eventsMin: 60,
  note: 'One manager approves a dozen or more loans within five minutes.',
  play(scene) {
    const { random, flow, world } = scene
    const checker = random.pick(world.sacco.branches).manager
    const borrowers = scene.castMany(random.whole(12, 18), (each) => isAlive(each) && each.loans.length < 2)
    if (borrowers === undefined) return false
    scene.involveStaff(checker)
    const atMs = officeMorningFrom(world.nowMs + HOUR_MS) + random.between(0.5, 6) * HOUR_MS
    for (const borrower of borrowers) {
      const request = {
        flow,
        borrower,
        product: random.pick(['mobile', 'emergency'] as const),
        amountMinor: roundTens(borrower.member.monthlyIncomeMinor * random.between(0.3, 0.8)),
        habit: 'punctual',
        checker,
        approvedAtMs: atMs + random.between(0, 280) * SECOND_MS,
      } as const
      scene.involveLoan(applyForLoan(world, request))
    }
    return true
  },
}

export const tellerShortage: Scenario = {
  family: 'teller-shortage',
  benign: false,
  eventsMin: 4,
  note: 'The drawer of one teller is short again and again within two weeks.',
  play(scene) {
    const { random, flow, world } = scene
    const teller = random.pick(random.pick(world.sacco.branches).tellers)
    scene.involveStaff(teller)
    const count = random.whole(4, 6)
    for (let n = 0; n < count; n++) {
      const dayMs = dayStartOf(world.nowMs + (1 + n * random.whole(1, 2)) * DAY_MS)
      scene.on(dayMs + random.between(16, 17) * HOUR_MS, () => {
        const expectedMinor = random.whole(200, 2_000) * 1_000 * KES
        balanceDrawer(world, flow, teller, expectedMinor, expectedMinor - random.whole(15, 90) * 100 * KES)
      })
    }
    return true
  },
}

export const STAFF_SCENARIOS: readonly Scenario[] = [
  makerChecker,
  staffOwnAccount,
  editThenPayout,
  recordSnooping,
  approvalOutOfHours,
  approvalBurst,
  tellerShortage,
]
