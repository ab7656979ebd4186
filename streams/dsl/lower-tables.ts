import {
  suppressBufferStore,
  suppressUntilTimeLimit,
  suppressUntilWindowCloses,
  suppressValueGetter,
} from '../processors/suppress.ts'
import { filterValueGetter, tableFilter } from '../processors/table-filter.ts'
import { tableGroupBy } from '../processors/table-group-by.ts'
import { mapValuesValueGetter, tableMapValues } from '../processors/table-map-values.ts'
import { tableSource } from '../processors/table-source.ts'
import { tableTransformValues, transformValuesValueGetter } from '../processors/table-transform-values.ts'
import { storeValueGetter } from '../processors/table-value-getter.ts'
import type { TableValueGetterSupplier } from '../topology/processor.ts'
import { type Lowering, parentNames } from './lowering.ts'
import type { Erased, NodeId, NodeOfKind, StorePlan } from './plan.ts'
import { unhandled } from './plan.ts'
import { tableStoreSpec } from './store-specs.ts'

type Table = NodeOfKind<
  'to-table' | 'table-filter' | 'table-map-values' | 'table-transform-values' | 'suppress' | 'table-group-by'
>

export function lowerTable(lowering: Lowering, node: Table): void {
  const { topology, facts } = lowering
  const { name } = node
  const parents = parentNames(lowering, node)
  const sendOldValues = facts.sendsOldValues(node.id)
  switch (node.kind) {
    case 'to-table': {
      const store = facts.isMaterialized(node.id) ? storeOf(lowering, node.store) : undefined
      topology.addProcessor({ name, supplier: tableSource({ store, sendOldValues }), parents })
      if (store !== undefined) lowering.views.set(node.id, storeValueGetter(store))
      return
    }
    case 'table-filter': {
      const { predicate, negated } = node
      const store = storeOf(lowering, node.store)
      const versionedSemantics = isFromVersioned(lowering, node)
      const options = { predicate, negated, store, sendOldValues, versionedSemantics }
      topology.addProcessor({ name, supplier: tableFilter(options), parents })
      setView(lowering, node, (parent) => (store ? storeValueGetter(store) : filterValueGetter(parent(), options)))
      return
    }
    case 'table-map-values': {
      const { mapper } = node
      const store = storeOf(lowering, node.store)
      topology.addProcessor({ name, supplier: tableMapValues({ mapper, store, sendOldValues }), parents })
      setView(lowering, node, (parent) => (store ? storeValueGetter(store) : mapValuesValueGetter(parent(), mapper)))
      return
    }
    case 'table-transform-values': {
      const { transformer, stores } = node
      const store = storeOf(lowering, node.store)
      const supplier = tableTransformValues({ transformer, store, sendOldValues })
      topology.addProcessor({ name, supplier, parents, stores })
      setView(lowering, node, (parent) =>
        store ? storeValueGetter(store) : transformValuesValueGetter(parent(), transformer),
      )
      return
    }
    case 'suppress':
      lowerSuppress(lowering, node)
      return
    case 'table-group-by': {
      const { mapper, keySerde } = node
      const versionedSemantics = isFromVersioned(lowering, node)
      topology.addProcessor({ name, supplier: tableGroupBy({ mapper, keySerde, versionedSemantics }), parents })
      return
    }
    default:
      unhandled(node)
  }
}

function storeOf(lowering: Lowering, plan: StorePlan): ReturnType<typeof tableStoreSpec>
function storeOf(lowering: Lowering, plan: StorePlan | undefined): ReturnType<typeof tableStoreSpec> | undefined
function storeOf(lowering: Lowering, plan: StorePlan | undefined) {
  return plan && tableStoreSpec(plan, lowering)
}

const isFromVersioned = ({ facts }: Lowering, { parents }: Table): boolean =>
  parents.some((parent) => facts.isVersioned(parent))

/**
 * A view may need that of its parent, which is there only if somebody reads the table. Whoever reads it asks the
 * analysis first, so a view that cannot be made is one that nobody reads.
 */
function setView(
  { views }: Lowering,
  { id, parents }: { readonly id: NodeId; readonly parents: readonly NodeId[] },
  create: (parent: () => TableValueGetterSupplier<Erased, Erased>) => TableValueGetterSupplier<Erased, Erased>,
): void {
  const parentView = parents[0] === undefined ? undefined : views.get(parents[0])
  let isReadable = true
  const view = create(() => {
    if (parentView === undefined) isReadable = false
    return parentView ?? UNREADABLE
  })
  if (isReadable) views.set(id, view)
}

const UNREADABLE: TableValueGetterSupplier<Erased, Erased> = {
  storeNames: [],
  get: () => {
    throw new Error('nobody reads this table')
  },
}

function lowerSuppress(lowering: Lowering, node: NodeOfKind<'suppress'>): void {
  const { topology, persistence } = lowering
  const { name, storeName, keySerde, valueSerde, logging, limits, until } = node
  const store = suppressBufferStore({ name: storeName, keySerde, valueSerde, persistence, logging })
  const supplier =
    until.kind === 'time-limit'
      ? suppressUntilTimeLimit({ store, limits, waitMs: until.waitMs })
      : suppressUntilWindowCloses({ store, limits, graceMs: until.graceMs })
  topology.addProcessor({ name, supplier, parents: parentNames(lowering, node) })
  setView(lowering, node, (parent) => suppressValueGetter(store, parent()))
}
