import {
  createStreamsBuilder,
  joinWindows,
  type KTable,
  type StreamsBuilder,
  serdes,
  sessionWindows,
  slidingWindows,
  type Topology,
  tumblingWindows,
  untilTimeLimit,
  untilWindowCloses,
  type Windowed,
} from '#streams'

/** The topologies of testdata/Takeover.java, under the same names. */
const { string } = serdes
const TEXTS = { key: string, value: string }
const TEXT_MAX = 24
const tumbling = tumblingWindows({ sizeMs: 10_000, graceMs: 20_000 })
const sliding = slidingWindows({ timeDifferenceMs: 5000, graceMs: 20_000 })
const sessions = sessionWindows({ inactivityGapMs: 5000, graceMs: 20_000 })
const join = joinWindows({ beforeMs: 5000, afterMs: 5000, graceMs: 3000 })

const stream = (builder: StreamsBuilder, topic: string) => builder.stream(topic, TEXTS)
const table = (builder: StreamsBuilder, topic: string, store: string) => builder.table(topic, { ...TEXTS, store })
const cut = (text: string): string => text.slice(-TEXT_MAX)
const append = (left: string, right: string): string => cut(`${left},${right}`)
const plus = (left: string | null, right: string | null): string => `${left}+${right}`

function tableTo<V extends string | number>(result: KTable<string, V>): void {
  result
    .toStream()
    .mapValues((value) => (value === null ? null : String(value)), { value: string })
    .to('out')
}

function windowsTo<V extends string | number>(result: KTable<Windowed<string>, V>): void {
  result
    .toStream(({ key, window }) => `${key}@${window.startMs}-${window.endMs}`, { key: string })
    .mapValues((value) => (value === null ? null : String(value)), { value: string })
    .to('out')
}

const versioned = (builder: StreamsBuilder) =>
  builder.table('in2', { ...TEXTS, store: { name: 'v', historyRetentionMs: 60_000 } })

const builders: Readonly<Record<string, (builder: StreamsBuilder) => void>> = {
  count: (builder) => tableTo(stream(builder, 'in1').groupByKey().count({ store: 'c' })),
  reduce_repartitioned: (builder) =>
    tableTo(
      stream(builder, 'in1')
        .groupBy((_key, value) => value.slice(0, 1), { key: string, name: 'by-letter' })
        .reduce(append, { store: 'r' }),
    ),
  table_filter_map: (builder) =>
    tableTo(
      table(builder, 'in1', 't')
        .filter((_key, value) => !value.endsWith('0'), { store: 'f' })
        .mapValues((value) => `${value}!`, { ...TEXTS, store: 'm' }),
    ),
  window_count: (builder) => windowsTo(stream(builder, 'in1').groupByKey().windowedBy(tumbling).count({ store: 'w' })),
  sliding_reduce: (builder) =>
    windowsTo(stream(builder, 'in1').groupByKey().windowedBy(sliding).reduce(append, { store: 'w' })),
  session_reduce: (builder) =>
    windowsTo(stream(builder, 'in1').groupByKey().windowedBy(sessions).reduce(append, { store: 'w' })),
  window_suppress: (builder) =>
    windowsTo(
      stream(builder, 'in1')
        .groupByKey()
        .windowedBy(tumbling)
        .count({ store: 'w' })
        .suppress(untilWindowCloses({ name: 's' })),
    ),
  table_suppress: (builder) => tableTo(table(builder, 'in1', 't').suppress(untilTimeLimit(8000, { name: 's' }))),
  stream_left_join: (builder) =>
    stream(builder, 'in1')
      .leftJoin(stream(builder, 'in2'), plus, join, { value: string, name: 'j', storeName: 'js', emitIntervalMs: 0 })
      .to('out'),
  table_outer_join: (builder) =>
    tableTo(table(builder, 'in1', 'l').outerJoin(table(builder, 'in2', 'r'), plus, { ...TEXTS, store: 'j' })),
  foreign_key_join: (builder) =>
    tableTo(
      table(builder, 'in1', 'l').leftJoin(table(builder, 'in2', 'r'), (value) => value.slice(0, 1), plus, {
        value: string,
        name: 'fk',
        store: 'j',
      }),
    ),
  table_group: (builder) =>
    tableTo(
      table(builder, 'in1', 't')
        .groupBy((_key, value) => ({ key: value.slice(0, 1), value }), { ...TEXTS, name: 'g' })
        .aggregate(
          () => '',
          (_key, value, text) => cut(`${text}+${value}`),
          (_key, value, text) => cut(`${text}-${value}`),
          { value: string, store: 'a' },
        ),
    ),
  versioned_join: (builder) =>
    stream(builder, 'in1').leftJoin(versioned(builder), plus, { value: string, name: 'vj' }).to('out'),
  grace_join: (builder) =>
    stream(builder, 'in1').join(versioned(builder), plus, { value: string, name: 'gj', graceMs: 4000 }).to('out'),
}

export const takeoverCases: readonly string[] = Object.keys(builders)

export function takeoverTopology(name: string): Topology {
  const builder = createStreamsBuilder()
  const build = builders[name]
  if (build === undefined) throw new Error(`there is no topology ${name}`)
  build(builder)
  return builder.build()
}
