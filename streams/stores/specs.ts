import { StreamsError } from '../base/index.ts'
import type { Serde } from '../ports/index.ts'
import type {
  KeyValueStoreSpec,
  SessionStoreSpec,
  StorePersistence,
  VersionedStoreSpec,
  WindowStoreSpec,
} from './types.ts'

/**
 * Makes store specs with the defaults of Java's `Stores`: persistent, with a changelog, without a record cache.
 */
export type StoreOptions<K, V> = {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly persistence?: StorePersistence
  /** false: no changelog; state is lost with the machine. An object overrides settings of the changelog topic. */
  readonly logging?: false | Readonly<Record<string, string>>
  readonly caching?: boolean
  /**
   * Entries that stay in memory as objects once they are committed; default: the application's `cleanEntriesPerStoreMax`.
   * 0 for a store that is written far more often than it is read: what nobody reads again is garbage at once.
   */
  readonly cleanEntriesMax?: number
}

function commonOf<K, V>(options: StoreOptions<K, V>) {
  const { name, key, value, persistence, logging, caching, cleanEntriesMax } = options
  if (cleanEntriesMax !== undefined && !(Number.isSafeInteger(cleanEntriesMax) && cleanEntriesMax >= 0)) {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `store '${name}': cleanEntriesMax is a whole number of entries, 0 or more, not ${String(cleanEntriesMax)}`,
    )
  }
  return {
    name,
    keySerde: key,
    valueSerde: value,
    persistence: persistence ?? 'persistent',
    logging: logging === false ? undefined : logging === undefined ? {} : { config: logging },
    caching: caching ?? false,
    cleanEntriesMax,
  } as const
}

function checkDuration(store: string, what: string, durationMs: number, minMs: number): void {
  if (Number.isSafeInteger(durationMs) && durationMs >= minMs) return
  throw new StreamsError(
    'TOPOLOGY_INVALID',
    `store '${store}': ${what} is a whole number of milliseconds, at least ${minMs}, not ${String(durationMs)}`,
  )
}

export function keyValueStore<K, V>(
  options: StoreOptions<K, V>,
): KeyValueStoreSpec<K, V> & { readonly timestamped: false } {
  return { ...commonOf(options), kind: 'key-value', timestamped: false }
}

export function timestampedKeyValueStore<K, V>(
  options: StoreOptions<K, V>,
): KeyValueStoreSpec<K, V> & { readonly timestamped: true } {
  return { ...commonOf(options), kind: 'key-value', timestamped: true }
}

/** KIP-1271: values carry timestamp and headers of the record that wrote them. */
export function timestampedKeyValueStoreWithHeaders<K, V>(
  options: StoreOptions<K, V>,
): KeyValueStoreSpec<K, V> & { readonly timestamped: true; readonly withHeaders: true } {
  return { ...commonOf(options), kind: 'key-value', timestamped: true, withHeaders: true }
}

const SEGMENT_INTERVAL_MIN_MS = 60_000

/** Java's `Stores.persistentWindowStore` and `persistentSessionStore`. */
export function defaultSegmentIntervalMs(retentionMs: number): number {
  return Math.max(Math.floor(retentionMs / 2), SEGMENT_INTERVAL_MIN_MS)
}

export type WindowStoreOptions<K, V> = StoreOptions<K, V> & {
  readonly windowSizeMs: number
  /** At least windowSizeMs. Entries older than the highest window start seen minus this are hidden, then dropped. */
  readonly retentionMs: number
  readonly segmentIntervalMs?: number
  readonly retainDuplicates?: boolean
}

function windowFields<K, V>(options: WindowStoreOptions<K, V>) {
  const { name, windowSizeMs, retentionMs, retainDuplicates } = options
  const segmentIntervalMs = options.segmentIntervalMs ?? defaultSegmentIntervalMs(retentionMs)
  checkDuration(name, 'windowSizeMs', windowSizeMs, 0)
  checkDuration(name, 'retentionMs', retentionMs, windowSizeMs)
  checkDuration(name, 'segmentIntervalMs', segmentIntervalMs, 1)
  return {
    ...commonOf(options),
    kind: 'window',
    windowSizeMs,
    retentionMs,
    segmentIntervalMs,
    retainDuplicates: retainDuplicates ?? false,
  } as const
}

export function windowStore<K, V>(
  options: WindowStoreOptions<K, V>,
): WindowStoreSpec<K, V> & { readonly timestamped: false } {
  return { ...windowFields(options), timestamped: false }
}

export function timestampedWindowStore<K, V>(
  options: WindowStoreOptions<K, V>,
): WindowStoreSpec<K, V> & { readonly timestamped: true } {
  return { ...windowFields(options), timestamped: true }
}

export function timestampedWindowStoreWithHeaders<K, V>(
  options: WindowStoreOptions<K, V>,
): WindowStoreSpec<K, V> & { readonly timestamped: true; readonly withHeaders: true } {
  return { ...windowFields(options), timestamped: true, withHeaders: true }
}

export type SessionStoreOptions<K, V> = StoreOptions<K, V> & {
  readonly retentionMs: number
  readonly segmentIntervalMs?: number
}

export function sessionStore<K, V>(options: SessionStoreOptions<K, V>): SessionStoreSpec<K, V> {
  const { name, retentionMs } = options
  const segmentIntervalMs = options.segmentIntervalMs ?? defaultSegmentIntervalMs(retentionMs)
  checkDuration(name, 'retentionMs', retentionMs, 0)
  checkDuration(name, 'segmentIntervalMs', segmentIntervalMs, 1)
  return { ...commonOf(options), kind: 'session', retentionMs, segmentIntervalMs }
}

/** KIP-1285: what is kept of a session is an AggregationWithHeaders. */
export function sessionStoreWithHeaders<K, A>(
  options: SessionStoreOptions<K, A>,
): SessionStoreSpec<K, A> & { readonly withHeaders: true } {
  return { ...sessionStore(options), withHeaders: true }
}

/** Versioned stores do not cache (KIP-889), so there is no such option. */
export type VersionedStoreOptions<K, V> = Omit<StoreOptions<K, V>, 'caching'> & {
  /** How far back versions are kept; also how late a version may come. */
  readonly historyRetentionMs: number
  readonly segmentIntervalMs?: number
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Java's `RocksDbVersionedKeyValueBytesStoreSupplier.defaultSegmentInterval`. */
export function defaultVersionedSegmentIntervalMs(historyRetentionMs: number): number {
  const share = (parts: number, minMs: number): number => Math.max(Math.floor(historyRetentionMs / parts), minMs)
  if (historyRetentionMs <= MINUTE_MS) return share(3, 2 * SECOND_MS)
  if (historyRetentionMs <= 5 * MINUTE_MS) return share(5, 20 * SECOND_MS)
  if (historyRetentionMs <= HOUR_MS) return share(12, MINUTE_MS)
  return share(24, 5 * MINUTE_MS)
}

export function versionedKeyValueStore<K, V>(options: VersionedStoreOptions<K, V>): VersionedStoreSpec<K, V> {
  const { name, historyRetentionMs } = options
  const segmentIntervalMs = options.segmentIntervalMs ?? defaultVersionedSegmentIntervalMs(historyRetentionMs)
  checkDuration(name, 'historyRetentionMs', historyRetentionMs, 0)
  checkDuration(name, 'segmentIntervalMs', segmentIntervalMs, 1)
  return { ...commonOf(options), kind: 'versioned', historyRetentionMs, segmentIntervalMs }
}
