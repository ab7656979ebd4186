import {
  type BuildOptions,
  boundedBuffer,
  createStreamsBuilder,
  type FixedKeyProcessorSupplier,
  type GlobalKTable,
  type KStream,
  type KTable,
  keyValueStore,
  nullable,
  type StreamsBuilder,
  serdes,
  type Topology,
  untilTimeLimit,
  untilWindowCloses,
  type Windowed,
} from '#streams'
import {
  addTo,
  cut,
  EAGER,
  joins,
  letterOf,
  numberOf,
  plus,
  sessions,
  sliding,
  type Text,
  textOf,
  timeWindows,
  windowText,
} from './choices.ts'
import { type Instruction, inputTopics, type OpName, type Program } from './program.ts'

const text = nullable(serdes.string)
const TEXT = { key: text, value: text } as const
const STRING = { key: serdes.string, value: serdes.string } as const

/** What may be compared of an output, and when. */
export type OutputTraits = {
  readonly topic: string
  /** Repartition topics on the longest way here. With two, the order of one key's records depends on the partitions. */
  readonly repartitions: number
  /** Depends on stream time, which is a task's own: another number of partitions closes windows at other times. */
  readonly timed: boolean
  /** The last value of each key is the same however updates of tables collapse in caches. */
  readonly finalState: boolean
}

type Traits = Omit<OutputTraits, 'topic'> & {
  /** The topics it comes from. */
  readonly roots: readonly string[]
}
type StreamHandle = { readonly stream: KStream<Text, Text>; readonly traits: Traits; readonly isRekeyed: boolean }
type TableHandle = { readonly table: KTable<string, string>; readonly traits: Traits }

export type BuiltProgram = { readonly topology: Topology; readonly outputs: readonly OutputTraits[] }

/** Builds what the instructions say; what nothing consumes is written to `out-…` topics. */
export function buildProgram(
  program: Program,
  options: Pick<BuildOptions, 'persistence' | 'optimization' | 'storeFormat'> = {},
): BuiltProgram {
  const made = new ProgramBuilder()
  for (const [index, instruction] of program.entries()) made.add(instruction, index)
  const outputs = made.writeOutputs()
  return { topology: made.builder.build(options), outputs }
}

const sourceTraits = (topic: string): Traits => ({ repartitions: 0, timed: false, finalState: true, roots: [topic] })

class ProgramBuilder {
  readonly builder: StreamsBuilder = createStreamsBuilder()
  readonly #streams: StreamHandle[] = []
  readonly #tables: TableHandle[] = []
  readonly #used = new Set<unknown>()
  #global: GlobalKTable<string, string> | undefined
  #instruction: Instruction = { op: 'filter', a: 0, b: 0, n: 0 }
  #index = 0

