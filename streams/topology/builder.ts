import type { Serde } from '../ports/index.ts'
import type { StoreSpec } from '../stores/types.ts'
import { assembleTopology, type TopologyDraft } from './assemble.ts'
import { checkName, invalidTopology } from './names.ts'
import type { FixedKeyProcessorSupplier, ProcessorSupplier } from './processor.ts'
import type {
  AutoOffsetReset,
  ProcessorNode,
  SourceNode,
  StreamPartitioner,
  TimestampExtractor,
  TopicNameExtractor,
  Topology,
  TopologyNode,
} from './topology.ts'

/**
 * The low-level builder (Java: `Topology`, KIP-478): nodes, stores and their connections by name. The DSL is lowered to
 * it. Everything is checked when it is added, so that the stack trace points to the mistake; parents must exist before
 * their children, which is why there can be no cycle.
 */

// biome-ignore lint/suspicious/noExplicitAny: nodes of all key and value types live in one graph; the options are typed
type Erased = any

/** KIP-1112: called for each processor, also those of the DSL; returns the supplier or one that wraps it. */
export type ProcessorWrapper = (
  nodeName: string,
  supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>,
) => ProcessorSupplier<unknown, unknown, unknown, unknown>

export type SourceOptions<K, V> = {
  readonly name: string
  /** One or several topics, or a pattern that whole topic names match. */
  readonly topics: string | readonly string[] | RegExp
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestampExtractor?: TimestampExtractor<K, V> | undefined
  readonly autoOffsetReset?: AutoOffsetReset | undefined
}
export type ProcessorOptions<KIn, VIn, KOut, VOut> = {
  readonly name: string
  readonly supplier: ProcessorSupplier<KIn, VIn, KOut, VOut> | FixedKeyProcessorSupplier<KIn, VIn, VOut>
  readonly parents: readonly string[]
  /** Names of stores, already added, that this processor uses beside those that its supplier brings. */
  readonly stores?: readonly string[]
}
export type SinkOptions<K, V> = {
  readonly name: string
  readonly topic: string | TopicNameExtractor<K, V>
  readonly key: Serde<NonNullable<K>> | Serde<K>
  readonly value: Serde<NonNullable<V>> | Serde<V>
  readonly partitioner?: StreamPartitioner<K, V> | undefined
  readonly parents: readonly string[]
}
export type GlobalStoreOptions<K, V> = {
  readonly sourceName: string
  readonly topic: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestampExtractor?: TimestampExtractor<K, V> | undefined
  readonly processorName: string
  /** Keeps the store up to date; it forwards nothing. */
  readonly supplier: ProcessorSupplier<K, V, never, never>
  readonly store: StoreSpec
  readonly reprocessOnRestore?: boolean
}
export type ReadOnlyStoreOptions<K, V> = Omit<GlobalStoreOptions<K, V>, 'reprocessOnRestore'> & {
  readonly autoOffsetReset?: AutoOffsetReset | undefined
}

export type TopologyBuilder = {
  addSource<K, V>(options: SourceOptions<K, V>): TopologyBuilder
  addProcessor<KIn, VIn, KOut, VOut>(options: ProcessorOptions<KIn, VIn, KOut, VOut>): TopologyBuilder
  addSink<K, V>(options: SinkOptions<K, V>): TopologyBuilder
  addStateStore(spec: StoreSpec, ...processorNames: readonly string[]): TopologyBuilder
  connectProcessorAndStateStores(processorName: string, ...storeNames: readonly string[]): TopologyBuilder
  addGlobalStore<K, V>(options: GlobalStoreOptions<K, V>): TopologyBuilder
  /** KIP-813: the source topic is the store's changelog; nothing else writes the store. */
  addReadOnlyStateStore<K, V>(options: ReadOnlyStoreOptions<K, V>): TopologyBuilder
  build(): Topology
}

/** What the lowering of the DSL also needs: topics that the application owns. */
export type InternalTopologyBuilder = TopologyBuilder & {
  addInternalTopic(name: string, partitions: number | undefined): void
  /** The store's changelog is this source topic: it is never written. */
  useSourceTopicAsChangelog(storeName: string, topic: string): void
  copartition(sourceNodes: readonly string[]): void
  storeSpec(name: string): StoreSpec | undefined
}

export type TopologyBuilderOptions = {
  readonly processorWrapper?: ProcessorWrapper | undefined
}

/** Java's `Topology`: `createTopologyBuilder().addSource(…).addProcessor(…).addSink(…).build()`. */
export function createTopologyBuilder(options: TopologyBuilderOptions = {}): TopologyBuilder {
  return createInternalTopologyBuilder(options)
}

