import type { StoreSpec } from '#streams'
import { type Bytes, compareBytes, partitionForKey, utf8Encode } from '#streams/base'
import type { QueryEntry, StoreFreshness, StoreQuery } from '#streams/query'
import { STATE_PARTITIONS, type StoreHandle } from '#topologies/sacco'
import { type ApiApplication, storeNamed, storesOf } from '../application.ts'

export type Read<T> = { readonly value: T; readonly freshness: readonly StoreFreshness[] }
export type Entry<V> = { readonly key: string; readonly value: V }
export type WindowedEntry<V> = { readonly value: V; readonly startMs: number; readonly endMs: number }

export type PageQuery = {
  readonly store: string
  readonly memberId?: string
  readonly from?: unknown
  readonly to?: unknown
  readonly prefix?: unknown
  readonly reverse?: boolean
  readonly after?: unknown
  readonly limit: number
}

/** Reads stores by their names, from whatever tasks hold the entries, in the order of the keys. */
export type StoreReader = {
  has(store: string | StoreHandle): boolean
  /** Asks only the task that has the key, where the key says which one that is, or the member whose it is. */
  get<V>(store: StoreHandle<V>, key: string, memberId?: string): Promise<Read<V | undefined>>
  /** Entries of all tasks (or of that of one member), merged in the order of their keys' bytes and cut at the limit. */
  page(query: PageQuery): Promise<Read<readonly QueryEntry[]>>
  /** As it comes: every task's entries, one after the other. */
  ask(query: StoreQuery): Promise<Read<readonly QueryEntry[]>>
}

export function createStoreReader(application: ApiApplication): StoreReader {
  const names = new Set(storesOf(application.topology).map(({ name }) => name))
  const ask = async (query: StoreQuery): Promise<Read<readonly QueryEntry[]>> => {
    const { spec } = storeNamed(application.topology, query.store)
    const { entries, freshness } = await application.query(query)
    return { value: entries.map((entry) => ({ ...entry, value: plainValue(spec, entry.value) })), freshness }
  }
  return {
    has: (store) => names.has(typeof store === 'string' ? store : store.name),
    ask,
    async get<V>(handle: StoreHandle<V>, key: string, memberId?: string) {
      const partition = handle.isByKey ? partitionForKey(utf8Encode(key), handle.partitions) : taskOf(memberId)
      const { value, freshness } = await ask({ store: handle.name, kind: 'key', key, partition })
      return { value: value[0]?.value as V | undefined, freshness }
    },
    async page({ store, prefix, memberId, ...rest }) {
      const { spec } = storeNamed(application.topology, store)
      const partition = taskOf(memberId)
      const read = await ask(
        prefix === undefined
          ? { store, kind: 'range', partition, ...rest }
          : { store, kind: 'prefix', prefix, partition, ...rest },
      )
      const sorted = sortByKey(read.value, spec, rest.reverse ?? false).slice(0, rest.limit)
      return { value: sorted, freshness: read.freshness }
    },
  }
}

/** The task of a member, where there is one to be named. */
function taskOf(memberId: string | undefined): number | undefined {
  return memberId === undefined ? undefined : partitionForKey(utf8Encode(memberId), STATE_PARTITIONS)
}

type Aggregation = { readonly aggregation: unknown }
type Timestamped = { readonly value: unknown; readonly timestampMs: number }

/** What the application put, without the timestamp and the headers that some stores keep beside it. */
function plainValue(spec: StoreSpec, value: unknown): unknown {
  if (spec.kind === 'session' && spec.withHeaders === true) return (value as Aggregation).aggregation
  const isTimestamped = (spec.kind === 'key-value' || spec.kind === 'window') && spec.timestamped
  return isTimestamped ? (value as Timestamped).value : value
}

function sortByKey(entries: readonly QueryEntry[], spec: StoreSpec, reverse: boolean): readonly QueryEntry[] {
  if (spec.kind === 'custom') return entries
  const keyed = entries.map((entry) => ({
    entry,
    bytes: spec.keySerde.serialize(entry.key as never, spec.name) as Bytes,
  }))
  keyed.sort((left, right) => compareBytes(left.bytes, right.bytes) * (reverse ? -1 : 1))
  return keyed.map(({ entry }) => entry)
}
