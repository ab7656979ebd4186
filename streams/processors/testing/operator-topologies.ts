import { serdes, sessionWindowedSerde, timeWindowedSerde } from '../../serdes/index.ts'
import {
  sessionStore,
  timestampedKeyValueStore,
  timestampedWindowStore,
  versionedKeyValueStore,
  type Windowed,
} from '../../stores/index.ts'
import { branch } from '../branch.ts'
import type { EmitStrategy } from '../emit-strategy.ts'
import { filter, filterNot } from '../filter.ts'
import { flatMap, flatMapValues } from '../flat-map.ts'
import {
  aggregatorOfReducer,
  countAggregator,
  countInitializer,
  countMerger,
  countSubtractor,
  reduceInitializer,
} from '../functions.ts'
import { map, mapValues, selectKey } from '../map.ts'
import { passThrough } from '../pass-through.ts'
import { sessionAggregate } from '../session-aggregate.ts'
import { slidingWindowAggregate } from '../sliding-window-aggregate.ts'
import { streamAggregate, streamReduce } from '../stream-aggregate.ts'
import { suppressBufferStore, suppressUntilTimeLimit, suppressUntilWindowCloses, UNBOUNDED } from '../suppress.ts'
import { tableAggregate, tableReduce } from '../table-aggregate.ts'
import { tableFilter } from '../table-filter.ts'
import { tableGroupBy } from '../table-group-by.ts'
import { tableMapValues } from '../table-map-values.ts'
import { tableSource } from '../table-source.ts'
import { tableToStream } from '../table-to-stream.ts'
import { windowAggregate } from '../window-aggregate.ts'
import type { HarnessNode } from './harness.ts'

/** The named topologies of the Java oracle that this folder's operators make up, wired by hand. */
export type OperatorTopology = {
  readonly nodes: readonly HarnessNode[]
  /** Output topic of each node at the end. */
  readonly topicOf: Readonly<Record<string, string>>
}

type Text = string | null
type Supplier = HarnessNode['supplier']
const { string, int64 } = serdes

const numberOf = (value: Text): number => (value === null ? 0 : Number(value))
const lastForty = (text: string): string => text.slice(-40)
const prefixOf = (value: Text): Text => (value?.includes(':') ? value.slice(0, value.indexOf(':')) : null)

/** Nodes one after the other, from topic `in` to `out`. */
export function chain(...suppliers: readonly Supplier[]): OperatorTopology {
  const nodes = suppliers.map((supplier, i) => ({
    name: `node-${i}`,
    parents: [i === 0 ? 'in' : `node-${i - 1}`],
    supplier,
  }))
  return { nodes, topicOf: { [`node-${suppliers.length - 1}`]: 'out' } }
}

const texts = (name: string) => timestampedKeyValueStore({ name, key: string, value: string })
const counts = (name: string) => timestampedKeyValueStore({ name, key: string, value: int64 })
const windowTexts = (retentionMs: number) =>
  timestampedWindowStore({ name: 'w', key: string, value: string, windowSizeMs: 10_000, retentionMs })
const windowCounts = (windowSizeMs: number, retentionMs: number) =>
  timestampedWindowStore({ name: 'w', key: string, value: int64, windowSizeMs, retentionMs })
const sessionCounts = () => sessionStore({ name: 's', key: string, value: int64, retentionMs: 15_000 })

const ON_UPDATE: EmitStrategy = { kind: 'on-window-update' }
const ON_CLOSE: EmitStrategy = { kind: 'on-window-close', intervalMs: 0 }
const TUMBLING = { kind: 'time', sizeMs: 10_000, advanceMs: 10_000, graceMs: 5_000 } as const
const HOPPING = { kind: 'time', sizeMs: 10_000, advanceMs: 4_000, graceMs: 5_000 } as const
const SLIDING = { kind: 'sliding', timeDifferenceMs: 5_000, graceMs: 10_000 } as const
const SESSIONS = { kind: 'session', inactivityGapMs: 5_000, graceMs: 10_000 } as const

