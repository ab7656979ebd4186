import { describe, expect, test } from 'vitest'
import {
  type BuildOptions,
  createStreamsBuilder,
  joinWindows,
  keyValueStore,
  nullable,
  type ProcessorNode,
  partitionForKey,
  type StreamsBuilder,
  serdes,
  sessionWindows,
  tumblingWindows,
  untilTimeLimit,
  untilWindowCloses,
} from './testing/door.ts'

const S = { key: serdes.string, value: serdes.string } as const
const windows = joinWindows({ beforeMs: 5, afterMs: 5, graceMs: 0 })
const tumbling = tumblingWindows({ sizeMs: 10, graceMs: 5 })

type Mistake = readonly [string, (builder: StreamsBuilder) => unknown, RegExp, BuildOptions?]

const MISTAKES: readonly Mistake[] = [
  ['nothing', () => {}, /topology is empty/],
  [
    'two tables of one topic',
    (b) => {
      b.table('t', S).toStream().to('a')
      b.table('t', S).toStream().to('b')
    },
    /Source KSTREAM-SOURCE-0000000006 reads topic t, which source KSTREAM-SOURCE-0000000001 reads already/,
  ],
  [
    'streams of overlapping topics',
    (b) => {
      b.stream(['a', 'b'], S)
      b.stream(['b', 'c'], S)
    },
    /KSTREAM-SOURCE-0000000000 and KSTREAM-SOURCE-0000000001 both read topic b/,
  ],
  [
    'one topic with two offset resets',
    (b) => {
      b.stream('a', { ...S, autoOffsetReset: { kind: 'latest' } })
      b.stream('a', S)
    },
    /different autoOffsetReset/,
  ],
  ['no topic', (b) => b.stream([], S), /stream\(\) names no topic/],
  ['a topic name that Kafka refuses', (b) => b.stream('a b', S), /Topic name "a b" is not allowed/],
  [
    'an operator name that Kafka refuses',
    (b) => b.stream('a', S).filter(() => true, { name: 'x/y' }),
    /Operator name "x\/y"/,
  ],
  [
    'one operator name twice',
    (b) =>
      b
        .stream('a', S)
        .filter(() => true, { name: 'f' })
        .filter(() => true, { name: 'f' }),
    /Two nodes have the name f/,
  ],
  [
    'one store name twice',
    (b) => {
      b.stream('a', S).groupByKey().count({ store: 's' })
      b.stream('b', S).groupByKey().count({ store: 's' })
    },
    /Two different stores have the name s/,
  ],
  [
    'a stream of another builder',
    (b) => b.stream('a', S).merge(createStreamsBuilder().stream('b', S)),
    /merge was given a stream of another builder/,
  ],
  [
    'a suppression that waits for windows that are not there',
    (b) =>
      b
        .stream('a', S)
        .groupByKey()
        .count()
        .suppress(untilWindowCloses() as never),
    /needs windows above it, and there are none: KSTREAM-SOURCE-0000000000 -> KSTREAM-AGGREGATE-0000000002/,
  ],
  [
    'a suppressed versioned table',
    (b) =>
      b
        .table('a', { ...S, store: { name: 's', historyRetentionMs: 1000 } })
        .filter(() => true)
        .suppress(untilTimeLimit(5)),
    /follows a versioned table/,
  ],
  [
    'a retention shorter than the windows',
    (b) =>
      b
        .stream('a', S)
        .groupByKey()
        .windowedBy(tumbling)
        .count({ store: { name: 's', retentionMs: 14 } }),
    /Store s keeps windows for 14 ms, but the operator reads them for 15 ms/,
  ],
  [
    'grace on a table without history',
    (b) => b.stream('a', S).join(b.table('t', S), (l, r) => l + r, { graceMs: 5 }),
    /so its table must be versioned/,
  ],
  [
    'grace beyond the history',
    (b) => {
      const table = b.table('t', { ...S, store: { name: 's', historyRetentionMs: 4 } })
      b.stream('a', S).join(table, (l, r) => l + r, { graceMs: 5 })
    },
    /waits 5 ms, but store s keeps history for 4 ms only/,
  ],
  [
    'a versioned global table',
    (b) => b.globalTable('g', { ...S, store: { historyRetentionMs: 5 } as never }),
    /cannot be versioned/,
  ],
  [
    'joined repartitions of different widths',
    (b) => {
      const left = b.stream('a', S).repartition({ name: 'l', partitions: 2 })
      left.join(b.stream('b', S).repartition({ name: 'r', partitions: 3 }), (l, r) => l + r, windows)
    },
    /l-repartition has 2, r-repartition has 3/,
  ],
  [
    'a lost serde that the types did not see',
    (b) =>
      (b.stream('a', S).mapValues((v) => v.length) as never as ReturnType<typeof b.stream<string, string>>).to('out'),
    /to\(\) after KSTREAM-MAPVALUES-0000000001 needs a value serde and there is none/,
  ],
  [
    'a store that nobody uses',
    (b) => b.addStateStore(keyValueStore({ name: 's', ...S })).stream('a', S),
    /Store s is connected to no/,
  ],
  [
    'generated names where names are required',
    (b) =>
      b
        .stream('a', S)
        .groupBy((_k, v) => v, { key: serdes.string })
        .count(),
    /changelog topics KSTREAM-AGGREGATE-STATE-STORE-0000000002-changelog; state stores KSTREAM-AGGREGATE-STATE-STORE-0000000002; repartition topics KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition/,
    { ensureExplicitNames: true },
  ],
  [
    'an unknown optimization',
    (b) => b.stream('a', S),
    /Optimization faster is unknown/,
    { optimization: ['faster' as never] },
  ],
  [
    'windows with gaps',
    () => tumblingWindows({ sizeMs: 0, graceMs: 0 }),
    /The size of a window must be a whole number/,
  ],
  ['sessions without a gap', () => sessionWindows({ inactivityGapMs: 0, graceMs: 0 }), /inactivity gap of sessions/],
]

