import { assert, present } from '../base/assert.ts'
import { type Bytes, equalBytes } from '../base/bytes.ts'
import { StreamsError } from '../base/errors.ts'
import { parseTaskId, type TaskId } from '../base/ids.ts'
import type { Serde } from '../ports/index.ts'
import type { ResolvedTopology, StreamTask, StreamThread } from '../runtime/index.ts'
import type {
  KeyValue,
  ManagedStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StoreIterator,
  StoreSpec,
  Windowed,
} from '../stores/index.ts'
import { positionOfGlobal } from './execute-state-query.ts'
import { lackOf, lackOfAny, type Position } from './position.ts'

/**
 * Keys are given as the store's key type; an answer holds at most `limit` entries of each task asked.
 *
 * Paging: the answers of the tasks merged in the order of their serialized keys and cut at `limit` are a page; the next
 * one has the last key of it as `after`.
 */
export type StoreQuery = {
  readonly store: string
  /** Only tasks of this partition are asked: where the partition of the key is known. */
  readonly partition?: number | undefined
  /** Only state that has got so far answers: what was written is read (see Position). */
  readonly atLeast?: Position
  /**
   * While nobody runs a task (it is being moved, or restored), a standby of it may answer that is at most so many
   * changelog records behind. Without it only those that run answer.
   */
  readonly standbyLagMax?: number
} & (
  | { readonly kind: 'key'; readonly key: unknown }
  | {
      readonly kind: 'range'
      /** Both inclusive; absent = open. */
      readonly from?: unknown
      readonly to?: unknown
      /** Begins behind this key (with `reverse`: before it), for the next page. */
      readonly after?: unknown
      readonly reverse?: boolean
      readonly limit: number
    }
  /** Keys whose serialized bytes start with those of `prefix`: for keys whose serde keeps prefixes, such as strings. */
  | {
      readonly kind: 'prefix'
      readonly prefix: unknown
      readonly after?: unknown
      readonly limit: number
    }
  | {
      readonly kind: 'window'
      readonly key: unknown
      readonly fromMs: number
      readonly toMs: number
      /** The newest first. */
      readonly reverse?: boolean
      readonly limit: number
    }
  | {
      readonly kind: 'window-all'
      readonly fromMs: number
      readonly toMs: number
      readonly reverse?: boolean
      readonly limit: number
    }
  | { readonly kind: 'session'; readonly key: unknown; readonly limit: number }
  | { readonly kind: 'as-of'; readonly key: unknown; readonly asOfMs: number }
  /** Versions of a key that were valid anywhere in the time range, the newest first. */
  | {
      readonly kind: 'versions'
      readonly key: unknown
      readonly fromMs: number
      readonly toMs: number
      readonly limit: number
    }
  /** Approximate number of entries of each task: one entry by task, whose key is the task's id. */
  | { readonly kind: 'count' }
)

export type QueryEntry = {
  readonly key: unknown
  readonly value: unknown
  /** Of the window or session; absent for key-value stores. */
  readonly startMs?: number
  readonly endMs?: number
}

/** How fresh an answer is: what the task had processed when it was read. */
export type StoreFreshness = {
  readonly taskId: TaskId
  readonly streamTimeMs: number
  /** Offset of the next record to process, by input `topic-partition`; empty for a standby, which reads no inputs. */
  readonly position: Readonly<Record<string, number>>
  /** Of a standby: how many changelog records it was behind. Absent: the one that runs the task has answered. */
  readonly standbyLag?: number
}

export type QueryAnswer = {
  readonly entries: readonly QueryEntry[]
  readonly freshness: readonly StoreFreshness[]
}

/**
 * Answers from the tasks of one thread, between two steps. Sees writes that are not committed yet (Kafka Streams'
 * READ_UNCOMMITTED, its default). Empty where this thread has no such task, or has not got as far as asked; STORE_UNKNOWN
 * where the topology has no such store; STATE_UNAVAILABLE while the thread is starting.
 */
export function executeQuery(thread: StreamThread, query: StoreQuery): QueryAnswer {
  checkQuery(query)
  const topology = thread.topology
  if (topology === undefined) throw new StreamsError('STATE_UNAVAILABLE', 'the thread is starting; ask again shortly')
  const global = thread.globalStores.get(query.store)
  if (global !== undefined) {
    const lack =
      query.atLeast === undefined ? undefined : lackOfAny(positionOfGlobal(thread, query.store), query.atLeast)
    if (lack !== undefined) throw new StreamsError('STATE_UNAVAILABLE', `global store ${query.store}: ${lack}`)
    const definition = topology.globalStores.find(({ store }) => store.storeName === query.store)
    return { entries: read(global, definition?.store.spec, query, 'global'), freshness: [] }
  }
  const { sub, spec } = locate(topology, query.store)
  const entries: QueryEntry[] = []
  const freshness: StoreFreshness[] = []
  for (const task of thread.tasks.values()) {
    const { subTopology, partition } = parseTaskId(task.id)
    if (subTopology !== sub.id || (query.partition !== undefined && query.partition !== partition)) continue
    if (query.atLeast !== undefined && lackOf(positionOf(task), query.atLeast, partition) !== undefined) continue
    entries.push(...read(task.store(query.store), spec, query, task.id))
    const position = Object.fromEntries(
      task.group.queues.map((queue) => [`${queue.topic}-${queue.partition}`, queue.committableOffset]),
    )
    freshness.push({ taskId: task.id, streamTimeMs: task.group.streamTimeMs, position })
  }
  return { entries, freshness }
}