const COUNT = { initializer: countInitializer, aggregator: countAggregator, sendOldValues: false }
const SUM = {
  initializer: () => 0,
  aggregator: (_key: string, value: Text, sum: number) => sum + numberOf(value),
  sendOldValues: false,
}

function countWindows(emit: EmitStrategy, sendOldValues = false): Supplier {
  return windowAggregate({ ...COUNT, windows: TUMBLING, store: windowCounts(10_000, 15_000), emit, sendOldValues })
}
function countSessions(emit: EmitStrategy, sendOldValues = false): Supplier {
  return sessionAggregate({
    ...COUNT,
    windows: SESSIONS,
    store: sessionCounts(),
    merger: countMerger,
    emit,
    sendOldValues,
  })
}
function source(sendOldValues: boolean): Supplier {
  return tableSource({ store: texts('source'), sendOldValues })
}
function aboveFive(isMaterialized: boolean): Supplier {
  return tableFilter({
    predicate: (_key: string, value: string) => numberOf(value) > 5,
    negated: false,
    store: isMaterialized ? texts('filtered') : undefined,
    sendOldValues: true,
    versionedSemantics: false,
  })
}
function groupBy(keyOf: (value: string) => Text): Supplier {
  const mapper = (_key: string, value: string) => ({ key: keyOf(value), value })
  return tableGroupBy({ mapper, keySerde: string, versionedSemantics: false })
}

function averages(_key: string, value: string, aggregate: string): Text {
  if (value === '7') return null
  const [sum, count] = aggregate.split('/')
  return `${Number(sum) + Number(value)}/${Number(count) + 1}`
}

function cogroup(aggregationOf: (letter: string) => Supplier): OperatorTopology {
  const nodes = [
    { name: 'first', parents: ['in1'], supplier: aggregationOf('A') },
    { name: 'second', parents: ['in2'], supplier: aggregationOf('B') },
    { name: 'merge', parents: ['first', 'second'], supplier: passThrough() },
    { name: 'stream', parents: ['merge'], supplier: tableToStream() },
  ]
  return { nodes, topicOf: { stream: 'out' } }
}
const appendOf = (letter: string) => (_key: string, value: string, aggregate: string) =>
  lastForty(aggregate + letter + value)

const stateless = {
  stateless_filter_map: () =>
    chain(
      filter((_key, value: Text) => value !== null && !value.startsWith('x')),
      mapValues((value: string) => value.toUpperCase()),
      map((key, value) => ({ key: `${key}-m`, value: `${value}!` })),
    ),
  stateless_flatmap: () => ({
    nodes: [
      {
        name: 'words',
        parents: ['in'],
        supplier: flatMap((key: Text, value: Text) =>
          value === null ? [] : value.split(' ').map((word) => ({ key: word, value: `${key}` })),
        ),
      },
      { name: 'characters', parents: ['in'], supplier: flatMapValues((value: Text) => [...(value ?? '')]) },
    ],
    topicOf: { words: 'out', characters: 'out2' },
  }),
  stateless_merge: () => ({
    nodes: [
      { name: 'first', parents: ['in1'], supplier: mapValues((value) => `1:${value}`) },
      { name: 'second', parents: ['in2'], supplier: mapValues((value) => `2:${value}`) },
      { name: 'merge', parents: ['first', 'second'], supplier: passThrough() },
    ],
    topicOf: { merge: 'out' },
  }),
  stateless_split: () => ({
    nodes: [
      {
        name: 'split',
        parents: ['in'],
        supplier: branch({
          predicates: [
            (_key, value: Text) => value?.startsWith('a') === true,
            (_key, value) => (value ?? '').length > 3,
          ],
          childNames: ['a', 'long', 'rest'],
        }),
      },
      ...['a', 'long', 'rest'].map((name) => ({ name, parents: ['split'], supplier: passThrough() })),
    ],
    topicOf: { a: 'out-a', long: 'out-long', rest: 'out-rest' },
  }),
  stateless_selectkey: () =>
    chain(
      filterNot((_key, value: Text) => value?.endsWith('e') === true),
      selectKey((_key, value: Text) => value?.slice(0, 1) ?? null),
    ),
} satisfies Record<string, () => OperatorTopology>

