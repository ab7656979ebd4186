import type { Serde } from '../ports/index.ts'
import type { StorePersistence, StoreSpec } from '../stores/types.ts'
import type { ProcessorWrapper } from '../topology/builder.ts'
import { checkName, invalidTopology } from '../topology/names.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { AutoOffsetReset, TimestampExtractor, Topology } from '../topology/topology.ts'
import { analysePlan } from './analyse.ts'
import { createGroupedStream } from './grouped-stream-operators.ts'
import { createGroupedTable } from './grouped-table-operators.ts'
import { attachHandle } from './handles.ts'
import type { KStream } from './kstream.ts'
import type { GlobalKTable, KTable } from './ktable.ts'
import { lowerPlan } from './lower.ts'
import { mergeDuplicateSources, type Optimization, optimisePlan, optimizationsOf } from './optimise.ts'
import type { Erased, GeneratedNames, Plan } from './plan.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { recordStore } from './store-plans.ts'
import { createStream } from './stream-operators.ts'
import { createTable } from './table-operators.ts'
import type { Named, TableStoreOptions } from './types.ts'

export type Consumed<K, V> = ConsumedWith<K, V, TimestampExtractor<K, V>>
/** A table's extractor also sees the records that remove rows, and those without a key. */
type ConsumedAsTable<K, V> = ConsumedWith<K, V, TimestampExtractor<K | null, V | null>>
type ConsumedWith<K, V, Extractor> = Named & {
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestampExtractor?: Extractor
  /** Where to begin without a committed offset. */
  readonly autoOffsetReset?: AutoOffsetReset
}

export type GlobalStoreInput<K, V> = Consumed<K, V> & {
  /** Keeps the store up to date; it forwards nothing. */
  readonly supplier: ProcessorSupplier<K, V, never, never>
}

export type BuildOptions = {
  /** Java: topology.optimization. Default none. A change of it renames or removes topics: not for running state. */
  readonly optimization?: 'none' | 'all' | readonly Optimization[]
  /** Where stores keep their data if the operator does not say; default persistent. */
  readonly persistence?: StorePersistence
  /** Java: dsl.store.format. `headers`: stores of operators keep headers where the operator does not say; default not. */
  readonly storeFormat?: 'default' | 'headers'
  /** KIP-1111: refuses names that were generated for stores and internal topics. */
  readonly ensureExplicitNames?: boolean
  /** KIP-1112. */
  readonly processorWrapper?: ProcessorWrapper
}

export type StreamsBuilder = {
  /** Reads one or several topics, or all whose names match. */
  stream<K, V>(topics: string | readonly string[] | RegExp, options: Consumed<K, V>): KStream<K, V>
  /** Reads a topic as a table: null values remove rows, records without a key are left out. */
  table<K, V>(
    topic: string,
    options: ConsumedAsTable<K, V> & { readonly store?: string | TableStoreOptions },
  ): KTable<NonNullable<K>, NonNullable<V>>
  /**
   * A table that every instance holds whole, read to its end before anything else runs. Its rows have the timestamps of
   * their records: Java takes an extractor here and does not ask it.
   */
  globalTable<K, V>(
    topic: string,
    options: Omit<Consumed<K, V>, 'autoOffsetReset' | 'timestampExtractor'> & {
      readonly store?: string | Omit<TableStoreOptions, 'historyRetentionMs' | 'logging' | 'caching'>
    },
  ): GlobalKTable<NonNullable<K>, NonNullable<V>>
  /** A store for the user's own processors, which name it in their `stores`. */
  addStateStore(spec: StoreSpec): StreamsBuilder
  addGlobalStore<K, V>(spec: StoreSpec, topic: string, options: GlobalStoreInput<K, V>): StreamsBuilder
  /** KIP-813: a store whose changelog is its source topic. */
  addReadOnlyStateStore<K, V>(spec: StoreSpec, topic: string, options: GlobalStoreInput<K, V>): StreamsBuilder
  /** What was recorded so far, as frozen data. */
  plan(): Plan
  build(options?: BuildOptions): Topology
}

const TABLE_SOURCE_SUFFIX = '-source'

/** Java: StreamsBuilder. */
export function createStreamsBuilder(): StreamsBuilder {
  const recorder = createRecorder({
    stream: createStream,
    table: createTable,
    groupedStream: createGroupedStream,
    groupedTable: createGroupedTable,
  })
  const builder: StreamsBuilder = {
    stream: (topics, options) => recordStream(recorder, topics, options) as Erased,
    table: (topic, options) => recordTable(recorder, topic, options) as Erased,
    globalTable: (topic, options) => recordGlobalTable(recorder, topic, options) as Erased,
    addStateStore: (spec) => {
      recorder.add(checkName('Store', spec.name), [], { kind: 'state-store', spec })
      return builder
    },
    addGlobalStore: (spec, topic, options) => {
      recordStoreWithTopic(recorder, 'global-store', spec, topic, options)
      return builder
    },
    addReadOnlyStateStore: (spec, topic, options) => {
      recordStoreWithTopic(recorder, 'read-only-store', spec, topic, options)
      return builder
    },
    plan: () => recorder.freeze(),
    build: (options = {}) => buildTopology(recorder.freeze(), options),
  }
  return Object.freeze(builder)
}

