import {
  type AccountId,
  type AgentId,
  accountId,
  agentId,
  type BranchId,
  branchId,
  type DeviceId,
  deviceId,
  type EmployerId,
  employerId,
  type MemberId,
  memberId,
  type StaffId,
  staffId,
} from '#schemas'
import { assert } from '#streams/base'
import { DAY_MS, officeTimeFrom } from './calendar.ts'
import { EMPLOYER_NAMES, FAMILY_NAMES, GIVEN_NAMES, TOWNS } from './names.ts'
import { createRandom, type Random, subSeed } from './random.ts'

export const SEGMENTS = ['salaried', 'farmer', 'trader', 'agent'] as const
export type Segment = (typeof SEGMENTS)[number]

export type Place = { readonly latitude: number; readonly longitude: number }
export type StaffRole = 'teller' | 'officer' | 'manager'
export type Staff = { readonly id: StaffId; readonly role: StaffRole; readonly branch: Branch }
export type Branch = {
  readonly id: BranchId
  readonly town: string
  readonly place: Place
  readonly tellers: readonly Staff[]
  readonly officers: readonly Staff[]
  readonly manager: Staff
}
export type Employer = { readonly id: EmployerId; readonly name: string; readonly payday: number }

export type Member = {
  readonly index: number
  readonly id: MemberId
  readonly segment: Segment
  readonly fullName: string
  readonly email: string
  readonly nationalId: string
  readonly dateOfBirth: string
  readonly phone: string
  readonly nextOfKinName: string
  readonly nextOfKinPhone: string
  readonly branch: Branch
  readonly home: Place
  readonly device: DeviceId | undefined
  readonly employer: Employer | undefined
  /** Set for agents of the SACCO, who serve other members. */
  readonly agent: AgentId | undefined
  /** Set for members who work for the SACCO. */
  readonly staff: Staff | undefined
  readonly monthlyIncomeMinor: number
  readonly registeredAtMs: number
  /** When its history in this system starts: long ago for the dormant, within the last weeks for the others. */
  readonly openedAtMs: number
  readonly isDormant: boolean
  readonly fosa: AccountId
  readonly bosa: AccountId
  readonly shares: AccountId
}

export type SaccoOptions = {
  readonly seed: number
  /** Members when live traffic starts. */
  readonly members: number
  /** Start of live traffic; the opening balances and a thin history lie before it. */
  readonly startMs: number
  readonly branches: number
  readonly employers: number
  /** Put before every id, so that two SACCOs can live in one system. */
  readonly idPrefix: string
  readonly shares: Readonly<Record<Segment, number>>
  readonly dormantShare: number
  /** How long before `startMs` the dormant have been silent, and the history begins. */
  readonly dormantDays: number
  readonly historyDays: number
}

export const SACCO_DEFAULTS = {
  members: 10_000,
  branches: 8,
  employers: 40,
  idPrefix: '',
  shares: { salaried: 0.45, farmer: 0.25, trader: 0.27, agent: 0.03 },
  dormantShare: 0.04,
  dormantDays: 400,
  historyDays: 45,
} as const

/** More would not fit the phone numbers and the memory that this model is made for. */
export const MEMBERS_MIN = 100
export const MEMBERS_MAX = 1_000_000

export type Sacco = {
  readonly options: SaccoOptions
  readonly branches: readonly Branch[]
  readonly staff: readonly Staff[]
  readonly employers: readonly Employer[]
  readonly members: readonly Member[]
}

/** Everybody and everything that is there before the first event. The same options give the same SACCO. */
export function createSacco(given: Partial<SaccoOptions> & { readonly seed: number; readonly startMs: number }): Sacco {
  const options: SaccoOptions = { ...SACCO_DEFAULTS, ...given }
  assert(Number.isSafeInteger(options.seed), `a seed is a whole number, got ${options.seed}`)
  assert(Number.isSafeInteger(options.startMs), `startMs is whole milliseconds since 1970, got ${options.startMs}`)
  assert(options.members >= MEMBERS_MIN && options.members <= MEMBERS_MAX, `members: ${MEMBERS_MIN} to ${MEMBERS_MAX}`)
  assert(options.branches >= 2 && options.branches <= TOWNS.length, `branches: 2 to ${TOWNS.length}`)
  const random = createRandom(subSeed(options.seed, 'population'))
  const branches = Array.from({ length: options.branches }, (_, index) => createBranch(options, index))
  const staff = branches.flatMap((branch) => [branch.manager, ...branch.officers, ...branch.tellers])
  const employers = Array.from({ length: options.employers }, (_, index) => ({
    id: employerId(`${options.idPrefix}EMP${String(index + 1).padStart(3, '0')}`),
    name: EMPLOYER_NAMES[index % EMPLOYER_NAMES.length] as string,
    payday: random.whole(25, 29),
  }))
  const members: Member[] = []
  for (let index = 0; index < options.members; index++) {
    members.push(createMember({ options, random, branches, employers, staff: staff[index], index }))
  }
  return { options, branches, staff, employers, members }
}

const TELLERS_PER_BRANCH = 4
const OFFICERS_PER_BRANCH = 3

