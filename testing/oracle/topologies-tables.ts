import { serdes } from '#streams'
import { SECOND_MS, stream, table, tableTo, text } from './shared.ts'
import { last40, numberOf, prefixOf, type Text, textOf } from './text.ts'
import type { OracleTopology } from './topologies.ts'

const STRING = { value: serdes.string } as const
const GROUPED = { key: serdes.string, value: serdes.string } as const
const byPrefix = (_key: string, value: string) => ({ key: prefixOf(value), value })

export const tableTopologies: Readonly<Record<string, OracleTopology>> = {
  table_source: (builder) => tableTo(table(builder, 'in', 't')),

  table_filter: (builder) => tableTo(table(builder, 'in', 't').filter((_key, value) => numberOf(value) > 5)),

  table_filter_materialized: (builder) =>
    tableTo(table(builder, 'in', 't').filter((_key, value) => numberOf(value) > 5, { store: 'f' })),

  table_filter_map_chain: (builder) =>
    tableTo(
      table(builder, 'in', 't')
        .filterNot((_key, value) => numberOf(value) % 2 !== 0)
        .mapValues((value) => `n${value}`, { ...STRING, store: 'm' }),
    ),

  table_filter_join: (builder) => {
    const left = table(builder, 'left', 'l').filter((_key, value) => numberOf(value) > 3)
    const right = table(builder, 'right', 'r').filter((_key, value) => numberOf(value) > 3)
    tableTo(left.leftJoin(right, (l: Text, r: Text) => `${textOf(l)}+${textOf(r)}`, STRING))
  },

  to_table: (builder) =>
    tableTo(
      stream(builder, 'in')
        .mapValues((value): Text => (value === null ? null : `t${value}`), { value: text })
        .toTable({ store: 't' }),
    ),

  to_table_rekeyed: (builder) =>
    tableTo(
      stream(builder, 'in')
        .selectKey((_key, value) => prefixOf(value), { key: text })
        .toTable({ store: 't' }),
    ),

  table_groupby_aggregate: (builder) =>
    tableTo(
      table(builder, 'in', 't')
        .groupBy(byPrefix, GROUPED)
        .aggregate(
          () => '',
          (_key, value, aggregate) => last40(`${aggregate}+${value}`),
          (_key, value, aggregate) => last40(`${aggregate}-${value}`),
          { store: 'a', ...STRING },
        ),
    ),

  table_groupby_count: (builder) => tableTo(table(builder, 'in', 't').groupBy(byPrefix, GROUPED).count({ store: 'a' })),

  table_groupby_reduce: (builder) =>
    tableTo(
      table(builder, 'in', 't')
        .groupBy((_key, value) => ({ key: numberOf(value) % 2 === 0 ? 'even' : 'odd', value }), GROUPED)
        .reduce(
          (aggregate, value) => String(numberOf(aggregate) + numberOf(value)),
          (aggregate, value) => String(numberOf(aggregate) - numberOf(value)),
          { store: 'a' },
        ),
    ),

  versioned_table_source: (builder) => tableTo(table(builder, 'in', { name: 't', historyRetentionMs: 60 * SECOND_MS })),
}
