import { type Bytes, compareBytes, EMPTY_BYTES } from '../base/index.ts'
import type { EngineIterator, Keyspace } from '../ports/index.ts'
import { DirtyCursor, type DirtyIndex, type IndexedEntry } from './dirty-index.ts'

/** A dirty entry as a scan sees it: `value` null is a deletion. */
export type ScannedEntry = IndexedEntry & { readonly value: unknown; readonly dirtySequence: number }

/** The uncommitted side of a store, which scans merge with its keyspace. */
export type ScanSource<E extends ScannedEntry> = {
  readonly keyspace: Keyspace
  readonly index: DirtyIndex<E>
  /** Rises with each commit and abort: then what was dirty is in the engine, or gone. */
  readonly epoch: number
  /** The sequence number of the entry that became dirty last. */
  readonly dirtySequence: number
  /** Brings the index up to date. */
  syncIndex(): void
}

/** `from` inclusive, `to` exclusive; undefined = open. */
export type ScanRange = { readonly from: Bytes | undefined; readonly to: Bytes | undefined; readonly reverse: boolean }

/** The smallest key that is greater than `key`: makes an inclusive upper bound exclusive. */
export function keyAfter(key: Bytes): Bytes {
  const after = new Uint8Array(key.length + 1)
  after.set(key)
  return after
}

/**
 * Committed entries of a keyspace merged with the dirty ones of its store, in byte order.
 *
 * What it shows: each key that was there when the scan was made, with its value as of then or later; a key that was
 * added afterwards is not shown before the next commit (so a loop that puts into the store it scans ends); a key that
 * was deleted afterwards may be shown or not. A commit or abort in between is no harm: the scan goes on after its last
 * key over what is then there.
 */
export class MergedScan<E extends ScannedEntry> {
  readonly #source: ScanSource<E>
  readonly #range: ScanRange
  readonly #sequenceMax: number
  readonly #cursor: DirtyCursor<E>
  /** Bounds the wrong way round are an empty range, as in Java; engines are not asked for one. */
  readonly #isEmpty: boolean
  #engine: EngineIterator | undefined
  #engineKey: Bytes | undefined
  #epoch: number
  #lastKey: Bytes | undefined
  /** The current entry: dirty, or (undefined) committed with `key` and `value`. */
  entry: E | undefined = undefined
  key: Bytes
  value: Bytes

  /** `sequenceMax`: entries that became dirty after this one are taken for added afterwards. */
  constructor(source: ScanSource<E>, range: ScanRange, sequenceMax = source.dirtySequence) {
    source.syncIndex()
    this.#source = source
    this.#range = range
    this.#sequenceMax = sequenceMax
    this.#cursor = new DirtyCursor(source.index, range.reverse)
    this.#epoch = source.epoch
    this.#isEmpty = range.from !== undefined && range.to !== undefined && compareBytes(range.from, range.to) >= 0
    if (!this.#isEmpty) this.#openEngine(range)
    this.key = EMPTY_BYTES
    this.value = EMPTY_BYTES
  }

  /** Moves to the next entry that is there; false at the end. */
  next(): boolean {
    if (this.#isEmpty) return false
    if (this.#epoch !== this.#source.epoch) this.#reopen()
    for (;;) {
      const dirty = this.#peekDirty()
      const engineKey = this.#engineKey
      if (dirty === undefined && engineKey === undefined) return false
      const order = this.#compare(dirty, engineKey)
      if (order > 0) {
        this.#takeEngine(engineKey as Bytes)
        return true
      }
      const entry = dirty as E
      this.#lastKey = entry.engineKey as Bytes
      this.#cursor.move()
      if (order === 0) this.#moveEngine()
      if (entry.value === null || (order < 0 && entry.dirtySequence > this.#sequenceMax)) continue
      this.entry = entry
      return true
    }
  }

  close(): void {
    this.#engine?.close()
    this.#engine = undefined
  }

  /** < 0: the dirty entry comes first; > 0: the engine's; 0: the dirty one replaces the engine's. */
  #compare(dirty: E | undefined, engineKey: Bytes | undefined): number {
    if (dirty === undefined) return 1
    if (engineKey === undefined) return -1
    const order = compareBytes(dirty.engineKey as Bytes, engineKey)
    return this.#range.reverse ? -order : order
  }

  #takeEngine(key: Bytes): void {
    this.entry = undefined
    this.key = key
    this.value = (this.#engine as EngineIterator).value
    this.#lastKey = key
    this.#moveEngine()
  }

  #moveEngine(): void {
    const engine = this.#engine as EngineIterator
    this.#engineKey = engine.next() ? engine.key : undefined
  }

  #peekDirty(): E | undefined {
    const { from, to, reverse } = this.#range
    const lastKey = this.#lastKey
    const entry = this.#cursor.peek(lastKey ?? (reverse ? to : from), lastKey !== undefined)
    if (entry === undefined) return undefined
    const key = entry.engineKey as Bytes
    if (reverse) return from !== undefined && compareBytes(key, from) < 0 ? undefined : entry
    return to !== undefined && compareBytes(key, to) >= 0 ? undefined : entry
  }

  #reopen(): void {
    const source = this.#source
    this.#epoch = source.epoch
    source.syncIndex()
    this.#engine?.close()
    const { from, to, reverse } = this.#range
    const lastKey = this.#lastKey
    this.#openEngine({
      from: lastKey === undefined || reverse ? from : keyAfter(lastKey),
      to: lastKey === undefined || !reverse ? to : lastKey,
      reverse,
    })
  }

  #openEngine(range: ScanRange): void {
    this.#engine = this.#source.keyspace.iterate(range)
    this.#moveEngine()
  }
}
