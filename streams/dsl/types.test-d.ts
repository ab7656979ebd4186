import {
  createStreamsBuilder,
  type FixedKeyProcessorSupplier,
  hoppingWindows,
  joinWindows,
  type KGroupedStream,
  type KStream,
  type KTable,
  keyValueStore,
  nullable,
  ON_WINDOW_CLOSE,
  type Processor,
  serdes,
  sessionWindows,
  slidingWindows,
  tumblingWindows,
  unlimitedWindows,
  untilWindowCloses,
  type Windowed,
} from '../index.ts'

/**
 * What compiles and what does not. Nothing here runs: the compiler checks it with everything else, and a line marked
 * `@ts-expect-error` that compiles is an error.
 */

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function expectType<Expected>(): <Actual>(
  actual: Actual,
  ...isEqual: Equal<Actual, Expected> extends true ? [] : [never]
) => void

type MemberId = string & { readonly brand: 'MemberId' }
type Deposit = { readonly memberId: MemberId; readonly minorUnits: number }

const S = { key: serdes.string, value: serdes.string } as const
const memberId = serdes.string as unknown as typeof serdes.string & {
  deserialize(bytes: Uint8Array, topic: string): MemberId
}
const windows = joinWindows({ beforeMs: 1, afterMs: 1, graceMs: 0 })
const tumbling = tumblingWindows({ sizeMs: 1000, graceMs: 0 })

const builder = createStreamsBuilder()
const words = builder.stream('words', S)
const numbers = builder.stream('numbers', { key: serdes.int64, value: serdes.string })
const maybe = builder.stream('maybe', { key: nullable(serdes.string), value: nullable(serdes.string) })
const deposits = builder.stream('deposits', { key: serdes.string, value: serdes.json<Deposit>() })
const table = builder.table('table', S)
const numberTable = builder.table('number-table', { key: serdes.int64, value: serdes.string })
const global = builder.globalTable('global', { key: serdes.int64, value: serdes.boolean })

// Keys and values are inferred through every operator.
expectType<KStream<string, string, never>>()(words)
expectType<KStream<string, number, 'no-value-serde'>>()(words.mapValues((value) => value.length))
expectType<KStream<string, number, never>>()(words.mapValues((value) => value.length, { value: serdes.int64 }))
expectType<KStream<number, string, 'rekeyed'>>()(words.selectKey((_key, value) => value.length, { key: serdes.int64 }))
expectType<KStream<number, boolean, 'no-key-serde' | 'no-value-serde' | 'rekeyed'>>()(
  words.map((_key, value) => ({ key: value.length, value: true })),
)
expectType<KStream<string, MemberId, 'no-value-serde'>>()(deposits.mapValues(({ memberId }) => memberId))
expectType<KGroupedStream<string, string, never>>()(words.groupByKey())
expectType<KTable<string, number, never>>()(words.groupByKey().count())
expectType<KTable<string, number, never>>()(
  words.groupByKey().aggregate(
    () => 0,
    (_key, value, total) => total + value.length,
    { value: serdes.int64 },
  ),
)
expectType<KTable<Windowed<string>, number, never>>()(words.groupByKey().windowedBy(tumbling).count())
expectType<KStream<Windowed<string>, number | null, never>>()(
  words
    .groupByKey()
    .windowedBy(slidingWindows({ timeDifferenceMs: 1, graceMs: 1 }))
    .count()
    .toStream(),
)
expectType<KTable<string, string, never>>()(
  words
    .groupByKey()
    .cogroup((_key, value, total: string) => total + value)
    .aggregate(() => '', { value: serdes.string }),
)
expectType<KTable<boolean, number, never>>()(
  table
    .groupBy((_key, value) => ({ key: value.length > 3, value }), { key: serdes.boolean, value: serdes.string })
    .count(),
)
expectType<KTable<string, number, 'no-value-serde'>>()(table.mapValues((value) => value.length))
expectType<KTable<string, number, never>>()(
  table.mapValues((value) => value.length, { value: serdes.int64, store: 's' }),
)
expectType<KStream<string, number, 'no-value-serde'>>()(words.join(table, (value, row) => value.length + row.length))
expectType<KStream<string, boolean, 'no-value-serde'>>()(
  words.join(
    global,
    (_key, value) => value.length,
    (_value, row) => row,
  ),
)
expectType<KStream<string, string, never>>()(
  words.join(words, (left, right, key) => key + left + right, windows, { value: serdes.string }),
)

// A type guard narrows, here and in a branch's result.
expectType<KStream<string | null, string, never>>()(maybe.filter((_key, value) => value !== null))
const branches = words
  .split()
  .branch((_key, value) => value === 'a', { name: 'a' })
  .branch((_key, value) => value === 'b', { name: 'b', chain: (branch) => branch.mapValues((value) => value.length) })
  .defaultBranch()
