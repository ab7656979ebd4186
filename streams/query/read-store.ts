import type {
  ManagedStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StoreIterator,
  StoreSpec,
  ValueAndTimestamp,
  VersionedRecord,
} from '../stores/index.ts'
import type { StateQuery, StateQueryEntry } from './state-query.ts'

export type Read = { readonly entries: readonly StateQueryEntry[]; readonly isCut: boolean }

/** Undefined: this kind of store does not know this kind of query (Java: UNKNOWN_QUERY_TYPE). */
export function readStore(store: ManagedStore, spec: StoreSpec, query: StateQuery, limit: number): Read | undefined {
  switch (spec.kind) {
    case 'key-value':
      return readKeyValues(store as unknown as KeyValues, spec.timestamped, query, limit)
    case 'window':
      return readWindows(store as unknown as Windows, spec, query, limit)
    case 'session':
      return query.kind === 'session' ? readSessions(store as unknown as Sessions, query.key, limit) : undefined
    case 'versioned':
      return readVersions(store as unknown as Versions, query, limit)
    case 'custom':
      return undefined
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

function readKeyValues(store: KeyValues, isTimestamped: boolean, query: StateQuery, limit: number): Read | undefined {
  const entryOf = (key: unknown, stored: unknown, withTime: boolean): StateQueryEntry => {
    if (!isTimestamped) return { key, value: stored }
    const { value, timestampMs } = stored as ValueAndTimestamp<unknown>
    return withTime ? { key, value, timestampMs } : { key, value }
  }
  switch (query.kind) {
    case 'key':
    case 'timestamped-key': {
      if (query.kind === 'timestamped-key' && !isTimestamped) return undefined
      const stored = store.get(query.key)
      return one(stored === undefined ? undefined : entryOf(query.key, stored, query.kind === 'timestamped-key'))
    }
    case 'range':
    case 'timestamped-range': {
      if (query.kind === 'timestamped-range' && !isTimestamped) return undefined
      const entries =
        query.order === 'descending' ? store.reverseRange(query.from, query.to) : store.range(query.from, query.to)
      return take(entries, limit, ({ key, value }) => entryOf(key, value, query.kind === 'timestamped-range'))
    }
    default:
      return undefined
  }
}

function readWindows(
  store: Windows,
  { windowSizeMs, timestamped }: { readonly windowSizeMs: number; readonly timestamped: boolean },
  query: StateQuery,
  limit: number,
): Read | undefined {
  const entryOf = (key: unknown, startMs: number, stored: unknown): StateQueryEntry => {
    const window = { key, startMs, endMs: startMs + windowSizeMs }
    return timestamped ? { ...window, ...(stored as ValueAndTimestamp<unknown>) } : { ...window, value: stored }
  }
  switch (query.kind) {
    case 'window-key':
      return take(store.fetchRange(query.key, query.fromMs, query.toMs), limit, ({ startMs, value }) =>
        entryOf(query.key, startMs, value),
      )
    case 'window-range':
      return take(store.fetchAll(query.fromMs, query.toMs), limit, ({ key, value }) =>
        entryOf(key.key, key.window.startMs, value),
      )
    default:
      return undefined
  }
}

function readSessions(store: Sessions, key: unknown, limit: number): Read {
  return take(store.fetch(key), limit, ({ key: { window }, value }) => ({ key, value, ...window }))
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