for (const [what, record, message, options] of MISTAKES) {
  test(`refuses ${what}`, () => {
    const build = () => {
      const builder = createStreamsBuilder()
      record(builder)
      builder.build(options)
    }
    expect(build).toThrow(
      expect.objectContaining({ code: 'TOPOLOGY_INVALID', message: expect.stringMatching(message) }),
    )
  })
}

describe('names that the user gives', () => {
  test('satisfy where names are required', () => {
    const builder = createStreamsBuilder()
    const counts = builder
      .stream('a', S)
      .groupBy((_k, v) => v, { key: serdes.string, name: 'by-value' })
      .count({ store: 'counts' })
    builder
      .stream('b', S)
      .join(counts, (l, r) => l + r, { value: serdes.string })
      .selectKey((k) => k, { key: serdes.string })
      .join(builder.stream('c', S), (l, r) => l + r, windows, { name: 'j', storeName: 'js', value: serdes.string })
      .to('out')
    expect(() => builder.build({ ensureExplicitNames: true })).not.toThrow()
  })
})

describe('a plan', () => {
  const record = () => {
    const builder = createStreamsBuilder()
    builder
      .stream('a', S)
      .selectKey((_k, v) => v, { key: serdes.string })
      .groupByKey()
      .count({ store: 'c' })
    return builder
  }

  test('is frozen data, and does not change when it is built', () => {
    const builder = record()
    const plan = builder.plan()
    const before = plan.nodes.map((node) => ({ ...node }))
    builder.build({ optimization: 'all' })
    expect(plan.nodes).toEqual(before)
    expect(builder.plan().nodes).toEqual(before)
    for (const value of [plan, plan.nodes, ...plan.nodes]) expect(Object.isFrozen(value)).toBe(true)
  })

  test('is built again to the same topology', () => {
    const builder = record()
    expect(builder.build().describe()).toBe(builder.build().describe())
  })

  test('grows after it was built', () => {
    const builder = record()
    const nodeCount = builder.build().nodes.size
    builder.stream('more', S).to('out')
    expect(builder.build().nodes.size).toBe(nodeCount + 2)
  })
})