const aggregations = {
  group_count: () => chain(streamAggregate({ ...COUNT, store: counts('count') }), tableToStream()),
  group_reduce: () => {
    const reducer = (aggregate: string, value: string) => {
      const joined = `${aggregate},${value}`
      return joined.length > 30 ? null : joined
    }
    return chain(streamReduce({ store: texts('reduced'), reducer, sendOldValues: true }), tableToStream())
  },
  group_aggregate: () => {
    const initializer = () => '0/0'
    const aggregate = streamAggregate({ store: texts('a'), initializer, aggregator: averages, sendOldValues: false })
    return chain(aggregate, tableToStream())
  },
  cogroup: () => {
    const store = texts('cogroup')
    const common = { store, initializer: () => '', sendOldValues: false }
    return cogroup((letter) => streamAggregate({ ...common, aggregator: appendOf(letter) }))
  },
  cogroup_windowed: () => {
    const store = windowTexts(15_000)
    const common = { windows: TUMBLING, emit: ON_UPDATE, store, initializer: () => '', sendOldValues: false }
    return cogroup((letter) => windowAggregate({ ...common, aggregator: appendOf(letter) }))
  },
} satisfies Record<string, () => OperatorTopology>

const windows = {
  window_tumbling_count: () => chain(countWindows(ON_UPDATE), tableToStream()),
  window_tumbling_reduce_nograce: () =>
    chain(
      windowAggregate<string, string, Text>({
        windows: { ...TUMBLING, graceMs: 0 },
        emit: ON_UPDATE,
        store: windowTexts(10_000),
        initializer: reduceInitializer,
        aggregator: aggregatorOfReducer((aggregate, value) => `${aggregate},${value}`),
        sendOldValues: true,
      }),
      tableToStream(),
    ),
  window_hopping_sum: () =>
    chain(
      windowAggregate({ ...SUM, windows: HOPPING, emit: ON_UPDATE, store: windowCounts(10_000, 15_000) }),
      tableToStream(),
    ),
  window_sliding_count: () =>
    chain(
      slidingWindowAggregate({ ...COUNT, windows: SLIDING, emit: ON_UPDATE, store: windowCounts(5_000, 20_000) }),
      tableToStream(),
    ),
  window_sliding_aggregate: () =>
    chain(
      slidingWindowAggregate({ ...SUM, windows: SLIDING, emit: ON_UPDATE, store: windowCounts(5_000, 20_000) }),
      tableToStream(),
    ),
  window_session_count: () => chain(countSessions(ON_UPDATE), tableToStream()),
  window_session_aggregate: () =>
    chain(
      sessionAggregate({
        windows: SESSIONS,
        emit: ON_UPDATE,
        store: sessionStore({ name: 's', key: string, value: string, retentionMs: 15_000 }),
        initializer: () => '',
        aggregator: (_key, value: Text, aggregate: string) => `${aggregate}<${value}>`,
        merger: (_key, left, right) => `${left}&${right}`,
        sendOldValues: false,
      }),
      tableToStream(),
    ),
  window_tumbling_emit_final: () => chain(countWindows(ON_CLOSE), tableToStream()),
  window_hopping_emit_final: () =>
    chain(
      windowAggregate({ ...SUM, windows: HOPPING, emit: ON_CLOSE, store: windowCounts(10_000, 15_000) }),
      tableToStream(),
    ),
  window_session_emit_final: () => chain(countSessions(ON_CLOSE), tableToStream()),
} satisfies Record<string, () => OperatorTopology>

const BUFFER = { name: 'buffer', logging: {} } as const

