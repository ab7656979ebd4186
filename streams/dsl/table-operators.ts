import { tableToStream } from '../processors/table-to-stream.ts'
import { nullable } from '../serdes/index.ts'
import { checkName, invalidTopology } from '../topology/names.ts'
import { attachHandle, neededSerde, newGroupedTable, newStream, newTable, type TableHandle } from './handles.ts'
import type { KTable } from './ktable.ts'
import type { AnySerde, Erased, NodeId, PlanNodeData } from './plan.ts'
import { processorData, storeNames } from './processor-data.ts'
import type { Recorder } from './recorder.ts'
import { loggingOf, recordNamedStore } from './store-plans.ts'
import type { Suppressed, SuppressedUntilWindowCloses } from './suppressed.ts'
import { joinForeignTable, joinTables } from './table-join-operators.ts'
import { closesAfterMs } from './window-facts.ts'

/** The operators of tables, without types: `KTable` has those. Names and counters are those of Java's KTableImpl. */

export function createTable(table: TableHandle): KTable<Erased, Erased, Erased> {
  const join = (kind: 'inner' | 'left', args: readonly Erased[]) => {
    // A foreign-key join has one function more: the extractor of the key.
    const [other, second, third, fourth] = args
    return typeof third === 'function'
      ? joinForeignTable(table, other, kind, { foreignKey: second, joiner: third, options: fourth })
      : joinTables(table, other, kind, second, third)
  }
  const facade = {
    kind: 'table' as const,
    queryableStoreName: table.queryableStoreName,
    filter: (predicate: Erased, options?: Erased) => filterTable(table, predicate, false, options),
    filterNot: (predicate: Erased, options?: Erased) => filterTable(table, predicate, true, options),
    mapValues: (mapper: Erased, options?: Erased) => mapTable(table, mapper, options),
    transformValues: (transformer: Erased, options?: Erased) => transformTable(table, transformer, options),
    groupBy: (mapper: Erased, options: Erased) => groupTable(table, mapper, options),
    toStream: (first?: Erased, second?: Erased) => {
      const stream = tableStream(table, typeof first === 'function' ? second?.name : first?.name)
      return typeof first === 'function' ? stream.selectKey(first, second?.key && { key: second.key }) : stream
    },
    suppress: (suppressed: Erased, options?: Erased) => suppressTable(table, suppressed, options),
    join: (...args: Erased[]) => join('inner', args),
    leftJoin: (...args: Erased[]) => join('left', args),
    outerJoin: (other: Erased, joiner: Erased, options?: Erased) => joinTables(table, other, 'outer', joiner, options),
  } satisfies { readonly [Operator in Exclude<keyof KTable<Erased, Erased>, `~${string}`>]: unknown }
  return attachHandle(facade, table) as unknown as KTable<Erased, Erased, Erased>
}

type TableChange = {
  readonly prefix: string
  readonly name: string | undefined
  readonly data: PlanNodeData
  readonly keySerde: AnySerde | undefined
  readonly valueSerde: AnySerde | undefined
  readonly queryableStoreName: string | undefined
}

function deriveTable(table: TableHandle, change: TableChange): KTable<Erased, Erased, Erased> {
  const { prefix, data, keySerde, valueSerde, queryableStoreName } = change
  const name = table.recorder.nodeName(change.name, prefix)
  const node = table.recorder.add(name, [table.node], data)
  return newTable({ ...table, node, name, keySerde, valueSerde, queryableStoreName })
}

/** Only a named store materializes these operators; their results follow from the parent otherwise. */
function ownStore(table: TableHandle, prefix: string, options: Erased, value: AnySerde | undefined) {
  const key: AnySerde | undefined = options.key ?? table.keySerde
  const store = recordNamedStore(table.recorder, prefix, { store: options.store, key, value })
  if (store !== undefined) {
    neededSerde(key, 'key', `Store ${store.name}`, table.name)
    neededSerde(value, 'value', `Store ${store.name}`, table.name)
  }
  return { store, keySerde: key, valueSerde: value, queryableStoreName: store?.name }
}

function filterTable(table: TableHandle, predicate: Erased, negated: boolean, options: Erased = {}) {
  const prefix = 'KTABLE-FILTER-'
  const { store, ...own } = ownStore(table, prefix, options, options.value ?? table.valueSerde)
  return deriveTable(table, {
    ...own,
    prefix,
    name: options.name,
    data: { kind: 'table-filter', predicate, negated, store },
  })
}

