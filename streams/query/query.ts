import { StreamsError } from '../base/errors.ts'
import { parseTaskId, type TaskId } from '../base/ids.ts'
import type { StreamThread } from '../runtime/index.ts'
import type {
  ManagedStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StoreIterator,
  StoreSpec,
} from '../stores/index.ts'

/** Keys are given as the store's key type; an answer holds at most `limit` entries of each task asked. */
export type StoreQuery = {
  readonly store: string
  /** Only tasks of this partition are asked: where the partition of the key is known. */
  readonly partition?: number | undefined
} & (
  | { readonly kind: 'key'; readonly key: unknown }
  | {
      readonly kind: 'range'
      readonly from?: unknown
      readonly to?: unknown
      readonly reverse?: boolean
      readonly limit: number
    }
  | {
      readonly kind: 'window'
      readonly key: unknown
      readonly fromMs: number
      readonly toMs: number
      readonly limit: number
    }
  | { readonly kind: 'window-all'; readonly fromMs: number; readonly toMs: number; readonly limit: number }
  | { readonly kind: 'session'; readonly key: unknown; readonly limit: number }
  | { readonly kind: 'as-of'; readonly key: unknown; readonly asOfMs: number }
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
  /** Offset of the next record to process, by input `topic-partition`. */
  readonly position: Readonly<Record<string, number>>
}

export type QueryAnswer = {
  readonly entries: readonly QueryEntry[]
  readonly freshness: readonly StoreFreshness[]
}

/**
 * Answers from the tasks of one thread, between two steps. Sees writes that are not committed yet (Kafka Streams'
 * READ_UNCOMMITTED, its default). Empty where this thread has no such task; STORE_UNKNOWN where the topology has no
 * such store; STATE_UNAVAILABLE while the task that would answer is restoring.
 */
export function executeQuery(thread: StreamThread, query: StoreQuery): QueryAnswer {
  const topology = thread.topology
  if (topology === undefined) throw new StreamsError('STATE_UNAVAILABLE', 'the thread is starting; ask again shortly')
  const global = thread.globalStores.get(query.store)
  if (global !== undefined) {
    const definition = topology.globalStores.find(({ store }) => store.storeName === query.store)
    return { entries: read(global, definition?.store.spec, query), freshness: [] }
  }
  const sub = topology.subTopologies.find(({ stores }) => stores.some(({ spec }) => spec.name === query.store))
  const spec = sub?.stores.find((candidate) => candidate.spec.name === query.store)?.spec
  if (sub === undefined || spec === undefined) {
    const known = topology.subTopologies.flatMap(({ stores }) => stores.map((store) => store.spec.name))
    throw new StreamsError('STORE_UNKNOWN', `there is no store ${query.store}; stores: ${known.join(', ') || 'none'}`)
  }
  const entries: QueryEntry[] = []
  const freshness: StoreFreshness[] = []
  for (const task of thread.tasks.values()) {
    const { subTopology, partition } = parseTaskId(task.id)
    if (subTopology !== sub.id || (query.partition !== undefined && query.partition !== partition)) continue
    entries.push(...read(task.store(query.store), spec, query))
    const position = Object.fromEntries(
      task.group.queues.map((queue) => [`${queue.topic}-${queue.partition}`, queue.committableOffset]),
    )
    freshness.push({ taskId: task.id, streamTimeMs: task.group.streamTimeMs, position })
  }
  return { entries, freshness }
}

function read(store: ManagedStore, spec: StoreSpec | undefined, query: StoreQuery): readonly QueryEntry[] {
  switch (query.kind) {
    case 'key': {
      const value = face<ReadOnlyKeyValueStore<unknown, unknown>>(store, spec, query, ['key-value', 'versioned']).get(
        query.key,
      )
      return value === undefined ? [] : [{ key: query.key, value }]
    }
    case 'range': {
      const keyValue = face<ReadOnlyKeyValueStore<unknown, unknown>>(store, spec, query, ['key-value'])
      const entries = query.reverse ? keyValue.reverseRange(query.from, query.to) : keyValue.range(query.from, query.to)
      return take(entries, query.limit, ({ key, value }) => ({ key, value }))
    }
    case 'window': {
      const window = face<ReadOnlyWindowStore<unknown, unknown>>(store, spec, query, ['window'])
      const sizeMs = spec?.kind === 'window' ? spec.windowSizeMs : 0
      return take(window.fetchRange(query.key, query.fromMs, query.toMs), query.limit, ({ startMs, value }) => ({
        key: query.key,
        value,
        startMs,
        endMs: startMs + sizeMs,
      }))
    }
    case 'window-all': {
      const window = face<ReadOnlyWindowStore<unknown, unknown>>(store, spec, query, ['window'])
      return take(window.fetchAll(query.fromMs, query.toMs), query.limit, ({ key, value }) => ({
        key: key.key,
        value,
        startMs: key.window.startMs,
        endMs: key.window.endMs,
      }))
    }
    case 'session': {
      const session = face<ReadOnlySessionStore<unknown, unknown>>(store, spec, query, ['session'])
      return take(session.fetch(query.key), query.limit, ({ key, value }) => ({
        key: key.key,
        value,
        startMs: key.window.startMs,
        endMs: key.window.endMs,
      }))
    }
    case 'as-of': {
      const versioned = face<ReadOnlyVersionedKeyValueStore<unknown, unknown>>(store, spec, query, ['versioned'])
      const value = versioned.getAsOf(query.key, query.asOfMs)
      return value === undefined ? [] : [{ key: query.key, value }]
    }
    default:
      return query satisfies never
  }
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

function take<T>(iterator: StoreIterator<T>, limit: number, toEntry: (item: T) => QueryEntry): readonly QueryEntry[] {
  const entries: QueryEntry[] = []
  try {
    for (const item of iterator) {
      if (entries.length >= limit) break
      entries.push(toEntry(item))
    }
  } finally {
    iterator.close()
  }
  return entries
}
