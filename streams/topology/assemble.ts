import { present } from '../base/index.ts'
import type { StoreSpec } from '../stores/types.ts'
import { describeTopology } from './describe.ts'
import { invalidTopology } from './names.ts'
import { createNodeGroups } from './node-groups.ts'
import type {
  GlobalStore,
  ProcessorNode,
  RepartitionTopic,
  SourceNode,
  StoreDefinition,
  SubTopology,
  TopicRef,
  Topology,
  TopologyNode,
} from './topology.ts'

/** What the builder has collected; `assembleTopology` makes the frozen topology of it. */
export type TopologyDraft = {
  /** In the order in which they were added: it decides ids of sub-topologies and the order of children. */
  readonly nodes: Map<string, TopologyNode>
  readonly stores: Map<string, StoreSpec>
  readonly storeUsers: Map<string, string[]>
  readonly sourceTopicOfStore: Map<string, string>
  readonly globals: {
    readonly source: string
    readonly processor: string
    readonly spec: StoreSpec
    readonly reprocessOnRestore: boolean
  }[]
  readonly internalTopics: Map<string, RepartitionTopic>
  readonly copartitioned: (readonly string[])[]
}

export function assembleTopology(draft: TopologyDraft): Topology {
  const nodes = withInternalTopics(draft)
  checkComplete(draft, nodes)
  const stores = storeDefinitions(draft)
  const { subTopologies, globalStores } = groupNodes(draft, nodes)
  const repartitionTopics = new Map(
    [...draft.internalTopics].map(([name, topic]) => [name, Object.freeze({ ...topic })]),
  )
  checkCopartitioned(draft, nodes)
  const globalNodes = new Set(draft.globals.flatMap((global) => [global.source, global.processor]))
  const taskNodes = new Map([...nodes].filter(([name]) => !globalNodes.has(name)))
  let text: string | undefined
  return Object.freeze({
    nodes: taskNodes,
    children: childrenOf(taskNodes),
    stores,
    subTopologies,
    globalStores,
    repartitionTopics,
    describe: () => {
      text ??= describeTopology(taskNodes, subTopologies, globalStores)
      return text
    },
  })
}

/** Marks the topics that the application owns, wherever they are read or written. */
function withInternalTopics(draft: TopologyDraft): ReadonlyMap<string, TopologyNode> {
  const internal = (topic: TopicRef): TopicRef =>
    Object.freeze({
      name: topic.name,
      internal: draft.internalTopics.has(topic.name),
    })
  const marked = (node: TopologyNode): TopologyNode => {
    switch (node.kind) {
      case 'source':
        return { ...node, topics: Object.freeze(node.topics.map(internal)) }
      case 'processor':
        return {
          ...node,
          parents: Object.freeze(node.parents),
          stores: Object.freeze(node.stores),
        }
      case 'sink':
        return {
          ...node,
          parents: Object.freeze(node.parents),
          topic: typeof node.topic === 'function' ? node.topic : internal(node.topic),
        }
      default:
        return node satisfies never
    }
  }
  return new Map([...draft.nodes].map(([name, node]) => [name, Object.freeze(marked(node))]))
}

function checkComplete(draft: TopologyDraft, nodes: ReadonlyMap<string, TopologyNode>): void {
  if (nodes.size === 0) throw invalidTopology('The topology is empty: add at least one source.')
  for (const name of draft.stores.keys()) {
    if (draft.storeUsers.has(name)) continue
    throw invalidTopology(
      `Store ${name} is connected to no processor: name it in the \`stores\` of a processor, or do not add it.`,
    )
  }
  for (const name of draft.internalTopics.keys()) {
    const isRead = [...nodes.values()].some(
      (node) => node.kind === 'source' && node.topics.some((t) => t.name === name),
    )
    if (!isRead) throw invalidTopology(`Internal topic ${name} is read by no source.`)
  }
}

function storeDefinitions(draft: TopologyDraft): ReadonlyMap<string, StoreDefinition> {
  const definitions = new Map<string, StoreDefinition>()
  for (const [name, spec] of draft.stores) {
    const sourceTopic = draft.sourceTopicOfStore.get(name)
    const own = spec.logging === undefined ? undefined : { name: `${name}-changelog`, internal: true }
    const source =
      sourceTopic === undefined
        ? undefined
        : {
            name: sourceTopic,
            internal: draft.internalTopics.has(sourceTopic),
          }
    const changelog = source ?? own
    definitions.set(
      name,
      Object.freeze({
        spec,
        changelog: changelog && Object.freeze(changelog),
        changelogIsSource: source !== undefined,
      }),
    )
  }
  return definitions
}

