import { serdes } from '../../serdes/index.ts'
import { timestampedKeyValueStore, versionedKeyValueStore } from '../../stores/index.ts'
import { type ForeignKeyJoin, foreignKeyJoin } from '../foreign-key-join.ts'
import type { AnyJoiner, JoinKind, JoinWindows } from '../joins.ts'
import { passThrough } from '../pass-through.ts'
import { streamGlobalTableJoin } from '../stream-global-table-join.ts'
import { streamSelfJoin } from '../stream-self-join.ts'
import { streamStreamJoin } from '../stream-stream-join.ts'
import { joinWindowStoreSpec, outerJoinStoreSpec } from '../stream-stream-join-stores.ts'
import { streamTableJoin } from '../stream-table-join.ts'
import { graceBufferSpec } from '../stream-table-join-buffer.ts'
import { tableSource } from '../table-source.ts'
import type { TableStoreSpec } from '../table-store.ts'
import { tableTableJoin } from '../table-table-join.ts'
import { tableToStream } from '../table-to-stream.ts'
import { storeValueGetter } from '../table-value-getter.ts'
import type { HarnessNode } from './harness.ts'

/** Join topologies over strings, wired by hand; the node `out` gives the results. */
const { string } = serdes

type Text = string | null
const plus = (left: Text, right: Text): string => `${left}+${right}`
const prefixOf = (value: Text): string | null => (value?.includes(':') ? value.slice(0, value.indexOf(':')) : null)
const joinerOf = (kind: JoinKind) => ({ kind, joiner: plus }) as AnyJoiner<string, string, string, string>
const stringStore = (name: string) => timestampedKeyValueStore({ name, key: string, value: string })
export const versionedStore = (name: string) =>
  versionedKeyValueStore({ name, key: string, value: string, historyRetentionMs: 60_000 })

const common = { persistence: 'persistent', logging: {}, keySerde: string } as const

export function streamJoinNodes(kind: JoinKind, windows: JoinWindows, emitIntervalMs = 0): HarnessNode[] {
  const join = streamStreamJoin({
    ...joinerOf(kind),
    windows,
    leftStore: joinWindowStoreSpec({ ...common, name: 'left-store', windows, valueSerde: string }),
    rightStore: joinWindowStoreSpec({ ...common, name: 'right-store', windows, valueSerde: string }),
    outerStore: outerJoinStoreSpec({ ...common, name: 'outer-store', leftSerde: string, rightSerde: string }),
    emitIntervalMs,
  })
  return [
    { name: 'left-windowed', parents: ['left'], supplier: join.leftWindowed },
    { name: 'right-windowed', parents: ['right'], supplier: join.rightWindowed },
    { name: 'left-join', parents: ['left-windowed'], supplier: join.leftJoin },
    { name: 'right-join', parents: ['right-windowed'], supplier: join.rightJoin },
    { name: 'out', parents: ['left-join', 'right-join'], supplier: passThrough() },
  ]
}

export function streamTableNodes(
  kind: 'inner' | 'left',
  store: TableStoreSpec<string, string>,
  graceMs?: number,
): HarnessNode[] {
  const grace =
    graceMs === undefined
      ? undefined
      : { graceMs, buffer: graceBufferSpec({ ...common, name: 'grace-buffer', valueSerde: string }) }
  const join = streamTableJoin<string, string, string, string>({
    ...(joinerOf(kind) as AnyJoiner<string, string, string, string> & { readonly kind: 'left' }),
    table: storeValueGetter(store),
    grace,
  })
  return [
    { name: 'table-source', parents: ['table'], supplier: tableSource({ store, sendOldValues: false }) },
    { name: 'out', parents: ['in'], supplier: join },
  ]
}

export function streamGlobalNodes(kind: 'inner' | 'left'): HarnessNode[] {
  const store = stringStore('global-store')
  const join = streamGlobalTableJoin<string, string, string, string, string>({
    kind: kind as 'left',
    joiner: plus,
    table: storeValueGetter(store),
    keySelector: (_key, value) => prefixOf(value),
  })
  return [
    { name: 'table-source', parents: ['global'], supplier: tableSource({ store, sendOldValues: false }) },
    { name: 'out', parents: ['in'], supplier: join },
  ]
}

export type TableJoinSettings = {
  readonly store?: TableStoreSpec<string, string>
  readonly sendOldValues?: boolean
  readonly left?: TableStoreSpec<string, string>
  readonly right?: TableStoreSpec<string, string>
}

