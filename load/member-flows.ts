import { type DeviceId, deviceId } from '#schemas'
import { isoOf, MINUTE_MS } from './calendar.ts'
import { addressOf } from './origins.ts'
import { drawIdentity, type Member, type Place, pad, type Staff } from './population.ts'
import { addPerson, type Flow, type Person, type World } from './world.ts'

/** What happens to members apart from money: joining, papers, contacts, devices, signing in. */

export function emitRegistered(
  world: World,
  flow: Flow,
  person: Person,
  extra: { readonly staff?: Staff; readonly batch?: string; readonly device?: DeviceId; readonly phone?: string } = {},
): void {
  const { member } = person
  world.emit(flow, 'member.registered', {
    member_id: member.id,
    email: member.email,
    phone: extra.phone ?? person.phone,
    registered_at: isoOf(member.registeredAtMs),
    full_name: member.fullName,
    national_id: member.nationalId,
    date_of_birth: member.dateOfBirth,
    postal_address: `P.O. Box ${(member.index % 9_000) + 100}, ${member.branch.town}`,
    next_of_kin_name: member.nextOfKinName,
    next_of_kin_phone: member.nextOfKinPhone,
    segment: member.staff === undefined ? member.segment : 'staff',
    employer_id: member.employer?.id ?? null,
    branch_id: member.branch.id,
    registered_by: (extra.staff ?? member.branch.officers[0])?.id ?? null,
    staff_id: member.staff?.id ?? null,
    device_id: extra.device ?? null,
    batch_id: extra.batch ?? null,
    latitude: member.home.latitude,
    longitude: member.home.longitude,
  })
}

export function emitVerified(world: World, flow: Flow, person: Person, officer: Staff): void {
  const { member } = person
  world.emit(flow, 'member.verified', {
    member_id: member.id,
    verified_at: isoOf(world.nowMs),
    method: world.random.chance(0.8) ? 'iprs' : 'in_person',
    verified_by: officer.id,
  })
  world.emit(flow, 'member.kyc.approved', {
    member_id: member.id,
    approved_at: isoOf(world.nowMs),
    kyc_level: world.random.chance(0.8) ? 2 : 1,
    risk_rating: world.random.chance(0.92) ? 'low' : world.random.chance(0.8) ? 'medium' : 'high',
    politically_exposed: world.random.chance(0.002),
    sanctions_hit: false,
    maker_id: officer.id,
    checker_id: member.branch.manager.id,
  })
}

export function emitAccounts(world: World, flow: Flow, person: Person, officer: Staff): void {
  const accounts = [
    [person.fosa, 'fosa_savings'],
    [person.bosa, 'bosa_deposits'],
    [person.shares, 'share_capital'],
  ] as const
  for (const [account, product] of accounts) {
    world.emit(flow, 'account.opened', {
      member_id: person.member.id,
      account_id: account.id,
      product,
      currency: 'KES',
      opened_at: isoOf(person.member.registeredAtMs),
      branch_id: person.member.branch.id,
      opened_by: officer.id,
    })
  }
}

/** Somebody new, with papers and accounts, at this moment. `like` gives segment, branch and home. */
export function join(
  world: World,
  flow: Flow,
  like: Member,
  extra: { readonly staff?: Staff; readonly batch?: string; readonly device?: DeviceId; readonly phone?: string } = {},
): Person {
  const index = world.persons.length
  const { options } = world.sacco
  const member: Member = {
    ...like,
    index,
    ...drawIdentity(options, world.random, index),
    device: extra.device ?? newDevice(world),
    agent: undefined,
    staff: undefined,
    isDormant: false,
    registeredAtMs: world.nowMs,
    openedAtMs: world.nowMs,
    fosa: `${options.idPrefix}A${pad(index)}-F` as Member['fosa'],
    bosa: `${options.idPrefix}A${pad(index)}-B` as Member['bosa'],
    shares: `${options.idPrefix}A${pad(index)}-S` as Member['shares'],
  }
  const person = addPerson(world, extra.phone === undefined ? member : { ...member, phone: extra.phone })
  const officer = extra.staff ?? world.random.pick(like.branch.officers)
  emitRegistered(world, flow, person, extra)
  emitAccounts(world, flow, person, officer)
  flow.after(world.random.whole(5, 120) * MINUTE_MS, () => emitVerified(world, flow, person, officer))
  return person
}

export const newDevice = (world: World): DeviceId => deviceId(world.newReference('DN'))

export function seeDevice(
  world: World,
  flow: Flow,
  person: Person,
  device: DeviceId,
  place: Place = person.member.home,
): void {
  world.emit(flow, 'member.device.seen', {
    member_id: person.member.id,
    device_id: device,
    seen_at: isoOf(world.nowMs),
    platform: 'Android 13',
    emulator: false,
    ip_address: addressOf(person.member.index),
    latitude: place.latitude,
    longitude: place.longitude,
  })
}

export function signIn(
  world: World,
  flow: Flow,
  person: Person,
  outcome: 'succeeded' | 'wrong_pin' | 'locked',
  device: DeviceId | undefined = person.device,
): void {
  world.emit(flow, 'member.authentication.attempted', {
    member_id: person.member.id,
    outcome,
    channel: device === undefined ? 'ussd' : 'mobile_app',
    device_id: device ?? null,
    phone: person.phone,
    ip_address: device === undefined ? null : addressOf(person.member.index),
    attempted_at: isoOf(world.nowMs),
  })
}

type Contact = {
  readonly contact: 'phone' | 'email' | 'next_of_kin' | 'postal_address'
  readonly value: string
  readonly staff?: Staff
  readonly checker?: Staff
}

export function changeContact(
  world: World,
  flow: Flow,
  person: Person,
  { contact, value, staff, checker }: Contact,
): void {
  world.emit(
    flow,
    'member.contact.changed',
    {
      member_id: person.member.id,
      contact,
      value_before: contact === 'phone' ? person.phone : null,
      value_after: value,
      channel: staff === undefined ? 'mobile_app' : 'internal',
      initiated_by: staff === undefined ? 'member' : 'staff',
      maker_id: staff?.id ?? null,
      checker_id: checker?.id ?? null,
      changed_at: isoOf(world.nowMs),
    },
    staff?.id,
  )
  if (contact === 'phone') person.phone = value
}

export function changeCredential(
  world: World,
  flow: Flow,
  person: Person,
  credential: 'sim' | 'pin',
  device: DeviceId | undefined = person.device,
): void {
  world.emit(flow, 'member.credential.changed', {
    member_id: person.member.id,
    credential,
    initiated_by: credential === 'sim' ? 'third_party' : 'member',
    phone: person.phone,
    device_id: device ?? null,
    changed_at: isoOf(world.nowMs),
  })
}

export function accessRecord(
  world: World,
  flow: Flow,
  person: Person,
  staff: Staff,
  action: 'viewed' | 'edited',
  request: string | null,
): void {
  world.emit(
    flow,
    'member.record.accessed',
    {
      member_id: person.member.id,
      staff_id: staff.id,
      action,
      service_request_id: request,
      accessed_at: isoOf(world.nowMs),
    },
    staff.id,
  )
}
