import {
  createStreamsBuilder,
  hoppingWindows,
  joinWindows,
  type KStream,
  type KTable,
  keyValueStore,
  nullable,
  type ProcessorContext,
  type ProcessorSupplier,
  type StreamsBuilder,
  serdes,
  sessionWindows,
  slidingWindows,
  tumblingWindows,
  untilTimeLimit,
  untilWindowCloses,
  type Windowed,
} from '#streams'
import type { Prng } from '#streams/base'
import { createPrng } from '#streams/base'
import { type SimulatedApplication, textRecords } from './workload.ts'

type Text = string | null
/** Rekeyed or not, its serdes are known. */
type Stream = KStream<Text, Text, 'rekeyed'>
type Table = KTable<string, string>
/** What is being built: names are given out in order, so that the same seed gives the same topics. */
type Draw = { readonly prng: Prng; readonly builder: StreamsBuilder; names: number }

const text = nullable(serdes.string)
const TEXT = { key: text, value: text } as const
const SECOND_MS = 1_000

const last = (value: string): string => value.slice(-40)
const shown = (value: Text): string => value ?? 'null'
const windowText = ({ key, window }: Windowed<string>): string => `${key}@${window.startMs}-${window.endMs}`

/** A topology over texts, of a few operators of every kind, that is valid by construction. */
export function randomApplication(seed: number): SimulatedApplication {
  return {
    name: `random/${seed}`,
    usesWallClock: false,
    build: (persistence) => {
      const builder = createStreamsBuilder()
      draw({ prng: createPrng(seed), builder, names: 0 })
      return builder.build({ persistence, optimization: optimizationOf(seed) })
    },
    records: (prng) => textRecords(prng, sourceTopics(seed), 20 + prng.below(100)),
  }
}

/** A third of the topologies: repartition topics are merged, source topics serve as changelogs. */
export function optimizationOf(seed: number): 'none' | 'all' {
  return seed % 3 === 0 ? 'all' : 'none'
}

const SOURCES = 2
const TABLES = 2

/** All topics that a drawn topology may read; those that it does not read are written in vain. */
function sourceTopics(_seed: number): readonly string[] {
  return ['stream-0', 'stream-1', 'table-0', 'table-1']
}

function draw(context: Draw): void {
  const { prng, builder } = context
  const streams: Stream[] = []
  const tables: Table[] = []
  for (let i = 0; i < SOURCES; i++) streams.push(texts(builder.stream(`stream-${i}`, TEXT)))
  for (let i = 0; i < TABLES; i++) {
    tables.push(
      builder.table(`table-${i}`, { key: serdes.string, value: serdes.string, store: { name: `source-${i}` } }),
    )
  }
  const steps = 1 + prng.below(5)
  for (let i = 0; i < steps; i++) {
    const drawn = prng.next()
    if (drawn < 0.45) streams.push(streamStep(context, pick(prng, streams), pick(prng, streams), pick(prng, tables)))
    else if (drawn < 0.8) tables.push(aggregateStep(context, pick(prng, streams)))
    else tables.push(tableStep(context, pick(prng, tables), pick(prng, tables)))
  }
  streams.at(-1)?.to('out')
  tables
    .at(-1)
    ?.toStream()
    .mapValues((value): Text => value, { value: text })
    .to('table-out')
}

function pick<T>(prng: Prng, items: readonly T[]): T {
  return items[prng.below(items.length)] as T
}

function name(context: Draw, what: string): string {
  return `${what}-${context.names++}`
}

function streamStep(context: Draw, stream: Stream, other: Stream, table: Table): Stream {
  const windows = joinWindows({ beforeMs: 5 * SECOND_MS, afterMs: 3 * SECOND_MS, graceMs: 4 * SECOND_MS })
  const joined = (left: Text, right: Text): Text => last(`${shown(left)}+${shown(right)}`)
  const joinOptions = () => ({ value: text, name: name(context, 'join'), emitIntervalMs: 0 })
  switch (context.prng.below(11)) {
    case 0:
      return stream.filter((_key, value) => value !== 'x')
    case 1:
      return stream.mapValues((value) => `${shown(value)}!`.slice(0, 30), { value: text })
    case 2:
      return stream.selectKey((_key, value) => (value === null ? null : value.slice(0, 1)), { key: text })
    case 3:
      return stream.flatMapValues((value) => (value === null ? [] : value.split(' ').slice(0, 3)), { value: text })
    case 4:
      return stream.merge(other)
    case 5:
      return texts(stream.join(other, joined, windows, joinOptions()))
    case 6:
      return texts(stream.leftJoin(other, joined, windows, joinOptions()))
    case 7:
      return texts(stream.outerJoin(other, joined, windows, joinOptions()))
    case 8:
      return texts(stream.leftJoin(table, joined, { value: text, name: name(context, 'lookup') }))
    case 9:
      return texts(stream.repartition({ name: name(context, 'through') }))
    default:
      return stream.filter((key) => key !== null).process(numbering(name(context, 'numbers')), TEXT)
  }
}

