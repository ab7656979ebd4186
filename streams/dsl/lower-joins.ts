import { foreignKeyJoin } from '../processors/foreign-key-join.ts'
import { passThrough } from '../processors/pass-through.ts'
import { streamGlobalTableJoin } from '../processors/stream-global-table-join.ts'
import { streamSelfJoin } from '../processors/stream-self-join.ts'
import { streamStreamJoin } from '../processors/stream-stream-join.ts'
import { joinWindowStoreSpec, outerJoinStoreSpec } from '../processors/stream-stream-join-stores.ts'
import { streamTableJoin } from '../processors/stream-table-join.ts'
import { graceBufferSpec } from '../processors/stream-table-join-buffer.ts'
import { tableSource } from '../processors/table-source.ts'
import { tableTableJoin } from '../processors/table-table-join.ts'
import { storeValueGetter } from '../processors/table-value-getter.ts'
import { nullable } from '../serdes/index.ts'
import { invalidTopology } from '../topology/names.ts'
import type { StreamPartitioner } from '../topology/topology.ts'
import { type Lowering, parentNames, viewOf } from './lowering.ts'
import { type Erased, type NodeOfKind, nodeById, unhandled } from './plan.ts'
import { tableStoreSpec } from './store-specs.ts'

type Join = NodeOfKind<
  'stream-stream-join' | 'stream-table-join' | 'stream-global-join' | 'table-table-join' | 'foreign-key-join'
>

export function lowerJoin(lowering: Lowering, node: Join): void {
  switch (node.kind) {
    case 'stream-stream-join':
      if (node.isSelfJoin) lowerSelfJoin(lowering, node)
      else lowerStreamJoin(lowering, node)
      return
    case 'stream-table-join':
      lowerStreamTableJoin(lowering, node)
      return
    case 'stream-global-join': {
      const { name, joinKind: kind, joiner, keySelector } = node
      const table = viewOf(lowering, node.globalTable)
      const supplier = streamGlobalTableJoin({ kind, joiner, keySelector, table })
      lowering.topology.addProcessor({ name, supplier, parents: parentNames(lowering, node) })
      return
    }
    case 'table-table-join':
      lowerTableJoin(lowering, node)
      return
    case 'foreign-key-join':
      lowerForeignKeyJoin(lowering, node)
      return
    default:
      unhandled(node)
  }
}

function windowStores(lowering: Lowering, { stores, windows }: NodeOfKind<'stream-stream-join'>) {
  const { keySerde, leftSerde, rightSerde, logging, persistence = lowering.persistence } = stores
  const common = { keySerde, windows, persistence, logging, withHeaders: lowering.withHeaders }
  const left = joinWindowStoreSpec({ ...common, name: stores.leftName, valueSerde: leftSerde })
  const right = joinWindowStoreSpec({ ...common, name: stores.rightName, valueSerde: rightSerde })
  const outer =
    stores.outerName === undefined
      ? undefined
      : outerJoinStoreSpec({ name: stores.outerName, keySerde, leftSerde, rightSerde, persistence, logging })
  return { left, right, outer }
}

/** Both sides keep their records in a store, then look into the other's. */
function lowerStreamJoin(lowering: Lowering, node: NodeOfKind<'stream-stream-join'>): void {
  const { topology } = lowering
  const { name, names, windows, joinKind: kind, joiner, emitIntervalMs } = node
  const [left, right = left] = parentNames(lowering, node) as [string, string | undefined]
  const stores = windowStores(lowering, node)
  const join = streamStreamJoin({
    kind,
    joiner,
    windows,
    leftStore: stores.left,
    rightStore: stores.right,
    ...(stores.outer === undefined ? {} : { outerStore: stores.outer }),
    ...(emitIntervalMs === undefined ? {} : { emitIntervalMs }),
  })
  topology.addProcessor({ name: names.leftWindowed, supplier: join.leftWindowed, parents: [left] })
  topology.addProcessor({ name: names.rightWindowed, supplier: join.rightWindowed, parents: [right] })
  topology.addProcessor({ name: names.leftJoin, supplier: join.leftJoin, parents: [names.leftWindowed] })
  topology.addProcessor({ name: names.rightJoin, supplier: join.rightJoin, parents: [names.rightWindowed] })
  topology.addProcessor({ name, supplier: passThrough(), parents: [names.leftJoin, names.rightJoin] })
}

