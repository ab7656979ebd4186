import { CLOSED_STATUSES, FLAG_STATUSES } from '#topologies/sacco'
import { decodeCursor, encodeCursor, isString } from '../http/cursor.ts'
import { freshnessOf } from '../http/freshness.ts'
import { ref } from '../http/json-schema.ts'
import { choices, moment, optionalText, pageCursor, pageLimit, pathText } from '../http/parameters.ts'
import { json, type Route, route } from '../http/route.ts'
import { checkTimes, ruleView, SEVERITIES } from '../queries/flags.ts'
import { need, type SaccoContext } from '../queries/sacco-context.ts'
import { STORES } from '../queries/stored.ts'
import { pageOf } from './sacco-schemas.ts'

const tag = 'Fraud'
const STATUS_CHOICES = [...FLAG_STATUSES, 'closed'] as const

export function flagRoutes(context: SaccoContext): readonly Route[] {
  return [listFlags(context), readFlag(context), listRules(context)]
}

function listFlags(context: SaccoContext): Route {
  return route({
    path: '/v1/fraud-flags',
    operation: 'listFraudFlags',
    right: 'members',
    tag,
    summary: 'Fraud flags, the newest first',
    description: 'With narrow filters a page may hold fewer items than `limit` although there is a `next` one.',
    pathParameters: {},
    queryParameters: {
      member: optionalText('Only flags that concern this member.'),
      rule: optionalText('Only flags of this rule.'),
      severity: choices('Only these severities.', SEVERITIES),
      status: choices('Where the work stands: `open` nobody has it, `closed` any kind of closed.', STATUS_CHOICES),
      assignee: optionalText('Only flags that this person works on, or worked on until they were closed.'),
      from: moment('Detected at or after this moment.'),
      to: moment('Detected at or before this moment.'),
      limit: pageLimit,
      cursor: pageCursor,
    },
    answer: { description: 'A page of flags.', content: { 'application/json': pageOf('FraudFlag') } },
    handle: async ({ query }) => {
      const { member, rule, severity, assignee, from, to, limit, cursor } = query
      checkTimes(from, to)
      need(context.reader, STORES.fraudFlags, STORES.fraudFlagsByMember)
      await context.rules()
      const status = query.status.flatMap((each) => (each === 'closed' ? CLOSED_STATUSES : [each]))
      const filter = { member, rule, severity, status, assignee, fromMs: from, toMs: to }
      const { value, freshness } = await context.flags.find(filter, limit, decodeCursor(cursor, isString))
      const next = value.after === undefined ? null : encodeCursor(value.after)
      return json({ items: value.flags, next }, freshnessOf(freshness))
    },
  })
}

function readFlag(context: SaccoContext): Route {
  return route({
    path: '/v1/fraud-flags/{flag}',
    operation: 'readFraudFlag',
    right: 'members',
    tag,
    summary: 'A fraud flag with its evidence',
    pathParameters: { flag: pathText('Id of the flag.') },
    queryParameters: {},
    answer: {
      description: 'The flag; its members are those of FraudFlag with `freshness` beside them.',
      content: { 'application/json': ref('FraudFlagAnswer') },
    },
    findsById: true,
    handle: async ({ path }) => {
      need(context.reader, STORES.fraudFlags)
      await context.rules()
      const { value, freshness } = await context.flags.byId(path.flag)
      return json(value, freshnessOf(freshness))
    },
  })
}

const HITS_MAX = 2_000

function listRules(context: SaccoContext): Route {
  return route({
    path: '/v1/fraud-rules',
    operation: 'listFraudRules',
    right: 'platform',
    tag,
    summary: 'The fraud rules in force, with their thresholds and how often each fired, live and in shadow',
    pathParameters: {},
    queryParameters: {},
    answer: { description: 'All rules.', content: { 'application/json': pageOf('FraudRule') } },
    handle: async () => {
      need(context.reader, STORES.fraudRules)
      const rules = await context.rules()
      const hits = new Map<string, number>()
      const stores = STORES.ruleHits.filter((store) => context.reader.has(store)).map(({ name }) => name)
      const reads = await Promise.all(
        stores.map((store) => context.reader.ask({ store, kind: 'range', limit: HITS_MAX })),
      )
      for (const { key, value } of reads.flatMap((read) => read.value)) {
        const [rule, , mode] = String(key).split('|')
        const id = `${rule}|${mode}`
        hits.set(id, (hits.get(id) ?? 0) + Number(value))
      }
      const items = rules.map((rule) => {
        const { rule_id } = rule
        return ruleView(rule, hits.get(`${rule_id}|live`) ?? 0, hits.get(`${rule_id}|shadow`) ?? 0)
      })
      return json({ items, next: null }, freshnessOf(reads.flatMap(({ freshness }) => freshness)))
    },
  })
}
