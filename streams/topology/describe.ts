import { assert, present } from '../base/index.ts'
import { createOrderedTree, hashOrder, hashOrderOfCopy, type OrderedTree } from './java-order.ts'
import type { GlobalStore, ProcessorNode, SinkNode, SourceNode, SubTopology, TopologyNode } from './topology.ts'

/** The text of Java's TopologyDescription: names of nodes, stores and topics are an API, and this is its golden form. */

type Described = {
  readonly node: TopologyNode
  readonly predecessors: OrderedTree<Described>
  readonly successors: OrderedTree<Described>
  /** Nodes in the sub-tree below, with itself; a node that is reached on two ways counts twice. */
  size: number
}

function byTreeSize(left: Described, right: Described): number {
  if (left === right) return 0
  if (left.size !== right.size) return right.size - left.size
  return left.node.name < right.node.name ? -1 : left.node.name > right.node.name ? 1 : 0
}

function addSize(described: Described, delta: number): void {
  described.size += delta
  for (const predecessor of described.predecessors.items()) addSize(predecessor, delta)
}

/** Connects in the order in which Java iterates its map of nodes: the sizes at that moment order the neighbours. */
function connect(nodes: readonly TopologyNode[]): readonly Described[] {
  const byName = new Map<string, Described>()
  const names = hashOrder(hashOrder(nodes.map((node) => node.name)))
  const nodeOf = new Map(nodes.map((node) => [node.name, node]))
  for (const name of names) {
    const node = present(nodeOf.get(name), 'every name comes from this list')
    byName.set(name, {
      node,
      predecessors: createOrderedTree(byTreeSize),
      successors: createOrderedTree(byTreeSize),
      size: 1,
    })
  }
  for (const described of byName.values()) {
    if (described.node.kind === 'source') continue
    for (const parent of described.node.parents) {
      const predecessor = present(byName.get(parent), 'a parent is in the sub-topology of its child')
      described.predecessors.add(predecessor)
      predecessor.successors.add(described)
      addSize(predecessor, described.size)
    }
  }
  return [...byName.values()].sort(byTreeSize)
}

const namesOf = (tree: OrderedTree<Described>): string => {
  const items = tree.items()
  return items.length === 0 ? 'none' : items.map((item) => item.node.name).join(', ')
}

function sourceText(node: SourceNode): string {
  const topics =
    node.pattern === undefined
      ? `[${hashOrderOfCopy(node.topics.map((topic) => topic.name)).join(', ')}]`
      : node.pattern.source
  return `Source: ${node.name} (topics: ${topics})`
}

function sinkText(node: SinkNode): string {
  if (typeof node.topic !== 'function') return `Sink: ${node.name} (topic: ${node.topic.name})`
  return `Sink: ${node.name} (extractor class: ${node.topic.name || 'anonymous'})`
}

const processorText = (node: ProcessorNode): string =>
  `Processor: ${node.name} (stores: [${hashOrderOfCopy(hashOrder(node.stores)).join(', ')}])`

function nodeText({ node, successors, predecessors }: Described): string {
  const to = `\n      --> ${namesOf(successors)}`
  const from = `\n      <-- ${namesOf(predecessors)}`
  switch (node.kind) {
    case 'source':
      return sourceText(node) + to
    case 'processor':
      return processorText(node) + to + from
    case 'sink':
      return sinkText(node) + from
    default:
      return node satisfies never
  }
}

function subTopologyText(subTopology: SubTopology, nodes: ReadonlyMap<string, TopologyNode>): string {
  const own = subTopology.nodes.map((name) => present(nodes.get(name), 'a sub-topology names nodes of its topology'))
  const lines = connect(own).map((described) => `    ${nodeText(described)}\n`)
  return `  Sub-topology: ${subTopology.id}\n${lines.join('')}\n`
}

function globalStoreText({ source, processor, subTopologyId }: GlobalStore): string {
  return (
    `  Sub-topology: ${subTopologyId} for global store (will not generate tasks)\n` +
    `    ${sourceText(source)}\n      --> ${processor.name}\n` +
    `    ${processorText(processor)}\n      --> none\n      <-- ${source.name}\n`
  )
}

export function describeTopology(
  nodes: ReadonlyMap<string, TopologyNode>,
  subTopologies: readonly SubTopology[],
  globalStores: readonly GlobalStore[],
): string {
  const texts = new Map<number, string>()
  for (const subTopology of subTopologies) texts.set(subTopology.id, subTopologyText(subTopology, nodes))
  for (const globalStore of globalStores) texts.set(globalStore.subTopologyId, globalStoreText(globalStore))
  assert(texts.size === subTopologies.length + globalStores.length, 'ids of sub-topologies are unique')
  const ids = [...texts.keys()].sort((left, right) => left - right)
  return `Topologies:\n ${ids.map((id) => texts.get(id)).join('')}`
}
