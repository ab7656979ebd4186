import { present } from '../base/assert.ts'
import { StreamsError } from '../base/errors.ts'
import { type TaskId, taskId } from '../base/ids.ts'
import type { TopicPartition, TopicSpec } from '../ports/index.ts'
import type {
  GlobalStore,
  ProcessorNode,
  SinkNode,
  SourceNode,
  StoreDefinition,
  SubTopology,
  TopicRef,
  Topology,
  TopologyNode,
} from '../topology/topology.ts'
import { changelogConfig } from './changelog-config.ts'
import type { StreamsConfig } from './config.ts'

/** A topic with its real name. */
export type ResolvedTopic = {
  readonly name: string
  readonly internal: boolean
}

export type ResolvedSource = {
  readonly node: SourceNode
  readonly topics: readonly ResolvedTopic[]
}

export type ResolvedSubTopology = {
  readonly id: number
  /** In topological order: parents before children. */
  readonly nodes: readonly TopologyNode[]
  readonly sources: readonly ResolvedSource[]
  /** In the order of the processors that use them. */
  readonly stores: readonly StoreDefinition[]
  /** How many tasks: the widest of its source topics. */
  readonly partitionCount: number
}

/**
 * The topology of one application on one log: real topic names, partition counts, and so the list of tasks. Made once
 * at start from the topology (which knows neither) and what the log says of its topics.
 */
export type ResolvedTopology = {
  readonly subTopologies: readonly ResolvedSubTopology[]
  readonly tasks: readonly TaskId[]
  readonly globalStores: readonly {
    readonly store: GlobalStore
    readonly topic: string
  }[]
  /** Repartition and changelog topics, with partition counts and settings: to be created before the tasks start. */
  readonly internalTopics: readonly TopicSpec[]
  readonly repartitionTopics: ReadonlySet<string>
  /** Every topic with a fixed name that nodes, changelogs or dead letters write. */
  readonly writtenTopics: readonly string[]
  /** By id: ids have gaps, since global stores have some of them too. */
  subTopology(id: number): ResolvedSubTopology
  inputsOf(task: { readonly subTopology: number; readonly partition: number }): readonly TopicPartition[]
  node(name: string): TopologyNode
  children(name: string): readonly string[]
  topicName(name: string, internal: boolean): string
  changelogName(storeName: string): string
  /** Undefined where the sink chooses the topic per record. */
  sinkTopic(sink: SinkNode): string | undefined
}

export type TopicCounts = {
  /** Partitions of a topic that exists; undefined otherwise. */
  partitionsOf(topic: string): number | undefined
  /** All topics, for sources that subscribe to a pattern. */
  readonly names: readonly string[]
}

/** TOPIC_MISSING, TOPIC_MISMATCH and TOPOLOGY_INVALID say in words what does not fit. */
export function resolveTopology(topology: Topology, config: StreamsConfig, topics: TopicCounts): ResolvedTopology {
  const decorate = (name: string, internal: boolean): string => (internal ? `${config.applicationId}-${name}` : name)
  const sourcesOf = createSourceResolver(topology, decorate, topics)
  const counts = resolvePartitionCounts(topology, decorate, topics, sourcesOf)
  const order = [...topology.nodes.keys()]
  const subTopologies = topology.subTopologies.map((sub): ResolvedSubTopology => {
    const members = new Set(sub.nodes)
    const nodes = topologicalOrder(
      topology,
      order.filter((name) => members.has(name)),
    )
    const sources = sourcesOf(sub)
    checkCopartitioning(sub, decorate, counts)
    const partitionCounts = sources.flatMap((source) => source.topics.map((topic) => counts.get(topic.name) ?? 0))
    return {
      id: sub.id,
      nodes,
      sources,
      stores: storesInOrder(topology, nodes, sub),
      partitionCount: Math.max(0, ...partitionCounts),
    }
  })
  const byId = new Map(subTopologies.map((sub) => [sub.id, sub]))
  const withId = (id: number): ResolvedSubTopology => present(byId.get(id), `there is no sub-topology ${id}`)
  const repartitionTopics = new Set([...topology.repartitionTopics.keys()].map((name) => decorate(name, true)))
  const internalTopics = [
    ...repartitionSpecs(topology, decorate, counts, config),
    ...changelogSpecs(subTopologies, decorate, config),
  ]
  return {
    subTopologies,
    tasks: subTopologies.flatMap((sub) => Array.from({ length: sub.partitionCount }, (_, p) => taskId(sub.id, p))),
    globalStores: topology.globalStores.map((store) => {
      const topic = present(store.source.topics[0], `global store ${store.storeName} has no topic`)
      return { store, topic: decorate(topic.name, topic.internal) }
    }),
    internalTopics,
    repartitionTopics,
    writtenTopics: writtenTopics(topology, decorate, internalTopics, config),
    subTopology: withId,
    inputsOf: ({ subTopology, partition }) =>
      withId(subTopology).sources.flatMap((source) =>
        source.topics
          .filter((topic) => partition < (counts.get(topic.name) ?? 0))
          .map((topic) => ({ topic: topic.name, partition })),
      ),
    node: (name) => present(topology.nodes.get(name), `there is no node ${name}`),
    children: (name) => topology.children.get(name) ?? [],
    topicName: decorate,
    changelogName: (storeName) => decorate(`${storeName}-changelog`, true),
    sinkTopic: (sink) =>
      typeof sink.topic === 'function' ? undefined : decorate(sink.topic.name, sink.topic.internal),
  }
}

