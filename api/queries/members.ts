import { partitionForKey, utf8Encode } from '#streams/base'
import type { StoreFreshness } from '#streams/query'
import { isoOf } from '../http/freshness.ts'
import { notFound } from '../http/problem.ts'
import type { StoreReader } from './store-reader.ts'
import {
  LAST,
  STORES,
  type StoredBalanceEntry,
  type StoredMember,
  type StoredRisk,
  type StoredVelocity,
  timeKey,
} from './stored.ts'
import { HOME_CURRENCY, type MoneyView, moneyView, textOrNull, timeOrNull } from './views.ts'
import { eventWords, reasonWords, valueName, valueWords } from './words.ts'

export type AccountView = {
  readonly accountId: string
  readonly product: string
  readonly status: string
  readonly balance: MoneyView
  readonly available: MoneyView
  readonly held: MoneyView
  readonly asOf: string | null
}

export type MovementView = {
  readonly accountId: string
  readonly time: string
  readonly eventId: string
  readonly eventType: string
  readonly words: string
  readonly amount: MoneyView
  readonly balance: MoneyView
}

export type RiskView = {
  readonly memberId: string
  readonly score: number
  readonly level: RiskLevel
  readonly model: string
  readonly modelVersion: number
  readonly reasons: readonly {
    readonly code: string
    readonly words: string
    readonly points: number
    readonly values: readonly { readonly label: string; readonly words: string }[]
  }[]
  readonly causedByEventId: string | null
  readonly calculatedAt: string
}

export const RISK_LEVELS = ['low', 'moderate', 'elevated', 'high', 'severe'] as const
export type RiskLevel = (typeof RISK_LEVELS)[number]
/** Words for a score of 0 to 1000, in fifths. They are for reading only: no rule looks at them. */
export function riskLevel(score: number): RiskLevel {
  return RISK_LEVELS[Math.min(RISK_LEVELS.length - 1, Math.max(0, Math.floor(score / 200)))] as RiskLevel
}

/** Collects how fresh the parts of an answer are. */
export type Trail = { add(freshness: readonly StoreFreshness[]): void; readonly all: readonly StoreFreshness[] }
export function createTrail(): Trail {
  const all: StoreFreshness[] = []
  return { add: (freshness) => all.push(...freshness), all }
}

export async function readMember(reader: StoreReader, id: string, trail: Trail): Promise<StoredMember> {
  const { value, freshness } = await reader.get(STORES.members, id)
  trail.add(freshness)
  if (value === undefined) throw notFound('member', id)
  return value
}

export function profileView(member: StoredMember) {
  return {
    memberId: member.member_id,
    name: textOrNull(member.full_name),
    status: member.status,
    segment: member.segment,
    branchId: textOrNull(member.branch_id),
    employerId: textOrNull(member.employer_id),
    staffId: textOrNull(member.staff_id),
    phone: textOrNull(member.phone),
    email: textOrNull(member.email),
    nextOfKinPhone: textOrNull(member.next_of_kin_phone),
    postalAddress: textOrNull(member.postal_address),
    bankAccount: textOrNull(member.bank_account),
    registeredAt: isoOf(member.registered_ms),
    verified: member.verified,
    kyc: { level: member.kyc_level, rating: textOrNull(member.kyc_rating) },
    politicallyExposed: member.politically_exposed,
    sanctionsHit: member.sanctions_hit,
    devices: member.devices.map((device) => ({
      deviceId: device.device_id,
      firstSeen: isoOf(device.first_seen_ms),
      lastSeen: isoOf(device.last_seen_ms),
    })),
    updatedAt: isoOf(member.updated_ms),
  }
}

/** The balances of all accounts of a member: now, or as they were after everything up to a moment. */
export async function readBalances(
  reader: StoreReader,
  member: StoredMember,
  asOfMs: number | undefined,
  trail: Trail,
): Promise<readonly AccountView[]> {
  const accounts = member.accounts.filter(({ opened_ms }) => asOfMs === undefined || opened_ms <= asOfMs)
  const read = accounts.map((account) =>
    asOfMs === undefined
      ? balanceNow(reader, member.member_id, account, trail)
      : balanceAsOf(reader, member.member_id, account, asOfMs, trail),
  )
  return Promise.all(read)
}

type Account = StoredMember['accounts'][number]

async function balanceNow(reader: StoreReader, memberId: string, account: Account, trail: Trail): Promise<AccountView> {
  const { value, freshness } = await reader.get(STORES.balances, account.account_id, memberId)
  trail.add(freshness)
  return {
    accountId: account.account_id,
    product: account.product,
    status: value?.status ?? (account.closed_ms === null ? 'open' : 'closed'),
    balance: moneyView(value?.balance_minor ?? 0, account.currency),
    available: moneyView(value?.available_minor ?? 0, account.currency),
    held: moneyView(value?.held_minor ?? 0, account.currency),
    asOf: timeOrNull(value?.updated_ms),
  }
}