/** Which tables must send old values is part of the join (Java: KTableImpl.doJoin). */
export function tableJoinNodes(kind: JoinKind, settings: TableJoinSettings = {}): HarnessNode[] {
  const {
    left = stringStore('left-store'),
    right = stringStore('right-store'),
    sendOldValues = false,
    store,
  } = settings
  const join = tableTableJoin<string, string, string, string>({
    ...joinerOf(kind),
    left: storeValueGetter(left),
    right: storeValueGetter(right),
    leftVersioned: left.kind === 'versioned',
    rightVersioned: right.kind === 'versioned',
    sendOldValues,
    store,
  })
  const leftSends = sendOldValues || kind !== 'inner'
  const rightSends = sendOldValues || kind === 'outer'
  return [
    { name: 'left-source', parents: ['left'], supplier: tableSource({ store: left, sendOldValues: leftSends }) },
    { name: 'right-source', parents: ['right'], supplier: tableSource({ store: right, sendOldValues: rightSends }) },
    { name: 'left-join', parents: ['left-source'], supplier: join.leftJoin },
    { name: 'right-join', parents: ['right-source'], supplier: join.rightJoin },
    { name: 'changes', parents: ['left-join', 'right-join'], supplier: join.merge },
    ...(sendOldValues ? [] : [{ name: 'out', parents: ['changes'], supplier: tableToStream() }]),
  ]
}

export function foreignKeyJoinOf(
  kind: 'inner' | 'left',
  left: TableStoreSpec<string, string> = stringStore('left-store'),
  right: TableStoreSpec<string, string> = stringStore('right-store'),
): ForeignKeyJoin<string, string, string, string, string> {
  return foreignKeyJoin<string, string, string, string, string>({
    kind: kind as 'left',
    joiner: plus,
    foreignKey: prefixOf,
    left: storeValueGetter(left),
    right: storeValueGetter(right),
    keySerde: string,
    valueSerde: string,
    foreignKeySerde: string,
    foreignValueSerde: string,
    leftVersioned: left.kind === 'versioned',
    rightVersioned: right.kind === 'versioned',
    subscriptionTopic: 'subscriptions-topic',
    subscriptionStoreName: 'subscription-store',
    persistence: 'persistent',
    logging: {},
  })
}

/** Without topics between the nodes. */
export function foreignKeyNodes(
  kind: 'inner' | 'left',
  left: TableStoreSpec<string, string> = stringStore('left-store'),
  right: TableStoreSpec<string, string> = stringStore('right-store'),
): HarnessNode[] {
  const join = foreignKeyJoinOf(kind, left, right)
  return [
    { name: 'left-source', parents: ['left'], supplier: tableSource({ store: left, sendOldValues: true }) },
    { name: 'right-source', parents: ['right'], supplier: tableSource({ store: right, sendOldValues: true }) },
    { name: 'send', parents: ['left-source'], supplier: join.subscriptionSend },
    { name: 'receive', parents: ['send'], supplier: join.subscriptionReceive },
    { name: 'answer', parents: ['receive'], supplier: join.subscriptionJoin },
    { name: 'foreign', parents: ['right-source'], supplier: join.foreignTableJoin },
    { name: 'out', parents: ['answer', 'foreign'], supplier: join.responseJoin },
  ]
}

export function selfJoinNodes(windows: JoinWindows): HarnessNode[] {
  const store = joinWindowStoreSpec({ ...common, name: 'self-store', windows, valueSerde: string })
  const { windowed, selfJoin } = streamSelfJoin<string, string, string>({ windows, store, joiner: plus })
  return [
    { name: 'windowed', parents: ['in'], supplier: windowed },
    { name: 'out', parents: ['windowed'], supplier: selfJoin },
  ]
}

/** A stream joined with the result of a left join of two tables, which is nowhere kept. */
function streamOfJoinedTablesNodes(): HarnessNode[] {
  const { join, nodes } = unkeptJoin('left')
  const lookup = streamTableJoin<string, string, string, string>({ kind: 'inner', joiner: plus, table: join.view })
  return [...nodes, { name: 'out', parents: ['in'], supplier: lookup }]
}

