import type { StoreSpec } from '../stores/types.ts'
import type { PlanNodeData } from './plan.ts'

export type ProcessorData = Extract<PlanNodeData, { readonly kind: 'processor' }>

export function processorData(data: Pick<ProcessorData, 'supplier'> & Partial<ProcessorData>): ProcessorData {
  return {
    kind: 'processor',
    stores: [],
    changesKey: false,
    changesValue: false,
    isMerge: false,
    ...data,
  }
}

export function storeNames(stores: readonly (string | StoreSpec)[] = []): readonly string[] {
  return stores.map((store) => (typeof store === 'string' ? store : store.name))
}
