import { tableSource } from '../processors/table-source.ts'
import { storeValueGetter } from '../processors/table-value-getter.ts'
import { nullable } from '../serdes/index.ts'
import type { Lowering } from './lowering.ts'
import type { AnySerde, NodeOfKind } from './plan.ts'
import { unhandled } from './plan.ts'
import { tableStoreSpec } from './store-specs.ts'

type Source = NodeOfKind<
  'stream-source' | 'table-source' | 'global-table' | 'state-store' | 'global-store' | 'read-only-store'
>

export function lowerSource(lowering: Lowering, node: Source): void {
  const { topology } = lowering
  switch (node.kind) {
    case 'stream-source':
      topology.addSource({ ...sourceOptions(node), name: node.name, topics: node.topics, ...serdesOf(node) })
      return
    case 'table-source':
      lowerTableSource(lowering, node)
      return
    case 'global-table':
      lowerGlobalTable(lowering, node)
      return
    case 'state-store':
      topology.addStateStore(node.spec)
      return
    case 'global-store':
    case 'read-only-store': {
      const options = {
        sourceName: node.sourceName,
        topic: node.topic,
        ...serdesOf(node),
        ...sourceOptions(node),
        processorName: node.name,
        supplier: node.supplier,
        store: node.spec,
      }
      if (node.kind === 'global-store') topology.addGlobalStore({ ...options, reprocessOnRestore: true })
      else topology.addReadOnlyStateStore(options)
      return
    }
    default:
      unhandled(node)
  }
}

type Described = Exclude<Source, { readonly kind: 'state-store' }>

const sourceOptions = ({ timestampExtractor, autoOffsetReset }: Described) => ({ timestampExtractor, autoOffsetReset })
const serdesOf = ({ keySerde, valueSerde }: Described) => ({ key: keySerde, value: valueSerde })

/** Tombstones and null keys are expected where a topic is read as a table: the operator deals with them. */
function tableSerdes({ keySerde, valueSerde }: Described): { readonly key: AnySerde; readonly value: AnySerde } {
  return { key: nullable(keySerde), value: nullable(valueSerde) }
}

function lowerTableSource(lowering: Lowering, node: NodeOfKind<'table-source'>): void {
  const { topology, facts, views, reusesSourceTopics } = lowering
  const isMaterialized = facts.isMaterialized(node.id)
  const isReused = reusesSourceTopics && isMaterialized
  const plan = isReused ? { ...node.store, logging: undefined } : node.store
  const store = isMaterialized ? tableStoreSpec(plan, lowering) : undefined
  const sendOldValues = facts.sendsOldValues(node.id)
  topology.addSource({ ...sourceOptions(node), ...tableSerdes(node), name: node.sourceName, topics: node.topic })
  topology.addProcessor({
    name: node.name,
    supplier: tableSource({ store, sendOldValues }),
    parents: [node.sourceName],
  })
  if (store === undefined) return
  if (isReused) topology.useSourceTopicAsChangelog(store.name, node.topic)
  views.set(node.id, storeValueGetter(store))
}

function lowerGlobalTable(lowering: Lowering, node: NodeOfKind<'global-table'>): void {
  const { topology, views } = lowering
  const store = tableStoreSpec({ ...node.store, logging: undefined, caching: false }, lowering)
  topology.addGlobalStore({
    sourceName: node.sourceName,
    topic: node.topic,
    ...tableSerdes(node),
    timestampExtractor: node.timestampExtractor,
    processorName: node.name,
    supplier: tableSource({ store, sendOldValues: false }) as never,
    store,
  })
  views.set(node.id, storeValueGetter(store))
}
