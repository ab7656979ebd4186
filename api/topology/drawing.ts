import type { Topology } from '#streams'

type TopologyNode = Topology['nodes'] extends ReadonlyMap<string, infer Node> ? Node : never

/** The topology as plain data and as a Mermaid flow chart: topics, processors and stores, by sub-topology. */
export type TopologyDrawing = {
  readonly subTopologies: readonly {
    readonly id: number
    readonly sources: readonly string[]
    readonly sinks: readonly string[]
    readonly stores: readonly string[]
    readonly nodes: readonly NodeDrawing[]
  }[]
  readonly globalStores: readonly { readonly store: string; readonly topics: readonly string[] }[]
}
export type NodeDrawing = {
  readonly name: string
  readonly kind: 'source' | 'processor' | 'sink'
  readonly topics: readonly string[]
  readonly stores: readonly string[]
  readonly children: readonly string[]
}

/** Internal topics are shown by the names that they have on the log. */
export function drawTopology(topology: Topology, applicationId: string): TopologyDrawing {
  const named = ({ name, internal }: { name: string; internal: boolean }): string =>
    internal ? `${applicationId}-${name}` : name
  const topicsOf = (node: TopologyNode): readonly string[] => {
    if (node.kind === 'source')
      return node.pattern === undefined ? node.topics.map(named) : [`/${node.pattern.source}/`]
    if (node.kind === 'sink') return typeof node.topic === 'function' ? ['(chosen by record)'] : [named(node.topic)]
    return []
  }
  return {
    subTopologies: topology.subTopologies.map((sub) => {
      const nodes = sub.nodes.map((name): NodeDrawing => {
        const node = topology.nodes.get(name) as TopologyNode
        return {
          name,
          kind: node.kind,
          topics: topicsOf(node),
          stores: node.kind === 'processor' ? node.stores : [],
          children: topology.children.get(name) ?? [],
        }
      })
      const topicsOfKind = (kind: NodeDrawing['kind']): readonly string[] => [
        ...new Set(nodes.filter((node) => node.kind === kind).flatMap(({ topics }) => topics)),
      ]
      return { id: sub.id, sources: topicsOfKind('source'), sinks: topicsOfKind('sink'), stores: sub.stores, nodes }
    }),
    globalStores: topology.globalStores.map(({ storeName, source }) => ({
      store: storeName,
      topics: source.topics.map(named),
    })),
  }
}

export function mermaidOf({ subTopologies, globalStores }: TopologyDrawing): string {
  const ids = new Map<string, string>()
  const idOf = (kind: string, name: string): string => {
    const key = `${kind}:${name}`
    const known = ids.get(key) ?? `${kind}${ids.size}`
    ids.set(key, known)
    return known
  }
  const lines = ['flowchart LR']
  const topic = (name: string): string => `${idOf('topic', name)}[/"${label(name)}"/]`
  const edges: string[] = []
  for (const sub of subTopologies) {
    lines.push(`  subgraph sub${sub.id}["Sub-topology ${sub.id}"]`)
    for (const node of sub.nodes) lines.push(`    ${idOf('node', node.name)}("${label(node.name)}")`)
    for (const store of sub.stores) lines.push(`    ${idOf('store', store)}[("${label(store)}")]`)
    lines.push('  end')
    for (const node of sub.nodes) {
      const id = idOf('node', node.name)
      for (const name of node.topics)
        edges.push(node.kind === 'source' ? `${topic(name)} --> ${id}` : `${id} --> ${topic(name)}`)
      for (const child of node.children) edges.push(`${id} --> ${idOf('node', child)}`)
      for (const store of node.stores) edges.push(`${id} -.- ${idOf('store', store)}`)
    }
  }
  for (const { store, topics } of globalStores) {
    lines.push(`  ${idOf('store', store)}[("${label(store)} (global)")]`)
    for (const name of topics) edges.push(`${topic(name)} --> ${idOf('store', store)}`)
  }
  return `${[...lines, ...[...new Set(edges)].map((edge) => `  ${edge}`)].join('\n')}\n`
}

function label(text: string): string {
  return text.replaceAll('"', '#quot;')
}
