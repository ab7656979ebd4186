import { assert } from '../base/index.ts'
import { ON_WINDOW_UPDATE } from '../processors/emit-strategy.ts'
import { aggregatorOfReducer, mergerOfReducer, reduceInitializer } from '../processors/functions.ts'
import { passThrough } from '../processors/pass-through.ts'
import { sessionAggregate } from '../processors/session-aggregate.ts'
import { slidingWindowAggregate } from '../processors/sliding-window-aggregate.ts'
import { streamAggregate, streamReduce } from '../processors/stream-aggregate.ts'
import { tableAggregate, tableReduce } from '../processors/table-aggregate.ts'
import { sessionStoreValueGetter, storeValueGetter, windowStoreValueGetter } from '../processors/table-value-getter.ts'
import { windowAggregate } from '../processors/window-aggregate.ts'
import { type Lowering, parentNames, storeSpecOf } from './lowering.ts'
import type { AggregateFunctions, NodeOfKind } from './plan.ts'
import { unhandled } from './plan.ts'
import { sessionStoreSpec, tableStoreSpec, windowStoreSpec } from './store-specs.ts'

type Aggregate = NodeOfKind<'stream-aggregate' | 'window-aggregate' | 'cogroup-merge' | 'table-aggregate'>

export function lowerAggregate(lowering: Lowering, node: Aggregate): void {
  switch (node.kind) {
    case 'stream-aggregate':
      lowerStreamAggregate(lowering, node)
      return
    case 'table-aggregate':
      lowerTableAggregate(lowering, node)
      return
    case 'window-aggregate':
      lowerWindowAggregate(lowering, node)
      return
    case 'cogroup-merge': {
      const parents = parentNames(lowering, node)
      lowering.topology.addProcessor({ name: node.name, supplier: passThrough(), parents })
      lowering.views.set(node.id, cogroupView(lowering, node))
      return
    }
    default:
      unhandled(node)
  }
}

function lowerStreamAggregate(lowering: Lowering, node: NodeOfKind<'stream-aggregate'>): void {
  const { topology, facts, views } = lowering
  const { functions, name } = node
  const store = storeSpecOf(lowering, node.store, () => tableStoreSpec(node.store, lowering))
  const sendOldValues = facts.sendsOldValues(node.id)
  const supplier =
    functions.kind === 'reduce'
      ? streamReduce({ store, sendOldValues, reducer: functions.reducer })
      : streamAggregate({
          store,
          sendOldValues,
          initializer: functions.initializer,
          aggregator: functions.aggregator,
        })
  topology.addProcessor({ name, supplier, parents: parentNames(lowering, node) })
  views.set(node.id, storeValueGetter(store))
}

function lowerTableAggregate(lowering: Lowering, node: NodeOfKind<'table-aggregate'>): void {
  const { topology, facts, views } = lowering
  const { functions, name } = node
  const store = tableStoreSpec(node.store, lowering)
  const sendOldValues = facts.sendsOldValues(node.id)
  const supplier =
    functions.kind === 'reduce'
      ? tableReduce({ store, sendOldValues, adder: functions.adder, subtractor: functions.subtractor })
      : tableAggregate({
          store,
          sendOldValues,
          initializer: functions.initializer,
          adder: functions.adder,
          subtractor: functions.subtractor,
        })
  topology.addProcessor({ name, supplier, parents: parentNames(lowering, node) })
  views.set(node.id, storeValueGetter(store))
}

/** Windows have no operator of their own for reduce: the first value is the first aggregate. */
function asAggregate(functions: AggregateFunctions): Extract<AggregateFunctions, { readonly kind: 'aggregate' }> {
  if (functions.kind === 'aggregate') return functions
  const { reducer } = functions
  return {
    kind: 'aggregate',
    initializer: reduceInitializer,
    aggregator: aggregatorOfReducer(reducer),
    merger: mergerOfReducer(reducer),
  }
}

function lowerWindowAggregate(lowering: Lowering, node: NodeOfKind<'window-aggregate'>): void {
  const { topology, facts, views } = lowering
  const { windows, emit, name } = node
  const stored = { windows, emit, defaults: lowering }
  const { initializer, aggregator, merger } = asAggregate(node.functions)
  const parents = parentNames(lowering, node)
  const sendOldValues = facts.sendsOldValues(node.id)
  const options = { initializer, aggregator, emit, sendOldValues }
  if (windows.kind === 'session') {
    assert(merger !== undefined, 'a session aggregation has a merger')
    const store = storeSpecOf(lowering, node.store, () => sessionStoreSpec(node.store, stored))
    topology.addProcessor({ name, supplier: sessionAggregate({ ...options, windows, store, merger }), parents })
    views.set(node.id, sessionStoreValueGetter(store))
    return
  }
  const store = storeSpecOf(lowering, node.store, () => windowStoreSpec(node.store, stored))
  const supplier =
    windows.kind === 'sliding'
      ? slidingWindowAggregate({ ...options, windows, store })
      : windowAggregate({ ...options, windows, store })
  topology.addProcessor({ name, supplier, parents })
  views.set(node.id, windowStoreValueGetter(store))
}

function cogroupView(lowering: Lowering, { store, windows }: NodeOfKind<'cogroup-merge'>) {
  if (windows === undefined) {
    return storeValueGetter(storeSpecOf(lowering, store, () => tableStoreSpec(store, lowering)))
  }
  const options = { windows, emit: ON_WINDOW_UPDATE, defaults: lowering }
  return windows.kind === 'session'
    ? sessionStoreValueGetter(storeSpecOf(lowering, store, () => sessionStoreSpec(store, options)))
    : windowStoreValueGetter(storeSpecOf(lowering, store, () => windowStoreSpec(store, options)))
}
