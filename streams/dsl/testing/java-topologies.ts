import {
  type BuildOptions,
  joinWindows,
  keyValueStore,
  type ProcessorSupplier,
  type StreamsBuilder,
  serdes,
  sessionWindows,
  slidingWindows,
  tumblingWindows,
  unboundedBuffer,
  untilTimeLimit,
} from '../../index.ts'

/** The topologies of DescribeTopologies.java, one for one. */

const S = { key: serdes.string, value: serdes.string } as const
const V = { value: serdes.string } as const
const windows = joinWindows({ beforeMs: 5000, afterMs: 5000, graceMs: 1000 })
const tumbling = tumblingWindows({ sizeMs: 10_000, graceMs: 5000 })
const sliding = slidingWindows({ timeDifferenceMs: 5000, graceMs: 5000 })
const sessions = sessionWindows({ inactivityGapMs: 5000, graceMs: 5000 })

const forwarding = (): ProcessorSupplier<string, string, string, string> => ({
  get() {
    let forward: (record: Parameters<ReturnType<typeof this.get>['process']>[0]) => void
    return {
      init(context) {
        forward = (record) => context.forward(record)
      },
      process: (record) => forward(record),
    }
  },
})
const updating = (): ProcessorSupplier<string, string, never, never> => ({ get: () => ({ process: () => {} }) })

const rekeyed = (b: StreamsBuilder, topic: string) => b.stream(topic, S).selectKey((_k, v) => v, { key: serdes.string })
const pick = (left: string | null): string => left ?? ''
const same = (aggregate: string): string => aggregate
const keep = (_k: string, _v: string, aggregate: string): string => aggregate
const swap = (key: string, value: string) => ({ key: value, value: key })
const yes = (): boolean => true
const asText = (value: number | null): string => String(value)

type JavaTopology = { readonly record: (b: StreamsBuilder) => void; readonly options?: BuildOptions }
const ALL: BuildOptions = { optimization: 'all' }

const stateless: Readonly<Record<string, JavaTopology['record']>> = {
  stateless_named: (b) => {
    const s = b.stream(['b-topic', 'a-topic', 'zz', 'q'], { ...S, name: 'src' })
    s.filter(yes, { name: 'f' })
      .filterNot(yes)
      .mapValues((v) => v, { name: 'mv' })
      .map((key, value) => ({ key, value }), { name: 'm' })
      .flatMap((key, value) => [{ key, value }])
      .flatMapValues((v) => [v], { name: 'fmv' })
      .selectKey((k) => k, { name: 'sk' })
      .peek(() => {}, { name: 'pk' })
      .to('out', { ...S, name: 'snk' })
    s.foreach(() => {}, { name: 'fe' })
    s.foreach(() => {})
    s.print()
    s.peek(() => {}).to('out2')
  },
  pattern_and_duplicates: (b) => {
    b.stream(/in-.*/, S).to('o1')
    b.stream(/in-.*/, S)
      .mapValues((v) => v)
      .to('o2', V)
    b.stream('x', S).to('o3')
    b.stream('x', S).filter(yes).to('o4')
    b.stream(['p', 'q'], S).to('o5')
    b.stream(['q', 'p'], S)
      .peek(() => {})
      .to('o6')
  },
  split_named: (b) => {
    const { one, rest } = b
      .stream('in', S)
      .split({ name: 'split-' })
      .branch(yes, { name: 'one' })
      .branch(yes)
      .defaultBranch({ name: 'rest' })
    one.to('o1')
    rest.to('o2')
    b.stream('in2', S).split().branch(yes, { name: '-x' }).noDefaultBranch()
  },
  merge_and_repartition: (b) => {
    const a = rekeyed(b, 'a')
    const c = b.stream('c', S)
    a.merge(c, { name: 'mrg' }).merge(b.stream('d', S)).groupByKey().count().toStream().to('out')
    c.repartition().to('o2')
    c.repartition({ name: 'rp', partitions: 3 }).to('o3')
  },
  processors: (b) => {
    const store = (name: string) => keyValueStore({ name, ...S })
    b.addStateStore(store('z'))
    b.addStateStore(store('y'))
    b.addGlobalStore(store('gs'), 'gt', { ...S, supplier: updating() })
    b.stream('in', S)
      .process(forwarding(), { ...S, stores: ['z', 'y'] })
      .processValues({ get: () => ({ process: () => {} }) }, { name: 'pv', stores: ['z'], ...V })
      .to('o1')
    b.stream('in2', S)
      .process(forwarding(), { ...S, name: 'p2', stores: ['y'] })
      .groupByKey()
      .count()
  },
  wide: (b) => {
    const s = b.stream('in', S)
    let all: typeof s | undefined
    for (let i = 0; i < 14; i++) {
      let x = s.mapValues((v) => v, { name: `w${(i * 7919) % 101}`, ...V })
      for (let j = 0; j < i % 4; j++) x = x.filter(yes)
      if (i % 3 === 0) all = all === undefined ? x : all.merge(x)
      else x.to(`o${i}`)
    }
    all?.to('out')
  },
}

