import type { PartitionOffset } from '#streams/ports'
import { maskEventData } from '../access/mask.ts'
import { seesIdentity } from '../access/roles.ts'
import type { ApiApplication } from '../application.ts'
import { decodeCursor, encodeCursor, isString } from '../http/cursor.ts'
import { freshnessOf } from '../http/freshness.ts'
import { array, nullable, object, ref, string } from '../http/json-schema.ts'
import {
  moment,
  optionalChoice,
  optionalText,
  pageCursor,
  pageLimit,
  pathText,
  wholeNumber,
} from '../http/parameters.ts'
import { badParameters } from '../http/problem.ts'
import { json, type Route, route } from '../http/route.ts'
import { checkTimes } from '../queries/flags.ts'
import { readExposure, readLoansOfMember } from '../queries/loans.ts'
import { readMemberEvents } from '../queries/member-events.ts'
import {
  createTrail,
  profileView,
  readBalances,
  readMember,
  readMovements,
  readRisk,
  readVelocity,
  riskLevel,
  VELOCITY_WINDOWS,
} from '../queries/members.ts'
import { need, type SaccoContext } from '../queries/sacco-context.ts'
import { STORES } from '../queries/stored.ts'
import { pageOf } from './sacco-schemas.ts'
import { LAST_MOMENT_MS } from './stores.ts'

const tag = 'Members'
const memberParameter = pathText('Id of the member.')
const OPEN_FLAGS_MAX = 20

export function memberRoutes(
  application: ApiApplication,
  applicationId: string,
  context: SaccoContext,
): readonly Route[] {
  return [
    findMembers(context),
    readOne(context),
    balances(context),
    movements(context),
    risk(context),
    velocity(context),
    events(application, applicationId, context),
  ]
}

type Order = 'id' | 'risk'
type ListCursor = readonly [order: string, last: string, score: number]
const isListCursor = (value: unknown): value is ListCursor =>
  Array.isArray(value) && isString(value[0]) && isString(value[1]) && typeof value[2] === 'number'

function findMembers(context: SaccoContext): Route {
  return route({
    path: '/v1/members',
    operation: 'findMembers',
    right: 'members',
    tag,
    summary: 'Members, by a part of their name, id, phone number or e-mail address',
    description: 'Searched in a directory that follows the `members` store by about one commit.',
    pathParameters: {},
    queryParameters: {
      search: optionalText('Any part of name, id, phone or e-mail; several words must all be there.', 100),
      status: optionalText('Only members with this status.', 40),
      order: optionalChoice('By id, or the riskiest first.', ['id', 'risk']),
      limit: pageLimit,
      cursor: pageCursor,
    },
    answer: { description: 'A page of members.', content: { 'application/json': pageOf('MemberSummary') } },
    handle: ({ query: { search, status, order = 'id', limit, cursor }, caller }) => {
      need(context.reader, STORES.members)
      const after = decodeCursor(cursor, isListCursor)
      if (after !== undefined && after[0] !== order) {
        throw badParameters([{ field: 'cursor', reason: 'is of a list in another order' }])
      }
      const words = (search ?? '').toLowerCase().split(/\s+/).filter(Boolean)
      const ids = listedIds(context, order, after)
      const items: object[] = []
      let last: string | undefined
      for (const id of ids) {
        const row = context.directory?.rows.get(id)
        if (row === undefined || (status !== undefined && row.status !== status)) continue
        // Whoever may not see names and numbers may not ask for them either.
        const searched = seesIdentity(caller) ? row.searched : id.toLowerCase()
        if (!words.every((word) => searched.includes(word))) continue
        if (items.length === limit) {
          const score = context.riskScores?.rows.get(last ?? '') ?? -1
          return json({ items, next: encodeCursor([order, last ?? '', score]) }, context.directory?.freshness())
        }
        items.push(summaryOf(context, id))
        last = id
      }
      return json({ items, next: null }, context.directory?.freshness())
    },
  })
}

