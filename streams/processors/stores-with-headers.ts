import { type Headers, NO_HEADERS } from '../ports/index.ts'
import type {
  KeyValue,
  SessionStore,
  SessionStoreSpec,
  SessionStoreWithHeaders,
  TimestampedWindowStoreWithHeaders,
  WindowEntry,
  Windowed,
  WindowStore,
  WindowStoreSpec,
} from '../stores/types.ts'

/**
 * Operators work on plain values, whether their store keeps headers or not: a plain store has these faces itself, over
 * one with headers they are put between. Key-value stores and windows of aggregates need none: what they hand out has a
 * value and a timestamp in either case.
 */
export type SessionValues<K, A> = {
  fetchSession(key: K, startMs: number, endMs: number): A | undefined
  findSessions(key: K, earliestEndMs: number, latestStartMs: number): Iterable<KeyValue<Windowed<K>, A>>
  findSessionsKeyRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
  ): Iterable<KeyValue<Windowed<K>, A>>
  put(session: Windowed<K>, value: A | null): void
  remove(session: Windowed<K>): void
}

type Stores = { storeByName<S>(name: string): S }

/** Aggregates of several records have no headers of their own, as in Java. */
export function openSessionValues<K, A>(context: Stores, spec: SessionStoreSpec<K, A>): SessionValues<K, A> {
  if (spec.withHeaders !== true) return context.storeByName<SessionStore<K, A>>(spec.name)
  const store = context.storeByName<SessionStoreWithHeaders<K, A>>(spec.name)
  return {
    fetchSession: (key, startMs, endMs) => store.fetchSession(key, startMs, endMs)?.aggregation,
    findSessions: (key, earliestEndMs, latestStartMs) =>
      aggregatesOf(store.findSessions(key, earliestEndMs, latestStartMs)),
    findSessionsKeyRange: (keyFrom, keyTo, earliestEndMs, latestStartMs) =>
      aggregatesOf(store.findSessionsKeyRange(keyFrom, keyTo, earliestEndMs, latestStartMs)),
    put: (session, value) => store.put(session, value === null ? null : { aggregation: value, headers: NO_HEADERS }),
    remove: (session) => store.remove(session),
  }
}

function* aggregatesOf<K, A>(
  sessions: ReturnType<SessionStoreWithHeaders<K, A>['findSessions']>,
): Iterable<KeyValue<Windowed<K>, A>> {
  for (const { key, value } of sessions) yield { key, value: value.aggregation }
}

/** One side of a join of streams. */
export type JoinWindowValues<K, V> = {
  fetchRange(key: K, fromMs: number, toMs: number): Iterable<WindowEntry<V>>
  put(key: K, value: V, timestampMs: number, headers: Headers): void
}

export function openJoinWindow<K, V>(context: Stores, spec: WindowStoreSpec<K, V>): JoinWindowValues<K, V> {
  if (spec.withHeaders !== true) return context.storeByName<WindowStore<K, V>>(spec.name)
  const store = context.storeByName<TimestampedWindowStoreWithHeaders<K, V>>(spec.name)
  return {
    fetchRange: (key, fromMs, toMs) => valuesOf(store.fetchRange(key, fromMs, toMs)),
    put: (key, value, timestampMs, headers) => store.put(key, { value, timestampMs, headers }, timestampMs),
  }
}

function* valuesOf<K, V>(
  entries: ReturnType<TimestampedWindowStoreWithHeaders<K, V>['fetchRange']>,
): Iterable<WindowEntry<V>> {
  for (const { startMs, value } of entries) yield { startMs, value: value.value }
}