describe('stores', () => {
  const specOf = (record: (b: StreamsBuilder) => unknown, options?: BuildOptions) => {
    const builder = createStreamsBuilder()
    record(builder)
    return builder.build(options).stores.get('s')?.spec
  }
  const grouped = (b: StreamsBuilder) => b.stream('a', S).groupByKey()

  test.each([
    [
      'tables',
      (b: StreamsBuilder) => b.table('t', { ...S, store: 's' }),
      { kind: 'key-value', timestamped: true, caching: true },
    ],
    [
      'tables with history',
      (b: StreamsBuilder) => b.table('t', { ...S, store: { name: 's', historyRetentionMs: 60_000 } }),
      { kind: 'versioned', historyRetentionMs: 60_000, segmentIntervalMs: 20_000, caching: false },
    ],
    [
      'windows',
      (b: StreamsBuilder) => grouped(b).windowedBy(tumbling).count({ store: 's' }),
      { kind: 'window', windowSizeMs: 10, retentionMs: 15, segmentIntervalMs: 60_000, retainDuplicates: false },
    ],
    [
      'windows that are kept longer',
      (b: StreamsBuilder) =>
        grouped(b)
          .windowedBy(tumbling)
          .count({ store: { name: 's', retentionMs: 1_000_000 } }),
      { kind: 'window', retentionMs: 1_000_000, segmentIntervalMs: 500_000 },
    ],
    [
      'windows that wait to close',
      (b: StreamsBuilder) =>
        grouped(b).windowedBy(tumbling).emitStrategy({ kind: 'on-window-close', intervalMs: 0 }).count({ store: 's' }),
      { kind: 'window', caching: false },
    ],
    [
      'sessions',
      (b: StreamsBuilder) =>
        grouped(b)
          .windowedBy(sessionWindows({ inactivityGapMs: 7, graceMs: 3 }))
          .count({ store: 's' }),
      { kind: 'session', retentionMs: 10 },
    ],
    [
      'what is said otherwise',
      (b: StreamsBuilder) =>
        grouped(b).count({
          store: { name: 's', caching: false, logging: { 'segment.bytes': '1' }, persistence: 'memory' },
        }),
      { caching: false, logging: { config: { 'segment.bytes': '1' } }, persistence: 'memory' },
    ],
    [
      'no changelog',
      (b: StreamsBuilder) => grouped(b).count({ store: { name: 's', logging: false } }),
      { logging: undefined },
    ],
  ] as const)('of %s', (_what, record, expected) => {
    expect(specOf(record)).toMatchObject(expected)
  })

  test('are where the build says', () => {
    const record = (b: StreamsBuilder) => b.table('t', { ...S, store: 's' })
    expect(specOf(record)).toMatchObject({ persistence: 'persistent' })
    expect(specOf(record, { persistence: 'memory' })).toMatchObject({ persistence: 'memory' })
  })
})

describe('optimizations', () => {
  test('a table reads its source topic as changelog', () => {
    const builder = createStreamsBuilder()
    builder.table('t', { ...S, store: 's' })
    expect(builder.build().stores.get('s')).toMatchObject({ changelogIsSource: false })
    expect(builder.build({ optimization: ['reuse-ktable-source-topics'] }).stores.get('s')).toMatchObject({
      changelog: { name: 't', internal: false },
      changelogIsSource: true,
    })
  })

  test('two aggregations below one filter share a repartition', () => {
    const builder = createStreamsBuilder()
    const rekeyed = builder.stream('a', S).selectKey((_k, v) => v, { key: serdes.string })
    const grouped = rekeyed.filter(() => true).groupByKey()
    grouped.count({ store: 'c' })
    grouped.reduce((a) => a, { store: 'r' })
    expect(builder.build().repartitionTopics.size).toBe(2)
    const { repartitionTopics, subTopologies } = builder.build({ optimization: ['merge-repartition-topics'] })
    expect([...repartitionTopics.keys()]).toEqual(['c-repartition'])
    expect(subTopologies[1]?.stores).toEqual(['c', 'r'])
  })

  test('a left self-join keeps its two stores: one store would lose records without a key', () => {
    const builder = createStreamsBuilder()
    const stream = builder.stream('a', S)
    stream.leftJoin(stream, (l, r) => l + r, windows, { value: serdes.string })
    expect(builder.build({ optimization: 'all' }).stores.size).toBe(3)
  })
})

describe('sub-topologies', () => {
  test('joined sources are co-partitioned, over several joins', () => {
    const builder = createStreamsBuilder()
    const table = builder.table('t', S)
    builder.stream('a', S).join(table, (l, r) => l + r)
    builder
      .stream('b', S)
      .selectKey((_k, v) => v, { key: serdes.string })
      .join(table, (l, r) => l + r, { name: 'j' })
    const [{ copartitionGroups } = { copartitionGroups: [] }] = builder.build().subTopologies
    expect(copartitionGroups.map((group) => group.map(({ name }) => name).sort())).toEqual([
      ['a', 'j-repartition', 't'],
    ])
  })

  test('repartition topics are read with nullable serdes', () => {
    const builder = createStreamsBuilder()
    builder
      .stream('a', { key: serdes.string, value: nullable(serdes.string) })
      .repartition({ name: 'r' })
      .to('out')
    const source = builder.build().nodes.get('r-repartition-source')
    expect(source).toMatchObject({ keySerde: { nullable: true }, valueSerde: { nullable: true } })
  })
})