async function balanceAsOf(
  reader: StoreReader,
  memberId: string,
  account: Account,
  asOfMs: number,
  trail: Trail,
): Promise<AccountView> {
  const id = account.account_id
  const { value, freshness } = await reader.page({
    store: STORES.balanceHistory.name,
    memberId,
    from: `${id}|`,
    to: `${id}|${timeKey(asOfMs)}`,
    reverse: true,
    limit: 1,
  })
  trail.add(freshness)
  const entry = value[0]?.value as StoredBalanceEntry | undefined
  const balance = entry?.balance_minor ?? 0
  const held = entry?.held_minor ?? 0
  return {
    accountId: id,
    product: account.product,
    status: account.closed_ms !== null && account.closed_ms <= asOfMs ? 'closed' : 'open',
    balance: moneyView(balance, account.currency),
    available: moneyView(balance - held, account.currency),
    held: moneyView(held, account.currency),
    asOf: value[0] === undefined ? null : isoOf(timeOfKey(String(value[0].key))),
  }
}

const timeOfKey = (key: string): number => Number(key.slice(key.lastIndexOf('|') + 1))

export type MovementQuery = {
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  readonly limit: number
  /** Only what is older than this, of every account. */
  readonly before: Readonly<Record<string, string>>
}

/** Movements on all accounts of a member, the newest first, with the balance after each. */
export async function readMovements(
  reader: StoreReader,
  memberId: string,
  accounts: readonly Account[],
  query: MovementQuery,
  trail: Trail,
): Promise<readonly (MovementView & { readonly key: string })[]> {
  const pages = accounts.map(async ({ account_id, currency }) => {
    const { value, freshness } = await reader.page({
      store: STORES.balanceHistory.name,
      memberId,
      from: `${account_id}|${query.fromMs === undefined ? '' : timeKey(query.fromMs)}`,
      to: `${account_id}|${query.toMs === undefined ? LAST : timeKey(query.toMs)}`,
      reverse: true,
      after: query.before[account_id],
      limit: query.limit,
    })
    trail.add(freshness)
    return value.map(({ key, value: entry }) =>
      movementView(String(key), account_id, currency, entry as StoredBalanceEntry),
    )
  })
  const all = (await Promise.all(pages)).flat()
  return all.sort((left, right) => (left.time < right.time ? 1 : left.time > right.time ? -1 : 0)).slice(0, query.limit)
}

function movementView(key: string, accountId: string, currency: string, entry: StoredBalanceEntry) {
  return {
    key,
    accountId,
    time: isoOf(timeOfKey(key)),
    eventId: entry.event_id,
    eventType: entry.event_type,
    words: eventWords(entry.event_type),
    amount: moneyView(entry.delta_minor, currency),
    balance: moneyView(entry.balance_minor, currency),
  }
}

export async function readRisk(reader: StoreReader, id: string, trail: Trail): Promise<RiskView | null> {
  if (!reader.has(STORES.riskScores)) return null
  const { value, freshness } = await reader.get(STORES.riskScores, id)
  trail.add(freshness)
  return value === undefined ? null : riskView(id, value)
}

export function riskView(memberId: string, risk: StoredRisk): RiskView {
  return {
    memberId,
    score: risk.score,
    level: riskLevel(risk.score),
    model: risk.model,
    modelVersion: risk.model_version,
    reasons: risk.reasons.map(({ code, points, values }) => ({
      code,
      words: reasonWords(code),
      points,
      values: values.map(({ name, value, unit }) => ({ label: valueName(name), words: valueWords(value, unit) })),
    })),
    causedByEventId: textOrNull(risk.caused_by_event_id),
    calculatedAt: isoOf(risk.calculated_ms),
  }
}

export type VelocityWindow = keyof typeof STORES.velocity
export const VELOCITY_WINDOWS = Object.keys(STORES.velocity) as readonly VelocityWindow[]

export type VelocityQuery = { readonly fromMs: number; readonly toMs: number; readonly limit: number }

export async function readVelocity(
  reader: StoreReader,
  memberId: string,
  window: VelocityWindow,
  { fromMs, toMs, limit }: VelocityQuery,
  trail: Trail,
) {
  const handle = STORES.velocity[window]
  const partition = partitionForKey(utf8Encode(memberId), handle.partitions)
  const { value, freshness } = await reader.ask({
    store: handle.name,
    partition,
    kind: 'window',
    key: memberId,
    fromMs,
    toMs,
    limit,
  })
  trail.add(freshness)
  return value.slice(0, limit).map(({ value: totals, startMs, endMs }) => {
    const { in_count, in_minor, out_count, out_minor } = totals as StoredVelocity
    return {
      start: isoOf(startMs ?? 0),
      end: isoOf(endMs ?? 0),
      in: { count: in_count, amount: moneyView(in_minor, HOME_CURRENCY) },
      out: { count: out_count, amount: moneyView(out_minor, HOME_CURRENCY) },
    }
  })
}
