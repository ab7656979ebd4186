import type { Bytes } from '../base/index.ts'
import { withNoHeaders, withNoTimestampNorHeaders } from '../serdes/index.ts'
import type { StoreSpec } from './types.ts'

/**
 * How a store of this spec writes its entries into the engine, as text that is kept beside them. What two specs with
 * the same text have written, either can read. A changelog does not depend on it: segments and timestamps beside the
 * values are matters of the engine only, so a state of another layout is rebuilt from there.
 */
export function storeLayout(spec: StoreSpec): string {
  switch (spec.kind) {
    case 'key-value':
      return `${spec.timestamped ? TIMESTAMPED : ''}key-value${headersOf(spec)}`
    case 'window':
      return [
        `${spec.timestamped ? TIMESTAMPED : ''}window${headersOf(spec)}`,
        `segments of ${spec.segmentIntervalMs} ms`,
        ...(spec.retainDuplicates ? ['with duplicates'] : []),
      ].join(', ')
    case 'session':
      return `session${headersOf(spec)}, segments of ${spec.segmentIntervalMs} ms`
    case 'versioned':
      return `versioned, segments of ${spec.segmentIntervalMs} ms`
    case 'custom':
      return 'custom'
    default:
      return spec satisfies never
  }
}

const TIMESTAMPED = 'timestamped-'
const WITH_HEADERS = ' with headers'

function headersOf({ withHeaders }: { readonly withHeaders?: boolean }): string {
  return withHeaders === true ? WITH_HEADERS : ''
}

/**
 * The keyspaces of a store: its own, and for a store with headers one that takes what it writes after it was given them
 * over entries without headers.
 */
export function keyspacesOf(spec: StoreSpec): readonly string[] {
  return 'withHeaders' in spec && spec.withHeaders === true ? [spec.name, upgradedKeyspaceName(spec)] : [spec.name]
}

export function upgradedKeyspaceName({ name }: StoreSpec): string {
  return `${name}.headers`
}

/**
 * How entries of the layout `written` become those of this spec's; undefined where they cannot. A store that is given
 * headers reads what it wrote without them, and a timestamp of -1 where it had none either. Java:
 * RocksDBTimestampedStoreWithHeaders and its kin, which open the old column family beside the new one.
 */
export function layoutUpgrade(written: string, spec: StoreSpec): ((stored: Bytes) => Bytes) | undefined {
  const layout = storeLayout(spec)
  if (!layout.includes(WITH_HEADERS)) return undefined
  const withoutHeaders = layout.replace(WITH_HEADERS, '')
  if (written === withoutHeaders) return withNoHeaders
  if (!layout.startsWith(TIMESTAMPED) || written !== withoutHeaders.slice(TIMESTAMPED.length)) return undefined
  return withNoTimestampNorHeaders
}