type Decorate = (name: string, internal: boolean) => string
type SourcesOf = (sub: SubTopology) => readonly ResolvedSource[]

function createSourceResolver(topology: Topology, decorate: Decorate, topics: TopicCounts): SourcesOf {
  return (sub) =>
    sub.nodes.flatMap((name) => {
      const node = topology.nodes.get(name)
      if (node?.kind !== 'source') return []
      const named = node.topics.map((topic) => ({
        name: decorate(topic.name, topic.internal),
        internal: topic.internal,
      }))
      const { pattern } = node
      const whole = pattern === undefined ? undefined : new RegExp(`^(?:${pattern.source})$`, pattern.flags)
      const matched = whole === undefined ? [] : topics.names.filter((topic) => whole.test(topic))
      return [
        {
          node,
          topics: [...named, ...matched.sort().map((topic) => ({ name: topic, internal: false }))],
        },
      ]
    })
}

/**
 * Partition counts of all source topics by real name. A repartition topic without a fixed count is as wide as the
 * widest source of the sub-topologies that write it; which may themselves read repartition topics, so it is repeated
 * until nothing changes. Then co-partitioned repartition topics take the count of their group, which may be less; what
 * was derived from them before stays, as in Java (RepartitionTopics).
 */
function resolvePartitionCounts(
  topology: Topology,
  decorate: Decorate,
  topics: TopicCounts,
  sourcesOf: SourcesOf,
): ReadonlyMap<string, number> {
  const counts = externalCounts(topology, topics, sourcesOf)
  for (const topic of topology.repartitionTopics.values()) {
    if (topic.partitions !== undefined) counts.set(decorate(topic.name, true), topic.partitions)
  }
  const isDerived = (topic: TopicRef): boolean => {
    const repartition = topic.internal ? topology.repartitionTopics.get(topic.name) : undefined
    return repartition !== undefined && repartition.partitions === undefined
  }
  const realName = (topic: TopicRef): string => decorate(topic.name, topic.internal)
  for (let round = 0; round <= topology.repartitionTopics.size; round++) {
    for (const sub of topology.subTopologies) {
      const inputs = sourcesOf(sub).flatMap((source) => source.topics.map(({ name }) => name))
      widen(sub.sinkTopics.filter(isDerived).map(realName), inputs, counts)
    }
  }
  for (const group of topology.subTopologies.flatMap((sub) => sub.copartitionGroups)) {
    const derived = group.filter(isDerived)
    const external = group.filter((topic) => !topic.internal)
    const fixed = group.filter((topic) => topic.internal && !isDerived(topic))
    const leading = [external, fixed, derived].find((members) => members.length > 0) ?? []
    const width = Math.max(0, ...leading.map((topic) => counts.get(realName(topic)) ?? 0))
    if (width > 0) for (const topic of derived) counts.set(realName(topic), width)
  }
  for (const topic of topology.repartitionTopics.keys()) {
    if (counts.has(decorate(topic, true))) continue
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `the number of partitions of repartition topic ${topic} cannot be derived: nothing that has partitions writes to it; give it a number`,
    )
  }
  return counts
}

function externalCounts(topology: Topology, topics: TopicCounts, sourcesOf: SourcesOf): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { node, topics: sourceTopics } of topology.subTopologies.flatMap((sub) => sourcesOf(sub))) {
    for (const { name, internal } of sourceTopics) {
      if (internal) continue
      const count = topics.partitionsOf(name)
      if (count === undefined) {
        throw new StreamsError(
          'TOPIC_MISSING',
          `source ${node.name} reads topic ${name}, which does not exist; create it before the application starts`,
        )
      }
      counts.set(name, count)
    }
  }
  return counts
}

