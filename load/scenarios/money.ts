import { DAY_MS, HOUR_MS, isOfficeHours, MINUTE_MS, officeMorningFrom, officeTimeFrom, SECOND_MS } from '../calendar.ts'
import { changeContact, signIn } from '../member-flows.ts'
import {
  depositByMpesa,
  depositCash,
  KES,
  MPESA_MAX_MINOR,
  type Posted,
  reverseWithdrawal,
  roundTens,
  shillings,
  transfer,
  withdraw,
} from '../money-flows.ts'
import { originPhone, originTeller } from '../origins.ts'
import { outsidePhone } from '../population.ts'
import { availableOf, isAlive, type Person } from '../world.ts'
import type { Scenario, Scene } from './scene.ts'

/** Patterns of money: catalogue numbers 1 to 8, 10 and 11. */

export const hasAtLeast =
  (amountMinor: number) =>
  (person: Person): boolean =>
    isAlive(person) && availableOf(person.fosa) >= amountMinor

const isTraderish = (person: Person): boolean =>
  isAlive(person) && (person.member.segment === 'salaried' || person.member.segment === 'trader')

/** Pays out by M-Pesa to a phone, if the account has it. */
export function payOutTo(scene: Scene, person: Person, amountMinor: number, toPhone: string): boolean {
  const { world, flow } = scene
  return withdraw(world, { flow, account: person.fosa, amountMinor, origin: originPhone(world, person), toPhone })
}

/** As much of what is there as this, in tens of shillings, fee left over. */
export const partOf = (person: Person, share: number): number =>
  Math.min(MPESA_MAX_MINOR, Math.max(0, Math.floor((availableOf(person.fosa) * share - 12_000) / 1_000) * 1_000))

export const velocityBurst: Scenario = {
  family: 'velocity-burst',
  benign: false,
  eventsMin: 61,
  note: 'Twenty-five to forty small payouts within half an hour from one account.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(4_000_000))
    if (person === undefined) return false
    signIn(world, flow, person, 'succeeded')
    const count = random.whole(25, 40)
    for (let n = 0; n < count; n++) {
      scene.after(MINUTE_MS + random.between(0, 28) * MINUTE_MS, () => {
        payOutTo(scene, person, random.whole(20, 80) * 10 * KES, outsidePhone(random))
      })
    }
    return true
  },
}

export const structuring: Scenario = {
  family: 'structuring',
  benign: false,
  eventsMin: 3,
  note: 'Three to five cash deposits just below the reporting threshold within a day, at different counters.',
  play(scene) {
    const { world, random, flow } = scene
    const { cashReportMinor } = world.options
    const person = scene.cast(isTraderish)
    if (person === undefined) return false
    const morningMs = officeMorningFrom(world.nowMs)
    const count = random.whole(3, 5)
    for (let n = 0; n < count; n++) {
      scene.on(morningMs + (n + random.between(0.1, 0.9)) * 80 * MINUTE_MS, () => {
        const amountMinor = shillings(cashReportMinor * random.between(0.87, 0.995))
        depositCash(world, flow, person.fosa, amountMinor, random.pick(person.member.branch.tellers))
      })
    }
    return true
  },
}

export const largeCash: Scenario = {
  family: 'large-cash',
  benign: false,
  eventsMin: 1,
  note: 'One cash deposit at or above the reporting threshold: a report item.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(isTraderish)
    if (person === undefined) return false
    scene.on(officeTimeFrom(world.nowMs, random.next()), () => {
      const amountMinor = shillings(world.options.cashReportMinor * random.between(1.01, 2.2))
      depositCash(world, flow, person.fosa, amountMinor, random.pick(person.member.branch.tellers))
    })
    return true
  },
}

