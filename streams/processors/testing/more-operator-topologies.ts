import { serdes } from '../../serdes/index.ts'
import {
  sessionStore,
  timestampedKeyValueStore,
  timestampedWindowStore,
  versionedKeyValueStore,
  type Windowed,
} from '../../stores/index.ts'
import { ON_WINDOW_UPDATE } from '../emit-strategy.ts'
import {
  aggregatorOfReducer,
  countAggregator,
  countInitializer,
  countMerger,
  mergerOfReducer,
  reduceInitializer,
} from '../functions.ts'
import { map } from '../map.ts'
import { passThrough } from '../pass-through.ts'
import { sessionAggregate } from '../session-aggregate.ts'
import { slidingWindowAggregate } from '../sliding-window-aggregate.ts'
import { streamAggregate } from '../stream-aggregate.ts'
import { streamTableJoin } from '../stream-table-join.ts'
import { suppressBufferStore, suppressUntilTimeLimit, suppressValueGetter, UNBOUNDED } from '../suppress.ts'
import { tableAggregate } from '../table-aggregate.ts'
import { tableFilter } from '../table-filter.ts'
import { tableGroupBy } from '../table-group-by.ts'
import { tableMapValues } from '../table-map-values.ts'
import { tableSource } from '../table-source.ts'
import { tableToStream } from '../table-to-stream.ts'
import { tableTransformValues } from '../table-transform-values.ts'
import { storeValueGetter } from '../table-value-getter.ts'
import { windowAggregate } from '../window-aggregate.ts'
import type { HarnessNode } from './harness.ts'
import { chain, type OperatorTopology } from './operator-topologies.ts'

/** The topologies of testdata/OperatorCases.java. */

type Text = string | null
type Supplier = HarnessNode['supplier']
const { string, int64 } = serdes

const SLIDING = { kind: 'sliding', timeDifferenceMs: 5_000, graceMs: 4_000 } as const
const TUMBLING = { kind: 'time', sizeMs: 10_000, advanceMs: 10_000, graceMs: 5_000 } as const
const SESSIONS = { kind: 'session', inactivityGapMs: 5_000, graceMs: 4_000 } as const
const COUNT = { initializer: countInitializer, aggregator: countAggregator, emit: ON_WINDOW_UPDATE }

const texts = (name: string) => timestampedKeyValueStore({ name, key: string, value: string })
const windowTexts = (windowSizeMs: number, retentionMs: number) =>
  timestampedWindowStore({ name: 'w', key: string, value: string, windowSizeMs, retentionMs })
const windowCounts = (windowSizeMs: number, retentionMs: number) =>
  timestampedWindowStore({ name: 'w', key: string, value: int64, windowSizeMs, retentionMs })
const sessionTexts = () => sessionStore({ name: 's', key: string, value: string, retentionMs: 9_000 })

function filterTable(predicate: (key: unknown, value: never) => boolean, versionedSemantics = false): Supplier {
  return tableFilter({ predicate, negated: false, store: undefined, sendOldValues: true, versionedSemantics })
}
function mapTable(mapper: (value: string) => string): Supplier {
  return tableMapValues({ mapper, store: undefined, sendOldValues: false })
}
function groupTable<V>(keyOf: (key: string, value: V) => string, versionedSemantics: boolean): Supplier {
  const mapper = (key: string, value: V) => ({ key: keyOf(key, value), value: versionedSemantics ? `${value}` : key })
  return tableGroupBy({ mapper, keySerde: string, versionedSemantics })
}
function history(): Supplier {
  return tableAggregate({
    store: texts('history'),
    initializer: () => '',
    adder: (_key: string, value: string, aggregate: string) => `${aggregate}+${value}`,
    subtractor: (_key, value, aggregate) => `${aggregate}-${value}`,
    sendOldValues: false,
  })
}
function versionedSource(): Supplier {
  const store = versionedKeyValueStore({ name: 'v', key: string, value: string, historyRetentionMs: 60_000 })
  return tableSource({ store, sendOldValues: true })
}
function cogroup(aggregationOf: (letter: string) => Supplier): OperatorTopology {
  const nodes = [
    { name: 'first', parents: ['in'], supplier: aggregationOf('A') },
    { name: 'second', parents: ['in2'], supplier: aggregationOf('B') },
    { name: 'merge', parents: ['first', 'second'], supplier: passThrough() },
    { name: 'stream', parents: ['merge'], supplier: tableToStream() },
  ]
  return { nodes, topicOf: { stream: 'out' } }
}
const appendOf = (letter: string) => (_key: string, value: string, aggregate: string) => aggregate + letter + value
const joined = aggregatorOfReducer<string, string>((aggregate, value) => `${aggregate},${value}`)

