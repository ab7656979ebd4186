import type { EmitStrategy } from '../processors/emit-strategy.ts'
import { countAggregator, countInitializer, countMerger } from '../processors/functions.ts'
import { type GroupedStreamHandle, neededSerde } from './handles.ts'
import {
  type AggregateFunctions,
  type AnyWindows,
  type PlanNodeData,
  repartitionNames,
  type StorePlan,
} from './plan.ts'

/** Plan nodes that aggregations of one and of several grouped streams have in common. */

export type Windowing = { readonly windows: AnyWindows; readonly emit: EmitStrategy }

export const COUNT: AggregateFunctions = Object.freeze({
  kind: 'aggregate',
  initializer: countInitializer,
  aggregator: countAggregator,
  merger: countMerger,
})

export function aggregateData(
  functions: AggregateFunctions,
  store: StorePlan,
  windowing: Windowing | undefined,
): PlanNodeData {
  if (windowing === undefined) return { kind: 'stream-aggregate', functions, store }
  return { kind: 'window-aggregate', functions, store, ...windowing }
}

export function repartitionData(
  grouped: GroupedStreamHandle,
  store: StorePlan,
): Extract<PlanNodeData, { readonly kind: 'repartition' }> {
  const { recorder, keySerde, repartitionName } = grouped
  const names = repartitionNames(repartitionName ?? store.name, recorder.generate)
  if (repartitionName === undefined && !store.isNamed) recorder.noteGeneratedRepartition(names.topic)
  return {
    kind: 'repartition',
    names,
    keySerde,
    valueSerde: neededSerde(grouped.valueSerde, 'value', 'Grouping by a new key', grouped.name),
    partitions: undefined,
    partitioner: undefined,
    isOptimizable: true,
  }
}
