import { countAggregator, countInitializer, countSubtractor } from '../processors/functions.ts'
import { changeSerde, serdes } from '../serdes/index.ts'
import type { KGroupedTable } from './grouped-table.ts'
import { attachHandle, type GroupedTableHandle, neededSerde, newTable } from './handles.ts'
import { type AnySerde, type Erased, type NodeOfKind, REPARTITION_SUFFIX } from './plan.ts'
import { recordStore } from './store-plans.ts'

/** Java: KGroupedTableImpl. */

const TABLE_AGGREGATE = 'KTABLE-AGGREGATE-'

type Functions = NodeOfKind<'table-aggregate'>['functions']

export function createGroupedTable(grouped: GroupedTableHandle): KGroupedTable<Erased, Erased> {
  const facade = {
    kind: 'grouped-table' as const,
    count: (options: Erased = {}) => {
      const adder = countAggregator
      const functions: Functions = {
        kind: 'aggregate',
        initializer: countInitializer,
        adder,
        subtractor: countSubtractor,
      }
      return aggregateTable(grouped, TABLE_AGGREGATE, functions, serdes.int64, options)
    },
    reduce: (adder: Erased, subtractor: Erased, options: Erased = {}) =>
      aggregateTable(grouped, 'KTABLE-REDUCE-', { kind: 'reduce', adder, subtractor }, grouped.valueSerde, options),
    aggregate: (initializer: Erased, adder: Erased, subtractor: Erased, options: Erased = {}) => {
      const functions: Functions = { kind: 'aggregate', initializer, adder, subtractor }
      const value = neededSerde(options.value, 'value', 'aggregate()', 'groupBy()')
      return aggregateTable(grouped, TABLE_AGGREGATE, functions, value, options)
    },
  } satisfies { readonly [Operator in keyof KGroupedTable<Erased, Erased>]: unknown }
  return attachHandle(facade, grouped) as unknown as KGroupedTable<Erased, Erased>
}

function aggregateTable(
  grouped: GroupedTableHandle,
  prefix: string,
  functions: Functions,
  valueSerde: AnySerde,
  options: Erased,
) {
  const { recorder, keySerde, repartitionName } = grouped
  // The store is named like an aggregation also for reduce.
  const store = recordStore(recorder, TABLE_AGGREGATE, { store: options.store, key: keySerde, value: valueSerde })
  const sinkName = recorder.suffixedName(options.name, '-sink', 'KSTREAM-SINK-')
  const sourceName = recorder.suffixedName(options.name, '-source', 'KSTREAM-SOURCE-')
  const name = recorder.nodeName(options.name, prefix)
  const topic = (repartitionName ?? store.name) + REPARTITION_SUFFIX
  const add = () =>
    recorder.add(sourceName, [grouped.node], {
      kind: 'table-repartition',
      topic,
      sinkName,
      keySerde,
      valueSerde: changeSerde(grouped.valueSerde),
    })
  let parent: number
  if (repartitionName === undefined) parent = add()
  else {
    const memo = recorder.memo(grouped, 'repartition', add)
    if (!memo.isNew) recorder.readd(memo.value)
    parent = memo.value
  }
  const node = recorder.add(name, [parent], { kind: 'table-aggregate', functions, store })
  return newTable({
    kind: 'table',
    recorder,
    node,
    name,
    keySerde,
    valueSerde,
    sources: [recorder.node(parent).name],
    queryableStoreName: store.isNamed ? store.name : undefined,
  })
}
