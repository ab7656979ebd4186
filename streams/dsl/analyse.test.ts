import { expect, test } from 'vitest'
import { analysePlan } from './analyse.ts'
import type { PlanNode } from './plan.ts'
import { createStreamsBuilder, joinWindows, type StreamsBuilder, serdes, untilTimeLimit } from './testing/door.ts'

const S = { key: serdes.string, value: serdes.string } as const
const yes = () => true
const pick = (left: string | null) => left ?? ''

/** The names of nodes for which a fact holds, of the topology that `record` makes. */
function factsOf(record: (builder: StreamsBuilder) => unknown) {
  const builder = createStreamsBuilder()
  record(builder)
  const plan = builder.plan()
  const facts = analysePlan(plan)
  const nodes = plan.nodes.filter((node): node is PlanNode => node !== undefined)
  const names = (holds: (id: number) => boolean) => nodes.filter(({ id }) => holds(id)).map(({ name }) => name)
  return {
    sending: names(facts.sendsOldValues),
    materialized: names(facts.isMaterialized),
    versioned: names(facts.isVersioned).filter((name) => !name.startsWith('KSTREAM')),
  }
}

type Case = readonly [
  string,
  (builder: StreamsBuilder) => unknown,
  {
    readonly sending?: readonly string[]
    readonly materialized?: readonly string[]
    readonly versioned?: readonly string[]
  },
]

const history = { name: 's', historyRetentionMs: 1000 }

/** What Java's operators set on each other when they are made, in the order in which they are made. */
const CASES: readonly Case[] = [
  ['a table that nobody reads', (b) => b.table('t', { ...S, name: 't' }).toStream({ name: 'out' }), {}],
  ['a named table', (b) => b.table('t', { ...S, name: 't', store: 's' }), { materialized: ['t'] }],
  [
    'a filter of a table in a store takes old values',
    (b) => b.table('t', { ...S, name: 't', store: 's' }).filter(yes, { name: 'f' }),
    { sending: ['t', 'f'], materialized: ['t'] },
  ],
  ['a filter asks for no store', (b) => b.table('t', { ...S, name: 't' }).filter(yes, { name: 'f' }), {}],
  [
    'a filter that was there before the table needed a store goes without old values',
    (b) => {
      const table = b.table('t', { ...S, name: 't' })
      table.filter(yes, { name: 'f' })
      b.stream('s', { ...S, name: 's' }).join(table, pick, { name: 'j' })
    },
    { materialized: ['t'] },
  ],
  [
    'a filter after that takes them',
    (b) => {
      const table = b.table('t', { ...S, name: 't' })
      b.stream('s', { ...S, name: 's' }).join(table, pick, { name: 'j' })
      table.filter(yes, { name: 'f' })
    },
    { sending: ['t', 'f'], materialized: ['t'] },
  ],
  [
    'grouping a table insists on old values, through what only passes them on',
    (b) =>
      b
        .table('t', { ...S, name: 't' })
        .mapValues((v) => v, { name: 'm' })
        .groupBy((key, value) => ({ key, value }), { ...S, name: 'g' }),
    { sending: ['t', 'm'], materialized: ['t'] },
  ],
  [
    'a store between answers in place of the source',
    (b) =>
      b
        .table('t', { ...S, name: 't' })
        .mapValues((v) => v, { name: 'm', value: serdes.string, store: 'ms' })
        .suppress(untilTimeLimit(1, { name: 'sup' })),
    { sending: ['m'] },
  ],
  [
    'an inner join reads both tables and needs no old values',
    (b) => b.table('l', { ...S, name: 'l' }).join(b.table('r', { ...S, name: 'r' }), pick, { name: 'j' }),
    { materialized: ['l', 'r'] },
  ],
  [
    'a left join needs those of the left table, an outer join those of both',
    (b) => {
      const left = b.table('l', { ...S, name: 'l' })
      left.leftJoin(b.table('r', { ...S, name: 'r' }), pick, { name: 'j' })
      const third = b.table('x', { ...S, name: 'x' })
      third.outerJoin(b.table('y', { ...S, name: 'y' }), pick, { name: 'k' })
    },
    { sending: ['l', 'x', 'y'], materialized: ['l', 'r', 'x', 'y'] },
  ],
  [
    'who needs old values of a join needs those of its tables',
    (b) =>
      b
        .table('l', { ...S, name: 'l' })
        .join(b.table('r', { ...S, name: 'r' }), pick, { name: 'j', value: serdes.string })
        .groupBy((key, value) => ({ key, value }), { ...S, name: 'g' }),
    { sending: ['l', 'r', 'j'], materialized: ['l', 'r'] },
  ],
  [
    'a foreign-key join needs both, and its own result is named by the user or not stored',
    (b) =>
      b.table('l', { ...S, name: 'l' }).join(b.table('r', { ...S, name: 'r' }), (v) => v, pick, {
        name: 'fk',
        value: serdes.string,
      }),
    { sending: ['l', 'r'], materialized: ['l', 'r'] },
  ],
  [
    'history is handed down to what keeps nothing, and ends at a store without it',
    (b) =>
      b
        .table('t', { ...S, name: 't', store: history })
        .filter(yes, { name: 'f' })
        .mapValues((v) => v, { name: 'm', value: serdes.string })
        .filter(yes, { name: 'g', store: 'plain' })
        .filter(yes, { name: 'h' }),
    { sending: ['t', 'f', 'm', 'g', 'h'], materialized: ['t'], versioned: ['t', 'f', 'm'] },
  ],
  [
    'a join without a store has no history',
    (b) => {
      const left = b.table('l', { ...S, name: 'l', store: history })
      left.join(b.table('r', { ...S, name: 'r', store: { ...history, name: 'r' } }), pick, { name: 'j' })
    },
    { materialized: ['l', 'r'], versioned: ['l', 'r'] },
  ],
  [
    'windowed joins of streams ask nothing',
    (b) => {
      const windows = joinWindows({ beforeMs: 1, afterMs: 1, graceMs: 0 })
      b.stream('a', { ...S, name: 'a' }).join(b.stream('b', { ...S, name: 'b' }), pick, windows, { name: 'j' })
    },
    {},
  ],
]

test.each(CASES)('%s', (_what, record, { sending = [], materialized = [], versioned = [] }) => {
  const facts = factsOf(record)
  expect(facts.sending).toEqual(sending)
  expect(facts.materialized).toEqual(materialized)
  expect(facts.versioned).toEqual(versioned)
})
