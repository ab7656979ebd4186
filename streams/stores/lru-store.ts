import { StreamsError } from '../base/index.ts'
import type { LogRecord, Serde, WriteBatch } from '../ports/index.ts'
import { createKeyValueStore } from './key-value-store.ts'
import { keyValueStore, type StoreOptions } from './specs.ts'
import { mapKeyOfBytes } from './store-basics.ts'
import type {
  ChangelogSink,
  CustomStoreSpec,
  KeyValue,
  KeyValueStore,
  ManagedStore,
  StoreEnvironment,
  StoreIterator,
} from './types.ts'

export type LruStoreOptions<K, V> = Omit<StoreOptions<K, V>, 'persistence' | 'caching'> & {
  readonly entriesMax: number
}

export type LruStore<K, V> = KeyValueStore<K, V> & ManagedStore

/**
 * A key-value store in memory that holds at most `entriesMax` keys: the one that was not read or written for the longest
 * time goes, and its changelog says so. After a restart, which key was used when is not known: they go in the order of
 * their bytes, until they are used. Java: Stores.lruMap, MemoryLRUCache.
 */
export function lruStore<K, V>(options: LruStoreOptions<K, V>): CustomStoreSpec<LruStore<K, V>> {
  const { entriesMax, ...rest } = options
  if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `store '${options.name}': entriesMax is a whole number of at least 1, not ${String(entriesMax)}`,
    )
  }
  const spec = keyValueStore({ ...rest, persistence: 'memory' })
  return {
    kind: 'custom',
    name: spec.name,
    persistence: 'memory',
    logging: spec.logging,
    caching: false,
    readAs: 'key-value',
    create: (environment: StoreEnvironment) =>
      new BoundedStore(createKeyValueStore(spec, environment), spec.keySerde as Serde<NonNullable<K>>, entriesMax),
  }
}

class BoundedStore<K, V> implements KeyValueStore<K, V>, ManagedStore {
  readonly #store: KeyValueStore<K, V> & ManagedStore
  readonly #keySerde: Serde<NonNullable<K>>
  readonly #entriesMax: number
  /** Keys by use, the one that goes next first; undefined until the store is first used. */
  #order: Map<unknown, K> | undefined

  constructor(store: KeyValueStore<K, V> & ManagedStore, keySerde: Serde<NonNullable<K>>, entriesMax: number) {
    this.#store = store
    this.#keySerde = keySerde
    this.#entriesMax = entriesMax
  }

  get(key: K): V | undefined {
    const value = this.#store.get(key)
    if (value !== undefined) this.#use(key)
    return value
  }

  put(key: K, value: V | null): void {
    this.#store.put(key, value)
    if (value === null) this.#keys().delete(this.#mapKey(key))
    else this.#use(key)
    const order = this.#keys()
    for (const [mapKey, oldest] of order) {
      if (order.size <= this.#entriesMax) return
      order.delete(mapKey)
      this.#store.put(oldest, null)
    }
  }

  putIfAbsent(key: K, value: V): V | undefined {
    const found = this.get(key)
    if (found === undefined) this.put(key, value)
    return found
  }

  delete(key: K): V | undefined {
    const found = this.#store.get(key)
    this.put(key, null)
    return found
  }

  range(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>> {
    return this.#store.range(from, to)
  }

  reverseRange(from: K | undefined, to: K | undefined): StoreIterator<KeyValue<K, V>> {
    return this.#store.reverseRange(from, to)
  }

  all(): StoreIterator<KeyValue<K, V>> {
    return this.#store.all()
  }

  reverseAll(): StoreIterator<KeyValue<K, V>> {
    return this.#store.reverseAll()
  }

  prefixScan<P>(prefix: P, prefixSerde: Serde<P>): StoreIterator<KeyValue<K, V>> {
    return this.#store.prefixScan(prefix, prefixSerde)
  }

  approximateEntryCount(): number {
    return this.#keys().size
  }

  get name(): string {
    return this.#store.name
  }

  get dirtyBytes(): number {
    return this.#store.dirtyBytes
  }

  get dirtyEntries(): number {
    return this.#store.dirtyEntries
  }

  get iteratorsOpen(): number {
    return this.#store.iteratorsOpen
  }

  flushCache(): void {}

  prepareCommit(batch: WriteBatch, changelog: ChangelogSink | undefined): void {
    this.#store.prepareCommit(batch, changelog)
  }

  committed(): void {
    this.#store.committed()
  }

  aborted(): void {
    this.#store.aborted()
    this.#order = undefined
  }

  restoreBatch(records: readonly LogRecord[], batch: WriteBatch): void {
    this.#store.restoreBatch(records, batch)
    this.#order = undefined
  }

  saveMetadata(): Readonly<Record<string, number>> {
    return this.#store.saveMetadata()
  }

  loadMetadata(metadata: Readonly<Record<string, number>>): void {
    this.#store.loadMetadata(metadata)
  }

  close(): void {
    this.#store.close()
    this.#order = undefined
  }

  #use(key: K): void {
    const order = this.#keys()
    const mapKey = this.#mapKey(key)
    order.delete(mapKey)
    order.set(mapKey, key)
  }

  #keys(): Map<unknown, K> {
    if (this.#order !== undefined) return this.#order
    const order = new Map<unknown, K>()
    for (const { key } of this.#store.all()) order.set(this.#mapKey(key), key)
    this.#order = order
    return order
  }

  #mapKey(key: K): unknown {
    return typeof key === 'object' ? mapKeyOfBytes(this.#keySerde.serialize(key as NonNullable<K>, this.name)) : key
  }
}
