import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../calendar.ts'
import { changeContact, changeCredential, newDevice, seeDevice, signIn } from '../member-flows.ts'
import { KES, type OriginInput, roundTens, withdraw } from '../money-flows.ts'
import { addressOf } from '../origins.ts'
import { outsidePhone, type Place } from '../population.ts'
import { isAlive, type Person } from '../world.ts'
import { hasAtLeast, partOf, payOutTo } from './money.ts'
import type { Scenario, Scene } from './scene.ts'

/** Somebody else acts as the member: catalogue numbers 8 to 10. */

const hasPhone = (person: Person): boolean => isAlive(person) && person.device !== undefined

export function originAt(person: Person, device: string, place: Place): OriginInput {
  return {
    channel: 'mobile_app',
    initiated_by: 'member',
    device_id: device as never,
    phone: person.phone,
    ip_address: addressOf(person.member.index + 40_000),
    latitude: place.latitude,
    longitude: place.longitude,
  }
}

export const simSwap: Scenario = {
  family: 'sim-swap',
  benign: false,
  eventsMin: 7,
  note: 'SIM and PIN replaced, a new device, then most of the savings paid out within 72 hours.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(3_000_000))
    if (person === undefined) return false
    const device = newDevice(world)
    changeCredential(world, flow, person, 'sim', device)
    if (random.chance(0.5)) {
      scene.after(5 * MINUTE_MS, () =>
        changeContact(world, flow, person, { contact: 'phone', value: outsidePhone(random) }),
      )
    }
    scene.after(random.between(10, 60) * MINUTE_MS, () => changeCredential(world, flow, person, 'pin', device))
    const startsMs = random.between(1.2, 40) * HOUR_MS
    scene.after(startsMs, () => {
      seeDevice(world, flow, person, device)
      signIn(world, flow, person, 'succeeded', device)
    })
    const count = random.whole(1, 3)
    for (let n = 0; n < count; n++) {
      scene.after(startsMs + (n + 1) * 3 * MINUTE_MS, () => {
        const origin = originAt(person, device, person.member.home)
        withdraw(world, {
          flow,
          account: person.fosa,
          amountMinor: partOf(person, 0.75),
          origin,
          toPhone: outsidePhone(random),
        })
      })
    }
    return true
  },
}

export const sharedDevice: Scenario = {
  family: 'shared-device',
  benign: false,
  eventsMin: 32,
  note: 'One device signs in as eight or more members within a day and takes a little from each.',
  play(scene) {
    const { world, random, flow } = scene
    const persons = scene.castMany(random.whole(8, 15), hasAtLeast(500_000))
    if (persons === undefined) return false
    const device = newDevice(world)
    const place = (persons[0] as Person).member.home
    const toPhone = outsidePhone(random)
    for (const [index, person] of persons.entries()) {
      const atMs = index * random.between(20, 90) * MINUTE_MS
      scene.after(atMs, () => signIn(world, flow, person, 'succeeded', device))
      scene.after(atMs + 45 * SECOND_MS, () => seeDevice(world, flow, person, device, place))
      scene.after(atMs + 2 * MINUTE_MS, () => {
        const amountMinor = Math.min(partOf(person, 0.6), random.whole(10, 60) * 100 * KES)
        withdraw(world, { flow, account: person.fosa, amountMinor, origin: originAt(person, device, place), toPhone })
      })
    }
    return true
  },
}

const kilometresBetween = (left: Place, right: Place): number =>
  111 * Math.hypot(left.latitude - right.latitude, left.longitude - right.longitude)

/** Somewhere at least 200 km from home. */
function farPlace(scene: Scene, person: Person): Place {
  const { home } = person.member
  const far = scene.world.sacco.branches.filter(({ place }) => {
    return kilometresBetween(place, home) > 210
  })
  const abroad = { latitude: 6.465, longitude: 3.406 }
  return far.length === 0 || scene.random.chance(0.2) ? abroad : scene.random.pick(far).place
}

export const impossibleTravel: Scenario = {
  family: 'impossible-travel',
  benign: false,
  eventsMin: 6,
  note: 'Seen at home, then minutes later paying out from a place hundreds of kilometres away.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast((each) => hasPhone(each) && hasAtLeast(1_000_000)(each))
    if (person?.device === undefined) return false
    const place = farPlace(scene, person)
    seeDevice(world, flow, person, person.device)
    const device = random.chance(0.5) ? person.device : newDevice(world)
    // Faster than any airliner.
    const laterMs = (kilometresBetween(person.member.home, place) / random.between(1_000, 3_000)) * HOUR_MS
    scene.after(laterMs, () => {
      seeDevice(world, flow, person, device, place)
      signIn(world, flow, person, 'succeeded', device)
    })
    scene.after(laterMs + 2 * MINUTE_MS, () => {
      const amountMinor = partOf(person, random.between(0.3, 0.7))
      const toPhone = outsidePhone(random)
      withdraw(world, { flow, account: person.fosa, amountMinor, origin: originAt(person, device, place), toPhone })
    })
    return true
  },
}

export const pinBurst: Scenario = {
  family: 'pin-burst',
  benign: false,
  eventsMin: 10,
  note: 'Many wrong PINs within minutes, then the right one and a payout.',
  play(scene) {
    const { world, random, flow } = scene
    const person = scene.cast(hasAtLeast(1_000_000))
    if (person === undefined) return false
    const device = random.chance(0.7) ? newDevice(world) : person.device
    const count = random.whole(6, 12)
    for (let n = 0; n < count; n++) {
      scene.after(n * random.between(8, 30) * SECOND_MS, () => signIn(world, flow, person, 'wrong_pin', device))
    }
    scene.after(7 * MINUTE_MS, () => signIn(world, flow, person, 'succeeded', device))
    scene.after(8 * MINUTE_MS, () => {
      payOutTo(scene, person, roundTens(partOf(person, random.between(0.5, 0.9))), outsidePhone(random))
    })
    return true
  },
}

export const IDENTITY_SCENARIOS: readonly Scenario[] = [simSwap, sharedDevice, impossibleTravel, pinBurst]