/** Ids in the order of the list, behind the cursor. Scores move while one pages: a member may be seen twice, as in any live list. */
function listedIds(context: SaccoContext, order: Order, after: ListCursor | undefined): readonly string[] {
  const ids = context.directory?.keys() ?? []
  if (order === 'id') return after === undefined ? ids : ids.filter((id) => id > after[1])
  const scoreOf = (id: string): number => context.riskScores?.rows.get(id) ?? -1
  const byRisk = [...ids].sort((left, right) => scoreOf(right) - scoreOf(left) || (left < right ? -1 : 1))
  if (after === undefined) return byRisk
  const [, last, score] = after
  return byRisk.filter((id) => scoreOf(id) < score || (scoreOf(id) === score && id > last))
}

function summaryOf(context: SaccoContext, id: string): object {
  const row = context.directory?.rows.get(id)
  const score = context.riskScores?.rows.get(id)
  return {
    memberId: id,
    name: row?.name ?? null,
    phone: row?.phone ?? null,
    status: row?.status ?? 'unknown',
    segment: row?.segment ?? '',
    branchId: row?.branchId ?? null,
    riskScore: score ?? null,
    riskLevel: score === undefined ? null : riskLevel(score),
  }
}

function readOne(context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}',
    operation: 'readMember',
    right: 'members',
    tag,
    summary: 'A member: profile, balances, risk, loans, guarantees, open flags',
    pathParameters: { member: memberParameter },
    queryParameters: {},
    answer: { description: 'The member.', content: { 'application/json': ref('Member') } },
    findsById: true,
    handle: async ({ path }) => {
      const { reader } = context
      need(reader, STORES.members, STORES.balances)
      const trail = createTrail()
      const member = await readMember(reader, path.member, trail)
      const [accounts, riskNow, loans, guarantees, openFlags] = await Promise.all([
        readBalances(reader, member, undefined, trail),
        readRisk(reader, path.member, trail),
        readLoansOfMember(reader, path.member, trail),
        readExposure(reader, path.member, trail),
        openFlagsOf(context, path.member),
      ])
      const body = { profile: profileView(member), accounts, risk: riskNow, loans, guarantees, openFlags }
      return json(body, freshnessOf(trail.all))
    },
  })
}

async function openFlagsOf(context: SaccoContext, memberId: string) {
  if (!context.reader.has(STORES.fraudFlagsByMember)) return []
  await context.rules()
  const filter = {
    member: memberId,
    rule: undefined,
    severity: [],
    status: ['open', 'taken', 'escalated'],
    assignee: undefined,
    fromMs: undefined,
    toMs: undefined,
  } as const
  const { value } = await context.flags.find(filter, OPEN_FLAGS_MAX, undefined)
  return value.flags
}

function balances(context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}/balances',
    operation: 'readBalances',
    right: 'members',
    tag,
    summary: 'Balances of all accounts of a member, now or as of a moment',
    pathParameters: { member: memberParameter },
    queryParameters: { asOf: moment('Balances after everything up to this moment; absent: now.') },
    answer: {
      description: 'The accounts with their balances.',
      content: {
        'application/json': object({
          items: array(ref('Account')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    findsById: true,
    handle: async ({ path, query }) => {
      need(context.reader, STORES.members, STORES.balances, STORES.balanceHistory)
      const trail = createTrail()
      const member = await readMember(context.reader, path.member, trail)
      const items = await readBalances(context.reader, member, query.asOf, trail)
      return json({ items, next: null }, freshnessOf(trail.all))
    },
  })
}

type MovementCursor = Readonly<Record<string, string>>
const isMovementCursor = (value: unknown): value is MovementCursor =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isString)

function movements(context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}/movements',
    operation: 'listMovements',
    right: 'members',
    tag,
    summary: 'Movements of money on the accounts of a member, the newest first, with the balance after each',
    description: 'Movements of one account in the same millisecond are one item: their sum.',
    pathParameters: { member: memberParameter },
    queryParameters: {
      account: optionalText('Only this account.'),
      from: moment('At or after this moment.'),
      to: moment('At or before this moment.'),
      limit: pageLimit,
      cursor: pageCursor,
    },
    answer: { description: 'A page of movements.', content: { 'application/json': pageOf('Movement') } },
    findsById: true,
    handle: async ({ path, query }) => {
      const { account, from, to, limit, cursor } = query
      checkTimes(from, to)
      need(context.reader, STORES.members, STORES.balanceHistory)
      const trail = createTrail()
      const member = await readMember(context.reader, path.member, trail)
      const accounts = member.accounts.filter(({ account_id }) => account === undefined || account_id === account)
      const before = decodeCursor(cursor, isMovementCursor) ?? {}
      const read = await readMovements(
        context.reader,
        path.member,
        accounts,
        { fromMs: from, toMs: to, limit, before },
        trail,
      )
      const last = { ...before, ...Object.fromEntries(read.map(({ accountId, key }) => [accountId, key])) }
      const items = read.map(({ key: _key, ...movement }) => movement)
      return json({ items, next: items.length === limit ? encodeCursor(last) : null }, freshnessOf(trail.all))
    },
  })
}

