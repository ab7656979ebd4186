import { assert } from '../base/index.ts'
import type { TableStoreSpec } from '../processors/table-store.ts'
import type { StorePersistence } from '../stores/types.ts'
import type { InternalTopologyBuilder } from '../topology/builder.ts'
import type { TableValueGetterSupplier } from '../topology/processor.ts'
import type { PlanFacts } from './analyse.ts'
import { type Erased, type NodeId, nodeById, type Plan, type PlanNode, type StorePlan } from './plan.ts'

/** Plan → topology: each plan node writes its nodes with the low-level builder, in Java's order. */
export type Lowering = {
  readonly plan: Plan
  readonly facts: PlanFacts
  readonly topology: InternalTopologyBuilder
  readonly persistence: StorePersistence
  readonly withHeaders: boolean
  readonly reusesSourceTopics: boolean
  /** How to read each table; filled as tables are written. */
  readonly views: Map<NodeId, TableValueGetterSupplier<Erased, Erased>>
  readonly globalStores: Map<NodeId, TableStoreSpec<Erased, Erased>>
  /** The aggregations of a cogroup write one store: one plan, one spec. */
  readonly specs: Map<StorePlan, Erased>
  /** Repartitions that records with null keys must pass. */
  readonly nullKeysKept: ReadonlySet<NodeId>
}

export function parentNames({ plan }: Lowering, node: PlanNode): readonly string[] {
  return node.parents.map((parent) => nodeById(plan, parent).name)
}

export function storeSpecOf<S>({ specs }: Lowering, plan: StorePlan, create: () => S): S {
  const known = specs.get(plan)
  if (known !== undefined) return known
  const spec = create()
  specs.set(plan, spec)
  return spec
}

export function viewOf({ views }: Lowering, id: NodeId): TableValueGetterSupplier<Erased, Erased> {
  const view = views.get(id)
  assert(view !== undefined, 'a table is written before what reads it')
  return view
}