/** Java: single.store.self.join. */
function lowerSelfJoin(lowering: Lowering, node: NodeOfKind<'stream-stream-join'>): void {
  const { topology } = lowering
  const { name, names, windows, joiner } = node
  const { windowed, selfJoin } = streamSelfJoin({ windows, joiner, store: windowStores(lowering, node).left })
  topology.addProcessor({ name: names.leftWindowed, supplier: windowed, parents: parentNames(lowering, node) })
  topology.addProcessor({ name, supplier: selfJoin, parents: [names.leftWindowed] })
}

function lowerStreamTableJoin(lowering: Lowering, node: NodeOfKind<'stream-table-join'>): void {
  const { topology, persistence } = lowering
  const { name, joinKind: kind, joiner, grace } = node
  const table = viewOf(lowering, node.table)
  const { storeNames } = table
  if (grace !== undefined) {
    const { graceMs, bufferName, keySerde, valueSerde } = grace
    checkGrace(lowering, node, storeNames)
    const logging = {}
    const buffer = graceBufferSpec({ name: bufferName, keySerde, valueSerde, persistence, logging })
    const supplier = streamTableJoin({ kind, joiner, table, grace: { graceMs, buffer } })
    topology.addProcessor({ name, supplier, parents: parentNames(lowering, node), stores: storeNames })
    return
  }
  const supplier = streamTableJoin({ kind, joiner, table })
  topology.addProcessor({ name, supplier, parents: parentNames(lowering, node), stores: storeNames })
}

function checkGrace(
  { topology }: Lowering,
  { name, grace, ...node }: NodeOfKind<'stream-table-join'>,
  storeNames: readonly string[],
): void {
  for (const storeName of storeNames) {
    const spec = topology.storeSpec(storeName)
    if (spec?.kind !== 'versioned') {
      throw invalidTopology(
        `Join ${name} waits with grace, so its table must be versioned, and store ${storeName} is not: ` +
          'give the table `store: { historyRetentionMs }`, or leave `graceMs` out.',
      )
    }
    if (grace !== undefined && grace.graceMs > spec.historyRetentionMs) {
      throw invalidTopology(
        `Join ${name} waits ${grace.graceMs} ms, but store ${storeName} keeps history for ${spec.historyRetentionMs} ms only ` +
          `(${node.joinKind} join): keep it at least as long as the grace.`,
      )
    }
  }
}

function lowerTableJoin(lowering: Lowering, node: NodeOfKind<'table-table-join'>): void {
  const { topology, facts, views, plan } = lowering
  const { name, joinKind: kind, joiner, leftJoinName, rightJoinName } = node
  const left = viewOf(lowering, node.left)
  const right = viewOf(lowering, node.right)
  const store = node.store && tableStoreSpec(node.store, lowering)
  const join = tableTableJoin({
    kind,
    joiner,
    left,
    right,
    leftVersioned: facts.isVersioned(node.left),
    rightVersioned: facts.isVersioned(node.right),
    sendOldValues: facts.sendsOldValues(node.id),
    ...(store === undefined ? {} : { store }),
  })
  topology.addProcessor({ name: leftJoinName, supplier: join.leftJoin, parents: [nodeById(plan, node.left).name] })
  topology.addProcessor({ name: rightJoinName, supplier: join.rightJoin, parents: [nodeById(plan, node.right).name] })
  topology.addProcessor({ name, supplier: join.merge, parents: [leftJoinName, rightJoinName] })
  if (right.storeNames.length > 0) topology.connectProcessorAndStateStores(leftJoinName, ...right.storeNames)
  if (left.storeNames.length > 0) topology.connectProcessorAndStateStores(rightJoinName, ...left.storeNames)
  views.set(node.id, store === undefined ? join.view : storeValueGetter(store))
}

