import { invalidTopology } from '../topology/names.ts'
import { mergeRepartitions } from './merge-repartitions.ts'
import type { NodeId, NodeOfKind, Plan, PlanNode } from './plan.ts'

/** Plan → optimised plan. Java: InternalStreamsBuilder.optimizeTopology. */

export type Optimization = 'reuse-ktable-source-topics' | 'merge-repartition-topics' | 'single-store-self-join'

const ALL: readonly Optimization[] = [
  'reuse-ktable-source-topics',
  'merge-repartition-topics',
  'single-store-self-join',
]

export function optimizationsOf(option: 'none' | 'all' | readonly Optimization[] = 'none'): ReadonlySet<Optimization> {
  if (option === 'none') return new Set()
  if (option === 'all') return new Set(ALL)
  for (const name of option) {
    if (!ALL.includes(name)) {
      throw invalidTopology(`Optimization ${String(name)} is unknown: use ${ALL.join(', ')}, 'all' or 'none'.`)
    }
  }
  return new Set(option)
}

/** `reuse-ktable-source-topics` changes no node: the lowering of table sources does it. */
export function optimisePlan(plan: Plan, optimizations: ReadonlySet<Optimization>): Plan {
  const merged = optimizations.has('merge-repartition-topics') ? mergeRepartitions(plan) : plan
  return optimizations.has('single-store-self-join') ? rewriteSelfJoins(merged) : merged
}

/**
 * Java rewrites left and outer self-joins too; that loses their records with null keys, so here only inner joins are.
 */
function rewriteSelfJoins(plan: Plan): Plan {
  const nodes = plan.nodes.map((node) =>
    node?.kind === 'stream-stream-join' && node.joinKind === 'inner' && node.parents.length === 1
      ? Object.freeze({ ...node, isSelfJoin: true })
      : node,
  )
  return Object.freeze({ ...plan, nodes: Object.freeze(nodes) })
}

/** Streams of the same topics share one source node: two would be two readers with one committed offset. */
export function mergeDuplicateSources(plan: Plan): Plan {
  const byTopics = new Map<string, NodeOfKind<'stream-source'>>()
  const replaced = new Map<NodeId, NodeId>()
  for (const node of plan.nodes) {
    if (node?.kind !== 'stream-source') continue
    const key = sourceKey(node)
    const main = byTopics.get(key)
    if (main === undefined) {
      checkOverlap(node, [...byTopics.values()])
      byTopics.set(key, node)
      continue
    }
    checkSameReset(main, node)
    replaced.set(node.id, main.id)
  }
  return replaced.size === 0 ? plan : replaceNodes(plan, replaced)
}

function sourceKey({ topics }: NodeOfKind<'stream-source'>): string {
  return topics instanceof RegExp
    ? `pattern ${topics.source} ${topics.flags}`
    : JSON.stringify([...new Set(topics)].sort())
}

function checkOverlap(node: NodeOfKind<'stream-source'>, others: readonly NodeOfKind<'stream-source'>[]): void {
  const { topics } = node
  if (topics instanceof RegExp) return
  for (const other of others) {
    const shared = other.topics instanceof RegExp ? undefined : other.topics.find((topic) => topics.includes(topic))
    if (shared === undefined) continue
    throw invalidTopology(
      `Streams ${other.name} and ${node.name} both read topic ${shared}, but not the same set of topics: ` +
        'read exactly the same topics in both, or each topic in one stream and merge them.',
    )
  }
}

function checkSameReset(main: NodeOfKind<'stream-source'>, node: NodeOfKind<'stream-source'>): void {
  if (JSON.stringify(main.autoOffsetReset) === JSON.stringify(node.autoOffsetReset)) return
  throw invalidTopology(
    `Streams ${main.name} and ${node.name} read the same topics with different autoOffsetReset: give both the same.`,
  )
}

/** The plan without the keys of `replaced`; what read from them reads from the values. */
function replaceNodes(plan: Plan, replaced: ReadonlyMap<NodeId, NodeId>): Plan {
  const nodes = plan.nodes.map((node): PlanNode | undefined => {
    if (node === undefined || replaced.has(node.id)) return undefined
    if (!node.parents.some((parent) => replaced.has(parent))) return node
    const parents = Object.freeze([...new Set(node.parents.map((parent) => replaced.get(parent) ?? parent))])
    return Object.freeze({ ...node, parents })
  })
  const nameOf = new Map<string, string>()
  for (const [from, to] of replaced) {
    const [old, main] = [plan.nodes[from], plan.nodes[to]]
    if (old !== undefined && main !== undefined) nameOf.set(old.name, main.name)
  }
  const copartitioned = plan.copartitioned.map((names) => [...new Set(names.map((name) => nameOf.get(name) ?? name))])
  return Object.freeze({ ...plan, nodes: Object.freeze(nodes), copartitioned: Object.freeze(copartitioned) })
}
