import type { LogRecord, WriteBatch } from '../ports/index.ts'
import type { MakeRow } from './segment-scan.ts'
import { SESSION_SCHEMA } from './segment-schema.ts'
import { SegmentedBuffer } from './segmented-buffer.ts'
import type {
  CachedStore,
  ChangelogSink,
  FlushListener,
  KeyValue,
  ManagedStore,
  SessionStore,
  SessionStoreSpec,
  StoreEnvironment,
  StoreIterator,
  Windowed,
} from './types.ts'

const EXPIRED = 'Skipping record for expired segment.'
const ANY_TIME = Number.POSITIVE_INFINITY

/** The session store, plain or with headers (then V is an AggregationWithHeaders). Semantics: Java's RocksDBSessionStore under its change-logging layer. */
class BufferedSessionStore<K, V> implements SessionStore<K, V>, ManagedStore, CachedStore<Windowed<K>, V> {
  readonly name: string
  readonly #buffer: SegmentedBuffer<K, V>
  readonly #environment: StoreEnvironment

  constructor(spec: SessionStoreSpec<K, unknown>, environment: StoreEnvironment) {
    this.name = spec.name
    this.#environment = environment
    const { retentionMs, segmentIntervalMs } = spec
    const format = spec.withHeaders === true ? 'aggregate-with-headers' : 'plain'
    this.#buffer = new SegmentedBuffer<K, V>(
      spec,
      { schema: SESSION_SCHEMA, format, retentionMs, segmentIntervalMs, hidesWholeSegments: false },
      environment,
      ({ group, timeMs, minor }) => ({ key: group.key, window: { startMs: minor, endMs: timeMs } }),
    )
  }

  put({ key, window }: Windowed<K>, value: V | null): void {
    const isPut = this.#buffer.put(key, window.endMs, window.startMs, value)
    if (!isPut) this.#environment.droppedRecord(EXPIRED)
  }

  /** As a put of null, but not counted where the session has expired. */
  remove({ key, window }: Windowed<K>): void {
    this.#buffer.put(key, window.endMs, window.startMs, null)
  }

  fetchSession(key: K, startMs: number, endMs: number): V | undefined {
    return this.#buffer.get(key, endMs, startMs)
  }

  findSessions(key: K, earliestEndMs: number, latestStartMs: number): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#find(key, earliestEndMs, latestStartMs, false)
  }

  findSessionsBackward(key: K, earliestEndMs: number, latestStartMs: number): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#find(key, earliestEndMs, latestStartMs, true)
  }

  findSessionsKeyRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#findMany({ from: keyFrom, to: keyTo }, earliestEndMs, latestStartMs, false)
  }

  findSessionsKeyRangeBackward(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#findMany({ from: keyFrom, to: keyTo }, earliestEndMs, latestStartMs, true)
  }

  fetch(key: K): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#find(key, 0, ANY_TIME, false)
  }

  fetchBackward(key: K): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#find(key, 0, ANY_TIME, true)
  }

  fetchKeyRange(keyFrom: K | undefined, keyTo: K | undefined): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#findMany({ from: keyFrom, to: keyTo }, 0, ANY_TIME, false)
  }

  fetchKeyRangeBackward(keyFrom: K | undefined, keyTo: K | undefined): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#findMany({ from: keyFrom, to: keyTo }, 0, ANY_TIME, true)
  }

  #find(
    key: K,
    earliestEndMs: number,
    latestStartMs: number,
    reverse: boolean,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#buffer.fetch(key, earliestEndMs, ANY_TIME, latestStartMs, reverse, makeSession as MakeSession<K, V>)
  }

  #findMany(
    keys: { readonly from: K | undefined; readonly to: K | undefined },
    earliestEndMs: number,
    latestStartMs: number,
    reverse: boolean,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    const times = { fromMs: earliestEndMs, toMs: ANY_TIME }
    return this.#buffer.fetchRange(keys, times, latestStartMs, reverse, makeSession as MakeSession<K, V>)
  }

  setFlushListener(listener: FlushListener<Windowed<K>, V>, sendOldValues: boolean): boolean {
    return this.#buffer.setFlushListener(listener, sendOldValues)
  }

  get dirtyBytes(): number {
    return this.#buffer.dirtyBytes
  }

  get dirtyEntries(): number {
    return this.#buffer.dirtyEntries
  }

  get iteratorsOpen(): number {
    return this.#buffer.iteratorsOpen
  }

  flushCache(): void {
    this.#buffer.flushCache()
  }

  get heldUpdates(): number {
    return this.#buffer.heldUpdates
  }

  get heldBytes(): number {
    return this.#buffer.heldBytes
  }

  get engineReads(): number {
    return this.#buffer.engineReads
  }

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    this.#buffer.prepareCommit(batch, changelog)
  }

  committed(): void {
    this.#buffer.committed()
  }

  aborted(): void {
    this.#buffer.aborted()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    this.#buffer.restoreBatch(records, batch, () => {})
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return { observedStreamTimeMs: this.#buffer.observedStreamTimeMs }
  }

  loadMetadata(metadata: Readonly<Record<string, number>>): void {
    this.#buffer.loadObserved(metadata.observedStreamTimeMs)
  }

  close(): void {
    this.#buffer.close()
  }
}

type MakeSession<K, V> = MakeRow<K, V, KeyValue<Windowed<K>, V>>

function makeSession<K, V>(key: K, timeMs: number, minor: number, value: V): KeyValue<Windowed<K>, V> {
  return { key: { key, window: { startMs: minor, endMs: timeMs } }, value }
}

export function createSessionStore<K, V>(
  spec: SessionStoreSpec<K, unknown>,
  environment: StoreEnvironment,
): ManagedStore & SessionStore<K, V> & CachedStore<Windowed<K>, V> {
  return new BufferedSessionStore<K, V>(spec, environment)
}