const aggregates: Readonly<Record<string, JavaTopology['record']>> = {
  aggregates_unnamed: (b) => {
    const grouped = b.stream('in', S).groupByKey()
    grouped.count()
    grouped.count({ store: {} })
    grouped.count({ name: 'cnt' })
    grouped.reduce(same)
    grouped.reduce(same, { store: {} })
    grouped.aggregate(() => '', keep, V)
    grouped.aggregate(() => '', keep, { ...V, name: 'agg' })
  },
  windows_unnamed: (b) => {
    const grouped = b.stream('in', S).groupByKey()
    grouped.windowedBy(tumbling).count()
    grouped.windowedBy(tumbling).count({ store: {} })
    grouped.windowedBy(tumbling).count({ name: 'wc' })
    grouped.windowedBy(tumbling).reduce(same, { name: 'wr' })
    grouped.windowedBy(tumbling).aggregate(() => '', keep, V)
    grouped.windowedBy(sliding).count({ store: {} })
    grouped.windowedBy(sliding).reduce(same)
    grouped.windowedBy(sessions).count({ store: {} })
    grouped.windowedBy(sessions).reduce(same)
    grouped.windowedBy(sessions).aggregate(
      () => '',
      keep,
      (_k, x) => x,
      { ...V, name: 'sa' },
    )
  },
  group_rekeyed: (b) => {
    const unnamed = rekeyed(b, 'in').groupByKey()
    unnamed.count()
    unnamed.reduce(same, { store: 'red' })
    const named = b.stream('in2', S).groupBy((_k, v) => v, { name: 'grp', key: serdes.string })
    named.count()
    b.stream('in3', S).to('between')
    named.windowedBy(tumbling).count()
  },
  cogroup_rekeyed: (b) => {
    const a = rekeyed(b, 'a').groupByKey()
    const c = b.stream('c', S).groupByKey()
    const d = b.stream('d', S).groupBy((_k, v) => v, { name: 'dd', key: serdes.string })
    const co = a.cogroup(keep).cogroup(c, keep).cogroup(d, keep)
    co.aggregate(() => '', { ...V, store: {} })
      .toStream()
      .to('o1')
    co.windowedBy(tumbling).aggregate(() => '', { ...V, name: 'cg' })
    co.windowedBy(sessions).aggregate(
      () => '',
      (_k, x) => x,
      V,
    )
  },
}

const tables: Readonly<Record<string, JavaTopology['record']>> = {
  tables: (b) => {
    const t = b.table('t', S)
    t.filter(yes, { store: {} }).toStream().to('o1')
    t.mapValues((v) => v, { ...V, store: {} })
      .toStream({ name: 'ts' })
      .to('o2')
    t.mapValues((v) => v, { ...V, name: 'tm', store: 'tms' })
    t.toStream((_k, v) => v, { key: serdes.string }).to('o3')
    const n = b.table('n', { ...S, name: 'ntab' })
    n.filterNot(yes, { name: 'nf' }).suppress(untilTimeLimit(1000, { buffer: unboundedBuffer(), name: 'sup' }))
    const o = b.table('o', { ...S, store: 'os' })
    o.transformValues({ get: () => ({ transform: (_k, v) => v }) }, { ...V, store: {} })
      .toStream()
      .to('o4')
  },
  table_groups: (b) => {
    const t = b.table('t', S)
    const u = t.groupBy(swap, S)
    u.count()
    u.reduce(same, same)
    u.aggregate(() => '', keep, keep, { ...V, name: 'ta' })
    const n = t.groupBy(swap, { ...S, name: 'tg' })
    n.count({ name: 'tc' })
    n.reduce(same, same, { store: 'trs' })
  },
  to_table: (b) => {
    b.stream('a', S).toTable().toStream().to('o1')
    rekeyed(b, 'b').toTable({ name: 'tt', store: {} }).toStream().to('o2')
    rekeyed(b, 'c').toTable({ store: {} }).toStream().to('o3')
  },
}