export const rapidInOut: Scenario = {
  family: 'rapid-in-out',
  benign: false,
  eventsMin: 21,
  note: 'A mule: payments from strangers come in, over ninety percent leaves within hours to other strangers.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast((each) => isAlive(each) && availableOf(each.fosa) < 3_000_000)
    if (person === undefined) return false
    const count = random.whole(4, 8)
    let inMinor = 0
    for (let n = 0; n < count; n++) {
      const amountMinor = random.whole(25, 90) * 1_000 * KES
      inMinor += amountMinor
      scene.after(random.between(0, 100) * MINUTE_MS, () => {
        depositByMpesa(world, {
          flow,
          account: person.fosa,
          amountMinor,
          payerPhone: outsidePhone(random),
          fails: false,
        })
      })
    }
    const outs = random.whole(3, 6)
    for (let n = 0; n < outs; n++) {
      scene.after(2 * HOUR_MS + (n + 1) * random.between(5, 35) * MINUTE_MS, () => {
        const amountMinor = Math.min(partOf(person, 0.97), roundTens((inMinor * 0.94) / outs))
        payOutTo(scene, person, amountMinor, outsidePhone(random))
      })
    }
    return true
  },
}

export const fanIn: Scenario = {
  family: 'fan-in',
  benign: false,
  eventsMin: 12,
  note: 'A dozen or more members pay one member within three hours.',
  play(scene) {
    const { world, random, flow } = scene
    const target = scene.cast()
    const senders = scene.castMany(random.whole(12, 20), hasAtLeast(600_000))
    if (target === undefined || senders === undefined) return false
    for (const from of senders) {
      scene.after(random.between(0, 170) * MINUTE_MS, () => {
        const amountMinor = random.whole(100, 450) * 10 * KES
        transfer(world, { flow, from: from.fosa, to: target.fosa, amountMinor, origin: originPhone(world, from) })
      })
    }
    return true
  },
}

export const fanOut: Scenario = {
  family: 'fan-out',
  benign: false,
  eventsMin: 12,
  note: 'One member pays a dozen or more members within two hours.',
  play(scene) {
    const { world, random, flow } = scene
    const from = scene.cast(hasAtLeast(6_000_000))
    const receivers = scene.castMany(random.whole(12, 20))
    if (from === undefined || receivers === undefined) return false
    const each = Math.floor((availableOf(from.fosa) * 0.85) / receivers.length / 1_000) * 1_000
    for (const to of receivers) {
      scene.after(random.between(0, 110) * MINUTE_MS, () => {
        transfer(world, { flow, from: from.fosa, to: to.fosa, amountMinor: each, origin: originPhone(world, from) })
      })
    }
    return true
  },
}

export const transferRing: Scenario = {
  family: 'transfer-ring',
  benign: false,
  eventsMin: 6,
  note: 'Money goes round three to five members and comes back, two or three times.',
  play(scene) {
    const { world, random, flow } = scene
    const ring = scene.castMany(random.whole(3, 5), hasAtLeast(1_000_000))
    if (ring === undefined) return false
    const rounds = random.whole(2, 3)
    const amountMinor = random.whole(30, 80) * 100 * KES
    for (let step = 0; step < rounds * ring.length; step++) {
      const from = ring[step % ring.length] as Person
      const to = ring[(step + 1) % ring.length] as Person
      scene.after(step * random.between(20, 60) * MINUTE_MS, () => {
        transfer(world, { flow, from: from.fosa, to: to.fosa, amountMinor, origin: originPhone(world, from) })
      })
    }
    return true
  },
}

export const dormantReactivation: Scenario = {
  family: 'dormant-reactivation',
  benign: false,
  eventsMin: 3,
  note: 'An account without activity for over a year: a changed phone, then most of the savings go.',
  play(scene) {
    const { world, random, flow } = scene
    const fits = (each: Person) =>
      each.member.isDormant && each.transactionCount <= 3 && availableOf(each.fosa) > 2_000_000
    const person = scene.cast(fits)
    if (person === undefined) return false
    if (random.chance(0.6)) changeContact(world, flow, person, { contact: 'phone', value: outsidePhone(random) })
    const count = random.whole(1, 3)
    for (let n = 0; n < count; n++) {
      scene.after(random.between(1, 10) * HOUR_MS + n * HOUR_MS, () => {
        payOutTo(scene, person, partOf(person, 0.8), person.phone)
      })
    }
    return true
  },
}