/** Makes `targets` as wide as the widest of `like`, as far as that is known. */
function widen(targets: readonly string[], like: readonly string[], counts: Map<string, number>): void {
  const width = Math.max(0, ...like.map((name) => counts.get(name) ?? 0))
  if (width === 0) return
  for (const name of targets) counts.set(name, Math.max(width, counts.get(name) ?? 0))
}

/** Java: CopartitionedTopicsEnforcer. */
function checkCopartitioning(sub: SubTopology, decorate: Decorate, counts: ReadonlyMap<string, number>): void {
  for (const group of sub.copartitionGroups) {
    const described = group.map((topic: TopicRef) => {
      const name = decorate(topic.name, topic.internal)
      return { name, count: counts.get(name) }
    })
    if (new Set(described.map(({ count }) => count)).size <= 1) continue
    const list = described.map(({ name, count }) => `${name} has ${count}`).join(', ')
    throw new StreamsError(
      'TOPIC_MISMATCH',
      `topics that are joined must have the same number of partitions, but ${list}; repartition one side, or recreate a topic`,
    )
  }
}

/** Parents before children, otherwise in the order in which the nodes were added. */
function topologicalOrder(topology: Topology, names: readonly string[]): readonly TopologyNode[] {
  const members = new Set(names)
  const done = new Set<string>()
  const ordered: TopologyNode[] = []
  const visit = (name: string): void => {
    if (done.has(name)) return
    done.add(name)
    const node = present(topology.nodes.get(name), `there is no node ${name}`)
    if (node.kind !== 'source') for (const parent of node.parents) if (members.has(parent)) visit(parent)
    ordered.push(node)
  }
  for (const name of names) visit(name)
  return ordered
}

function storesInOrder(
  topology: Topology,
  nodes: readonly TopologyNode[],
  sub: SubTopology,
): readonly StoreDefinition[] {
  const names = new Set<string>()
  for (const node of nodes)
    if (node.kind === 'processor') for (const store of (node as ProcessorNode).stores) names.add(store)
  for (const store of sub.stores) names.add(store)
  return [...names].flatMap((name) => topology.stores.get(name) ?? [])
}

const REPARTITION_SEGMENT_BYTES = 52_428_800

/** Java: RepartitionTopicConfig. Nothing expires by time; what was processed is purged after commits. */
function repartitionSpecs(
  topology: Topology,
  decorate: Decorate,
  counts: ReadonlyMap<string, number>,
  config: StreamsConfig,
): readonly TopicSpec[] {
  return [...topology.repartitionTopics.keys()].map((undecorated) => {
    const name = decorate(undecorated, true)
    return {
      name,
      partitions: present(counts.get(name), `repartition topic ${name} has no partition count`),
      replicationFactor: config.replicationFactor,
      config: {
        cleanupPolicy: 'delete',
        retentionMs: -1,
        segmentBytes: REPARTITION_SEGMENT_BYTES,
      },
    }
  })
}

function changelogSpecs(
  subTopologies: readonly ResolvedSubTopology[],
  decorate: Decorate,
  config: StreamsConfig,
): readonly TopicSpec[] {
  const specs = new Map<string, TopicSpec>()
  for (const sub of subTopologies) {
    for (const { spec, changelog, changelogIsSource } of sub.stores) {
      if (changelog === undefined || changelogIsSource) continue
      const name = decorate(changelog.name, changelog.internal)
      specs.set(name, {
        name,
        partitions: sub.partitionCount,
        replicationFactor: config.replicationFactor,
        config: changelogConfig(spec, config.windowStoreChangelogAdditionalRetentionMs),
      })
    }
  }
  return [...specs.values()]
}

function writtenTopics(
  topology: Topology,
  decorate: Decorate,
  internalTopics: readonly TopicSpec[],
  config: StreamsConfig,
): readonly string[] {
  const names = new Set(internalTopics.map((spec) => spec.name))
  for (const node of topology.nodes.values()) {
    if (node.kind === 'sink' && typeof node.topic !== 'function')
      names.add(decorate(node.topic.name, node.topic.internal))
  }
  if (config.deadLetterTopic !== undefined) names.add(config.deadLetterTopic)
  return [...names]
}
