import { invalidTopology } from '../topology/names.ts'
import { type NodeId, nodeById, type Plan, type PlanNode } from './plan.ts'

/**
 * Questions that one operator asks of others, answered once over the whole plan. In Java these are flags that operators
 * set on each other while the program runs (enableSendingOldValues, materialize, enableVersionedSemantics); here the
 * plan does not change and the answers lie beside it.
 */
export type PlanFacts = {
  /** The node forwards old values with new ones. */
  sendsOldValues(id: NodeId): boolean
  /** The source table is kept in a store: the user named it, or somebody reads it or needs its old values. */
  isMaterialized(id: NodeId): boolean
  /** The node's output is versioned: it comes from a versioned store (KIP-914). */
  isVersioned(id: NodeId): boolean
}

type State = {
  readonly plan: Plan
  readonly sending: Set<NodeId>
  readonly materialized: Set<NodeId>
}

/**
 * Goes through the plan in the order of recording: a filter takes old values if its parent has them *at that moment*,
 * and whether it does shows in the records that come out.
 */
export function analysePlan(plan: Plan): PlanFacts {
  const state: State = { plan, sending: new Set(), materialized: new Set() }
  for (const node of plan.nodes) if (node !== undefined) visit(state, node)
  const facts: PlanFacts = {
    sendsOldValues: (id) => state.sending.has(id),
    isMaterialized: (id) => state.materialized.has(id),
    isVersioned: (id) => isVersioned(plan, id),
  }
  for (const node of plan.nodes) {
    if (node?.kind === 'suppress' && node.parents.every((parent) => isVersioned(plan, parent))) {
      throw invalidTopology(
        `suppress() at ${node.name} follows a versioned table, whose history it would lose: suppress an unversioned table.`,
      )
    }
  }
  return facts
}

function visit(state: State, node: PlanNode): void {
  switch (node.kind) {
    case 'table-source':
    case 'to-table':
    case 'foreign-key-join':
      if (node.store.isNamed) state.materialized.add(node.id)
      break
    case 'table-filter':
      // Taken where it costs nothing; not asked for.
      if (node.parents.every((parent) => requireOldValues(state, parent, false))) state.sending.add(node.id)
      break
    case 'table-group-by':
    case 'suppress':
      for (const parent of node.parents) requireOldValues(state, parent, true)
      break
    case 'table-table-join':
      if (node.joinKind !== 'inner') requireOldValues(state, node.left, true)
      if (node.joinKind === 'outer') requireOldValues(state, node.right, true)
      requireReadable(state, node.left)
      requireReadable(state, node.right)
      break
    case 'stream-table-join':
      requireReadable(state, node.table)
      break
    default:
      break
  }
  if (node.kind === 'foreign-key-join') {
    requireOldValues(state, node.right, true)
    requireOldValues(state, node.left, true)
    requireReadable(state, node.right)
    requireReadable(state, node.left)
  }
}

/** Java: KTableImpl.enableSendingOldValues. False: it cannot without a store, and the asker does not insist on one. */
function requireOldValues(state: State, id: NodeId, isInsisted: boolean): boolean {
  if (state.sending.has(id)) return true
  const node = nodeById(state.plan, id)
  switch (node.kind) {
    case 'table-source':
    case 'to-table':
    case 'foreign-key-join':
      if (!isInsisted && !state.materialized.has(id)) return false
      state.materialized.add(id)
      break
    case 'table-filter':
    case 'table-map-values':
    case 'table-transform-values':
      if (node.store === undefined && !parentsSend(state, node, isInsisted)) return false
      break
    case 'suppress':
      if (!parentsSend(state, node, isInsisted)) return false
      break
    case 'table-table-join':
      requireOldValues(state, node.left, true)
      requireOldValues(state, node.right, true)
      break
    case 'cogroup-merge':
      parentsSend(state, node, isInsisted)
      break
    default:
      break
  }
  state.sending.add(id)
  return true
}

function parentsSend(state: State, node: PlanNode, isInsisted: boolean): boolean {
  return node.parents.map((parent) => requireOldValues(state, parent, isInsisted)).every((sends) => sends)
}

/** Java: KTableImpl.valueGetterSupplier: a table that is read must be in a store, its own or that of a table above. */
function requireReadable(state: State, id: NodeId): void {
  const node = nodeById(state.plan, id)
  switch (node.kind) {
    case 'table-source':
    case 'to-table':
    case 'foreign-key-join':
      state.materialized.add(id)
      break
    case 'table-filter':
    case 'table-map-values':
    case 'table-transform-values':
      if (node.store === undefined) for (const parent of node.parents) requireReadable(state, parent)
      break
    case 'suppress':
      for (const parent of node.parents) requireReadable(state, parent)
      break
    case 'table-table-join':
      // A join that is not stored is computed from its sides, which are readable since they were joined.
      break
    default:
      break
  }
}

/** Java: InternalStreamsBuilder.isVersionedOrVersionedUpstream. A node without a store is what its parents are. */
function isVersioned(plan: Plan, id: NodeId): boolean {
  const node = nodeById(plan, id)
  const own = ownVersioning(node)
  if (own !== undefined) return own
  return node.parents.length > 0 && node.parents.every((parent) => isVersioned(plan, parent))
}

function ownVersioning(node: PlanNode): boolean | undefined {
  switch (node.kind) {
    case 'table-source':
    case 'to-table':
    case 'foreign-key-join':
    case 'stream-aggregate':
    case 'table-aggregate':
      return node.store.historyRetentionMs !== undefined
    case 'window-aggregate':
    case 'suppress':
      return false
    case 'table-filter':
    case 'table-map-values':
    case 'table-transform-values':
      return node.store === undefined ? undefined : node.store.historyRetentionMs !== undefined
    case 'table-table-join':
      return node.store?.historyRetentionMs !== undefined
    default:
      return undefined
  }
}
