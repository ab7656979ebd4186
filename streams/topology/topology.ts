import type { Headers } from '../ports/headers.ts'
import type { LogRecord, Serde } from '../ports/index.ts'
import type { StoreSpec } from '../stores/types.ts'
import type { ProcessorSupplier } from './processor.ts'

/**
 * The topology: plain data plus processor suppliers. Made by the DSL or by the topology builder, run by the runtime;
 * neither of the two knows the other. Frozen.
 */

// biome-ignore lint/suspicious/noExplicitAny: nodes of all key and value types live in one graph; the builders are typed
type Erased = any

/** The topic of an internal topic's node is undecorated: `<application.id>-` is put before it when it runs. */
export type TopicRef = { readonly name: string; readonly internal: boolean }

/** Returns the record's timestamp, or a negative number to drop it. Java: TimestampExtractor. */
export type TimestampExtractor<K = unknown, V = unknown> = (
  record: Omit<LogRecord, 'key' | 'value'> & {
    readonly key: K
    readonly value: V
  },
  partitionTimeMs: number,
) => number

/** Undefined: the default partitioner. Several partitions: multicast; none: the record is dropped (KIP-837). */
export type StreamPartitioner<K, V> = (
  topic: string,
  key: K,
  value: V,
  partitionCount: number,
  headers: Headers,
) => number | readonly number[] | undefined

/** Java: TopicNameExtractor. */
export type TopicNameExtractor<K, V> = (
  key: K,
  value: V,
  record: { readonly timestampMs: number; readonly headers: Headers },
) => string

export type AutoOffsetReset =
  | { readonly kind: 'earliest' | 'latest' | 'none' }
  | { readonly kind: 'by-duration'; readonly durationMs: number }

export type SourceNode = {
  readonly kind: 'source'
  readonly name: string
  /** Empty where `pattern` is given. */
  readonly topics: readonly TopicRef[]
  /** Reads every topic whose whole name matches. */
  readonly pattern?: RegExp
  readonly keySerde: Serde<Erased>
  readonly valueSerde: Serde<Erased>
  readonly timestampExtractor: TimestampExtractor<Erased, Erased> | undefined
  readonly autoOffsetReset: AutoOffsetReset | undefined
}
export type ProcessorNode = {
  readonly kind: 'processor'
  readonly name: string
  readonly parents: readonly string[]
  readonly supplier: ProcessorSupplier<Erased, Erased, Erased, Erased>
  /** Names of connected stores. */
  readonly stores: readonly string[]
}
export type SinkNode = {
  readonly kind: 'sink'
  readonly name: string
  readonly parents: readonly string[]
  readonly topic: TopicRef | TopicNameExtractor<Erased, Erased>
  readonly keySerde: Serde<Erased>
  readonly valueSerde: Serde<Erased>
  readonly partitioner: StreamPartitioner<Erased, Erased> | undefined
}
export type TopologyNode = SourceNode | ProcessorNode | SinkNode

export type RepartitionTopic = {
  /** Undecorated. */
  readonly name: string
  /** Undefined: as many as the widest topic upstream. */
  readonly partitions: number | undefined
}

export type StoreDefinition = {
  readonly spec: StoreSpec
  /** Undecorated changelog topic; undefined = not logged. */
  readonly changelog: TopicRef | undefined
  /**
   * True where the changelog is a source topic of the same topology (a read-only store, or `table()` with
   * reuse-ktable-source-topics): the runtime never writes it.
   */
  readonly changelogIsSource: boolean
}

export type SubTopology = {
  readonly id: number
  readonly nodes: readonly string[]
  readonly sourceTopics: readonly TopicRef[]
  readonly sinkTopics: readonly TopicRef[]
  readonly stores: readonly string[]
  /** Topics that must have the same number of partitions. */
  readonly copartitionGroups: readonly (readonly TopicRef[])[]
}

/** One global store: its topic is read whole by every instance. */
export type GlobalStore = {
  readonly source: SourceNode
  readonly processor: ProcessorNode
  readonly storeName: string
  readonly spec: StoreSpec
  /** True: restoring runs the records through the processor too, rather than writing them as they are (KIP-813). */
  readonly reprocessOnRestore?: boolean
  /** Id among the sub-topologies, for `describe()`. */
  readonly subTopologyId: number
}

export type Topology = {
  readonly nodes: ReadonlyMap<string, TopologyNode>
  /** Children of each node, in the order in which they are forwarded to. */
  readonly children: ReadonlyMap<string, readonly string[]>
  readonly stores: ReadonlyMap<string, StoreDefinition>
  readonly subTopologies: readonly SubTopology[]
  readonly globalStores: readonly GlobalStore[]
  readonly repartitionTopics: ReadonlyMap<string, RepartitionTopic>
  /** Java's text, byte for byte. */
  describe(): string
}