function risk(context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}/risk',
    operation: 'readRisk',
    right: 'members',
    tag,
    summary: 'The risk score of a member, with its reasons and the values behind them',
    pathParameters: { member: memberParameter },
    queryParameters: {},
    answer: {
      description: 'The score; null before the first one.',
      content: { 'application/json': object({ risk: nullable(ref('Risk')), freshness: ref('Freshness') }) },
    },
    findsById: true,
    handle: async ({ path }) => {
      need(context.reader, STORES.members, STORES.riskScores)
      const trail = createTrail()
      await readMember(context.reader, path.member, trail)
      const score = await readRisk(context.reader, path.member, trail)
      return json({ risk: score }, freshnessOf(trail.all))
    },
  })
}

const WINDOWS_MAX = 2_000

function velocity(context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}/velocity',
    operation: 'readVelocity',
    right: 'members',
    tag,
    summary: 'How much money moved in and out, by windows of time',
    pathParameters: { member: memberParameter },
    queryParameters: {
      window: optionalChoice('Size of the windows; default 1h.', VELOCITY_WINDOWS),
      from: moment('Windows that start at or after this moment.'),
      to: moment('Windows that start at or before this moment.'),
      limit: wholeNumber('How many windows at most.', { minimum: 1, maximum: WINDOWS_MAX, otherwise: 500 }),
    },
    answer: {
      description: 'The windows in which something moved, the oldest first.',
      content: { 'application/json': pageOf('VelocityWindow') },
    },
    findsById: true,
    handle: async ({ path, query }) => {
      const { window = '1h', from, to, limit } = query
      checkTimes(from, to)
      need(context.reader, STORES.members, STORES.velocity[window])
      const trail = createTrail()
      await readMember(context.reader, path.member, trail)
      const times = { fromMs: from ?? 0, toMs: to ?? LAST_MOMENT_MS, limit }
      const items = await readVelocity(context.reader, path.member, window, times, trail)
      return json({ items, next: null }, freshnessOf(trail.all))
    },
  })
}

const isBounds = (value: unknown): value is readonly PartitionOffset[] =>
  Array.isArray(value) &&
  value.every((each) => isString(each?.topic) && Number.isSafeInteger(each.partition) && each.offset >= 0)

function events(application: ApiApplication, applicationId: string, context: SaccoContext): Route {
  return route({
    path: '/v1/members/{member}/events',
    operation: 'listMemberEvents',
    right: 'members',
    tag,
    summary: 'Events of a member as they are in the log, the newest first',
    description:
      'The log has no index by member: each page looks at a bounded number of records, so that it may hold fewer items ' +
      'than `limit` (even none) although there is a `next` one.',
    pathParameters: { member: memberParameter },
    queryParameters: { limit: pageLimit, cursor: pageCursor },
    answer: { description: 'A page of events.', content: { 'application/json': pageOf('MemberEvent') } },
    findsById: true,
    handle: async ({ path, query: { limit, cursor }, caller }) => {
      const trail = createTrail()
      need(context.reader, STORES.members)
      await readMember(context.reader, path.member, trail)
      const before = decodeCursor(cursor, isBounds)
      const page = await readMemberEvents(application, applicationId, path.member, limit, before)
      const next = page.before === undefined ? null : encodeCursor(page.before)
      const items = seesIdentity(caller)
        ? page.events
        : page.events.map((event) => ({ ...event, data: maskEventData(event.eventType, event.data) }))
      return json({ items, next }, freshnessOf(trail.all))
    },
  })
}