  constructor() {
    for (const topic of inputTopics.streams)
      this.#streams.push({ stream: this.builder.stream(topic, TEXT), traits: sourceTraits(topic), isRekeyed: false })
    for (const topic of inputTopics.tables)
      this.#tables.push({
        table: this.builder.table(topic, { ...STRING, store: `store-${topic}` }),
        traits: sourceTraits(topic),
      })
  }

  add(instruction: Instruction, index: number): void {
    this.#instruction = instruction
    this.#index = index
    this.#operators[instruction.op]()
  }

  writeOutputs(): readonly OutputTraits[] {
    const outputs: OutputTraits[] = []
    for (const handle of this.#streams) {
      if (this.#used.has(handle)) continue
      const topic = `out-s${outputs.length}`
      handle.stream.to(topic)
      // A rekeyed stream writes one key from several tasks: their order is free like that of a repartition topic.
      outputs.push({
        topic,
        ...handle.traits,
        finalState: false,
        repartitions: handle.traits.repartitions + (handle.isRekeyed ? 1 : 0),
      })
    }
    for (const handle of this.#tables) {
      if (this.#used.has(handle)) continue
      const topic = `out-t${outputs.length}`
      handle.table.toStream().to(topic)
      outputs.push({ topic, ...handle.traits })
    }
    return outputs
  }

  // What operators choose of ------------------------------------------------------------------------------------------

  #stream(choice = this.#instruction.a): StreamHandle {
    // The newest ones more often: chains are longer then.
    const handle = this.#streams[
      this.#streams.length - 1 - (choice % Math.min(3, this.#streams.length))
    ] as StreamHandle
    this.#used.add(handle)
    return handle
  }

  #table(choice = this.#instruction.a): TableHandle {
    const handle = this.#tables[this.#tables.length - 1 - (choice % Math.min(3, this.#tables.length))] as TableHandle
    this.#used.add(handle)
    return handle
  }

  #variant<T>(variants: readonly T[]): T {
    return variants[this.#instruction.n % variants.length] as T
  }

  #addStream(stream: KStream<Text, Text> | KStream<Text, Text, 'rekeyed'>, traits: Traits, isRekeyed: boolean): void {
    this.#streams.push({ stream: stream as KStream<Text, Text>, traits, isRekeyed })
  }

  #addTable(table: KTable<string, string>, traits: Traits): void {
    this.#tables.push({ table, traits })
  }

  get #store(): string {
    return `store-${this.#index}`
  }

  // Operators ---------------------------------------------------------------------------------------------------------

  readonly #operators: Readonly<Record<OpName, () => void>> = {
    filter: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      const bound = this.#variant([3, 5, 8])
      this.#addStream(
        stream.filter((_key, value) => numberOf(value) % 10 < bound),
        traits,
        isRekeyed,
      )
    },
    'map-values': () => {
      const { stream, traits, isRekeyed } = this.#stream()
      this.#addStream(
        stream.mapValues((value) => (value === null ? null : cut(`${value}.`)), { value: text }),
        traits,
        isRekeyed,
      )
    },
    'flat-map-values': () => {
      const { stream, traits, isRekeyed } = this.#stream()
      const expand = (value: Text): Text[] => (numberOf(value) % 3 === 0 ? [] : [value, cut(`${textOf(value)}2`)])
      this.#addStream(stream.flatMapValues(expand, { value: text }), traits, isRekeyed)
    },
    'select-key': () => {
      const { stream, traits } = this.#stream()
      this.#addStream(
        stream.selectKey((_key, value): Text => letterOf(value), { key: text }),
        traits,
        true,
      )
    },
    map: () => {
      const { stream, traits } = this.#stream()
      const mapped = stream.map(
        (key, value) => ({ key: letterOf(value) as Text, value: plus(key, value) as Text }),
        TEXT,
      )
      this.#addStream(mapped, traits, true)
    },
    merge: () => {
      const left = this.#stream()
      const right = this.#stream(this.#instruction.b)
      // Where one way is longer than the other, their order is that of commits.
      const traits = both(left, right)
      const finalState = traits.finalState && traits.repartitions === 0
      this.#addStream(left.stream.merge(right.stream), { ...traits, finalState }, left.isRekeyed || right.isRekeyed)
    },
    branch: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      const branches = stream
        .split({ name: `split-${this.#index}-` })
        .branch((_key, value) => numberOf(value) % 2 === 0, { name: 'even' })
        .defaultBranch({ name: 'odd' })
      for (const branch of Object.values(branches)) this.#addStream(branch as KStream<Text, Text>, traits, isRekeyed)
    },
    repartition: () => {
      const { stream, traits } = this.#stream()
      this.#addStream(stream.repartition({ name: `rp-${this.#index}` }), repartitioned(traits, true), false)
    },
    process: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      // The store's task is that of the input: a rekeyed stream counts keys of which other tasks have some too.
      const supplier = countingSupplier(this.#store)
      const counted = stream.processValues(supplier, { value: text })
      this.#addStream(counted, { ...traits, timed: traits.timed || isRekeyed }, isRekeyed)
    },
    'to-table': () => {
      const { stream, traits, isRekeyed } = this.#stream()
      this.#addTable(stream.toTable({ ...TEXT, store: this.#store }), repartitioned(traits, isRekeyed))
    },
    count: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      const table = stream.groupByKey(TEXT).count({ store: this.#store })
      this.#addTable(table.mapValues(String, { value: serdes.string }), repartitioned(traits, isRekeyed))
    },
    reduce: () => {
      const { stream, traits } = this.#stream()
      const table = stream
        .groupBy((_key, value) => letterOf(value), { key: serdes.string, value: text })
        .reduce((left, right) => cut(`${left},${right}`), { store: this.#store })
      this.#addTable(table, repartitioned(traits, true))
    },
    aggregate: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      // Null from the aggregator removes the row; the next record begins anew.
      const table = stream.groupByKey(TEXT).aggregate(
        () => '0',
        (_key, value, total): string | null =>
          numberOf(value) === 7 ? null : String(numberOf(total) + numberOf(value)),
        { store: this.#store, value: serdes.string },
      )
      this.#addTable(table, repartitioned(traits, isRekeyed))
    },
    cogroup: () => {
      const left = this.#stream()
      const right = this.#stream(this.#instruction.b)
      const table = left.stream
        .groupByKey({ ...TEXT, name: `${this.#store}-left` })
        .cogroup((_key, value, total: string) => cut(`${total}A${value}`))
        .cogroup(right.stream.groupByKey({ ...TEXT, name: `${this.#store}-right` }), (_key, value, total) =>
          cut(`${total}B${value}`),
        )
        .aggregate(() => '', { store: this.#store, value: serdes.string })
      const traits = repartitioned(both(left, right), left.isRekeyed || right.isRekeyed)
      this.#addTable(table, { ...traits, finalState: traits.finalState && traits.repartitions === 0 })
    },
    'window-count': () => this.#window('update'),
    'window-final': () => this.#window('final'),
    'window-suppress': () => this.#window('suppress'),
    session: () => {
      const { stream, traits, isRekeyed } = this.#stream()
      const windowed = stream.groupByKey(TEXT).windowedBy(this.#variant(sessions))
      const strategy = this.#instruction.b % 3 === 0 ? windowed.emitStrategy(EAGER) : windowed
      const table = strategy.aggregate(
        () => '',
        (_key, value, total) => cut(`${total}${value}`),
        (_key, left, right) => cut(`${left}&${right}`),
        { store: this.#store, value: serdes.string },
      )
      this.#addWindowed(table, repartitioned(traits, isRekeyed))
    },
    'stream-join': () => {
      const left = this.#stream()
      const right = this.#stream(this.#instruction.b)
      this.#join(left, right)
    },
    'self-join': () => {
      const side = this.#stream()
      this.#join(side, side)
    },
    'table-lookup': () => {
      const side = this.#stream()
      const table = this.#table(this.#instruction.b)
      const options = { key: text, left: text, value: text, name: `${this.#store}-lookup` }
      const joined =
        this.#instruction.n % 2 === 0
          ? side.stream.join(table.table, plus, options)
          : side.stream.leftJoin(table.table, plus, options)
      const traits = both({ traits: repartitioned(side.traits, side.isRekeyed) }, table)
      this.#addStream(joined as KStream<Text, Text>, { ...traits, finalState: false }, false)
    },
    'versioned-lookup': () => {
      const side = this.#stream()
      const versions = this.#stream(this.#instruction.b)
      const table = versions.stream.toTable({ ...TEXT, store: { name: this.#store, historyRetentionMs: 40_000 } })
      const options = { key: text, left: text, value: text, name: `${this.#store}-lookup` }
      const grace = this.#instruction.n % 3 === 0 ? { ...options, graceMs: 5000 } : options
      const joined =
        this.#instruction.n % 2 === 0 ? side.stream.join(table, plus, grace) : side.stream.leftJoin(table, plus, grace)
      const traits = repartitioned(both(side, versions), side.isRekeyed || versions.isRekeyed)
      this.#addStream(joined as KStream<Text, Text>, { ...traits, timed: true, finalState: false }, false)
    },
    'global-lookup': () => {
      const { stream, traits, isRekeyed } = this.#stream()
      this.#global ??= this.builder.globalTable(inputTopics.global, { ...STRING, store: 'store-global' })
      const select = (_key: Text, value: Text): string => letterOf(value)
      const joined =
        this.#instruction.n % 2 === 0
          ? stream.join(this.#global, select, plus, { value: text })
          : stream.leftJoin(this.#global, select, plus, { value: text })
      this.#addStream(joined, traits, isRekeyed)
    },
    'table-filter': () => {
      const { table, traits } = this.#table()
      const options = this.#instruction.b % 2 === 0 ? {} : { store: this.#store }
      this.#addTable(
        table.filter((_key, value) => numberOf(value) % 4 !== 0, options),
        traits,
      )
    },
    'table-map-values': () => {
      const { table, traits } = this.#table()
      const mapper = (value: string): string | null => (numberOf(value) === 5 ? null : cut(`${value}!`))
      const mapped =
        this.#instruction.b % 2 === 0
          ? table.mapValues(mapper, { value: serdes.string })
          : table.mapValues(mapper, { ...STRING, store: this.#store })
      this.#addTable(mapped, traits)
    },
    'table-join': () => {
      const left = this.#table()
      const right = this.#table(this.#instruction.b)
      const options = this.#instruction.b % 2 === 0 ? { value: serdes.string } : { ...STRING, store: this.#store }
      const joined = this.#variant([
        () => left.table.join(right.table, plus, options as { value: typeof serdes.string }),
        () => left.table.leftJoin(right.table, plus, options as { value: typeof serdes.string }),
        () => left.table.outerJoin(right.table, plus, options as { value: typeof serdes.string }),
      ])()
      this.#addTable(joined, joinedTables(left, right))
    },
    'foreign-key-join': () => {
      const left = this.#table()
      const right = this.#table(this.#instruction.b)
      const options = {
        ...STRING,
        left: serdes.string,
        right: serdes.string,
        foreignKeySerde: serdes.string,
        store: this.#store,
      }
      const foreignKey = (value: string): string | null => (numberOf(value) === 9 ? null : letterOf(value))
      const joined =
        this.#instruction.n % 2 === 0
          ? left.table.join(right.table, foreignKey, plus, options)
          : left.table.leftJoin(right.table, foreignKey, plus, options)
      this.#addTable(joined, repartitioned(repartitioned(joinedTables(left, right), true), true))
    },
    'table-group': () => {
      const { table, traits } = this.#table()
      const grouped = table.groupBy((key, value) => ({ key: letterOf(value), value: plus(key, value) }), STRING)
      // Adding and taking away commute: updates of two rows of a group may come in any order. A count stays at 0 where
      // rows came and went, which caches may hide; the sum says null then.
      const isCount = this.#instruction.n % 2 === 0
      const result = isCount
        ? grouped.count({ store: this.#store }).mapValues(String, { value: serdes.string })
        : grouped.aggregate(
            () => '0/0',
            (_key, value, total) => addTo(total, 1, numberOf(value)),
            (_key, value, total) => addTo(total, -1, -numberOf(value)),
            { store: this.#store, value: serdes.string },
          )
      // The first change of an aggregate takes its initial value for the old one, which is then taken away (as in Java).
      const ofTables = traits.roots.every((root) => inputTopics.tables.some((topic) => topic === root))
      const finalState = traits.finalState && !isCount && ofTables
      this.#addTable(result, repartitioned({ ...traits, finalState }, true))
    },
    'table-suppress': () => {
      const { table, traits } = this.#table()
      const suppressed = this.#variant([
        untilTimeLimit(5000),
        untilTimeLimit(0),
        untilTimeLimit(20_000, { buffer: boundedBuffer({ recordsMax: 3, whenFull: 'emit-early' }) }),
      ])
      this.#addTable(table.suppress(suppressed, STRING), { ...traits, timed: true, finalState: false })
    },
    'table-transform': () => {
      const { table, traits } = this.#table()
      const supplier = {
        get: () => ({
          transform: (key: string, value: string | null) => (value === null ? null : cut(`${key}:${value}`)),
        }),
      }
      const transformed =
        this.#instruction.b % 2 === 0
          ? table.transformValues(supplier, { value: serdes.string })
          : table.transformValues(supplier, { ...STRING, store: this.#store })
      this.#addTable(transformed, traits)
    },
    'to-stream': () => {
      const { table, traits } = this.#table()
      this.#addStream(table.toStream() as KStream<Text, Text>, { ...traits, finalState: false }, false)
    },
  }

  #window(emit: 'update' | 'final' | 'suppress'): void {
    const { stream, traits, isRekeyed } = this.#stream()
    const grouped = stream.groupByKey(TEXT)
    const isSliding = this.#instruction.b % 3 === 0
    const windowed = isSliding
      ? grouped.windowedBy(this.#variant(sliding))
      : grouped.windowedBy(this.#variant(timeWindows))
    const counted = (emit === 'final' ? windowed.emitStrategy(EAGER) : windowed).count({ store: this.#store })
    const table = emit === 'suppress' ? counted.suppress(untilWindowCloses()) : counted
    this.#addWindowed(table, repartitioned(traits, isRekeyed))
  }

  #addWindowed<V extends string | number>(table: KTable<Windowed<string>, V>, traits: Traits): void {
    const stream = table
      .toStream()
      .selectKey((key): Text => windowText(key), { key: text })
      .mapValues((value): Text => (value === null ? null : String(value)), { value: text })
    this.#addStream(stream, { ...traits, timed: true, finalState: false }, true)
  }

  #join(left: StreamHandle, right: StreamHandle): void {
    const options = { key: text, left: text, right: text, value: text, emitIntervalMs: 0, name: `${this.#store}-join` }
    const windows = joins[this.#instruction.b % joins.length] as (typeof joins)[number]
    const joined = this.#variant([
      () => left.stream.join(right.stream as KStream<string, Text>, plus, windows, options),
      () => left.stream.leftJoin(right.stream as KStream<string, Text>, plus, windows, options),
      () => left.stream.outerJoin(right.stream as KStream<string, Text>, plus, windows, options),
    ])()
    const traits = repartitioned(both(left, right), left.isRekeyed || right.isRekeyed)
    this.#addStream(joined as KStream<Text, Text>, { ...traits, timed: true, finalState: false }, false)
  }
}

function repartitioned(traits: Traits, isRekeyed: boolean): Traits {
  return isRekeyed ? { ...traits, repartitions: traits.repartitions + 1 } : traits
}

function both(left: { readonly traits: Traits }, right: { readonly traits: Traits }): Traits {
  return {
    repartitions: Math.max(left.traits.repartitions, right.traits.repartitions),
    timed: left.traits.timed || right.traits.timed,
    finalState: left.traits.finalState && right.traits.finalState,
    roots: [...new Set([...left.traits.roots, ...right.traits.roots])],
  }
}

/**
 * Two tables of one topic change in the same step: each side finds the other one changed already, and what the join
 * says then (as in Java) depends on whether a cache has collapsed it.
 */
function joinedTables(left: TableHandle, right: TableHandle): Traits {
  const shareRoot = left.traits.roots.some((root) => right.traits.roots.includes(root))
  const traits = both(left, right)
  return { ...traits, finalState: traits.finalState && !shareRoot }
}

/** Numbers the records of each key, in a store of its own. */
function countingSupplier(storeName: string): FixedKeyProcessorSupplier<Text, Text, Text> {
  const spec = keyValueStore({ name: storeName, key: serdes.string, value: serdes.string })
  return {
    stores: [spec],
    get: () => {
      let forward: (
        record: Parameters<ReturnType<FixedKeyProcessorSupplier<Text, Text, Text>['get']>['process']>[0],
      ) => void
      let countOf: (key: string) => string
      return {
        init: (context) => {
          const store = context.store(spec)
          forward = (record) => context.forward(record)
          countOf = (key) => {
            const count = String(Number(store.get(key) ?? '0') + 1)
            store.put(key, count)
            return count
          }
        },
        process: (record) =>
          forward({ ...record, value: cut(`${textOf(record.value)}#${countOf(record.key ?? '∅')}`) }),
      }
    },
  }
}