/** The user's partitioners know keys only, and must name one partition: a subscription has one home. */
function keyPartitioner(
  partitioner: StreamPartitioner<Erased, Erased>,
  name: string,
): StreamPartitioner<Erased, Erased> {
  return (topic, key, _value, partitionCount, headers) => {
    const partition = partitioner(topic, key, null, partitionCount, headers)
    if (typeof partition === 'object' && partition.length !== 1) {
      throw invalidTopology(
        `The partitioner of foreign-key join ${name} must name one partition, not ${partition.length}.`,
      )
    }
    return partition
  }
}

function lowerForeignKeyJoin(lowering: Lowering, node: NodeOfKind<'foreign-key-join'>): void {
  const { topology, facts, persistence, plan, views } = lowering
  const { name, names, joinKind: kind, joiner, foreignKey, keySerde, foreignKeySerde } = node
  const left = viewOf(lowering, node.left)
  const right = viewOf(lowering, node.right)
  const join = foreignKeyJoin({
    kind,
    joiner,
    foreignKey,
    left,
    right,
    keySerde,
    valueSerde: node.valueSerde,
    foreignKeySerde,
    foreignValueSerde: node.foreignValueSerde,
    leftVersioned: facts.isVersioned(node.left),
    rightVersioned: facts.isVersioned(node.right),
    subscriptionTopic: names.subscriptionTopic,
    subscriptionStoreName: names.subscriptionStore,
    persistence,
    withHeaders: lowering.withHeaders,
    logging: {},
  })
  const leftName = nodeById(plan, node.left).name
  const rightName = nodeById(plan, node.right).name
  topology.addInternalTopic(names.subscriptionTopic, undefined)
  topology.addInternalTopic(names.responseTopic, undefined)
  topology.addProcessor({ name: names.send, supplier: join.subscriptionSend, parents: [leftName] })
  topology.addSink({
    name: names.subscriptionSink,
    topic: names.subscriptionTopic,
    key: nullable(foreignKeySerde),
    value: join.subscriptionSerde,
    partitioner: node.foreignPartitioner && keyPartitioner(node.foreignPartitioner, name),
    parents: [names.send],
  })
  topology.addSource({
    name: names.subscriptionSource,
    topics: names.subscriptionTopic,
    key: nullable(foreignKeySerde),
    value: join.subscriptionSerde,
  })
  topology.addProcessor({
    name: names.receive,
    supplier: join.subscriptionReceive,
    parents: [names.subscriptionSource],
  })
  topology.addProcessor({
    name: names.join,
    supplier: join.subscriptionJoin,
    parents: [names.receive],
    stores: right.storeNames,
  })
  topology.addProcessor({ name: names.foreignTableJoin, supplier: join.foreignTableJoin, parents: [rightName] })
  topology.connectProcessorAndStateStores(names.foreignTableJoin, names.subscriptionStore)
  topology.addSink({
    name: names.responseSink,
    topic: names.responseTopic,
    key: keySerde,
    value: join.responseSerde,
    partitioner: node.partitioner ? keyPartitioner(node.partitioner, name) : join.responsePartitioner,
    parents: [names.join, names.foreignTableJoin],
  })
  topology.addSource({
    name: names.responseSource,
    topics: names.responseTopic,
    key: keySerde,
    value: join.responseSerde,
  })
  topology.addProcessor({
    name: names.resolver,
    supplier: join.responseJoin,
    parents: [names.responseSource],
    stores: left.storeNames,
  })
  const store = facts.isMaterialized(node.id) ? tableStoreSpec(node.store, lowering) : undefined
  const sendOldValues = facts.sendsOldValues(node.id)
  topology.addProcessor({ name, supplier: tableSource({ store, sendOldValues }), parents: [names.resolver] })
  if (store !== undefined) views.set(node.id, storeValueGetter(store))
}
