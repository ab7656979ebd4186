import { joinWindows, type StreamsBuilder, serdes } from '#streams'
import { SECOND_MS, stream, table, tableTo, text } from './shared.ts'
import { prefixOf, type Text, textOf } from './text.ts'
import type { OracleTopology } from './topologies.ts'

const plus = (left: Text, right: Text): string => `${textOf(left)}+${textOf(right)}`
const TEXT_RESULT = { value: text } as const
const STRING_RESULT = { value: serdes.string } as const
/** The oracle looks for unmatched records at every record. */
const OUTER = { ...TEXT_RESULT, emitIntervalMs: 0 } as const

const symmetric = joinWindows({ beforeMs: 5 * SECOND_MS, afterMs: 5 * SECOND_MS, graceMs: 3 * SECOND_MS })

const streams = (builder: StreamsBuilder) => [stream(builder, 'left'), stream(builder, 'right')] as const
const tables = (builder: StreamsBuilder) => [table(builder, 'left', 'l'), table(builder, 'right', 'r')] as const

const global = (builder: StreamsBuilder) =>
  builder.globalTable('global', { key: serdes.string, value: serdes.string, store: 'g' })

const versioned = (builder: StreamsBuilder) =>
  table(builder, 'table', { name: 't', historyRetentionMs: 60 * SECOND_MS })

export const joinTopologies: Readonly<Record<string, OracleTopology>> = {
  join_kk_inner: (builder) => {
    const [left, right] = streams(builder)
    left.join(right, plus, symmetric, TEXT_RESULT).to('out')
  },
  join_kk_left: (builder) => {
    const [left, right] = streams(builder)
    left.leftJoin(right, plus, symmetric, OUTER).to('out')
  },
  join_kk_outer: (builder) => {
    const [left, right] = streams(builder)
    left.outerJoin(right, plus, symmetric, OUTER).to('out')
  },
  join_kk_inner_asym: (builder) => {
    const [left, right] = streams(builder)
    const windows = joinWindows({ beforeMs: SECOND_MS, afterMs: 6 * SECOND_MS, graceMs: 0 })
    left.join(right, plus, windows, TEXT_RESULT).to('out')
  },
  join_kk_left_asym: (builder) => {
    const [left, right] = streams(builder)
    const windows = joinWindows({ beforeMs: 0, afterMs: 4 * SECOND_MS, graceMs: 2 * SECOND_MS })
    left.leftJoin(right, plus, windows, OUTER).to('out')
  },

  join_kt_inner: (builder) => {
    const input = stream(builder, 'in')
    input.join(table(builder, 'table', 't'), plus, TEXT_RESULT).to('out')
  },
  join_kt_left: (builder) => {
    const input = stream(builder, 'in')
    input.leftJoin(table(builder, 'table', 't'), plus, TEXT_RESULT).to('out')
  },
  join_kg_inner: (builder) => {
    const input = stream(builder, 'in')
    input.join(global(builder), (_key, value) => prefixOf(value), plus, TEXT_RESULT).to('out')
  },
  join_kg_left: (builder) => {
    const input = stream(builder, 'in')
    input.leftJoin(global(builder), (_key, value) => prefixOf(value), plus, TEXT_RESULT).to('out')
  },
  join_self_aggregate: (builder) => {
    const input = stream(builder, 'in')
    const counts = input.groupByKey().count({ store: 'c' })
    input.join(counts, (value, count) => `${value}#${count}`, TEXT_RESULT).to('out')
  },

  join_tt_inner: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.join(right, plus, STRING_RESULT))
  },
  join_tt_left: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.leftJoin(right, plus, STRING_RESULT))
  },
  join_tt_outer: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.outerJoin(right, plus, STRING_RESULT))
  },
  join_tt_inner_materialized: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.join(right, plus, { ...STRING_RESULT, store: 'j' }))
  },
  join_fk_inner: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.join(right, (value) => prefixOf(value), plus, { ...STRING_RESULT, store: 'j' }))
  },
  join_fk_left: (builder) => {
    const [left, right] = tables(builder)
    tableTo(left.leftJoin(right, (value) => prefixOf(value), plus, { ...STRING_RESULT, store: 'j' }))
  },

  versioned_join_inner: (builder) => {
    const history = versioned(builder)
    stream(builder, 'in').join(history, plus, TEXT_RESULT).to('out')
  },
  versioned_join_grace_inner: (builder) => {
    const history = versioned(builder)
    const grace = { name: 'vj', graceMs: 5 * SECOND_MS, ...TEXT_RESULT }
    stream(builder, 'in').join(history, plus, grace).to('out')
  },
  versioned_join_left: (builder) => {
    const history = versioned(builder)
    stream(builder, 'in').leftJoin(history, plus, TEXT_RESULT).to('out')
  },
  versioned_join_grace_left: (builder) => {
    const history = versioned(builder)
    const grace = { name: 'vj', graceMs: 5 * SECOND_MS, ...TEXT_RESULT }
    stream(builder, 'in').leftJoin(history, plus, grace).to('out')
  },
}