/** What a standby must have, by partition: the end of the changelog as it is now, but for `lagMax` records. */
export type StandbyBound = {
  readonly ends: Readonly<Record<number, number>>
  readonly lagMax: number
}

/** Answers from the standbys of one thread, of partitions in `ends`; those that are further behind do not answer. */
export function executeStandbyQuery(
  thread: StreamThread,
  query: StoreQuery,
  { ends, lagMax }: StandbyBound,
): QueryAnswer {
  checkQuery(query)
  const { topology, standbys } = thread
  const entries: QueryEntry[] = []
  const freshness: StoreFreshness[] = []
  if (topology === undefined) return { entries, freshness }
  const { sub, spec } = locate(topology, query.store)
  for (const id of standbys.ids) {
    const { subTopology, partition } = parseTaskId(id)
    const end = ends[partition]
    if (subTopology !== sub.id || end === undefined || !standbys.hasStore(id, query.store)) continue
    const stores = present(standbys.storesOf(id), `standby ${id} has no stores`)
    const lag = Math.max(0, end - (stores.position(query.store) ?? 0))
    if (lag > lagMax) continue
    const committed = stores.openCommitted(query.store)
    try {
      entries.push(...read(committed, spec, query, id))
    } finally {
      committed.close()
    }
    freshness.push({ taskId: id, streamTimeMs: -1, position: {}, standbyLag: lag })
  }
  return { entries, freshness }
}

function locate(topology: ResolvedTopology, store: string) {
  const sub = topology.subTopologies.find(({ stores }) => stores.some(({ spec }) => spec.name === store))
  const spec = sub?.stores.find((candidate) => candidate.spec.name === store)?.spec
  if (sub !== undefined && spec !== undefined) return { sub, spec }
  const known = topology.subTopologies.flatMap(({ stores }) => stores.map((each) => each.spec.name))
  throw new StreamsError('STORE_UNKNOWN', `there is no store ${store}; stores: ${known.join(', ') || 'none'}`)
}

/** Offsets of the last records that the task has processed. */
function positionOf(task: StreamTask): Position {
  const position: Record<string, Record<number, number>> = {}
  for (const { topic, partition, committableOffset } of task.group.queues)
    if (committableOffset > 0) position[topic] = { ...position[topic], [partition]: committableOffset - 1 }
  return position
}

/** Whether an answer of this kind can be long, and so needs a limit. */
const isLimited: Readonly<Record<StoreQuery['kind'], boolean>> = {
  key: false,
  range: true,
  prefix: true,
  window: true,
  'window-all': true,
  session: true,
  'as-of': false,
  versions: true,
  count: false,
}

/** Queries may come from programs without types: without its limit one would read a whole store in a step. */
function checkQuery(query: StoreQuery): void {
  if (!Object.hasOwn(isLimited, query.kind)) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `there is no query of kind ${String(query.kind)}; kinds: ${Object.keys(isLimited).join(', ')}`,
    )
  }
  if (!isLimited[query.kind]) return
  const { limit } = query as { readonly limit?: unknown }
  if (Number.isSafeInteger(limit) && (limit as number) >= 0) return
  throw new StreamsError(
    'CONFIG_INVALID',
    `a ${query.kind} query needs a limit, a whole number of entries, and has ${String(limit)}`,
  )
}