function buildTopology(recorded: Plan, options: BuildOptions): Topology {
  const {
    optimization,
    persistence = 'persistent',
    storeFormat,
    ensureExplicitNames = false,
    processorWrapper,
  } = options
  const optimizations = optimizationsOf(optimization)
  const plan = optimisePlan(mergeDuplicateSources(recorded), optimizations)
  if (ensureExplicitNames) checkExplicitNames(plan.generatedNames)
  const reusesSourceTopics = optimizations.has('reuse-ktable-source-topics')
  const withHeaders = storeFormat === 'headers'
  return lowerPlan(plan, analysePlan(plan), { processorWrapper, persistence, withHeaders, reusesSourceTopics })
}

function checkExplicitNames({ changelogTopics, stores, repartitionTopics }: GeneratedNames): void {
  const lists = [
    ['changelog topics', changelogTopics],
    ['state stores', stores],
    ['repartition topics', repartitionTopics],
  ] as const
  const unnamed = lists.filter(([, names]) => names.length > 0)
  if (unnamed.length === 0) return
  throw invalidTopology(
    `Explicit names are required and these were generated: ${unnamed.map(([what, names]) => `${what} ${names.join(', ')}`).join('; ')}. ` +
      'Give `name` (repartitions, joins, suppressions) and `store` (tables, aggregations) to the operators that make them.',
  )
}

const sourceOf = ({ key, value, timestampExtractor, autoOffsetReset }: Consumed<Erased, Erased>) => {
  if (key === undefined || value === undefined) {
    throw invalidTopology('A source needs serdes: give `key` and `value` in its options.')
  }
  return { keySerde: key, valueSerde: value, timestampExtractor, autoOffsetReset }
}

function recordStream(
  recorder: Recorder,
  topics: string | readonly string[] | RegExp,
  options: Consumed<Erased, Erased>,
) {
  const list = topics instanceof RegExp ? topics : Object.freeze(typeof topics === 'string' ? [topics] : [...topics])
  if (Array.isArray(list)) {
    if (list.length === 0) throw invalidTopology('stream() names no topic: give at least one.')
    for (const topic of list) checkName('Topic', topic)
  }
  const source = sourceOf(options)
  const name = recorder.nodeName(options.name, 'KSTREAM-SOURCE-')
  const node = recorder.add(name, [], { kind: 'stream-source', topics: list as RegExp | readonly string[], ...source })
  const { keySerde, valueSerde } = source
  return createStream({ kind: 'stream', recorder, node, name, keySerde, valueSerde, sources: [name], isRekeyed: false })
}

type TableInput = Consumed<Erased, Erased> & { readonly store?: string | TableStoreOptions }

/** The store's name first, then those of source and table: the order in which Java counts. */
function tableNames(recorder: Recorder, topic: string, options: TableInput) {
  checkName('Topic', topic)
  const source = sourceOf(options)
  const serdes = { key: source.keySerde, value: source.valueSerde }
  const store = recordStore(recorder, `${topic}-`, { store: options.store, ...serdes })
  const sourceName = recorder.suffixedName(options.name, TABLE_SOURCE_SUFFIX, 'KSTREAM-SOURCE-')
  const name = recorder.nodeName(options.name, 'KTABLE-SOURCE-')
  return { source, store, sourceName, name }
}

function recordTable(recorder: Recorder, topic: string, options: TableInput) {
  const { source, store, sourceName, name } = tableNames(recorder, topic, options)
  const node = recorder.add(name, [], { kind: 'table-source', topic, sourceName, store, ...source })
  const { keySerde, valueSerde } = source
  const queryableStoreName = store.isNamed ? store.name : undefined
  return createTable({
    kind: 'table',
    recorder,
    node,
    name,
    keySerde,
    valueSerde,
    sources: [sourceName],
    queryableStoreName,
  })
}

function recordGlobalTable(recorder: Recorder, topic: string, options: TableInput) {
  const { source, store, sourceName, name } = tableNames(recorder, topic, options)
  if (store.historyRetentionMs !== undefined) {
    throw invalidTopology(`Global table of ${topic} cannot be versioned: global tables have no notion of time.`)
  }
  const node = recorder.add(name, [], { kind: 'global-table', topic, sourceName, store, ...source })
  const facade = { kind: 'global-table' as const, queryableStoreName: store.name }
  return attachHandle(facade, { kind: 'global-table', recorder, node, store })
}

function recordStoreWithTopic(
  recorder: Recorder,
  kind: 'global-store' | 'read-only-store',
  spec: StoreSpec,
  topic: string,
  options: GlobalStoreInput<Erased, Erased>,
): void {
  checkName('Topic', topic)
  checkName('Store', spec.name)
  const sourceName = recorder.suffixedName(options.name, TABLE_SOURCE_SUFFIX, 'KSTREAM-SOURCE-')
  const name = recorder.nodeName(options.name, 'KTABLE-SOURCE-')
  recorder.add(name, [], { kind, topic, sourceName, spec, supplier: options.supplier, ...sourceOf(options) })
}
