import type { EmitStrategy } from '../processors/emit-strategy.ts'
import type { TableStoreSpec } from '../processors/table-store.ts'
import { defaultSegmentIntervalMs, defaultVersionedSegmentIntervalMs } from '../stores/specs.ts'
import type {
  KeyValueStoreSpec,
  SessionStoreSpec,
  StorePersistence,
  VersionedStoreSpec,
  WindowStoreSpec,
} from '../stores/types.ts'
import { invalidTopology } from '../topology/names.ts'
import type { AnyWindows, Erased, StorePlan } from './plan.ts'
import { retentionMinMs } from './window-facts.ts'

/** The stores of the DSL as the runtime opens them. Java: the …StoreMaterializer classes. */

/** What the build says of stores whose operator says nothing. Java: dsl.store.suppliers.class, dsl.store.format. */
export type StoreDefaults = { readonly persistence: StorePersistence; readonly withHeaders: boolean }

function common(plan: StorePlan, defaults: StoreDefaults) {
  const { keySerde, valueSerde, persistence = defaults.persistence, logging, name } = plan
  if (keySerde === undefined || valueSerde === undefined) {
    const side = keySerde === undefined ? 'key' : 'value'
    throw invalidTopology(`Store ${name} has no ${side} serde: give \`${side}\` to the operator that makes it.`)
  }
  return { name, keySerde, valueSerde, persistence, logging }
}

export function tableStoreSpec(plan: StorePlan, defaults: StoreDefaults): TableStoreSpec<Erased, Erased> {
  const { historyRetentionMs } = plan
  if (historyRetentionMs === undefined) {
    const spec: KeyValueStoreSpec<Erased, Erased> = {
      ...common(plan, defaults),
      kind: 'key-value',
      timestamped: true,
      withHeaders: keepsHeaders(plan, defaults),
      caching: plan.caching,
    }
    return Object.freeze(spec)
  }
  const spec: VersionedStoreSpec<Erased, Erased> = {
    ...common(plan, defaults),
    kind: 'versioned',
    caching: false,
    historyRetentionMs,
    segmentIntervalMs: defaultVersionedSegmentIntervalMs(historyRetentionMs),
  }
  return Object.freeze(spec)
}

const keepsHeaders = (plan: StorePlan, { withHeaders }: StoreDefaults): boolean => plan.withHeaders ?? withHeaders

type WindowedStore = {
  readonly windows: AnyWindows
  readonly emit: EmitStrategy
  readonly defaults: StoreDefaults
}

/** Results that wait for the window to close are read from the store: nothing is gained by a cache. */
const isCached = (plan: StorePlan, emit: EmitStrategy): boolean => plan.caching && emit.kind !== 'on-window-close'

export function windowStoreSpec(plan: StorePlan, { windows, emit, defaults }: WindowedStore) {
  const retentionMs = plan.retentionMs ?? retentionMinMs(windows)
  const spec: WindowStoreSpec<Erased, Erased> = {
    ...common(plan, defaults),
    kind: 'window',
    timestamped: true,
    withHeaders: keepsHeaders(plan, defaults),
    caching: isCached(plan, emit),
    windowSizeMs: windowSizeMs(windows),
    retentionMs,
    segmentIntervalMs: defaultSegmentIntervalMs(retentionMs),
    retainDuplicates: false,
  }
  return Object.freeze(spec)
}

export function sessionStoreSpec(plan: StorePlan, { windows, emit, defaults }: WindowedStore) {
  const retentionMs = plan.retentionMs ?? retentionMinMs(windows)
  const spec: SessionStoreSpec<Erased, Erased> = {
    ...common(plan, defaults),
    kind: 'session',
    withHeaders: keepsHeaders(plan, defaults),
    caching: isCached(plan, emit),
    retentionMs,
    segmentIntervalMs: defaultSegmentIntervalMs(retentionMs),
  }
  return Object.freeze(spec)
}

function windowSizeMs(windows: AnyWindows): number {
  switch (windows.kind) {
    case 'time':
    case 'custom':
      return windows.sizeMs
    case 'sliding':
      return windows.timeDifferenceMs
    case 'unlimited':
      return Number.MAX_SAFE_INTEGER
    case 'session':
      return windows.inactivityGapMs
    default:
      return windows satisfies never
  }
}
