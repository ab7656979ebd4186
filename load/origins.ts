import type { Branch, Staff } from './population.ts'
import type { Person, World } from './world.ts'

/** Where requests come from, as `origin` of the events. Fields that are left out are null. */

export const originSystem = { channel: 'internal', initiated_by: 'system' } as const
export const originCheckOff = { channel: 'check_off', initiated_by: 'third_party' } as const
export const originBank = { channel: 'bank', initiated_by: 'third_party' } as const

export const originMpesa = (person: Person) =>
  ({ channel: 'mpesa', initiated_by: 'member', phone: person.phone }) as const

export const originUssd = (person: Person) =>
  ({ channel: 'ussd', initiated_by: 'member', phone: person.phone }) as const

/** The app on the person's own device, near home; by USSD for people without a smartphone. */
export function originPhone(world: World, person: Person) {
  if (person.device === undefined) return originUssd(person)
  const { home } = person.member
  return {
    channel: 'mobile_app',
    initiated_by: 'member',
    device_id: person.device,
    phone: person.phone,
    ip_address: addressOf(person.member.index),
    latitude: home.latitude + world.random.between(-0.02, 0.02),
    longitude: home.longitude + world.random.between(-0.02, 0.02),
  } as const
}

export function originAgent(world: World, person: Person, agent: Person) {
  return {
    channel: 'agent',
    initiated_by: 'member',
    agent_id: agent.member.agent ?? null,
    branch_id: agent.member.branch.id,
    device_id: agent.device ?? null,
    phone: person.phone,
    latitude: agent.member.home.latitude + world.random.between(-0.001, 0.001),
    longitude: agent.member.home.longitude + world.random.between(-0.001, 0.001),
  } as const
}

export function originTeller(teller: Staff) {
  return {
    channel: 'cash',
    initiated_by: 'member',
    branch_id: teller.branch.id,
    teller_id: teller.id,
    latitude: teller.branch.place.latitude,
    longitude: teller.branch.place.longitude,
  } as const
}

export function originStaff(branch: Branch, staff: Staff) {
  return { channel: 'internal', initiated_by: 'staff', branch_id: branch.id, teller_id: staff.id } as const
}

/** A private address that belongs to a person for ever. */
export const addressOf = (index: number): string =>
  `10.${(index >> 14) & 255}.${(index >> 6) & 255}.${(index & 63) + 1}`
