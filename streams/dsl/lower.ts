import { assert, partitionForKey } from '../base/index.ts'
import { filter } from '../processors/filter.ts'
import { passThrough } from '../processors/pass-through.ts'
import { nullable } from '../serdes/index.ts'
import type { StorePersistence } from '../stores/types.ts'
import { createInternalTopologyBuilder, type ProcessorWrapper } from '../topology/builder.ts'
import type { StreamPartitioner, Topology } from '../topology/topology.ts'
import type { PlanFacts } from './analyse.ts'
import { lowerAggregate } from './lower-aggregates.ts'
import { lowerJoin } from './lower-joins.ts'
import { lowerSource } from './lower-sources.ts'
import { lowerTable } from './lower-tables.ts'
import { type Lowering, parentNames } from './lowering.ts'
import {
  type AnySerde,
  type Erased,
  type NodeId,
  type NodeOfKind,
  nodeById,
  type Plan,
  type PlanNode,
  unhandled,
} from './plan.ts'

export type LoweringOptions = {
  readonly processorWrapper?: ProcessorWrapper | undefined
  readonly persistence: StorePersistence
  readonly withHeaders: boolean
  readonly reusesSourceTopics: boolean
}

export function lowerPlan(plan: Plan, facts: PlanFacts, options: LoweringOptions): Topology {
  const topology = createInternalTopologyBuilder({ processorWrapper: options.processorWrapper })
  const { persistence, withHeaders, reusesSourceTopics } = options
  const lowering: Lowering = {
    plan,
    facts,
    topology,
    persistence,
    withHeaders,
    reusesSourceTopics,
    views: new Map(),
    globalStores: new Map(),
    specs: new Map(),
    nullKeysKept: nodesThatKeepNullKeys(plan),
  }
  for (const node of inWritingOrder(plan)) lowerNode(lowering, node)
  for (const sources of plan.copartitioned) topology.copartition(sources)
  return topology.build()
}

/** By priority, parents first. Java: InternalStreamsBuilder.buildAndOptimizeTopology. */
export function inWritingOrder(plan: Plan): readonly PlanNode[] {
  const waiting = plan.nodes.filter((node) => node !== undefined).sort((left, right) => left.priority - right.priority)
  const written = new Set<NodeId>()
  const order: PlanNode[] = []
  while (waiting.length > 0) {
    const next = waiting.findIndex((node) => node.parents.every((parent) => written.has(parent)))
    assert(next >= 0, 'a plan has no cycles: parents are recorded before their children')
    const [node] = waiting.splice(next, 1) as [PlanNode]
    written.add(node.id)
    order.push(node)
  }
  return order
}

function lowerNode(lowering: Lowering, node: PlanNode): void {
  const { topology } = lowering
  switch (node.kind) {
    case 'stream-source':
    case 'table-source':
    case 'global-table':
    case 'state-store':
    case 'global-store':
    case 'read-only-store':
      lowerSource(lowering, node)
      return
    case 'processor': {
      const { name, supplier, stores } = node
      topology.addProcessor({ name, supplier, parents: parentNames(lowering, node), stores })
      return
    }
    case 'sink': {
      const { name, topic, keySerde, valueSerde, partitioner = windowedPartitioner(keySerde) } = node
      const parents = parentNames(lowering, node)
      topology.addSink({ name, topic, key: keySerde, value: valueSerde, partitioner, parents })
      return
    }
    case 'repartition':
      lowerRepartition(lowering, node)
      return
    case 'table-repartition': {
      const { name, topic, sinkName, keySerde, valueSerde } = node
      const parents = parentNames(lowering, node)
      topology.addInternalTopic(topic, undefined)
      topology.addSink({ name: sinkName, topic, key: keySerde, value: valueSerde, parents })
      topology.addSource({ name, topics: topic, key: nullable(keySerde), value: nullable(valueSerde) })
      return
    }
    case 'stream-aggregate':
    case 'window-aggregate':
    case 'cogroup-merge':
    case 'table-aggregate':
      lowerAggregate(lowering, node)
      return
    case 'to-table':
    case 'table-filter':
    case 'table-map-values':
    case 'table-transform-values':
    case 'suppress':
    case 'table-group-by':
      lowerTable(lowering, node)
      return
    case 'stream-stream-join':
    case 'stream-table-join':
    case 'stream-global-join':
    case 'table-table-join':
    case 'foreign-key-join':
      lowerJoin(lowering, node)
      return
    default:
      unhandled(node)
  }
}

/**
 * A repartition topic may hold every null that the types upstream allow, so it is read with nullable serdes. Null keys
 * are left out where nothing below wants them (KIP-962).
 */
function lowerRepartition(lowering: Lowering, node: NodeOfKind<'repartition'>): void {
  const { topology, nullKeysKept } = lowering
  const { names, keySerde, valueSerde, partitions, partitioner } = node
  const { topic, sinkName, sourceName, filterName } = names
  const supplier = nullKeysKept.has(node.id) ? passThrough() : filter((key) => key !== null)
  topology.addInternalTopic(topic, partitions)
  topology.addProcessor({ name: filterName, supplier, parents: parentNames(lowering, node) })
  topology.addSink({ name: sinkName, topic, key: keySerde, value: valueSerde, partitioner, parents: [filterName] })
  topology.addSource({ name: sourceName, topics: topic, key: nullable(keySerde), value: nullable(valueSerde) })
}

/** All windows of a key go to the partition of the key. Java: WindowedStreamPartitioner. */
function windowedPartitioner(keySerde: AnySerde): StreamPartitioner<Erased, Erased> | undefined {
  if (!('windowedKeySerde' in keySerde)) return undefined
  const inner = keySerde.windowedKeySerde as AnySerde
  return (topic, windowed, _value, partitionCount) =>
    windowed === null ? undefined : partitionForKey(inner.serialize(windowed.key, topic), partitionCount)
}

/** The nodes that have a left or outer join anywhere below. Java: NodesWithRelaxedNullKeyJoinDownstream. */
export function nodesThatKeepNullKeys(plan: Plan): ReadonlySet<NodeId> {
  const found = new Set<NodeId>()
  const pending = plan.nodes.filter((node) => node !== undefined && isNullKeyRelaxed(node))
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const parent of node.parents) {
      if (found.has(parent)) continue
      found.add(parent)
      pending.push(nodeById(plan, parent))
    }
  }
  return found
}

function isNullKeyRelaxed(node: PlanNode): boolean {
  switch (node.kind) {
    case 'stream-stream-join':
    case 'stream-table-join':
    case 'stream-global-join':
      return node.joinKind !== 'inner'
    default:
      return false
  }
}