export function createInternalTopologyBuilder({ processorWrapper }: TopologyBuilderOptions): InternalTopologyBuilder {
  const draft: TopologyDraft = {
    nodes: new Map(),
    stores: new Map(),
    storeUsers: new Map(),
    sourceTopicOfStore: new Map(),
    globals: [],
    internalTopics: new Map(),
    copartitioned: [],
  }
  const wrap = processorWrapper ?? ((_name, supplier) => supplier)

  const builder: InternalTopologyBuilder = {
    addSource: (source) => {
      addNode(draft, sourceNode(draft, source))
      return builder
    },
    addProcessor: ({ name, supplier, parents, stores = [] }) => {
      checkParents(draft, name, parents)
      const wrapped = checkSupplier(name, wrap(name, checkSupplier(name, supplier as Erased)))
      addNode(draft, {
        kind: 'processor',
        name,
        parents: [...parents],
        supplier: wrapped,
        stores: [],
      })
      for (const spec of wrapped.stores ?? []) {
        addStore(draft, spec)
        connect(draft, name, spec.name)
      }
      for (const store of stores) connect(draft, name, store)
      return builder
    },
    addSink: ({ name, topic, key, value, partitioner, parents }) => {
      checkParents(draft, name, parents)
      addNode(draft, {
        kind: 'sink',
        name,
        parents: [...parents],
        topic: typeof topic === 'string' ? { name: checkName('Topic', topic), internal: false } : topic,
        keySerde: checkSerde(`Sink ${name}`, 'key', key),
        valueSerde: checkSerde(`Sink ${name}`, 'value', value),
        partitioner,
      })
      return builder
    },
    addStateStore: (spec, ...processorNames) => {
      addStore(draft, spec)
      for (const processorName of processorNames) connect(draft, processorName, spec.name)
      return builder
    },
    connectProcessorAndStateStores: (processorName, ...storeNames) => {
      if (storeNames.length === 0) {
        throw invalidTopology(`No store is named to connect to processor ${processorName}: name at least one.`)
      }
      for (const storeName of storeNames) connect(draft, processorName, storeName)
      return builder
    },
    addGlobalStore: (options) => {
      addGlobal(draft, options, wrap)
      return builder
    },
    addReadOnlyStateStore: ({ sourceName, processorName, supplier, store, topic, ...source }) => {
      builder.addSource({ ...source, name: sourceName, topics: topic })
      builder.addProcessor({
        name: processorName,
        supplier,
        parents: [sourceName],
      })
      builder.addStateStore({ ...store, logging: undefined } as StoreSpec, processorName)
      builder.useSourceTopicAsChangelog(store.name, topic)
      return builder
    },
    addInternalTopic: (name, partitions) => {
      draft.internalTopics.set(checkName('Topic', name), { name, partitions })
    },
    useSourceTopicAsChangelog: (storeName, topic) => {
      if (draft.sourceTopicOfStore.has(storeName)) {
        throw invalidTopology(`Store ${storeName} has two source topics as changelog: read it from one.`)
      }
      draft.sourceTopicOfStore.set(storeName, topic)
    },
    copartition: (sourceNodes) => {
      draft.copartitioned.push([...new Set(sourceNodes)])
    },
    storeSpec: (name) => draft.stores.get(name),
    build: () => assembleTopology(draft),
  }
  return Object.freeze(builder)
}

function addNode(draft: TopologyDraft, node: TopologyNode): void {
  checkNewName(draft, node.name)
  draft.nodes.set(node.name, node)
}

function checkNewName(draft: TopologyDraft, name: string): void {
  checkName('Node', name)
  if (draft.nodes.has(name)) {
    throw invalidTopology(
      `Two nodes have the name ${name}: give one of them another \`name\` (names fix the names of topics and stores).`,
    )
  }
}

function checkSerde<T>(where: string, side: 'key' | 'value', serde: Serde<T> | undefined): Serde<Erased> {
  if (serde !== undefined && typeof serde.serialize === 'function') return serde
  throw invalidTopology(`${where} has no ${side} serde: give \`${side}\` in its options.`)
}

function checkSupplier<S extends { get(): unknown }>(name: string, supplier: S): S {
  if (typeof supplier?.get !== 'function') {
    throw invalidTopology(`Processor ${name} has no supplier: give an object whose get() makes a new processor.`)
  }
  const first = supplier.get()
  if (first === supplier.get()) {
    throw invalidTopology(
      `The supplier of processor ${name} returned the same instance twice: get() must make a new one, since each task has its own.`,
    )
  }
  return supplier
}

function checkParents(draft: TopologyDraft, name: string, parents: readonly string[]): void {
  checkNewName(draft, name)
  if (parents.length === 0) throw invalidTopology(`Node ${name} has no parent: name the nodes that it reads from.`)
  for (const parent of parents) {
    const node = draft.nodes.get(parent)
    if (parent === name) throw invalidTopology(`Node ${name} is its own parent: a topology has no cycles.`)
    if (node === undefined) {
      throw invalidTopology(
        `Parent ${parent} of node ${name} is unknown: add it before its children (a topology has no cycles).`,
      )
    }
    if (node.kind === 'sink') {
      throw invalidTopology(`Sink ${parent} cannot be the parent of ${name}: read its topic with a source instead.`)
    }
    if (draft.globals.some((global) => global.source === parent || global.processor === parent)) {
      throw invalidTopology(`Node ${parent} keeps a global store and forwards nothing: ${name} cannot be its child.`)
    }
  }
}