/** Whatever its type says is missing: every operator here is given its serdes. */
function texts(stream: unknown): Stream {
  return stream as Stream
}

/** Numbers the records of each key: the plainest processor with state. */
function numbering(store: string): ProcessorSupplier<Text, Text, Text, Text> {
  const numbers = keyValueStore({ name: store, key: serdes.string, value: serdes.int64 })
  return {
    stores: [numbers],
    get: () => {
      let context: ProcessorContext<Text, Text>
      return {
        init: (given) => {
          context = given
        },
        process: (record) => {
          const counts = context.store(numbers)
          const key = shown(record.key)
          const count = (counts.get(key) ?? 0) + 1
          counts.put(key, count)
          context.forward({ ...record, value: `${count}:${shown(record.value)}`.slice(0, 30) })
        },
      }
    },
  }
}

function aggregateStep(context: Draw, stream: Stream): Table {
  const { prng } = context
  const grouped = stream.groupByKey({ key: serdes.string, name: name(context, 'group') })
  const store = name(context, 'store')
  const add = (_key: string, value: Text, total: string): string => last(`${total}|${value}`)
  const aggregated = { store, value: serdes.string } as const
  const tumbling = tumblingWindows({ sizeMs: 10 * SECOND_MS, graceMs: 5 * SECOND_MS })
  switch (prng.below(8)) {
    case 0:
      return grouped.aggregate(() => '', add, aggregated)
    case 1:
      return counted(grouped.count({ store }))
    case 2:
      return windowed(
        context,
        grouped.windowedBy(tumbling).aggregate(() => '', add, aggregated),
      )
    case 3:
      return windowed(
        context,
        grouped
          .windowedBy(tumbling)
          .aggregate(() => '', add, aggregated)
          .suppress(untilWindowCloses()),
      )
    case 4: {
      const windows = hoppingWindows({ sizeMs: 10 * SECOND_MS, advanceMs: 4 * SECOND_MS, graceMs: 2 * SECOND_MS })
      return windowed(
        context,
        grouped.windowedBy(windows).aggregate(() => '', add, aggregated),
      )
    }
    case 5: {
      const windows = slidingWindows({ timeDifferenceMs: 5 * SECOND_MS, graceMs: 10 * SECOND_MS })
      return windowed(
        context,
        grouped.windowedBy(windows).aggregate(() => '', add, aggregated),
      )
    }
    case 6: {
      const windows = sessionWindows({ inactivityGapMs: 5 * SECOND_MS, graceMs: 5 * SECOND_MS })
      const merge = (_key: string, left: string, right: string): string => last(`${left}&${right}`)
      return windowed(
        context,
        grouped.windowedBy(windows).aggregate(() => '', add, merge, aggregated),
      )
    }
    default:
      return grouped.aggregate(() => '', add, aggregated).suppress(untilTimeLimit(5 * SECOND_MS))
  }
}

function counted(table: KTable<string, number>): Table {
  return table.mapValues((value) => String(value), { value: serdes.string })
}

/** Back to plain keys, through a repartition topic. */
function windowed(context: Draw, table: KTable<Windowed<string>, string>): Table {
  return table
    .toStream()
    .filter((_window, value) => value !== null)
    .map((window, value) => ({ key: windowText(window), value: shown(value) }), {
      key: serdes.string,
      value: serdes.string,
    })
    .toTable({ store: name(context, 'windows') })
}

function tableStep(context: Draw, left: Table, right: Table): Table {
  const joined = (one: string | null, two: string | null): string => last(`${shown(one)}+${shown(two)}`)
  const options = () => ({ value: serdes.string, store: name(context, 'joined') })
  switch (context.prng.below(7)) {
    case 0:
      return left.filter((_key, value) => value !== 'x')
    case 1:
      return left.mapValues((value) => `${value}?`.slice(0, 30), {
        value: serdes.string,
        store: name(context, 'mapped'),
      })
    case 2:
      return left === right ? left : left.join(right, joined, options())
    case 3:
      return left === right ? left : left.leftJoin(right, joined, options())
    case 4:
      return left === right ? left : left.outerJoin(right, joined, options())
    case 5: {
      const store = name(context, 'regrouped')
      return left
        .groupBy((_key, value) => ({ key: value.slice(0, 1), value }), {
          key: serdes.string,
          value: serdes.string,
          name: name(context, 'by'),
        })
        .aggregate(
          () => '0',
          (_key, _value, total) => String(Number(total) + 1),
          (_key, _value, total) => String(Number(total) - 1),
          { store, value: serdes.string },
        )
    }
    default:
      return left === right ? left : left.leftJoin(right, (value) => value.slice(0, 1), joined, options())
  }
}
