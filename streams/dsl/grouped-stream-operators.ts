import { type EmitStrategy, ON_WINDOW_UPDATE } from '../processors/emit-strategy.ts'
import { serdes } from '../serdes/index.ts'
import { invalidTopology } from '../topology/names.ts'
import { aggregateData, COUNT, repartitionData, type Windowing } from './aggregate-data.ts'
import { createCogrouped } from './cogroup-operators.ts'
import type { KGroupedStream } from './grouped-stream.ts'
import { attachHandle, type GroupedStreamHandle, neededSerde, newTable } from './handles.ts'
import type { AggregateFunctions, AnySerde, AnyWindows, Erased, NodeId, StorePlan } from './plan.ts'
import { type AnyStoreOptions, recordStore, storeNameGiven } from './store-plans.ts'
import { checkRetention, windowedKeySerde } from './window-facts.ts'

/** Java: KGroupedStreamImpl, TimeWindowedKStreamImpl, SlidingWindowedKStreamImpl, SessionWindowedKStreamImpl. */

export const STREAM_AGGREGATE = 'KSTREAM-AGGREGATE-'
export const STREAM_REDUCE = 'KSTREAM-REDUCE-'

type Aggregation = {
  readonly prefix: string
  readonly functions: AggregateFunctions
  readonly valueSerde: AnySerde
  readonly name: string | undefined
  readonly store: AnyStoreOptions | undefined
  readonly windowing: Windowing | undefined
}

export function createGroupedStream(grouped: GroupedStreamHandle): KGroupedStream<Erased, Erased, Erased> {
  const facade = {
    kind: 'grouped-stream' as const,
    ...aggregations(grouped, undefined),
    windowedBy: (windows: AnyWindows) => createWindowed(grouped, { windows, emit: ON_WINDOW_UPDATE }),
    cogroup: (aggregator: Erased) => createCogrouped(grouped, aggregator),
  } satisfies { readonly [Operator in Exclude<keyof KGroupedStream<Erased, Erased>, `~${string}`>]: unknown }
  return attachHandle(facade, grouped) as unknown as KGroupedStream<Erased, Erased, Erased>
}

function createWindowed(grouped: GroupedStreamHandle, windowing: Windowing): Erased {
  const { windows } = windowing
  return Object.freeze({
    ...aggregations(grouped, windowing),
    emitStrategy: (emit: EmitStrategy) => {
      if (emit.kind === 'on-window-close' && (windows.kind === 'unlimited' || windows.kind === 'custom')) {
        throw invalidTopology(`Results of ${windows.kind} windows cannot wait for the window to close: emit on update.`)
      }
      return createWindowed(grouped, { windows, emit })
    },
  })
}

function aggregations(grouped: GroupedStreamHandle, windowing: Windowing | undefined) {
  const record = (aggregation: Omit<Aggregation, 'windowing'>) =>
    recordAggregation(grouped, { ...aggregation, windowing })
  const isSession = windowing?.windows.kind === 'session'
  return {
    count: (options: Erased = {}) => {
      // Java counts a number more where the store has settings but no name; its sliding windows do not.
      const countsOneMore = options.store !== undefined && storeNameGiven(options.store) === undefined
      if (countsOneMore && windowing?.windows.kind !== 'sliding') grouped.recorder.generateStore(STREAM_AGGREGATE)
      const { name, store } = options
      return record({ prefix: STREAM_AGGREGATE, functions: COUNT, valueSerde: serdes.int64, name, store })
    },
    reduce: (reducer: Erased, options: Erased = {}) =>
      record({
        prefix: STREAM_REDUCE,
        functions: { kind: 'reduce', reducer },
        valueSerde: neededSerde(options.value ?? grouped.valueSerde, 'value', 'reduce()', grouped.name),
        name: options.name,
        store: options.store,
      }),
    aggregate: (initializer: Erased, aggregator: Erased, ...rest: Erased[]) => {
      const merger = isSession ? rest[0] : undefined
      const options = (isSession ? rest[1] : rest[0]) ?? {}
      return record({
        prefix: STREAM_AGGREGATE,
        functions: { kind: 'aggregate', initializer, aggregator, merger },
        valueSerde: neededSerde(options.value, 'value', 'aggregate()', grouped.name),
        name: options.name,
        store: options.store,
      })
    },
  }
}

/** The store's name first, then the operator's, then the repartition's: the order in which Java counts. */
function recordAggregation(grouped: GroupedStreamHandle, aggregation: Aggregation) {
  const { recorder, keySerde } = grouped
  const { prefix, functions, valueSerde, windowing } = aggregation
  const store = recordStore(recorder, prefix, { store: aggregation.store, key: keySerde, value: valueSerde })
  if (windowing !== undefined) checkRetention(store, windowing.windows)
  const name = recorder.nodeName(aggregation.name, prefix)
  const { parent, sources } = repartitioned(grouped, store)
  const node = recorder.add(name, [parent], aggregateData(functions, store, windowing))
  return newTable({
    kind: 'table',
    recorder,
    node,
    name,
    keySerde: windowing === undefined ? keySerde : windowedKeySerde(keySerde, windowing.windows),
    valueSerde,
    sources,
    queryableStoreName: store.isNamed ? store.name : undefined,
  })
}

/** Java: GroupedStreamAggregateBuilder.build. A named repartition is shared by all aggregations of the grouped stream. */
function repartitioned(
  grouped: GroupedStreamHandle,
  store: StorePlan,
): { readonly parent: NodeId; readonly sources: readonly string[] } {
  if (!grouped.isRekeyed) return { parent: grouped.node, sources: grouped.sources }
  const { recorder, repartitionName } = grouped
  const data = repartitionData(grouped, store)
  const { names } = data
  const add = (): NodeId => recorder.add(names.sourceName, [grouped.node], data)
  if (repartitionName === undefined) return { parent: add(), sources: [names.sourceName] }
  const { value: parent, isNew } = recorder.memo(grouped, 'repartition', add)
  if (!isNew) recorder.readd(parent)
  return { parent, sources: [names.sourceName] }
}