export function matchesPattern(pattern: RegExp, topic: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, '')).test(topic)
}

/** A topic that two sources read would be read by two tasks with one committed offset. */
function checkTopicFree(draft: TopologyDraft, name: string, topic: string): void {
  for (const node of draft.nodes.values()) {
    if (node.kind !== 'source') continue
    const isTaken =
      node.pattern === undefined ? node.topics.some((t) => t.name === topic) : matchesPattern(node.pattern, topic)
    if (isTaken) {
      throw invalidTopology(
        `Source ${name} reads topic ${topic}, which source ${node.name} reads already: use one source for both.`,
      )
    }
  }
}

function sourceNode<K, V>(draft: TopologyDraft, options: SourceOptions<K, V>): SourceNode {
  const { name, topics, key, value, timestampExtractor, autoOffsetReset } = options
  const common = {
    kind: 'source',
    name,
    keySerde: checkSerde(`Source ${name}`, 'key', key),
    valueSerde: checkSerde(`Source ${name}`, 'value', value),
    timestampExtractor,
    autoOffsetReset,
  } as const
  if (topics instanceof RegExp) {
    for (const node of draft.nodes.values()) {
      const taken = node.kind === 'source' ? node.topics.find((topic) => matchesPattern(topics, topic.name)) : undefined
      if (taken !== undefined) {
        throw invalidTopology(
          `Source ${name} reads ${topics}, which matches topic ${taken.name} of source ${node.name}.`,
        )
      }
    }
    return { ...common, topics: [], pattern: topics }
  }
  const list = typeof topics === 'string' ? [topics] : [...topics]
  if (list.length === 0) throw invalidTopology(`Source ${name} reads no topic: name at least one.`)
  const refs = list.map((topic) => {
    checkTopicFree(draft, name, checkName('Topic', topic))
    return { name: topic, internal: false }
  })
  return { ...common, topics: refs }
}

/** The same spec twice is one store; two specs of one name are a mistake. */
function addStore(draft: TopologyDraft, spec: StoreSpec): void {
  checkName('Store', spec.name)
  const known = draft.stores.get(spec.name)
  if (known !== undefined && known !== spec) {
    throw invalidTopology(`Two different stores have the name ${spec.name}: give one of them another name.`)
  }
  if (draft.globals.some((global) => global.spec.name === spec.name)) {
    throw invalidTopology(`Store ${spec.name} has the name of a global store: give one of them another name.`)
  }
  draft.stores.set(spec.name, spec)
}

function connect(draft: TopologyDraft, processorName: string, storeName: string): void {
  if (draft.globals.some((global) => global.spec.name === storeName)) {
    throw invalidTopology(
      `Global store ${storeName} is open to every processor: do not connect it to ${processorName}.`,
    )
  }
  if (!draft.stores.has(storeName)) {
    throw invalidTopology(
      `Store ${storeName} is unknown to the topology: add it before processor ${processorName} uses it.`,
    )
  }
  const node = draft.nodes.get(processorName)
  if (node === undefined) {
    throw invalidTopology(`Processor ${processorName} is unknown: add it before store ${storeName} is connected to it.`)
  }
  if (node.kind !== 'processor') {
    throw invalidTopology(
      `Store ${storeName} cannot be connected to ${node.kind} ${processorName}: only to processors.`,
    )
  }
  if (node.stores.includes(storeName)) return
  const connected: ProcessorNode = {
    ...node,
    stores: [...node.stores, storeName],
  }
  draft.nodes.set(processorName, connected)
  const users = draft.storeUsers.get(storeName)
  if (users === undefined) draft.storeUsers.set(storeName, [processorName])
  else users.push(processorName)
}

function addGlobal<K, V>(draft: TopologyDraft, options: GlobalStoreOptions<K, V>, wrap: ProcessorWrapper): void {
  const { sourceName, processorName, supplier, store, topic, reprocessOnRestore = false } = options
  if (draft.stores.has(store.name) || draft.globals.some((global) => global.spec.name === store.name)) {
    throw invalidTopology(`Two stores have the name ${store.name}: give the global store another name.`)
  }
  checkName('Store', store.name)
  if (store.kind === 'versioned') {
    throw invalidTopology(`Global store ${store.name} cannot be versioned: global tables have no notion of time.`)
  }
  addNode(
    draft,
    sourceNode(draft, {
      ...options,
      name: sourceName,
      topics: topic,
      autoOffsetReset: undefined,
    }),
  )
  const wrapped = checkSupplier(processorName, wrap(processorName, checkSupplier(processorName, supplier as Erased)))
  addNode(draft, {
    kind: 'processor',
    name: processorName,
    parents: [sourceName],
    supplier: wrapped,
    stores: [store.name],
  })
  const spec = { ...store, logging: undefined } as StoreSpec
  draft.globals.push({
    source: sourceName,
    processor: processorName,
    spec,
    reprocessOnRestore,
  })
}