const windows = {
  sliding_emit_final: () => {
    const emit = { kind: 'on-window-close', intervalMs: 0 } as const
    const store = windowCounts(5_000, 14_000)
    return chain(
      slidingWindowAggregate({ ...COUNT, windows: SLIDING, store, emit, sendOldValues: false }),
      tableToStream(),
    )
  },
  sliding_early: () =>
    chain(
      slidingWindowAggregate<string, string, Text>({
        windows: { kind: 'sliding', timeDifferenceMs: 60_000, graceMs: 90_000 },
        store: windowTexts(60_000, 210_000),
        initializer: reduceInitializer,
        aggregator: joined,
        emit: ON_WINDOW_UPDATE,
        sendOldValues: false,
      }),
      tableToStream(),
    ),
  unlimited_count: () =>
    chain(
      windowAggregate({
        ...COUNT,
        windows: { kind: 'unlimited', startMs: 8_000 },
        store: windowCounts(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
        sendOldValues: false,
      }),
      tableToStream(),
      map(({ key, window }: Windowed<string>, value) => ({ key: `${key}@${window.startMs}`, value })),
    ),
  window_filter_map: () =>
    chain(
      windowAggregate({ ...COUNT, windows: TUMBLING, store: windowCounts(10_000, 15_000), sendOldValues: true }),
      filterTable((_key, count: number) => count % 2 === 0),
      mapTable((count) => `n${count}`),
      tableToStream(),
    ),
  session_filter: () => {
    const store = sessionStore({ name: 's', key: string, value: int64, retentionMs: 9_000 })
    return chain(
      sessionAggregate({ ...COUNT, windows: SESSIONS, store, merger: countMerger, sendOldValues: true }),
      filterTable((_key, count: number) => count > 1),
      tableToStream(),
    )
  },
  session_reduce: () =>
    chain(
      sessionAggregate<string, string, Text>({
        windows: SESSIONS,
        store: sessionTexts(),
        initializer: reduceInitializer,
        aggregator: joined,
        merger: mergerOfReducer((aggregate, value) => `${aggregate},${value}`),
        emit: ON_WINDOW_UPDATE,
        sendOldValues: false,
      }),
      tableToStream(),
    ),
  cogroup_session: () => {
    const merger = (_key: string, left: string, right: string) => `${left}&${right}`
    const common = { windows: SESSIONS, store: sessionTexts(), merger, emit: ON_WINDOW_UPDATE, sendOldValues: false }
    return cogroup((letter) => sessionAggregate({ ...common, initializer: () => '', aggregator: appendOf(letter) }))
  },
  cogroup_sliding: () => {
    const common = { windows: SLIDING, store: windowTexts(5_000, 14_000), emit: ON_WINDOW_UPDATE, sendOldValues: false }
    return cogroup((letter) =>
      slidingWindowAggregate({ ...common, initializer: () => '', aggregator: appendOf(letter) }),
    )
  },
} satisfies Record<string, () => OperatorTopology>

const BUFFER = { name: 'b', keySerde: string, valueSerde: string, persistence: 'persistent', logging: {} } as const

const tables = {
  count_of_counts: () => {
    const store = timestampedKeyValueStore({ name: 'count', key: string, value: int64 })
    const count = streamAggregate({ ...COUNT, store, sendOldValues: true })
    return chain(
      count,
      groupTable<number>((_key, value) => String(value), false),
      history(),
      tableToStream(),
    )
  },
  suppress_max_bytes: () => {
    const store = suppressBufferStore(BUFFER)
    const limits = { recordsMax: Number.POSITIVE_INFINITY, bytesMax: 150, whenFull: 'emit-early' } as const
    const source = tableSource({ store: texts('source'), sendOldValues: true })
    return chain(source, suppressUntilTimeLimit({ store, limits, waitMs: 10_000 }), tableToStream())
  },
  suppress_read: () => {
    const source = texts('source')
    const store = suppressBufferStore(BUFFER)
    const table = suppressValueGetter(store, storeValueGetter(source))
    const joiner = (value: Text, row: Text) => `${value}+${row}`
    const nodes = [
      { name: 'table', parents: ['in'], supplier: tableSource({ store: source, sendOldValues: true }) },
      {
        name: 'suppress',
        parents: ['table'],
        supplier: suppressUntilTimeLimit({ store, limits: UNBOUNDED, waitMs: 5_000 }),
      },
      { name: 'join', parents: ['in2'], supplier: streamTableJoin({ kind: 'left', joiner, table }) },
    ]
    return { nodes, topicOf: { join: 'out' } }
  },
  transform_values: () => {
    let calls = 0
    const transform = (_key: string, value: Text) => (value?.endsWith('3') === true ? null : `${value}#${++calls}`)
    const transformer = { get: () => ({ transform }) }
    const source = tableSource({ store: undefined, sendOldValues: false })
    return chain(source, tableTransformValues({ transformer, store: undefined, sendOldValues: false }), tableToStream())
  },
  versioned_group_by: () =>
    chain(
      versionedSource(),
      groupTable<string>((_key, value) => value.slice(0, 1), true),
      history(),
      tableToStream(),
    ),
  versioned_filter: () =>
    chain(
      versionedSource(),
      filterTable((_key, value: string) => value.charCodeAt(value.length - 1) % 2 === 0, true),
      mapTable((value) => `${value}!`),
      tableToStream(),
    ),
} satisfies Record<string, () => OperatorTopology>

export const moreOperatorTopologies: Readonly<Record<string, () => OperatorTopology>> = { ...windows, ...tables }