function createBranch(options: SaccoOptions, index: number): Branch {
  const town = TOWNS[index] as (typeof TOWNS)[number]
  const number = String(index + 1).padStart(2, '0')
  const id = branchId(`${options.idPrefix}B${number}`)
  const tellers: Staff[] = []
  const officers: Staff[] = []
  const manager: Staff = {
    id: staffId(`${options.idPrefix}S${number}-MGR`),
    role: 'manager',
    branch: undefined as never,
  }
  const branch: Branch = { id, town: town.name, place: town, tellers, officers, manager }
  const add = (list: Staff[], role: StaffRole, code: string, count: number): void => {
    for (let n = 1; n <= count; n++)
      list.push({ id: staffId(`${options.idPrefix}S${number}-${code}${n}`), role, branch })
  }
  add(tellers, 'teller', 'TEL', TELLERS_PER_BRANCH)
  add(officers, 'officer', 'OFF', OFFICERS_PER_BRANCH)
  // A branch names its manager and a manager the branch: one of the two has to be filled in afterwards.
  Object.assign(manager, { branch })
  return branch
}

type MemberInput = {
  readonly options: SaccoOptions
  readonly random: Random
  readonly branches: readonly Branch[]
  readonly employers: readonly Employer[]
  readonly staff: Staff | undefined
  readonly index: number
}

const INCOME_MINOR: Readonly<Record<Segment, number>> = {
  salaried: 5_500_000,
  farmer: 2_800_000,
  trader: 6_000_000,
  agent: 9_000_000,
}

function createMember(input: MemberInput): Member {
  const { options, random, branches, employers, staff, index } = input
  // The first members are the staff itself.
  const segment = staff === undefined ? drawSegment(options, random) : 'salaried'
  // Staff keeps its accounts at the next branch: nobody serves himself in ordinary life.
  const branch =
    staff === undefined
      ? random.pick(branches)
      : (branches[(branches.indexOf(staff.branch) + 1) % branches.length] as Branch)
  const isDormant = staff === undefined && segment !== 'agent' && random.chance(options.dormantShare)
  const before = isDormant ? options.dormantDays : random.between(3, options.historyDays)
  return {
    index,
    ...drawIdentity(options, random, index),
    segment,
    branch,
    home: {
      latitude: branch.place.latitude + random.between(-0.05, 0.05),
      longitude: branch.place.longitude + random.between(-0.05, 0.05),
    },
    device: random.chance(segment === 'farmer' ? 0.35 : 0.75)
      ? deviceId(`${options.idPrefix}D${pad(index)}`)
      : undefined,
    employer: segment === 'salaried' ? random.pick(employers) : undefined,
    agent: segment === 'agent' ? agentId(`${options.idPrefix}AG${pad(index)}`) : undefined,
    staff,
    monthlyIncomeMinor: Math.round(random.around(INCOME_MINOR[segment], 0.5) / 10_000) * 10_000,
    registeredAtMs: options.startMs - Math.floor(random.between(before + 30, before + 3_000) * DAY_MS),
    openedAtMs: officeTimeFrom(options.startMs - Math.floor(before * DAY_MS), random.next()),
    isDormant,
    fosa: accountId(`${options.idPrefix}A${pad(index)}-F`),
    bosa: accountId(`${options.idPrefix}A${pad(index)}-B`),
    shares: accountId(`${options.idPrefix}A${pad(index)}-S`),
  }
}

/** Name, papers and numbers of the person with this index; also used for those who join later. */
export function drawIdentity(options: SaccoOptions, random: Random, index: number) {
  const given = random.pick(GIVEN_NAMES)
  const family = random.pick(FAMILY_NAMES)
  return {
    id: memberId(`${options.idPrefix}M${pad(index)}`),
    fullName: `${given} ${random.pick(GIVEN_NAMES)} ${family}`,
    email: random.chance(0.4) ? `${given}.${family}${index}@example.co.ke`.toLowerCase() : '',
    nationalId: String(10_000_000 + ((index * 7_919 + options.seed) % 30_000_000)),
    dateOfBirth: `${random.whole(1955, 2004)}-${two(random.whole(1, 12))}-${two(random.whole(1, 28))}`,
    phone: phoneOf(index, options.seed),
    nextOfKinName: `${random.pick(GIVEN_NAMES)} ${family}`,
    nextOfKinPhone: outsidePhone(random),
  }
}

export const pad = (index: number): string => String(index + 1).padStart(6, '0')
const two = (value: number): string => String(value).padStart(2, '0')

/** Different for each index: 7_368_787 has no factor in common with the 20 million numbers of members. */
export function phoneOf(index: number, seed: number): string {
  const number = (index * 7_368_787 + (Math.abs(seed) % 20_000_000)) % 20_000_000
  return `2547${String(number).padStart(8, '0')}`
}
/** A number of somebody who is no member: another block than `phoneOf`. */
export const outsidePhone = (random: Random): string => `2547${random.whole(30_000_000, 99_999_999)}`

function drawSegment(options: SaccoOptions, random: Random): Segment {
  let rest = random.next()
  for (const segment of SEGMENTS) {
    rest -= options.shares[segment]
    if (rest < 0) return segment
  }
  return 'salaried'
}
