import { AssertionError } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'
import type { EmitStrategy } from '../processors/emit-strategy.ts'
import type {
  Aggregator,
  Initializer,
  KeyValueMapper,
  Predicate,
  Reducer,
  SessionMerger,
  ValueMapper,
} from '../processors/functions.ts'
import type { JoinKind, JoinWindows } from '../processors/joins.ts'
import type { SuppressBufferLimits } from '../processors/suppress.ts'
import type { TableValueTransformerSupplier } from '../processors/table-transform-values.ts'
import type {
  CustomWindows,
  SessionWindows,
  SlidingWindows,
  TimeWindows,
  UnlimitedWindows,
} from '../processors/windows.ts'
import type { StorePersistence, StoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type {
  AutoOffsetReset,
  StreamPartitioner,
  TimestampExtractor,
  TopicNameExtractor,
} from '../topology/topology.ts'

/**
 * The plan: what the DSL recorded, as frozen data. It is the first of four values, each made from the one before: plan →
 * optimised plan (`optimise.ts`) → topology (`lower.ts`, with the answers of `analyse.ts`) → tasks (the runtime).
 *
 * A node of the plan becomes one or several nodes of the topology. `id` is its place in the order of recording; it never
 * changes. `priority` is its place in the order of writing (Java: GraphNode.buildPriority).
 */

// biome-ignore lint/suspicious/noExplicitAny: the plan holds nodes of all key and value types; the typed DSL fills it
export type Erased = any
export type AnySerde = Serde<Erased>

export type NodeId = number

/** A store of the DSL, before its kind is known. Java: MaterializedInternal. */
export type StorePlan = {
  readonly name: string
  /** The user gave the name: it can be queried, and the table is always materialized. */
  readonly isNamed: boolean
  readonly keySerde: AnySerde | undefined
  readonly valueSerde: AnySerde | undefined
  readonly caching: boolean
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
  /** Undefined: as the build says. */
  readonly persistence: StorePersistence | undefined
  /** Undefined: as the build says. */
  readonly withHeaders: boolean | undefined
  readonly retentionMs: number | undefined
  readonly historyRetentionMs: number | undefined
}

type Source = {
  readonly keySerde: AnySerde
  readonly valueSerde: AnySerde
  readonly timestampExtractor: TimestampExtractor | undefined
  readonly autoOffsetReset: AutoOffsetReset | undefined
}

/** Names of the nodes and the topic of a repartition. The node's own name is that of its source. */
export type RepartitionNames = {
  readonly topic: string
  readonly sinkName: string
  readonly sourceName: string
  readonly filterName: string
}

export type AnyWindows = TimeWindows | UnlimitedWindows | CustomWindows | SlidingWindows | SessionWindows

/** What an aggregation does with its store; windows and session windows have no operator of their own for reduce. */
export type AggregateFunctions =
  | { readonly kind: 'reduce'; readonly reducer: Reducer<Erased> }
  | {
      readonly kind: 'aggregate'
      readonly initializer: Initializer<Erased>
      readonly aggregator: Aggregator<Erased, Erased, Erased>
      readonly merger?: SessionMerger<Erased, Erased> | undefined
    }

export type PlanNodeData =
  | ({ readonly kind: 'stream-source'; readonly topics: readonly string[] | RegExp } & Source)
  | ({
      readonly kind: 'table-source'
      readonly topic: string
      readonly sourceName: string
      readonly store: StorePlan
    } & Source)
  | ({
      readonly kind: 'global-table'
      readonly topic: string
      readonly sourceName: string
      readonly store: StorePlan
    } & Source)
  | { readonly kind: 'state-store'; readonly spec: StoreSpec }
  | ({
      readonly kind: 'global-store' | 'read-only-store'
      readonly topic: string
      readonly sourceName: string
      readonly spec: StoreSpec
      readonly supplier: ProcessorSupplier<Erased, Erased, never, never>
    } & Source)
  /** One processor that needs no answer of the analysis: the stateless operators and the user's own. */
  | {
      readonly kind: 'processor'
      readonly supplier: ProcessorSupplier<Erased, Erased, Erased, Erased>
      readonly stores: readonly string[]
      readonly changesKey: boolean
      readonly changesValue: boolean
      readonly isMerge: boolean
    }
  | {
      readonly kind: 'sink'
      readonly topic: string | TopicNameExtractor<Erased, Erased>
      readonly keySerde: AnySerde
      readonly valueSerde: AnySerde
      readonly partitioner: StreamPartitioner<Erased, Erased> | undefined
    }
  | {
      readonly kind: 'repartition'
      readonly names: RepartitionNames
      readonly keySerde: AnySerde
      readonly valueSerde: AnySerde
      readonly partitions: number | undefined
      readonly partitioner: StreamPartitioner<Erased, Erased> | undefined
      /** Made by an operator that needs one, not asked for by the user: may be merged with others. */
      readonly isOptimizable: boolean
    }
  | { readonly kind: 'to-table'; readonly store: StorePlan }
  | { readonly kind: 'stream-aggregate'; readonly functions: AggregateFunctions; readonly store: StorePlan }
  | {
      readonly kind: 'window-aggregate'
      readonly functions: AggregateFunctions
      readonly windows: AnyWindows
      readonly emit: EmitStrategy
      readonly store: StorePlan
    }
  /** The table of a cogroup; its parents are aggregations over one store. */
  | { readonly kind: 'cogroup-merge'; readonly store: StorePlan; readonly windows: AnyWindows | undefined }
  | {
      readonly kind: 'table-filter'
      readonly predicate: Predicate<Erased, Erased>
      readonly negated: boolean
      readonly store: StorePlan | undefined
    }
  | {
      readonly kind: 'table-map-values'
      readonly mapper: ValueMapper<Erased, Erased, Erased>
      readonly store: StorePlan | undefined
    }
  | {
      readonly kind: 'table-transform-values'
      readonly transformer: TableValueTransformerSupplier<Erased, Erased, Erased>
      readonly stores: readonly string[]
      readonly store: StorePlan | undefined
    }
  | {
      readonly kind: 'suppress'
      readonly storeName: string
      readonly keySerde: AnySerde
      readonly valueSerde: AnySerde
      readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
      readonly limits: SuppressBufferLimits
      /** Until the window closes: with the grace of the windows above. */
      readonly until:
        | { readonly kind: 'time-limit'; readonly waitMs: number }
        | { readonly kind: 'window-closes'; readonly graceMs: number }
    }
  | {
      readonly kind: 'table-group-by'
      readonly mapper: KeyValueMapper<Erased, Erased, Erased, Erased>
      readonly keySerde: AnySerde
    }
  | {
      readonly kind: 'table-repartition'
      readonly topic: string
      readonly sinkName: string
      readonly keySerde: AnySerde
      readonly valueSerde: AnySerde
    }
  | {
      readonly kind: 'table-aggregate'
      readonly functions:
        | { readonly kind: 'reduce'; readonly adder: Reducer<Erased>; readonly subtractor: Reducer<Erased> }
        | {
            readonly kind: 'aggregate'
            readonly initializer: Initializer<Erased>
            readonly adder: Aggregator<Erased, Erased, Erased>
            readonly subtractor: Aggregator<Erased, Erased, Erased>
          }
      readonly store: StorePlan
    }
  | {
      readonly kind: 'stream-stream-join'
      readonly joinKind: JoinKind
      readonly joiner: Joiner
      readonly windows: JoinWindows
      readonly emitIntervalMs: number | undefined
      readonly names: {
        readonly leftWindowed: string
        readonly rightWindowed: string
        readonly leftJoin: string
        readonly rightJoin: string
      }
      readonly stores: JoinStores
      /** Set by the optimiser: both sides are one stream, one store serves. */
      readonly isSelfJoin: boolean
    }
  /** Parents: the stream. The table is named beside, since no record goes from it to this node. */
  | {
      readonly kind: 'stream-table-join'
      readonly joinKind: 'inner' | 'left'
      readonly joiner: Joiner
      readonly table: NodeId
      readonly grace:
        | {
            readonly graceMs: number
            readonly bufferName: string
            readonly keySerde: AnySerde
            readonly valueSerde: AnySerde
          }
        | undefined
    }
  | {
      readonly kind: 'stream-global-join'
      readonly joinKind: 'inner' | 'left'
      readonly joiner: Joiner
      readonly keySelector: (key: Erased, value: Erased) => Erased
      readonly globalTable: NodeId
    }
  | {
      readonly kind: 'table-table-join'
      readonly joinKind: JoinKind
      readonly joiner: Joiner
      readonly left: NodeId
      readonly right: NodeId
      readonly leftJoinName: string
      readonly rightJoinName: string
      readonly store: StorePlan | undefined
    }
  | {
      readonly kind: 'foreign-key-join'
      readonly joinKind: 'inner' | 'left'
      readonly joiner: Joiner
      readonly foreignKey: (value: Erased, key: Erased) => Erased
      readonly left: NodeId
      readonly right: NodeId
      readonly keySerde: AnySerde
      readonly valueSerde: AnySerde
      readonly foreignKeySerde: AnySerde
      readonly foreignValueSerde: AnySerde
      readonly names: ForeignKeyJoinNames
      readonly partitioner: StreamPartitioner<Erased, Erased> | undefined
      readonly foreignPartitioner: StreamPartitioner<Erased, Erased> | undefined
      readonly store: StorePlan
    }

export type Joiner = (left: Erased, right: Erased, key: Erased, tableKey?: Erased) => Erased

export type JoinStores = {
  readonly leftName: string
  readonly rightName: string
  /** Undefined for inner joins. */
  readonly outerName: string | undefined
  readonly keySerde: AnySerde
  readonly leftSerde: AnySerde
  readonly rightSerde: AnySerde
  readonly persistence: StorePersistence | undefined
  readonly logging: { readonly config?: Readonly<Record<string, string>> } | undefined
}

export type ForeignKeyJoinNames = {
  readonly subscriptionTopic: string
  readonly send: string
  readonly subscriptionSink: string
  readonly subscriptionSource: string
  readonly subscriptionStore: string
  readonly receive: string
  readonly join: string
  readonly foreignTableJoin: string
  readonly responseTopic: string
  readonly responseSink: string
  readonly responseSource: string
  readonly resolver: string
}

export type PlanNode = PlanNodeData & {
  readonly id: NodeId
  readonly priority: number
  /** Of the node that children of this one read from. */
  readonly name: string
  readonly parents: readonly NodeId[]
}

export type NodeOfKind<Kind extends PlanNode['kind']> = Extract<PlanNode, { readonly kind: Kind }>

/** KIP-1111: names that were generated where the user could have given one. */
export type GeneratedNames = {
  readonly changelogTopics: readonly string[]
  readonly stores: readonly string[]
  readonly repartitionTopics: readonly string[]
}

export type Plan = {
  /** By id; undefined where the optimiser removed a node. */
  readonly nodes: readonly (PlanNode | undefined)[]
  /** Names of source nodes whose topics need equal partitions. */
  readonly copartitioned: readonly (readonly string[])[]
  readonly generatedNames: GeneratedNames
  /** The counter behind generated names: the optimiser goes on counting. */
  readonly nameIndex: number
}

/** In the default branch of a switch: the compiler proves that nothing comes here. */
export function unhandled(node: never): never {
  throw new AssertionError(`plan node of unknown kind ${JSON.stringify(node)}`)
}

export function nodeById(plan: Pick<Plan, 'nodes'>, id: NodeId): PlanNode {
  const node = plan.nodes[id]
  if (node === undefined) throw new AssertionError(`node ${id} is not in the plan`)
  return node
}

/** Java: GraphNode.isKeyChangingOperation. */
export function changesKey(node: PlanNode): boolean {
  return node.kind === 'processor' && node.changesKey
}

/** A join with a global table counts too: a topic above it would hold values of another type. (Java forgets it.) */
export function changesValue(node: PlanNode): boolean {
  return node.kind === 'stream-global-join' || (node.kind === 'processor' && node.changesValue)
}

/** Generated names end in a number of ten digits, so that they stay in order. */
export function generatedName(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(10, '0')}`
}

export const REPARTITION_SUFFIX = '-repartition'

/** Java: KStreamImpl.createRepartitionedSource. Three numbers are counted even where the names are not used. */
export function repartitionNames(prefix: string, nextName: (prefix: string) => string): RepartitionNames {
  const topic = prefix.endsWith(REPARTITION_SUFFIX) ? prefix : prefix + REPARTITION_SUFFIX
  const sinkName = nextName('KSTREAM-SINK-')
  const filterName = nextName('KSTREAM-FILTER-')
  const sourceName = nextName('KSTREAM-SOURCE-')
  if (/^KSTREAM.*-[0-9]{10}$/.test(prefix)) return { topic, sinkName, filterName, sourceName }
  return { topic, sinkName: `${topic}-sink`, filterName: `${topic}-filter`, sourceName: `${topic}-source` }
}
