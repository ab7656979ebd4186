import type { Bytes } from '../base/index.ts'
import type { LogRecord, WriteBatch } from '../ports/index.ts'
import { SEQUENCE_NUMBER_MAX, windowEndMs, windowStoreKeySequenceNumber } from '../serdes/index.ts'
import type { MakeRow } from './segment-scan.ts'
import { WINDOW_SCHEMA } from './segment-schema.ts'
import { SegmentedBuffer } from './segmented-buffer.ts'
import { storedFormat } from './stored-values.ts'
import type {
  CachedStore,
  ChangelogSink,
  FlushListener,
  KeyValue,
  ManagedStore,
  StoreEnvironment,
  StoreIterator,
  WindowEntry,
  Windowed,
  WindowStore,
  WindowStoreSpec,
} from './types.ts'

const EXPIRED = 'Skipping record for expired segment.'

/**
 * The window store: plain, timestamped (then V is a ValueAndTimestamp) or with headers (a ValueTimestampHeaders). Semantics: Java's RocksDBWindowStore under
 * its change-logging layer.
 */
class BufferedWindowStore<K, V> implements WindowStore<K, V>, ManagedStore, CachedStore<Windowed<K>, V> {
  readonly name: string
  readonly #buffer: SegmentedBuffer<K, V>
  readonly #environment: StoreEnvironment
  readonly #windowSizeMs: number
  readonly #retainsDuplicates: boolean
  readonly #makeRow: MakeRow<K, V, KeyValue<Windowed<K>, V>>
  /** Of the last put of a store that retains duplicates; 0 otherwise. */
  #sequenceNumber = 0
  #sequenceNumberCommitted = 0

  constructor(spec: WindowStoreSpec<K, unknown>, environment: StoreEnvironment) {
    this.name = spec.name
    this.#environment = environment
    this.#windowSizeMs = spec.windowSizeMs
    this.#retainsDuplicates = spec.retainDuplicates
    this.#makeRow = (key, timeMs, _minor, value) => ({ key: this.#windowed(key, timeMs), value })
    const { retentionMs, segmentIntervalMs, retainDuplicates } = spec
    this.#buffer = new SegmentedBuffer<K, V>(
      // Collapsing updates of a key makes no sense where each of them is kept (Java refuses it too).
      { ...spec, caching: spec.caching && !retainDuplicates },
      { schema: WINDOW_SCHEMA, format: storedFormat(spec), retentionMs, segmentIntervalMs, hidesWholeSegments: false },
      environment,
      (entry) => this.#windowed(entry.group.key, entry.timeMs),
    )
  }

  put(key: K, value: V | null, startMs: number): void {
    const sequenceBefore = this.#sequenceNumber
    if (this.#retainsDuplicates) {
      // A deletion could not say which of the duplicates it means.
      if (value === null) return
      this.#sequenceNumber = this.#sequenceNumber === SEQUENCE_NUMBER_MAX ? 0 : this.#sequenceNumber + 1
    }
    if (this.#buffer.put(key, startMs, this.#sequenceNumber, value)) return
    // Not used, so not counted: a restore goes on behind the last one that it finds.
    this.#sequenceNumber = sequenceBefore
    this.#environment.droppedRecord(EXPIRED)
  }

  fetch(key: K, startMs: number): V | undefined {
    return this.#buffer.get(key, startMs, this.#sequenceNumber)
  }

  fetchRange(key: K, fromMs: number, toMs: number): StoreIterator<WindowEntry<V>> {
    return this.#buffer.fetch(key, fromMs, toMs, SEQUENCE_NUMBER_MAX, false, makeWindowEntry)
  }

  fetchRangeBackward(key: K, fromMs: number, toMs: number): StoreIterator<WindowEntry<V>> {
    return this.#buffer.fetch(key, fromMs, toMs, SEQUENCE_NUMBER_MAX, true, makeWindowEntry)
  }

  fetchKeyRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    fromMs: number,
    toMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany({ from: keyFrom, to: keyTo }, fromMs, toMs, false)
  }

  fetchKeyRangeBackward(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    fromMs: number,
    toMs: number,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany({ from: keyFrom, to: keyTo }, fromMs, toMs, true)
  }

  fetchAll(fromMs: number, toMs: number): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany(ALL_KEYS, fromMs, toMs, false)
  }

  fetchAllBackward(fromMs: number, toMs: number): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany(ALL_KEYS, fromMs, toMs, true)
  }

  all(): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany(ALL_KEYS, 0, Number.POSITIVE_INFINITY, false)
  }

  allBackward(): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#fetchMany(ALL_KEYS, 0, Number.POSITIVE_INFINITY, true)
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
    this.#sequenceNumberCommitted = this.#sequenceNumber
    this.#buffer.committed()
  }

  aborted(): void {
    this.#sequenceNumber = this.#sequenceNumberCommitted
    this.#buffer.aborted()
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    let last: Bytes | undefined
    this.#buffer.restoreBatch(records, batch, (storeKey) => {
      last = storeKey
    })
    if (last === undefined || !this.#retainsDuplicates) return
    this.#sequenceNumber = windowStoreKeySequenceNumber(last)
    this.#sequenceNumberCommitted = this.#sequenceNumber
  }

  /** Java starts its sequence numbers anew after a restart, and may overwrite a duplicate; these go on. */
  saveMetadata(): Readonly<Record<string, number>> {
    const { observedStreamTimeMs } = this.#buffer
    return this.#retainsDuplicates
      ? { observedStreamTimeMs, sequenceNumber: this.#sequenceNumber }
      : { observedStreamTimeMs }
  }

  loadMetadata(metadata: Readonly<Record<string, number>>): void {
    this.#buffer.loadObserved(metadata.observedStreamTimeMs)
    this.#sequenceNumber = metadata.sequenceNumber ?? 0
    this.#sequenceNumberCommitted = this.#sequenceNumber
  }

  close(): void {
    this.#buffer.close()
  }

  #windowed(key: K, startMs: number): Windowed<K> {
    return { key, window: { startMs, endMs: windowEndMs(startMs, this.#windowSizeMs) } }
  }

  #fetchMany(
    keys: { readonly from: K | undefined; readonly to: K | undefined },
    fromMs: number,
    toMs: number,
    reverse: boolean,
  ): StoreIterator<KeyValue<Windowed<K>, V>> {
    return this.#buffer.fetchRange(keys, { fromMs, toMs }, SEQUENCE_NUMBER_MAX, reverse, this.#makeRow)
  }
}

const ALL_KEYS = { from: undefined, to: undefined } as const

function makeWindowEntry<V>(_key: unknown, timeMs: number, _minor: number, value: V): WindowEntry<V> {
  return { startMs: timeMs, value }
}

export function createWindowStore<K, V>(
  spec: WindowStoreSpec<K, unknown>,
  environment: StoreEnvironment,
): ManagedStore & WindowStore<K, V> & CachedStore<Windowed<K>, V> {
  return new BufferedWindowStore<K, V>(spec, environment)
}