expectType<KStream<string, string, never>>()(branches.a)
expectType<KStream<string, number, 'no-value-serde'>>()(branches.b)
expectType<KStream<string, string, never>>()(branches.default)
// @ts-expect-error: there is no branch of this name
branches.c

// Null is in the types where it is in the data, and gone where an operator drops it.
expectType<KGroupedStream<string, string | null, never>>()(maybe.groupByKey())
// Aggregations without windows, and by sliding ones, leave null values out; those of other windows are given them.
maybe.groupByKey().aggregate(
  () => 0,
  (_key, value, total) => total + value.length,
  { value: serdes.int64 },
)
expectType<KTable<string, string, never>>()(maybe.groupByKey().reduce((total, value) => total + value.trim()))
maybe
  .groupByKey()
  .windowedBy(slidingWindows({ timeDifferenceMs: 1, graceMs: 1 }))
  .reduce((total, value) => total + value.trim())
expectType<KTable<Windowed<string>, string, never>>()(
  maybe
    .groupByKey()
    .windowedBy(tumbling)
    .reduce((total, value) => total.trim() + (value ?? '')),
)
maybe
  .groupByKey()
  .windowedBy(tumbling)
  // @ts-expect-error: the value may be null
  .reduce((total, value) => total + value.trim())
maybe
  .groupByKey()
  .windowedBy(sessionWindows({ inactivityGapMs: 1, graceMs: 1 }))
  // @ts-expect-error: the value may be null
  .reduce((total, value) => total + value.trim())
maybe
  .groupByKey()
  .windowedBy(unlimitedWindows())
  .aggregate(
    () => 0,
    // @ts-expect-error: the value may be null
    (_key, value, total) => total + value.length,
    { value: serdes.int64 },
  )
expectType<KStream<string, string | null, never>>()(table.toStream())
expectType<KTable<string, string, never>>()(maybe.toTable())
expectType<KStream<string, number, 'no-value-serde'>>()(maybe.join(table, (value, row) => value.length + row.length))
expectType<KStream<string | null, string, 'no-value-serde'>>()(maybe.leftJoin(table, (value, row) => row ?? value))
expectType<KTable<string, number, 'no-value-serde'>>()(table.mapValues((value) => (value === '' ? null : value.length)))
// @ts-expect-error: a removed row flows as null
table.toStream().mapValues((value) => value.length)
// @ts-expect-error: the right side of a left join may be missing
words.leftJoin(table, (value, row) => value.length + row.length)
// @ts-expect-error: either side of an outer join may be missing
words.outerJoin(words, (left, right) => left.length + right.length, windows)
maybe.join(words, (left, right) => left + right, windows)

// Joins need keys of one type.
// @ts-expect-error: keys are string and number
words.join(numbers, (left, right) => left + right, windows)
// @ts-expect-error: keys are string and number
words.leftJoin(numberTable, (value) => value)
// @ts-expect-error: keys are string and number
table.join(numberTable, (left, right) => left + right)
words.join(
  // @ts-expect-error: the selector gives a string, the global table's key is a number
  global,
  (_key, value) => value,
  (value) => value,
)
table.join(
  numberTable,
  // @ts-expect-error: the foreign key is a string, the other table's key is a number
  (value) => value,
  (left, right) => left + right,
  { value: serdes.string },
)
// @ts-expect-error: a merge is of one type
words.merge(words.mapValues((value) => value.length))
// @ts-expect-error: and of one key
words.merge(numbers)
words
  .selectKey((_key, value) => value as MemberId, { key: memberId })
  // @ts-expect-error: a member id is a string, but not any string is a member id
  .join(words, (left, right) => left + right, windows)

// A serde is needed where a topic or a store needs one.
// @ts-expect-error: no serde for numbers is known
words.mapValues((value) => value.length).to('topic')
words.mapValues((value) => value.length).to('topic', { value: serdes.int64 })
// @ts-expect-error: the wrong serde
words.mapValues((value) => value.length).to('topic', { value: serdes.string })
// @ts-expect-error: the new key goes through a topic
words.selectKey((_key, value) => value).groupByKey()
words.selectKey((_key, value) => value).groupByKey({ key: serdes.string })
// @ts-expect-error: the value goes through the topic too
words.map((_key, value) => ({ key: value, value: 1 })).groupByKey({ key: serdes.string })
// Without a new key there is no topic, and counting stores no value.
words
  .mapValues((value) => value.length)
  .groupByKey()
  .count()
words
  .mapValues((value) => value.length)
  .groupByKey()
  // @ts-expect-error: a reduction stores the value
  .reduce((total, value) => total + value)
words
  .mapValues((value) => value.length)
  .groupByKey()
  .reduce((total, value) => total + value, { value: serdes.int64 })