/** An inner join with the result of an outer join of two tables, which is nowhere kept. */
function joinedTablesJoinedNodes(): HarnessNode[] {
  const { join, nodes } = unkeptJoin('outer')
  const store = stringStore('in-store')
  const next = tableTableJoin<string, string, string, string>({
    ...joinerOf('inner'),
    left: join.view,
    right: storeValueGetter(store),
    leftVersioned: false,
    rightVersioned: false,
    sendOldValues: false,
  })
  return [
    ...nodes,
    { name: 'in-source', parents: ['in'], supplier: tableSource({ store, sendOldValues: false }) },
    { name: 'next-left', parents: ['merge'], supplier: next.leftJoin },
    { name: 'next-right', parents: ['in-source'], supplier: next.rightJoin },
    { name: 'next-merge', parents: ['next-left', 'next-right'], supplier: next.merge },
    { name: 'out', parents: ['next-merge'], supplier: tableToStream() },
  ]
}

function unkeptJoin(kind: 'left' | 'outer') {
  const left = stringStore('left-store')
  const right = stringStore('right-store')
  const join = tableTableJoin<string, string, string, string>({
    ...joinerOf(kind),
    left: storeValueGetter(left),
    right: storeValueGetter(right),
    leftVersioned: false,
    rightVersioned: false,
    sendOldValues: false,
  })
  const nodes: HarnessNode[] = [
    { name: 'left-source', parents: ['left'], supplier: tableSource({ store: left, sendOldValues: true }) },
    {
      name: 'right-source',
      parents: ['right'],
      supplier: tableSource({ store: right, sendOldValues: kind === 'outer' }),
    },
    { name: 'left-join', parents: ['left-source'], supplier: join.leftJoin },
    { name: 'right-join', parents: ['right-source'], supplier: join.rightJoin },
    { name: 'merge', parents: ['left-join', 'right-join'], supplier: join.merge },
  ]
  return { join, nodes }
}

const window = (beforeMs: number, afterMs: number, graceMs: number): JoinWindows => ({ beforeMs, afterMs, graceMs })
const symmetric = window(5000, 5000, 3000)

const bothVersioned = () => ({ left: versionedStore('left-store'), right: versionedStore('right-store') })

/** By the names in testdata/java-joins.jsonl and testdata/java-join-cases.jsonl. */
export const JOIN_TOPOLOGIES: Readonly<Record<string, () => HarnessNode[]>> = {
  join_kk_inner: () => streamJoinNodes('inner', symmetric),
  join_kk_left: () => streamJoinNodes('left', symmetric),
  join_kk_outer: () => streamJoinNodes('outer', symmetric),
  join_kk_inner_asym: () => streamJoinNodes('inner', window(1000, 6000, 0)),
  join_kk_left_asym: () => streamJoinNodes('left', window(0, 4000, 2000)),
  join_kt_inner: () => streamTableNodes('inner', stringStore('table-store')),
  join_kt_left: () => streamTableNodes('left', stringStore('table-store')),
  join_kg_inner: () => streamGlobalNodes('inner'),
  join_kg_left: () => streamGlobalNodes('left'),
  join_tt_inner: () => tableJoinNodes('inner'),
  join_tt_left: () => tableJoinNodes('left'),
  join_tt_outer: () => tableJoinNodes('outer'),
  join_tt_inner_materialized: () => tableJoinNodes('inner', { store: stringStore('result-store') }),
  join_fk_inner: () => foreignKeyNodes('inner'),
  join_fk_left: () => foreignKeyNodes('left'),
  versioned_join_inner: () => streamTableNodes('inner', versionedStore('table-store')),
  versioned_join_left: () => streamTableNodes('left', versionedStore('table-store')),
  versioned_join_grace_inner: () => streamTableNodes('inner', versionedStore('table-store'), 5000),
  versioned_join_grace_left: () => streamTableNodes('left', versionedStore('table-store'), 5000),
  self_join: () => selfJoinNodes(symmetric),
  self_join_asym: () => selfJoinNodes(window(1000, 6000, 10_000)),
  versioned_tt_inner: () => tableJoinNodes('inner', bothVersioned()),
  versioned_tt_left: () => tableJoinNodes('left', bothVersioned()),
  versioned_tt_outer: () => tableJoinNodes('outer', { left: versionedStore('left-store') }),
  versioned_fk_inner: () => foreignKeyNodes('inner', versionedStore('left-store'), versionedStore('right-store')),
  versioned_fk_left: () => foreignKeyNodes('left', versionedStore('left-store'), versionedStore('right-store')),
  stream_of_joined_tables: streamOfJoinedTablesNodes,
  joined_tables_joined: joinedTablesJoinedNodes,
}