const suppressions = {
  suppress_window_close: () => {
    const keySerde = timeWindowedSerde(string, 10_000)
    const store = suppressBufferStore<Windowed<string>, number>({
      ...BUFFER,
      keySerde,
      valueSerde: int64,
      persistence: 'memory',
    })
    const suppress = suppressUntilWindowCloses({ store, limits: UNBOUNDED, graceMs: 5_000 })
    return chain(countWindows(ON_UPDATE, true), suppress, tableToStream())
  },
  suppress_session_close: () => {
    const keySerde = sessionWindowedSerde(string)
    const store = suppressBufferStore<Windowed<string>, number>({
      ...BUFFER,
      keySerde,
      valueSerde: int64,
      persistence: 'persistent',
    })
    const suppress = suppressUntilWindowCloses({ store, limits: UNBOUNDED, graceMs: 15_000 })
    return chain(countSessions(ON_UPDATE, true), suppress, tableToStream())
  },
  suppress_time_limit: () => {
    const store = suppressBufferStore({ ...BUFFER, keySerde: string, valueSerde: string, persistence: 'memory' })
    const suppress = suppressUntilTimeLimit({ store, limits: UNBOUNDED, waitMs: 5_000 })
    return chain(source(true), suppress, tableToStream())
  },
  suppress_time_limit_max_records: () => {
    const store = suppressBufferStore({ ...BUFFER, keySerde: string, valueSerde: int64, persistence: 'persistent' })
    const limits = { recordsMax: 2, bytesMax: Number.POSITIVE_INFINITY, whenFull: 'emit-early' } as const
    const count = streamAggregate({ ...COUNT, store: counts('count'), sendOldValues: true })
    return chain(count, suppressUntilTimeLimit({ store, limits, waitMs: 10_000 }), tableToStream())
  },
} satisfies Record<string, () => OperatorTopology>

const tables = {
  table_source: () => chain(source(false), tableToStream()),
  table_filter: () => chain(source(true), aboveFive(false), tableToStream()),
  table_filter_materialized: () => chain(source(true), aboveFive(true), tableToStream()),
  table_filter_map_chain: () =>
    chain(
      source(true),
      tableFilter({
        predicate: (_key: string, value: string) => Math.abs(numberOf(value)) % 2 === 1,
        negated: true,
        store: undefined,
        sendOldValues: true,
        versionedSemantics: false,
      }),
      tableMapValues({ mapper: (value: string) => `n${value}`, store: texts('mapped'), sendOldValues: false }),
      tableToStream(),
    ),
  to_table: () =>
    chain(
      mapValues((value: Text) => (value === null ? null : `t${value}`)),
      source(false),
      tableToStream(),
    ),
  to_table_rekeyed: () =>
    chain(
      selectKey((_key, value: Text) => prefixOf(value)),
      source(false),
      tableToStream(),
    ),
  table_groupby_aggregate: () => {
    const aggregate = tableAggregate({
      store: texts('grouped'),
      initializer: () => '',
      adder: (_key, value: string, aggregate: string) => lastForty(`${aggregate}+${value}`),
      subtractor: (_key, value, aggregate) => lastForty(`${aggregate}-${value}`),
      sendOldValues: false,
    })
    return chain(source(true), groupBy(prefixOf), aggregate, tableToStream())
  },
  table_groupby_count: () => {
    const functions = { initializer: countInitializer, adder: countAggregator, subtractor: countSubtractor }
    const count = tableAggregate({ ...functions, store: counts('grouped'), sendOldValues: false })
    return chain(source(true), groupBy(prefixOf), count, tableToStream())
  },
  table_groupby_reduce: () => {
    const reduce = tableReduce({
      store: texts('grouped'),
      adder: (aggregate: string, value: string) => String(numberOf(aggregate) + numberOf(value)),
      subtractor: (aggregate, value) => String(numberOf(aggregate) - numberOf(value)),
      sendOldValues: false,
    })
    return chain(
      source(true),
      groupBy((value) => (numberOf(value) % 2 === 0 ? 'even' : 'odd')),
      reduce,
      tableToStream(),
    )
  },
  versioned_table_source: () => {
    const store = versionedKeyValueStore({ name: 'v', key: string, value: string, historyRetentionMs: 60_000 })
    return chain(tableSource({ store, sendOldValues: false }), tableToStream())
  },
} satisfies Record<string, () => OperatorTopology>

export const operatorTopologies: Readonly<Record<string, () => OperatorTopology>> = {
  ...stateless,
  ...aggregations,
  ...windows,
  ...suppressions,
  ...tables,
}