// @ts-expect-error: an aggregation stores its result
words.groupByKey().aggregate(
  () => 0,
  (_key, _value, total) => total + 1,
)
// @ts-expect-error: a new group needs its key's serde
words.groupBy((_key, value) => value)
// @ts-expect-error: grouped rows go through a topic
table.groupBy((key, value) => ({ key: value, value: key }))
// @ts-expect-error: a windowed join stores both sides
words.mapValues((value) => value.length).join(words, (left, right) => left + right.length, windows)
words
  .mapValues((value) => value.length)
  .join(words, (left, right) => left + right.length, windows, { left: serdes.int64 })
// A lookup stores nothing of the stream.
words.mapValues((value) => value.length).join(table, (value, row) => value + row.length)
// @ts-expect-error: but a rekeyed stream is repartitioned first
words.selectKey((_key, value) => value).join(table, (value, row) => value + row)
// @ts-expect-error: and one that waits is buffered
words.mapValues((value) => value.length).join(table, (value, row) => value + row.length, { graceMs: 5 })
// @ts-expect-error: a store needs the value's serde
table.mapValues((value) => value.length, { store: 'lengths' })
// @ts-expect-error: a table of a stream is stored
words.mapValues((value) => value.length).toTable()
// @ts-expect-error: a buffer stores
table.mapValues((value) => value.length).suppress({ kind: 'time-limit', waitMs: 1, buffer: untilWindowCloses().buffer })
table.join(
  table,
  (value) => value,
  // @ts-expect-error: the result is stored, so its serde comes fourth
  (left: string, right: string) => left + right,
)

// A function over streams names what it can do without.
const countAny = <V>(stream: KStream<string, V, 'no-value-serde'>) => stream.groupByKey().count()
countAny(words)
countAny(words.mapValues((value) => value.length))
const sendOn = (stream: KStream<string, number>) => stream.to('topic')
sendOn(words.mapValues((value) => value.length, { value: serdes.int64 }))
// @ts-expect-error: it sends, so it cannot do without the value's serde
sendOn(words.mapValues((value) => value.length))

// A timestamp extractor knows what it reads; that of a table also sees what removes rows.
builder.stream('timed', { ...S, timestampExtractor: ({ key, value }) => key.length + value.length })
builder.stream('timed', { ...S, timestampExtractor: (record: { readonly timestampMs: number }) => record.timestampMs })
builder.table('timed-table', { ...S, timestampExtractor: ({ value }) => value?.length ?? 0 })
// @ts-expect-error: null removes a row
builder.table('timed-table', { ...S, timestampExtractor: ({ value }) => value.length })
// @ts-expect-error: nobody would ask it
builder.globalTable('timed-global', { ...S, timestampExtractor: () => 0 })

// Windows.
// @ts-expect-error: grace is always said
tumblingWindows({ sizeMs: 1 })
// @ts-expect-error: only a hopping window advances
tumblingWindows({ sizeMs: 1, graceMs: 1, advanceMs: 1 })
hoppingWindows({ sizeMs: 2, advanceMs: 1, graceMs: 0 })
// @ts-expect-error: an unlimited window never closes
words.groupByKey().windowedBy(unlimitedWindows()).emitStrategy(ON_WINDOW_CLOSE)
words.groupByKey().windowedBy(tumbling).emitStrategy(ON_WINDOW_CLOSE).count()
words
  .groupByKey()
  .windowedBy(tumbling)
  .emitStrategy({ ...ON_WINDOW_CLOSE, intervalMs: 0, lossless: true })
  .count()
// @ts-expect-error: there is no window to wait for
words.groupByKey().count().suppress(untilWindowCloses())
words.groupByKey().windowedBy(tumbling).count().suppress(untilWindowCloses())
// @ts-expect-error: a buffer that sends early is not final
untilWindowCloses({ buffer: { recordsMax: 1, bytesMax: 1, whenFull: 'emit-early' } })
const sessions = words.groupByKey().windowedBy(sessionWindows({ inactivityGapMs: 1, graceMs: 1 }))
// @ts-expect-error: sessions merge
sessions.aggregate(
  () => 0,
  (_key, _value, total) => total + 1,
  { value: serdes.int64 },
)
// @ts-expect-error: a join of streams has windows
words.join(words, (left, right) => left + right)

// Processors.
const counts = keyValueStore({ name: 'counts', key: serdes.string, value: serdes.int64 })
const counting: FixedKeyProcessorSupplier<string, string, number> = {
  stores: [counts],
  get: () => ({
    init: (context) => {
      const store = context.store(counts)
      store.put('a', (store.get('a') ?? 0) + 1)
      // @ts-expect-error: the store holds numbers
      store.put('a', 'b')
    },
    process: () => {},
  }),
}
expectType<KStream<string, number, 'no-value-serde'>>()(words.processValues(counting))
// @ts-expect-error: the processor reads other keys
numbers.processValues(counting)
declare const wrongInput: { get(): Processor<string, number, string, string> }
// @ts-expect-error: the processor reads other values
words.process(wrongInput)