function mapTable(table: TableHandle, mapper: Erased, options: Erased = {}) {
  const prefix = 'KTABLE-MAPVALUES-'
  const { store, ...own } = ownStore(table, prefix, options, options.value)
  return deriveTable(table, { ...own, prefix, name: options.name, data: { kind: 'table-map-values', mapper, store } })
}

function transformTable(table: TableHandle, transformer: Erased, options: Erased = {}) {
  const prefix = 'KTABLE-TRANSFORMVALUES-'
  // Java counts nothing for a store without a name here.
  const named = typeof options.store === 'string' || options.store?.name !== undefined
  const { store, ...own } = ownStore(table, prefix, named ? options : { ...options, store: undefined }, options.value)
  const stores = storeNames(options.stores)
  const data = { kind: 'table-transform-values', transformer, stores, store } as const
  return deriveTable(table, { ...own, prefix, name: options.name, data })
}

function tableStream(table: TableHandle, given: string | undefined) {
  const { recorder, keySerde, valueSerde } = table
  const name = recorder.nodeName(given, 'KTABLE-TOSTREAM-')
  const node = recorder.add(name, [table.node], processorData({ supplier: tableToStream() }))
  return newStream({
    kind: 'stream',
    recorder,
    node,
    name,
    keySerde,
    // Removed rows flow as null.
    valueSerde: valueSerde && nullable(valueSerde),
    sources: table.sources,
    isRekeyed: false,
  })
}

function groupTable(table: TableHandle, mapper: Erased, options: Erased = {}) {
  const { recorder } = table
  const keySerde = neededSerde(options.key, 'key', 'groupBy()', table.name)
  const valueSerde = neededSerde(options.value, 'value', 'groupBy()', table.name)
  const name = recorder.nodeName(options.name, 'KTABLE-SELECT-')
  const node = recorder.add(name, [table.node], { kind: 'table-group-by', mapper, keySerde })
  return newGroupedTable({
    kind: 'grouped-table',
    recorder,
    node,
    keySerde,
    valueSerde,
    repartitionName: options.name,
  })
}

function suppressTable(table: TableHandle, suppressed: Suppressed | SuppressedUntilWindowCloses, options: Erased = {}) {
  const { recorder } = table
  const keySerde = neededSerde(options.key ?? table.keySerde, 'key', 'suppress()', table.name)
  const valueSerde = neededSerde(options.value ?? table.valueSerde, 'value', 'suppress()', table.name)
  const given = suppressed.name === undefined ? undefined : checkName('Operator', suppressed.name)
  const name = given ?? recorder.generate('KTABLE-SUPPRESS-')
  const until =
    suppressed.kind === 'time-limit'
      ? ({ kind: 'time-limit', waitMs: suppressed.waitMs } as const)
      : ({ kind: 'window-closes', graceMs: graceAbove(recorder, table.node, []) } as const)
  const { logging = true, ...limits } = suppressed.buffer
  const storeName = given === undefined ? recorder.generateStore('KTABLE-SUPPRESS-') : `${given}-store`
  if (given === undefined && logging !== false) recorder.noteGeneratedChangelog(storeName)
  const node = recorder.add(name, [table.node], {
    kind: 'suppress',
    storeName,
    keySerde,
    valueSerde,
    logging: loggingOf(logging),
    limits,
    until,
  })
  return newTable({ ...table, node, name, keySerde, valueSerde, queryableStoreName: undefined })
}

/** The grace of the windows above, the longest where several meet. Java: GraphGraceSearchUtil. */
function graceAbove(recorder: Recorder, id: NodeId, chain: readonly string[]): number {
  const node = recorder.node(id)
  if (node.kind === 'window-aggregate') return closesAfterMs(node.windows)
  const path = [node.name, ...chain]
  const parents = node.parents
  if (parents.length === 0) {
    throw invalidTopology(
      `suppress() until the window closes needs windows above it, and there are none: ${path.join(' -> ')}. ` +
        'Use windowedBy(…) before the aggregation, or untilTimeLimit(…).',
    )
  }
  return Math.max(...parents.map((parent) => graceAbove(recorder, parent, path)))
}
