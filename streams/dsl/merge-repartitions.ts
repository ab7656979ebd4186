import { assert, present } from '../base/index.ts'
import {
  changesKey,
  changesValue,
  generatedName,
  type NodeId,
  type NodeOfKind,
  nodeById,
  type Plan,
  type PlanNode,
  repartitionNames,
} from './plan.ts'

/**
 * One repartition topic below an operator that changes the key, in place of one for each grouping and join below it.
 * Java: InternalStreamsBuilder.mergeRepartitionTopics. The topic has the name of the first one that it replaces.
 */
export function mergeRepartitions(plan: Plan): Plan {
  const edit = createEdit(plan)
  for (const [changer, repartitions] of mergeableRepartitions(plan)) {
    if (repartitions.length > 0) replaceRepartitions(edit, changer, repartitions)
  }
  return edit.finish()
}

type Repartition = NodeOfKind<'repartition'>
type PlanNodes = Pick<Plan, 'nodes'>

/** By the operator below which one topic can serve them all. */
function mergeableRepartitions(plan: Plan): ReadonlyMap<NodeId, readonly Repartition[]> {
  const byChanger = new Map<NodeId, Repartition[]>()
  for (const node of plan.nodes) {
    if (node === undefined) continue
    if (changesKey(node)) byChanger.set(node.id, [])
    if (node.kind !== 'repartition' || !node.isOptimizable) continue
    const changer = keyChangerAbove(plan, node)
    if (changer !== undefined) byChanger.get(changer.id)?.push(node)
  }
  return belowMerges(plan, byChanger)
}

/**
 * The nearest operator that changes the key, if none between changes the value: what is sent would have another type.
 */
function keyChangerAbove(plan: Plan, node: PlanNode): PlanNode | undefined {
  const nearest = findAbove(plan, node, (above) => changesKey(above) || changesValue(above))
  return nearest !== undefined && changesKey(nearest) ? nearest : undefined
}

/** The node itself or the first above it, depth first. Java: findParentNodeMatching. */
function findAbove(plan: PlanNodes, node: PlanNode, matches: (node: PlanNode) => boolean): PlanNode | undefined {
  const pending = [node]
  const seen = new Set<NodeId>()
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (matches(next)) return next
    if (seen.has(next.id)) continue
    seen.add(next.id)
    for (const parent of next.parents.toReversed()) pending.push(nodeById(plan, parent))
  }
  return undefined
}

/** Where rekeyed streams are merged before they are grouped, the topic belongs below the merge. */
function belowMerges(plan: Plan, byChanger: ReadonlyMap<NodeId, Repartition[]>): ReadonlyMap<NodeId, Repartition[]> {
  const result = new Map(byChanger)
  const moved = new Set<NodeId>()
  for (const merge of plan.nodes) {
    if (merge?.kind !== 'processor' || !merge.isMerge) continue
    const repartitions = new Set<Repartition>()
    for (const [changer, own] of byChanger) {
      const areBelow = own.every((node) => isBelow(plan, node, merge.id))
      if (!areBelow || !isBelow(plan, merge, changer)) continue
      for (const node of own) repartitions.add(node)
      moved.add(changer)
    }
    result.set(merge.id, [...repartitions])
  }
  for (const changer of moved) result.delete(changer)
  return result
}

const isBelow = (plan: Plan, node: PlanNode, above: NodeId): boolean =>
  findAbove(plan, node, (candidate) => candidate.parents.includes(above)) !== undefined

/** A copy of the plan in which parents change until it is finished. */
type Edit = {
  readonly nodes: (PlanNode | undefined)[]
  readonly renamed: Map<string, string>
  nextName(prefix: string): string
  finish(): Plan
}

function createEdit(plan: Plan): Edit {
  const nodes = [...plan.nodes]
  const renamed = new Map<string, string>()
  let nameIndex = plan.nameIndex
  return {
    nodes,
    renamed,
    nextName: (prefix) => generatedName(prefix, nameIndex++),
    finish: () => {
      const copartitioned = plan.copartitioned.map((names) =>
        Object.freeze([...new Set(names.map((name) => renamed.get(name) ?? name))]),
      )
      return Object.freeze({
        ...plan,
        nodes: Object.freeze(nodes),
        copartitioned: Object.freeze(copartitioned),
        nameIndex,
      })
    },
  }
}

function replaceParent({ nodes }: Edit, id: NodeId, from: NodeId, to: readonly NodeId[]): void {
  const node = present(nodes[id], 'only nodes of the plan are edited')
  const parents = node.parents.flatMap((parent) => (parent === from ? to : [parent]))
  nodes[id] = Object.freeze({ ...node, parents: Object.freeze([...new Set(parents)]) })
}

function replaceRepartitions(edit: Edit, changerId: NodeId, repartitions: readonly Repartition[]): void {
  const { nodes } = edit
  const [first] = repartitions
  const changer = present(nodes[changerId], 'a changer of keys is never removed')
  assert(first !== undefined, 'there is a repartition to replace')
  const names = repartitionNames(first.names.topic, edit.nextName)
  const id = nodes.length
  // Before everything that reads from it: the priority of its parent.
  nodes.push(Object.freeze({ ...first, id, name: names.sourceName, names, parents: [], priority: changer.priority }))
  for (const repartition of repartitions) {
    moveBelow(edit, changerId, repartition.id, id)
    const current = present(nodes[repartition.id], 'each repartition is replaced once')
    for (const node of nodes) {
      if (node?.parents.includes(repartition.id)) replaceParent(edit, node.id, repartition.id, current.parents)
    }
    nodes[repartition.id] = undefined
    edit.renamed.set(repartition.name, names.sourceName)
  }
  const merged = present(nodes[id], 'it was added above')
  nodes[id] = Object.freeze({ ...merged, parents: Object.freeze([changerId]) })
}

/** The children of the changer on the way to the repartition now read from the one topic. */
function moveBelow(edit: Edit, changerId: NodeId, nodeId: NodeId, to: NodeId): void {
  const node = present(edit.nodes[nodeId], 'parents are in the plan')
  if (node.parents.includes(changerId)) {
    replaceParent(edit, nodeId, changerId, [to])
    return
  }
  const child = findAbove(edit, node, (above) => above.parents.includes(changerId))
  if (child !== undefined) replaceParent(edit, child.id, changerId, [to])
}
