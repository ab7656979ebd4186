import type { StoreSpec } from './types.ts'

/**
 * How a store of this spec writes its entries into the engine, as text that is kept beside them. What two specs with
 * the same text have written, either can read. A changelog does not depend on it: segments and timestamps beside the
 * values are matters of the engine only, so a state of another layout is rebuilt from there.
 */
export function storeLayout(spec: StoreSpec): string {
  switch (spec.kind) {
    case 'key-value':
      return spec.timestamped ? 'timestamped-key-value' : 'key-value'
    case 'window':
      return [
        spec.timestamped ? 'timestamped-window' : 'window',
        `segments of ${spec.segmentIntervalMs} ms`,
        ...(spec.retainDuplicates ? ['with duplicates'] : []),
      ].join(', ')
    case 'session':
    case 'versioned':
      return `${spec.kind}, segments of ${spec.segmentIntervalMs} ms`
    case 'custom':
      return 'custom'
    default:
      return spec satisfies never
  }
}