function read(
  store: ManagedStore,
  spec: StoreSpec | undefined,
  query: StoreQuery,
  owner: string,
): readonly QueryEntry[] {
  switch (query.kind) {
    case 'key': {
      const value = face<ReadOnlyKeyValueStore<unknown, unknown>>(store, spec, query, ['key-value', 'versioned']).get(
        query.key,
      )
      return value === undefined ? [] : [{ key: query.key, value }]
    }
    case 'range':
    case 'prefix':
      return readRange(face<KeyValues>(store, spec, query, ['key-value']), serdeOf(spec), query)
    case 'window': {
      const window = face<ReadOnlyWindowStore<unknown, unknown>>(store, spec, query, ['window'])
      const sizeMs = spec?.kind === 'window' ? spec.windowSizeMs : 0
      const { key, fromMs, toMs } = query
      const entries = query.reverse
        ? window.fetchRangeBackward(key, fromMs, toMs)
        : window.fetchRange(key, fromMs, toMs)
      return take(entries, query.limit, ({ startMs, value }) => ({ key, value, startMs, endMs: startMs + sizeMs }))
    }
    case 'window-all': {
      const window = face<ReadOnlyWindowStore<unknown, unknown>>(store, spec, query, ['window'])
      const { fromMs, toMs } = query
      return take(
        query.reverse ? window.fetchAllBackward(fromMs, toMs) : window.fetchAll(fromMs, toMs),
        query.limit,
        windowedEntry,
      )
    }
    case 'session': {
      const session = face<ReadOnlySessionStore<unknown, unknown>>(store, spec, query, ['session'])
      return take(session.fetch(query.key), query.limit, windowedEntry)
    }
    case 'as-of': {
      const versioned = face<ReadOnlyVersionedKeyValueStore<unknown, unknown>>(store, spec, query, ['versioned'])
      const value = versioned.getAsOf(query.key, query.asOfMs)
      return value === undefined ? [] : [{ key: query.key, value }]
    }
    case 'versions': {
      const versioned = face<ReadOnlyVersionedKeyValueStore<unknown, unknown>>(store, spec, query, ['versioned'])
      return take(versioned.versions(query.key, query.fromMs, query.toMs), query.limit, (value) => ({
        key: query.key,
        value,
      }))
    }
    case 'count': {
      const count = face<KeyValues>(store, spec, query, ['key-value']).approximateEntryCount()
      return [{ key: owner, value: count }]
    }
    default:
      return query satisfies never
  }
}

type KeyValues = ReadOnlyKeyValueStore<unknown, unknown>
type RangeQuery = Extract<StoreQuery, { readonly kind: 'range' | 'prefix' }>

function serdeOf(spec: StoreSpec | undefined): Serde<Bound> {
  assert(spec?.kind === 'key-value', 'only key-value stores come here')
  return spec.keySerde
}

type Bound = NonNullable<unknown>

function readRange(store: KeyValues, serde: Serde<Bound>, query: RangeQuery): readonly QueryEntry[] {
  const { after, limit } = query
  const bytesOf = (key: unknown): Bytes => serde.serialize(key as Bound, query.store)
  const afterBytes = after === undefined ? undefined : bytesOf(after)
  const toEntry = ({ key, value }: KeyValue<unknown, unknown>): QueryEntry => ({ key, value })
  const isBehind = ({ key }: KeyValue<unknown, unknown>): boolean =>
    afterBytes === undefined || !equalBytes(bytesOf(key), afterBytes)
  if (query.kind === 'range') {
    const { from, to, reverse } = query
    const entries = reverse ? store.reverseRange(from, after ?? to) : store.range(after ?? from, to)
    return take(entries, limit, toEntry, isBehind)
  }
  if (after === undefined) return take(store.prefixScan(query.prefix as Bound, serde), limit, toEntry)
  // A scan by prefix begins at the prefix: the next page is a range that ends where the prefix does.
  const prefix = bytesOf(query.prefix)
  const startsWith = ({ key }: KeyValue<unknown, unknown>): boolean => {
    const bytes = bytesOf(key)
    return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix)
  }
  return take(store.range(after, undefined), limit, toEntry, isBehind, startsWith)
}

function windowedEntry({ key, value }: KeyValue<Windowed<unknown>, unknown>): QueryEntry {
  return { key: key.key, value, startMs: key.window.startMs, endMs: key.window.endMs }
}

function face<Store>(
  store: ManagedStore,
  spec: StoreSpec | undefined,
  query: StoreQuery,
  kinds: readonly string[],
): Store {
  if (spec !== undefined && kinds.includes(spec.kind)) return store as unknown as Store
  throw new StreamsError(
    'STORE_UNKNOWN',
    `store ${query.store} is of kind ${spec?.kind}, a ${query.kind} query needs ${kinds.join(' or ')}`,
  )
}

/** Skips what `accepts` refuses, ends at `limit` or where `goesOn` is false. */
function take<T>(
  iterator: StoreIterator<T>,
  limit: number,
  toEntry: (item: T) => QueryEntry,
  accepts?: (item: T) => boolean,
  goesOn?: (item: T) => boolean,
): readonly QueryEntry[] {
  const entries: QueryEntry[] = []
  try {
    for (const item of iterator) {
      if (entries.length >= limit) break
      if (goesOn !== undefined && !goesOn(item)) break
      if (accepts === undefined || accepts(item)) entries.push(toEntry(item))
    }
  } finally {
    iterator.close()
  }
  return entries
}