export const repeatedAmounts: Scenario = {
  family: 'repeated-amounts',
  benign: false,
  eventsMin: 12,
  note: 'The same amount just below a limit of the counter, again and again over three days.',
  play(scene) {
    const { world, random, flow } = scene
    const amountMinor = random.pick([9_900, 19_900, 49_900]) * KES
    const count = random.whole(6, 9)
    const person = scene.cast(hasAtLeast(amountMinor * count * 1.1))
    if (person === undefined) return false
    person.quietUntilMs = world.nowMs + 3 * DAY_MS
    for (let n = 0; n < count; n++) {
      scene.after(n * random.between(3, 8) * HOUR_MS, () => {
        const isOpen = isOfficeHours(world.nowMs)
        const teller = random.pick(person.member.branch.tellers)
        const origin = isOpen ? originTeller(teller) : originPhone(world, person)
        const how = isOpen ? { control: { maker_id: teller.id } } : { toPhone: person.phone }
        withdraw(world, { flow, account: person.fosa, amountMinor, origin, ...how })
      })
    }
    return true
  },
}

export const firstPayeeLarge: Scenario = {
  family: 'first-payee-large',
  benign: false,
  eventsMin: 4,
  note: 'A large payout to a phone that this member has never paid.',
  play(scene) {
    const person = scene.cast(hasAtLeast(17_000_000))
    if (person === undefined) return false
    signIn(scene.world, scene.flow, person, 'succeeded')
    scene.after(90 * SECOND_MS, () => {
      payOutTo(scene, person, Math.max(15_000_000, partOf(person, 0.9)), outsidePhone(scene.random))
    })
    return true
  },
}

export const reversalAbuse: Scenario = {
  family: 'reversal-abuse',
  benign: false,
  eventsMin: 12,
  note: 'Payouts that arrived are claimed to have failed and are put back, several times in a week.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(2_500_000))
    if (person === undefined) return false
    const staff = random.pick(person.member.branch.officers)
    scene.involveStaff(staff)
    const count = random.whole(3, 5)
    const amountMinor = random.whole(30, 90) * 100 * KES
    const claim = (posted: Posted): void => {
      scene.after(random.between(0.5, 4) * HOUR_MS, () => {
        reverseWithdrawal(world, { flow, account: person.fosa, posted, amountMinor, reason: 'claimed_failed', staff })
      })
    }
    for (let n = 0; n < count; n++) {
      scene.after(n * random.between(18, 36) * HOUR_MS, () => {
        const origin = originPhone(world, person)
        withdraw(world, { flow, account: person.fosa, amountMinor, origin, toPhone: person.phone, onPaid: claim })
      })
    }
    return true
  },
}

export const receiptReplay: Scenario = {
  family: 'receipt-replay',
  benign: false,
  eventsMin: 6,
  note: 'The same M-Pesa receipt is credited again, to the same or to another account.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast()
    const other = random.chance(0.4) ? scene.cast() : person
    if (person === undefined || other === undefined) return false
    const amountMinor = random.whole(20, 200) * 100 * KES
    const receipt = depositByMpesa(world, { flow, account: person.fosa, amountMinor, fails: false })
    const replays = random.whole(1, 2)
    for (let n = 0; n < replays; n++) {
      scene.after(random.between(0.2, 30) * HOUR_MS, () => {
        depositByMpesa(world, { flow, account: other.fosa, amountMinor, fails: false, receipt })
      })
    }
    return true
  },
}

export const paymentMismatch: Scenario = {
  family: 'payment-mismatch',
  benign: false,
  eventsMin: 3,
  note: 'The provider confirms less than was asked for, and the full amount is credited.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast()
    if (person === undefined) return false
    const amountMinor = random.whole(50, 400) * 100 * KES
    const paidMinor = random.whole(1, 20) * 10 * KES
    depositByMpesa(world, { flow, account: person.fosa, amountMinor, paidMinor, fails: false })
    return true
  },
}

export const MONEY_SCENARIOS: readonly Scenario[] = [
  velocityBurst,
  structuring,
  largeCash,
  rapidInOut,
  fanIn,
  fanOut,
  transferRing,
  dormantReactivation,
  repeatedAmounts,
  firstPayeeLarge,
  reversalAbuse,
  receiptReplay,
  paymentMismatch,
]
