import { assert, type Bytes, compareBytes } from '../base/index.ts'

/** What the index needs of an entry: its bytes in the keyspace, made when it is first indexed or committed. */
export type IndexedEntry = { engineKey: Bytes | undefined }

/** Chunks are split at this size: an insertion moves at most so many references. */
const CHUNK_ENTRIES_MAX = 512

function keyOf(entry: IndexedEntry): Bytes {
  assert(entry.engineKey !== undefined, 'an indexed entry has its bytes')
  return entry.engineKey
}

/**
 * The dirty entries of a store in byte order, for iterations that merge them with the engine. It is filled only when
 * somebody iterates: `sync` adds what became dirty since the last time, so that a store that is never iterated pays
 * nothing, and one that is iterated for each record pays for each dirty entry once.
 */
export class DirtyIndex<E extends IndexedEntry> {
  readonly #engineKeyOf: (entry: E) => Bytes
  #chunks: E[][] = []
  #syncedCount = 0
  /** Changes with each insertion: positions found before are to be sought again. */
  version = 0

  /** `engineKeyOf` sets `engineKey` of the entry where it is not set yet. */
  constructor(engineKeyOf: (entry: E) => Bytes) {
    this.#engineKeyOf = engineKeyOf
  }

  /** Adds the entries of `dirty` (in the order in which they became dirty) that are not in the index. */
  sync(dirty: readonly E[]): void {
    if (this.#syncedCount === dirty.length) return
    for (let i = this.#syncedCount; i < dirty.length; i++) this.#insert(dirty[i] as E)
    this.#syncedCount = dirty.length
    this.version++
  }

  clear(): void {
    if (this.#syncedCount === 0) return
    this.#chunks = []
    this.#syncedCount = 0
    this.version++
  }

  get chunkCount(): number {
    return this.#chunks.length
  }

  chunkLength(chunk: number): number {
    return (this.#chunks[chunk] as E[]).length
  }

  at(chunk: number, position: number): E {
    return this.#chunks[chunk]?.[position] as E
  }

  /** The chunk in which a key is or would be: the last one that starts with a key <= `key`, else the first. */
  chunkOf(key: Bytes): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (compareBytes(keyOf(this.at(middle, 0)), key) <= 0) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Position in the chunk of the first entry whose key is >= `key`; the chunk's length if there is none. */
  positionOf(chunk: number, key: Bytes): number {
    const entries = this.#chunks[chunk] ?? []
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes(keyOf(entries[middle] as E), key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #insert(entry: E): void {
    const key = this.#engineKeyOf(entry)
    if (this.#chunks.length === 0) {
      this.#chunks.push([entry])
      return
    }
    const chunk = this.chunkOf(key)
    const entries = this.#chunks[chunk] as E[]
    entries.splice(this.positionOf(chunk, key), 0, entry)
    if (entries.length > CHUNK_ENTRIES_MAX) this.#chunks.splice(chunk + 1, 0, entries.splice(CHUNK_ENTRIES_MAX >>> 1))
  }
}

/** Walks the index between two keys while entries may be added to it. */
export class DirtyCursor<E extends IndexedEntry> {
  readonly #index: DirtyIndex<E>
  readonly #reverse: boolean
  #chunk = 0
  #position = 0
  #version = -1

  constructor(index: DirtyIndex<E>, reverse: boolean) {
    this.#index = index
    this.#reverse = reverse
  }

  /** The next entry, without moving. `after` is the last key that was passed, or the bound where there is none. */
  peek(after: Bytes | undefined, isPassed: boolean): E | undefined {
    if (this.#version !== this.#index.version) this.#seek(after, isPassed)
    if (this.#chunk < 0 || this.#chunk >= this.#index.chunkCount) return undefined
    return this.#index.at(this.#chunk, this.#position)
  }

  /** Moves past the entry that `peek` gave. */
  move(): void {
    if (this.#reverse) {
      if (--this.#position >= 0) return
      this.#chunk--
      this.#position = this.#chunk >= 0 ? this.#index.chunkLength(this.#chunk) - 1 : 0
      return
    }
    if (++this.#position < this.#index.chunkLength(this.#chunk)) return
    this.#chunk++
    this.#position = 0
  }

  /** Forward: the first key > `key` (>= where it is only a bound). Reverse: the last key < `key`. */
  #seek(key: Bytes | undefined, isPassed: boolean): void {
    const index = this.#index
    this.#version = index.version
    if (index.chunkCount === 0) {
      this.#chunk = -1
      return
    }
    if (key === undefined) {
      this.#chunk = this.#reverse ? index.chunkCount - 1 : 0
      this.#position = this.#reverse ? index.chunkLength(this.#chunk) - 1 : 0
      return
    }
    this.#chunk = index.chunkOf(key)
    this.#position = index.positionOf(this.#chunk, key)
    if (this.#reverse) {
      this.move()
      return
    }
    if (this.#position === index.chunkLength(this.#chunk)) {
      this.#chunk++
      this.#position = 0
      return
    }
    if (isPassed && compareBytes(keyOf(index.at(this.#chunk, this.#position)), key) === 0) this.move()
  }
}