const joins: Readonly<Record<string, JavaTopology['record']>> = {
  stream_joins: (b) => {
    const a = rekeyed(b, 'a')
    const c = b.stream('c', S)
    a.join(c, pick, windows, V).to('o1')
    a.leftJoin(rekeyed(b, 'd'), pick, windows, V).to('o2')
    a.outerJoin(c, pick, windows, { ...V, name: 'oj', storeName: 'ojs' }).to('o3')
    c.leftJoin(b.stream('e', S), pick, windows, { ...V, storeName: 'ls' }).to('o4')
    c.join(c, pick, windows, V).to('o5')
  },
  lookup_joins: (b) => {
    const t = b.table('t', S)
    const gt = b.globalTable('g', S)
    const a = rekeyed(b, 'a')
    a.join(t, pick, V).to('o1')
    a.leftJoin(t, pick, { ...V, name: 'lj' }).to('o2')
    a.join(gt, (_k, v) => v, pick, { ...V, name: 'gj' }).to('o3')
    a.leftJoin(gt, (_k, v) => v, pick, V).to('o4')
    b.stream('e', S)
      .join(
        t.filter(yes).mapValues((v) => v),
        pick,
        V,
      )
      .to('o5')
  },
  table_joins: (b) => {
    const l = b.table('l', S)
    const r = b.table('r', S)
    const m = b.table('m', { ...S, store: 'ms' })
    const lr = l.join(r, pick)
    lr.leftJoin(m.filter(yes), pick, { name: 'tj' })
      .outerJoin(l, pick, { ...V, store: {} })
      .toStream()
      .to('o1')
    b.stream('s', S).join(lr, pick, V).to('o2')
  },
  foreign_key_joins: (b) => {
    const l = b.table('l', S)
    const r = b.table('r', { ...S, store: 'rs' })
    l.join(r, (v) => v, pick, V)
      .toStream()
      .to('o1')
    l.leftJoin(r, (v) => v, pick, { ...V, name: 'fk', store: 'fks' })
      .toStream()
      .to('o2')
  },
}

const optimized: Readonly<Record<string, JavaTopology['record']>> = {
  optimized_tables: (b) => {
    b.table('t', { ...S, store: 'ts' })
      .toStream()
      .to('o1')
    b.table('u', S).filter(yes).toStream().to('o2')
  },
  optimized_repartitions: (b) => {
    const s = b.stream('in', S).map(swap, S)
    const counts = s.groupByKey().count()
    s.groupByKey().reduce(same, { store: 'red' }).toStream().to('o1')
    s.filter(yes).join(counts.toStream().mapValues(asText, V), pick, windows, V).to('o2')
    s.mapValues((v) => v, V)
      .groupByKey()
      .count()
  },
  optimized_merge: (b) => {
    const m = rekeyed(b, 'x').merge(rekeyed(b, 'y'))
    m.groupByKey().count()
    m.groupByKey({ name: 'named' }).reduce(same)
  },
  optimized_self_join: (b) => {
    const s = b.stream('in', S)
    s.join(s, pick, windows, V).to('o1')
    b.stream('in', S)
      .join(s, pick, windows, { ...V, name: 'sj' })
      .to('o2')
    s.join(b.stream('other', S), pick, windows, V).to('o3')
  },
  optimized_rekeyed_self_join: (b) => {
    const s = rekeyed(b, 'in')
    s.join(s, pick, windows, V).to('o1')
    s.groupByKey().count()
  },
}

const withOptions = (
  records: Readonly<Record<string, JavaTopology['record']>>,
  options: BuildOptions,
): readonly (readonly [string, JavaTopology])[] =>
  Object.entries(records).map(([name, record]) => [name, { record, options }] as const)

export const javaTopologies: ReadonlyMap<string, JavaTopology> = new Map([
  ...withOptions({ ...stateless, ...aggregates, ...tables, ...joins }, {}),
  ...withOptions(optimized, ALL),
])
