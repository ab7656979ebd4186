import { describe, expect, it } from 'vitest'
import { serdes } from '../serdes/index.ts'
import { sessionStore, timestampedKeyValueStore, timestampedWindowStore } from '../stores/index.ts'
import type {
  InternalProcessorContext,
  ProcessorSupplier,
  TableValueGetter,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import { type Change, change } from '../topology/record.ts'
import { ON_WINDOW_UPDATE } from './emit-strategy.ts'
import { countAggregator, countInitializer, countMerger } from './functions.ts'
import { sessionAggregate } from './session-aggregate.ts'
import { suppressBufferStore, suppressUntilTimeLimit, suppressUntilWindowCloses, UNBOUNDED } from './suppress.ts'
import { tableAggregate } from './table-aggregate.ts'
import { filterValueGetter, tableFilter } from './table-filter.ts'
import { tableGroupBy } from './table-group-by.ts'
import { mapValuesValueGetter, tableMapValues } from './table-map-values.ts'
import { tableSource } from './table-source.ts'
import { tableTransformValues, transformValuesValueGetter } from './table-transform-values.ts'
import { sessionStoreValueGetter, storeValueGetter, windowStoreValueGetter } from './table-value-getter.ts'
import { createHarness, type HarnessNode, type HarnessOutput } from './testing/harness.ts'
import { openStore } from './testing/open-store.ts'
import { windowAggregate } from './window-aggregate.ts'

const { string, int64, json } = serdes
const rows = (name = 's', caching = false) => timestampedKeyValueStore({ name, key: string, value: int64, caching })

function start(...suppliers: readonly HarnessNode['supplier'][]) {
  const nodes = suppliers.map((supplier, i) => ({
    name: `node-${i}`,
    parents: [i === 0 ? 'in' : `node-${i - 1}`],
    supplier,
  }))
  return createHarness({ nodes, openStore: (spec, context) => openStore(spec, context, 1_000_000) })
}
function textOf({ key, value, timestampMs }: HarnessOutput): string {
  const { newValue, oldValue } = value as Change<unknown>
  return `${typeof key === 'string' ? key : JSON.stringify(key)} ${oldValue}>${newValue} @${timestampMs}`
}
function pipeAll(harness: ReturnType<typeof start>, values: readonly (number | null)[]): string[] {
  return values.flatMap((value, i) => harness.pipe('in', { key: 'k', value, timestampMs: i }).map(textOf))
}

describe('a table source', () => {
  it('sends old values, and takes the later record also where its time is earlier', () => {
    const harness = start(tableSource({ store: rows(), sendOldValues: true }))
    const pipe = (value: number | null, timestampMs: number) => harness.pipe('in', { key: 'k', value, timestampMs })
    expect([...pipe(1, 20), ...pipe(2, 10), ...pipe(null, 30)].map(textOf)).toEqual([
      'k null>1 @20',
      'k 1>2 @10',
      'k 2>null @30',
    ])
  })

  it('drops null keys, with or without a store', () => {
    for (const store of [rows(), undefined]) {
      const harness = start(tableSource({ store, sendOldValues: false }))
      expect(harness.pipe('in', { key: null, value: 1, timestampMs: 1 })).toEqual([])
      expect(harness.dropped).toEqual(['Skipping record due to null key.'])
    }
  })

  it('leaves out updates that change nothing where asked to', () => {
    const store = timestampedKeyValueStore({ name: 's', key: string, value: json<{ a: number }>() })
    const harness = start(tableSource({ store, sendOldValues: false, emitOnChange: true }))
    const pipe = (value: { a: number } | null, timestampMs: number) =>
      harness.pipe('in', { key: 'k', value, timestampMs }).length
    expect(pipe(null, 1)).toBe(0)
    expect(pipe({ a: 1 }, 10)).toBe(1)
    expect(pipe({ a: 1 }, 10)).toBe(0)
    expect(pipe({ a: 1 }, 20)).toBe(0)
    // Sooner than known: that is news.
    expect(pipe({ a: 1 }, 5)).toBe(1)
    expect(pipe({ a: 2 }, 6)).toBe(1)
    expect(pipe(null, 7)).toBe(1)
    expect(pipe(null, 8)).toBe(0)
  })

  it('over a record cache sends the first old and the last new value', () => {
    const harness = start(tableSource({ store: rows('s', true), sendOldValues: true }))
    expect(pipeAll(harness, [1, 2, 3])).toEqual([])
    expect(harness.commit().map(textOf)).toEqual(['k null>3 @2'])
    expect(pipeAll(harness, [4, null])).toEqual([])
    expect(harness.commit().map(textOf)).toEqual(['k 3>null @1'])
  })
})

describe('operators on tables', () => {
  const filterOf = (options: { readonly sendOldValues: boolean; readonly versionedSemantics?: boolean }) =>
    tableFilter({
      predicate: (_key, value: number) => value > 5,
      negated: false,
      store: undefined,
      versionedSemantics: false,
      ...options,
    })

  it.each([
    [{ sendOldValues: true }, ['k null>6 @1', 'k 6>null @2']],
    [
      { sendOldValues: true, versionedSemantics: true },
      ['k null>null @0', 'k null>6 @1', 'k 6>null @2', 'k null>null @3'],
    ],
    [{ sendOldValues: false }, ['k null>null @0', 'k null>6 @1', 'k null>null @2', 'k null>null @3']],
  ])('a filter with %o sends tombstones where needed', (options, expected) => {
    const harness = start(tableSource({ store: rows(), sendOldValues: options.sendOldValues }), filterOf(options))
    expect(pipeAll(harness, [1, 6, 2, null])).toEqual(expected)
  })

  it('materialized ones take old values from their own store', () => {
    const map = tableMapValues({ mapper: (value: number) => value * 10, store: rows('mapped'), sendOldValues: true })
    const harness = start(tableSource({ store: undefined, sendOldValues: false }), map)
    expect(pipeAll(harness, [1, 2, null])).toEqual(['k null>10 @0', 'k 10>20 @1', 'k 20>null @2'])
  })

  it('pass on whether a change is the latest', () => {
    const map = tableMapValues({ mapper: (value: number) => value, store: undefined, sendOldValues: true })
    const [output] = start(map).pipe('in', { key: 'k', value: change(1, null, false), timestampMs: 1 })
    expect(output?.value).toEqual(change(1, null, false))
  })

  it('a value transformer keeps state, and may not forward', () => {
    const transformer = {
      get: () => {
        let forward = () => {}
        return {
          init(context: { forward(record: never): void }) {
            forward = () => context.forward({} as never)
          },
          transform(_key: string, value: number | null) {
            if (value === 13) forward()
            return value === null ? -1 : value
          },
        }
      },
    }
    const transform = tableTransformValues({ transformer, store: rows('out'), sendOldValues: true })
    const harness = start(tableSource({ store: undefined, sendOldValues: false }), transform)
    expect(pipeAll(harness, [1, null])).toEqual(['k null>1 @0', 'k 1>-1 @1'])
    expect(() => pipeAll(harness, [13])).toThrow('node node-1 forwards, but it may only return a value')
  })
})

describe('grouping a table', () => {
  const count = () =>
    tableAggregate({
      store: timestampedKeyValueStore({ name: 'count', key: json<{ group: number }>(), value: int64 }),
      initializer: countInitializer,
      adder: countAggregator,
      subtractor: (_key, _value, sum) => sum - 1,
      sendOldValues: true,
    })
  const groupBy = (versionedSemantics: boolean) =>
    tableGroupBy({
      mapper: (_key: string, value: number) => ({ key: value === 0 ? null : { group: value % 2 }, value }),
      keySerde: json<{ group: number }>(),
      versionedSemantics,
    })

  it('sends one record where the row stays in its group, also where keys are objects', () => {
    const harness = start(tableSource({ store: rows(), sendOldValues: true }), groupBy(false))
    expect(pipeAll(harness, [1, 3, 4, 0])).toEqual([
      '{"group":1} null>1 @0',
      '{"group":1} 1>3 @1',
      '{"group":1} 3>null @2',
      '{"group":0} null>4 @2',
      '{"group":0} 4>null @3',
    ])
  })

  it('adds and subtracts', () => {
    const harness = start(tableSource({ store: rows(), sendOldValues: true }), groupBy(false), count())
    expect(pipeAll(harness, [1, 3, 4, null])).toEqual([
      '{"group":1} null>1 @0',
      '{"group":1} 1>1 @1',
      '{"group":1} 1>0 @2',
      '{"group":0} null>1 @2',
      '{"group":0} 1>0 @3',
    ])
  })

  it('leaves out what is not the latest of a versioned table', () => {
    const older = { key: 'k', value: change(1, null, false), timestampMs: 1 }
    expect(start(groupBy(true)).pipe('in', older)).toEqual([])
    expect(start(groupBy(false)).pipe('in', older)).toHaveLength(1)
  })
})

/** Reads a table by key for each record. */
function reader<K, V>(supplier: TableValueGetterSupplier<K, V>): ProcessorSupplier<K, unknown, K, unknown> {
  return {
    get: () => {
      const getter: TableValueGetter<K, V> = supplier.get()
      let forward: (key: K) => void
      return {
        init(context) {
          getter.init(context as InternalProcessorContext<unknown, unknown>)
          forward = (key) => context.forward({ key, value: getter.get(key) ?? null, timestampMs: 0, headers: [] })
        },
        process: ({ key }) => forward(key),
      }
    },
  }
}

describe('reading a table by key', () => {
  function readAfter(
    table: HarnessNode['supplier'],
    getter: TableValueGetterSupplier<never, unknown>,
    inputs: readonly (readonly [value: number, timestampMs: number])[],
    key: unknown = 'k',
  ): unknown {
    const nodes = [
      { name: 'table', parents: ['in'], supplier: table },
      { name: 'reader', parents: ['lookup'], supplier: reader(getter) },
    ]
    const harness = createHarness({ nodes, openStore })
    for (const [value, timestampMs] of inputs) harness.pipe('in', { key: 'k', value, timestampMs })
    return harness.pipe('lookup', { key, value: null, timestampMs: 99 })[0]?.value
  }
  const source = tableSource({ store: rows(), sendOldValues: false })
  const parent = storeValueGetter(rows())
  const isOdd = (_key: string, value: number) => value % 2 === 1

  it.each([
    ['a store', parent, { value: 3, timestampMs: 7 }],
    ['a filter', filterValueGetter(parent, { predicate: isOdd, negated: false }), { value: 3, timestampMs: 7 }],
    ['a filter that says no', filterValueGetter(parent, { predicate: isOdd, negated: true }), null],
    ['mapped values', mapValuesValueGetter(parent, (value) => `${value}!`), { value: '3!', timestampMs: 7 }],
    [
      'mapped and filtered values',
      filterValueGetter(
        mapValuesValueGetter(parent, (value) => value * 2),
        { predicate: isOdd, negated: true },
      ),
      { value: 6, timestampMs: 7 },
    ],
    [
      'transformed values',
      transformValuesValueGetter(parent, { get: () => ({ transform: (key, value) => `${key}${value}` }) }),
      { value: 'k3', timestampMs: 7 },
    ],
  ])('%s', (_name, getter, expected) => {
    expect(
      readAfter(source, getter as TableValueGetterSupplier<never, unknown>, [
        [1, 9],
        [3, 7],
      ]),
    ).toEqual(expected)
    expect(getter.storeNames).toEqual(['s'])
  })

  it('that is not there, unless a transformer makes a value of nothing', () => {
    expect(readAfter(source, parent as TableValueGetterSupplier<never, unknown>, [])).toBeNull()
    const made = transformValuesValueGetter(parent, { get: () => ({ transform: () => 'made' }) })
    const found = readAfter(source, made as TableValueGetterSupplier<never, unknown>, [])
    expect(found).toEqual({ value: 'made', timestampMs: -1 })
  })

  it('windowed, by window; and sessions, by both ends', () => {
    const common = {
      initializer: countInitializer,
      aggregator: countAggregator,
      emit: ON_WINDOW_UPDATE,
      sendOldValues: false,
    }
    const windowed = timestampedWindowStore({
      name: 's',
      key: string,
      value: int64,
      windowSizeMs: 10,
      retentionMs: 100,
    })
    const windows = { kind: 'time', sizeMs: 10, advanceMs: 10, graceMs: 0 } as const
    const window = { key: 'k', window: { startMs: 10, endMs: 20 } }
    const counted = windowAggregate({ ...common, windows, store: windowed })
    const inputs = [
      [1, 15],
      [1, 12],
    ] as const
    expect(readAfter(counted, windowStoreValueGetter(windowed), inputs, window)).toEqual({ value: 2, timestampMs: 15 })

    const store = sessionStore({ name: 's', key: string, value: int64, retentionMs: 100 })
    const sessions = { kind: 'session', inactivityGapMs: 5, graceMs: 0 } as const
    const session = { key: 'k', window: { startMs: 12, endMs: 15 } }
    const sessionCount = sessionAggregate({ ...common, windows: sessions, merger: countMerger, store })
    expect(readAfter(sessionCount, sessionStoreValueGetter(store), inputs, session)).toEqual({
      value: 2,
      timestampMs: 15,
    })
  })
})

describe('suppression', () => {
  const store = suppressBufferStore({
    name: 'b',
    keySerde: string,
    valueSerde: int64,
    persistence: 'memory',
    logging: {},
  })
  const pipe = (
    harness: ReturnType<typeof start>,
    key: string,
    newValue: number | null,
    timestampMs: number,
  ): string[] => harness.pipe('in', { key, value: change(newValue, null), timestampMs }).map(textOf)

  it('holds back until the time limit after the first change', () => {
    const harness = start(suppressUntilTimeLimit({ store, limits: UNBOUNDED, waitMs: 10 }))
    expect([...pipe(harness, 'k', 1, 0), ...pipe(harness, 'k', 2, 9)]).toEqual([])
    expect(pipe(harness, 'other', 3, 10)).toEqual(['k null>2 @9'])
  })

  it('sends tombstones at a time limit', () => {
    const harness = start(suppressUntilTimeLimit({ store, limits: UNBOUNDED, waitMs: 10 }))
    pipe(harness, 'k', null, 0)
    expect(pipe(harness, 'other', 3, 10)).toEqual(['k null>null @0'])
  })

  it('keeps its stream time over a restart', () => {
    const harness = start(suppressUntilTimeLimit({ store, limits: UNBOUNDED, waitMs: 10 }))
    pipe(harness, 'k', 1, 100)
    harness.commit()
    harness.crash()
    expect(pipe(harness, 'late', 2, 50)).toEqual(['late null>2 @50'])
  })

  it.each([
    ['records', { recordsMax: 1, bytesMax: Number.POSITIVE_INFINITY }, '2 records (at most 1)'],
    ['bytes', { recordsMax: Number.POSITIVE_INFINITY, bytesMax: 50 }, '78 bytes (at most 50)'],
  ])('bounded in %s, shuts down or sends early when full', (_what, bounds, message) => {
    const early = start(suppressUntilTimeLimit({ store, limits: { ...bounds, whenFull: 'emit-early' }, waitMs: 10 }))
    expect([...pipe(early, 'b', 1, 1), ...pipe(early, 'a', 2, 1)]).toEqual(['a null>2 @1'])
    const strict = start(suppressUntilTimeLimit({ store, limits: { ...bounds, whenFull: 'shut-down' }, waitMs: 10 }))
    pipe(strict, 'b', 1, 1)
    expect(() => pipe(strict, 'a', 2, 1)).toThrow(message)
  })

  it('until windows close cannot send early', () => {
    const limits = { recordsMax: 1, bytesMax: 1, whenFull: 'emit-early' } as const
    expect(() => suppressUntilWindowCloses({ store: store as never, limits, graceMs: 0 })).toThrow('cannot emit early')
  })
})
