import type {
  AggregationWithHeaders,
  ManagedStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StoreIterator,
  StoreSpec,
  ValueAndTimestamp,
  ValueTimestampHeaders,
  VersionedRecord,
} from '../stores/index.ts'
import type { StateQuery, StateQueryEntry } from './state-query.ts'

export type Read = { readonly entries: readonly StateQueryEntry[]; readonly isCut: boolean }

/** Undefined: this kind of store does not know this kind of query (Java: UNKNOWN_QUERY_TYPE). */
export function readStore(store: ManagedStore, spec: StoreSpec, query: StateQuery, limit: number): Read | undefined {
  switch (spec.kind) {
    case 'key-value':
      return readKeyValues(store as unknown as KeyValues, spec, query, limit)
    case 'window':
      return readWindows(store as unknown as Windows, spec, query, limit)
    case 'session':
      return readSessions(store as unknown as Sessions, spec.withHeaders === true, query, limit)
    case 'versioned':
      return readVersions(store as unknown as Versions, query, limit)
    case 'custom':
      return spec.readAs === 'key-value'
        ? readKeyValues(store as unknown as KeyValues, { timestamped: false }, query, limit)
        : undefined
    default:
      return spec satisfies never
  }
}

type KeyValues = ReadOnlyKeyValueStore<unknown, unknown>
type Windows = ReadOnlyWindowStore<unknown, unknown>
type Sessions = ReadOnlySessionStore<unknown, unknown>
type Versions = ReadOnlyVersionedKeyValueStore<unknown, unknown>

const one = (entry: StateQueryEntry | undefined): Read => ({
  entries: entry === undefined ? [] : [entry],
  isCut: false,
})

/** What a store keeps beside its values, and so which queries it knows. */
type Kept = { readonly timestamped: boolean; readonly withHeaders?: boolean }

/** What is asked for beside the value; undefined where the store does not keep it. */
type Wanted = 'value' | 'timestamp' | 'timestamp and headers'

function wantedOf(kind: StateQuery['kind'], { timestamped, withHeaders = false }: Kept): Wanted | undefined {
  if (kind.endsWith('-with-headers')) return withHeaders ? 'timestamp and headers' : undefined
  if (kind.startsWith('timestamped-')) return timestamped ? 'timestamp' : undefined
  return 'value'
}

function entryValue(stored: unknown, kept: Kept, wanted: Wanted): Omit<StateQueryEntry, 'key'> {
  if (!kept.timestamped) return { value: stored }
  const { value, timestampMs } = stored as ValueAndTimestamp<unknown>
  if (wanted === 'value') return { value }
  if (wanted === 'timestamp') return { value, timestampMs }
  // Java's answer is a record, which has a time.
  if (timestampMs < 0) throw new Error(`the entry was stored without a timestamp, so it cannot be given as a record`)
  return { value, timestampMs, headers: (stored as ValueTimestampHeaders<unknown>).headers }
}

function readKeyValues(store: KeyValues, kept: Kept, query: StateQuery, limit: number): Read | undefined {
  const wanted = wantedOf(query.kind, kept)
  if (wanted === undefined) return undefined
  switch (query.kind) {
    case 'key':
    case 'timestamped-key':
    case 'timestamped-key-with-headers': {
      const stored = store.get(query.key)
      return one(stored === undefined ? undefined : { key: query.key, ...entryValue(stored, kept, wanted) })
    }
    case 'range':
    case 'timestamped-range':
    case 'timestamped-range-with-headers': {
      const entries =
        query.order === 'descending' ? store.reverseRange(query.from, query.to) : store.range(query.from, query.to)
      return take(entries, limit, ({ key, value }) => ({ key, ...entryValue(value, kept, wanted) }))
    }
    default:
      return undefined
  }
}

function readWindows(
  store: Windows,
  kept: Kept & { readonly windowSizeMs: number },
  query: StateQuery,
  limit: number,
): Read | undefined {
  const wanted = wantedOf(query.kind, kept)
  if (wanted === undefined) return undefined
  const entryOf = (key: unknown, startMs: number, stored: unknown): StateQueryEntry => ({
    key,
    startMs,
    endMs: startMs + kept.windowSizeMs,
    // Windows that keep it are given with their timestamp, whatever the query.
    ...entryValue(stored, kept, wanted === 'value' ? 'timestamp' : wanted),
  })
  switch (query.kind) {
    case 'window-key':
    case 'window-key-with-headers':
      return take(store.fetchRange(query.key, query.fromMs, query.toMs), limit, ({ startMs, value }) =>
        entryOf(query.key, startMs, value),
      )
    case 'window-range':
    case 'window-range-with-headers':
      return take(store.fetchAll(query.fromMs, query.toMs), limit, ({ key, value }) =>
        entryOf(key.key, key.window.startMs, value),
      )
    default:
      return undefined
  }
}

function readSessions(store: Sessions, withHeaders: boolean, query: StateQuery, limit: number): Read | undefined {
  if (query.kind !== 'session' && !(query.kind === 'session-with-headers' && withHeaders)) return undefined
  const { key } = query
  return take(store.fetch(key), limit, ({ key: { window }, value }) => {
    if (!withHeaders) return { key, value, ...window }
    const { aggregation, headers } = value as AggregationWithHeaders<unknown>
    if (query.kind === 'session') return { key, value: aggregation, ...window }
    return { key, value: aggregation, ...window, timestampMs: window.endMs, headers }
  })
}

function readVersions(store: Versions, query: StateQuery, limit: number): Read | undefined {
  const entryOf = (key: unknown, { value, timestampMs, validToMs }: VersionedRecord<unknown>): StateQueryEntry => ({
    key,
    value,
    timestampMs,
    startMs: timestampMs,
    ...(validToMs === undefined ? {} : { endMs: validToMs }),
  })
  switch (query.kind) {
    case 'versioned-key': {
      const { key, asOfMs } = query
      const found = asOfMs === undefined ? store.get(key) : store.getAsOf(key, asOfMs)
      return one(found === undefined ? undefined : entryOf(key, found))
    }
    case 'multi-versioned-key': {
      const { key, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER, order } = query
      if (order !== 'ascending') return take(store.versions(key, fromMs, toMs), limit, (found) => entryOf(key, found))
      // The store has the newest first: the oldest `limit` are the end of all.
      const all = take(store.versions(key, fromMs, toMs), Number.POSITIVE_INFINITY, (found) => entryOf(key, found))
      const oldestFirst = [...all.entries].reverse()
      return { entries: oldestFirst.slice(0, limit), isCut: oldestFirst.length > limit }
    }
    default:
      return undefined
  }
}

function take<T>(iterator: StoreIterator<T>, limit: number, toEntry: (item: T) => StateQueryEntry): Read {
  const entries: StateQueryEntry[] = []
  try {
    for (const item of iterator) {
      if (entries.length >= limit) return { entries, isCut: true }
      entries.push(toEntry(item))
    }
  } finally {
    iterator.close()
  }
  return { entries, isCut: false }
}