function childrenOf(nodes: ReadonlyMap<string, TopologyNode>): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>([...nodes.keys()].map((name) => [name, []]))
  for (const node of nodes.values()) {
    if (node.kind === 'source') continue
    for (const parent of node.parents) {
      const siblings = present(children.get(parent), `parent ${parent} was checked when ${node.name} was added`)
      if (!siblings.includes(node.name)) siblings.push(node.name)
    }
  }
  for (const list of children.values()) Object.freeze(list)
  return children
}

type Grouped = {
  readonly subTopologies: readonly SubTopology[]
  readonly globalStores: readonly GlobalStore[]
}

function groupNodes(draft: TopologyDraft, nodes: ReadonlyMap<string, TopologyNode>): Grouped {
  const grouper = createNodeGroups()
  for (const node of nodes.values()) grouper.add(node.name)
  for (const node of nodes.values()) {
    if (node.kind !== 'source') for (const parent of node.parents) grouper.unite(node.name, parent)
  }
  for (const [first, ...others] of draft.storeUsers.values()) {
    for (const other of others) grouper.unite(present(first, 'a store in this map has a user'), other)
  }
  const subTopologies: SubTopology[] = []
  const globalStores: GlobalStore[] = []
  for (const [id, names] of grouper.groups().entries()) {
    const global = draft.globals.find(({ source }) => names.includes(source))
    if (global === undefined) subTopologies.push(subTopology(draft, nodes, id, names))
    else {
      globalStores.push(
        Object.freeze({
          source: nodes.get(global.source) as SourceNode,
          processor: nodes.get(global.processor) as ProcessorNode,
          storeName: global.spec.name,
          spec: global.spec,
          reprocessOnRestore: global.reprocessOnRestore,
          subTopologyId: id,
        }),
      )
    }
  }
  return {
    subTopologies: Object.freeze(subTopologies),
    globalStores: Object.freeze(globalStores),
  }
}

function subTopology(
  draft: TopologyDraft,
  nodes: ReadonlyMap<string, TopologyNode>,
  id: number,
  names: readonly string[],
): SubTopology {
  const own = names.map((name) => present(nodes.get(name), 'groups hold names of nodes'))
  const sourceTopics = new Map<string, TopicRef>()
  const sinkTopics = new Map<string, TopicRef>()
  const stores = new Set<string>()
  for (const node of own) {
    if (node.kind === 'source') for (const topic of node.topics) sourceTopics.set(topic.name, topic)
    if (node.kind === 'sink' && typeof node.topic !== 'function') sinkTopics.set(node.topic.name, node.topic)
    if (node.kind === 'processor') for (const store of node.stores) stores.add(store)
  }
  const groups = copartitionGroups(draft, nodes).filter((group) => group.some((topic) => sourceTopics.has(topic.name)))
  return Object.freeze({
    id,
    nodes: Object.freeze([...names]),
    sourceTopics: Object.freeze([...sourceTopics.values()]),
    sinkTopics: Object.freeze([...sinkTopics.values()]),
    stores: Object.freeze([...stores]),
    copartitionGroups: Object.freeze(groups),
  })
}

/** Groups that share a topic are one group (Java: InternalTopologyBuilder.copartitionGroups). */
function copartitionGroups(
  draft: TopologyDraft,
  nodes: ReadonlyMap<string, TopologyNode>,
): readonly (readonly TopicRef[])[] {
  const groups: Map<string, TopicRef>[] = []
  for (const sourceNames of draft.copartitioned) {
    const topics = topicsOf(sourceNames, nodes)
    const overlapping = groups.filter((group) => topics.some((topic) => group.has(topic.name)))
    const merged = new Map(overlapping.flatMap((group) => [...group]))
    for (const topic of topics) merged.set(topic.name, topic)
    for (const group of overlapping) groups.splice(groups.indexOf(group), 1)
    if (merged.size > 0) groups.push(merged)
  }
  return groups.filter((group) => group.size > 1).map((group) => Object.freeze([...group.values()]))
}

function topicsOf(sourceNames: readonly string[], nodes: ReadonlyMap<string, TopologyNode>): readonly TopicRef[] {
  return sourceNames.flatMap((name) => {
    const node = nodes.get(name)
    return node?.kind === 'source' ? node.topics : []
  })
}

/** Topics whose partition counts the user has fixed can be compared before anything runs. */
function checkCopartitioned(draft: TopologyDraft, nodes: ReadonlyMap<string, TopologyNode>): void {
  for (const group of copartitionGroups(draft, nodes)) {
    const fixed = group.map((topic) => ({
      name: topic.name,
      count: draft.internalTopics.get(topic.name)?.partitions,
    }))
    const counts = new Set(fixed.map(({ count }) => count))
    if (counts.has(undefined) || counts.size <= 1) continue
    throw invalidTopology(
      `These topics are joined, so they need the same number of partitions: ` +
        `${fixed.map(({ name, count }) => `${name} has ${count}`).join(', ')}. Give their repartitions one number.`,
    )
  }
}