describe('sinks', () => {
  const partitionerOf = (record: (b: StreamsBuilder) => void) => {
    const builder = createStreamsBuilder()
    record(builder)
    const node = builder.build().nodes.get('sink')
    return node?.kind === 'sink' ? node.partitioner : undefined
  }

  test('of windowed keys go to the partition of the key (Java: WindowedStreamPartitioner)', () => {
    const partitioner = partitionerOf((b) =>
      b.stream('a', S).groupByKey().windowedBy(tumbling).count().toStream().to('out', { name: 'sink' }),
    )
    for (const key of ['a', 'b', 'member-7']) {
      const partition = partitionForKey(serdes.string.serialize(key, 'out'), 5)
      for (const startMs of [0, 10, 20]) {
        expect(partitioner?.('out', { key, window: { startMs, endMs: startMs + 10 } }, 1, 5, [])).toBe(partition)
      }
    }
  })

  test('of other keys have the default partitioner, or the one that is given', () => {
    expect(partitionerOf((b) => b.stream('a', S).to('out', { name: 'sink' }))).toBeUndefined()
    const partitioner = () => 3
    expect(partitionerOf((b) => b.stream('a', S).to('out', { name: 'sink', partitioner }))).toBe(partitioner)
  })
})

describe('null keys (KIP-962)', () => {
  /** Whether a record without a key passes the processor before a repartition topic. */
  const passes = (record: (b: StreamsBuilder) => void): boolean => {
    const builder = createStreamsBuilder()
    record(builder)
    const filter = [...builder.build().nodes.values()].find(({ name }) => name.endsWith('-repartition-filter'))
    if (filter?.kind !== 'processor') throw new Error('there is a repartition')
    const forwarded: unknown[] = []
    const processor = filter.supplier.get()
    processor.init?.({ forward: (forwardedRecord: unknown) => forwarded.push(forwardedRecord) } as never)
    processor.process({ key: null, value: 'v', timestampMs: 0, headers: [] })
    return forwarded.length > 0
  }
  const rekeyed = (b: StreamsBuilder) =>
    b.stream('a', S).selectKey((_k, v) => v || null, { key: nullable(serdes.string) })

  test('are left out where an aggregation or an inner join follows', () => {
    expect(passes((b) => rekeyed(b).groupByKey().count({ store: 'c' }))).toBe(false)
    expect(passes((b) => rekeyed(b).join(b.table('t', S), (l) => l, { name: 'j' }))).toBe(false)
    expect(passes((b) => rekeyed(b).repartition({ name: 'r' }).to('out'))).toBe(false)
  })

  test('go on where a left or outer join is anywhere below', () => {
    expect(passes((b) => rekeyed(b).leftJoin(b.table('t', S), (l) => l, { name: 'j' }))).toBe(true)
    expect(passes((b) => rekeyed(b).outerJoin(b.stream('b', S), (l) => l, windows, { name: 'j' }))).toBe(true)
    expect(
      passes((b) =>
        rekeyed(b)
          .repartition({ name: 'r' })
          .filter(() => true)
          .leftJoin(b.table('t', S), (l) => l),
      ),
    ).toBe(true)
  })
})

test('a processor wrapper sees the operators of the DSL', () => {
  const seen: string[] = []
  const builder = createStreamsBuilder()
  builder
    .stream('a', S)
    .filter(() => true)
    .groupByKey()
    .count({ store: 'c' })
    .toStream()
    .to('out')
  builder.build({
    processorWrapper: (name, supplier) => {
      seen.push(name)
      return supplier
    },
  })
  expect(seen).toEqual(['KSTREAM-FILTER-0000000001', 'KSTREAM-AGGREGATE-0000000002', 'KTABLE-TOSTREAM-0000000003'])
})

test('a supplier is asked for a processor of each task', () => {
  const builder = createStreamsBuilder()
  builder.stream('a', S).filter(() => true, { name: 'f' })
  const node = builder.build().nodes.get('f') as ProcessorNode
  expect(node.supplier.get()).not.toBe(node.supplier.get())
})
