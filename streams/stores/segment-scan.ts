import { type Bytes, compareBytes } from '../base/index.ts'
import type { SegmentedEntry } from './key-group.ts'
import { keyAfter, MergedScan, type ScanRange, type ScanSource } from './merged-scan.ts'
import {
  encodeSegmentId,
  keyBytesOf,
  minorOf,
  rangeOfKey,
  SEGMENT_ID_BYTES,
  type SegmentSchema,
  timeOf,
} from './segment-schema.ts'
import type { EntrySource } from './store-iterator.ts'

/** What a store's iterators hand out for an entry. */
export type MakeRow<K, V, T> = (key: K, timeMs: number, minor: number, value: V) => T

/** Bounds are inclusive; undefined keys are open, and `timeTo` and `minorMax` may be infinite. */
export type SegmentRange = {
  readonly keyFrom: Bytes | undefined
  readonly keyTo: Bytes | undefined
  readonly timeFrom: number
  readonly timeTo: number
  readonly minorMax: number
  readonly reverse: boolean
}

export type RowCodec<K, V> = { decodeKey(bytes: Bytes): K; decodeValue(bytes: Bytes): V }

/** Entries of the segments one after the other, those of the write buffer merged with the committed ones. */
export class SegmentScan<K, V, T> implements EntrySource<T> {
  readonly #source: ScanSource<SegmentedEntry<K, V>>
  readonly #schema: SegmentSchema
  readonly #range: SegmentRange
  readonly #codec: RowCodec<K, V>
  readonly #make: MakeRow<K, V, T>
  readonly #sequenceMax: number
  readonly #ranges: ScanRange[]
  #position = 0
  #scan: MergedScan<SegmentedEntry<K, V>> | undefined

  constructor(
    source: ScanSource<SegmentedEntry<K, V>>,
    schema: SegmentSchema,
    segments: readonly number[],
    range: SegmentRange,
    codec: RowCodec<K, V>,
    make: MakeRow<K, V, T>,
  ) {
    this.#source = source
    this.#schema = schema
    this.#range = range
    this.#codec = codec
    this.#make = make
    this.#sequenceMax = source.dirtySequence
    this.#ranges = rangesOf(schema, segments, range)
  }

  next(): T | undefined {
    for (;;) {
      const scan = this.#scan ?? this.#openNext()
      if (scan === undefined) return undefined
      if (!scan.next()) {
        scan.close()
        this.#scan = undefined
        continue
      }
      const row = scan.entry === undefined ? this.#committedRow(scan) : this.#dirtyRow(scan.entry)
      if (row !== undefined) return row
    }
  }

  close(): void {
    this.#scan?.close()
    this.#scan = undefined
    this.#position = this.#ranges.length
  }

  #openNext(): MergedScan<SegmentedEntry<K, V>> | undefined {
    const range = this.#ranges[this.#position++]
    if (range !== undefined) this.#scan = new MergedScan(this.#source, range, this.#sequenceMax)
    return this.#scan
  }

  #dirtyRow(entry: SegmentedEntry<K, V>): T | undefined {
    const { timeMs, minor, group, value } = entry
    if (!this.#isWanted(group.keyBytes, timeMs, minor)) return undefined
    return this.#make(group.key, timeMs, minor, value as V)
  }

  #committedRow({ key: engineKey, value }: MergedScan<SegmentedEntry<K, V>>): T | undefined {
    const key = keyBytesOf(this.#schema, engineKey)
    const timeMs = timeOf(this.#schema, engineKey)
    const minor = minorOf(this.#schema, engineKey)
    if (!this.#isWanted(key, timeMs, minor)) return undefined
    return this.#make(this.#codec.decodeKey(key), timeMs, minor, this.#codec.decodeValue(value))
  }

  #isWanted(key: Bytes, timeMs: number, minor: number): boolean {
    const { keyFrom, keyTo, timeFrom, timeTo, minorMax } = this.#range
    if (timeMs < timeFrom || timeMs > timeTo || minor > minorMax) return false
    if (keyFrom !== undefined && compareBytes(key, keyFrom) < 0) return false
    return keyTo === undefined || compareBytes(key, keyTo) <= 0
  }
}

/** What is read of the engine: all segments at once, or the keys in each of them. */
function rangesOf(schema: SegmentSchema, segments: readonly number[], range: SegmentRange): ScanRange[] {
  const { keyFrom, keyTo, timeFrom, timeTo, reverse } = range
  const first = segments[0]
  const last = segments.at(-1)
  if (first === undefined || last === undefined) return []
  if (keyFrom === undefined && keyTo === undefined) {
    return [{ from: encodeSegmentId(first), to: encodeSegmentId(last + 1), reverse }]
  }
  const ranges = segments.map((segment): ScanRange => {
    if (keyFrom !== undefined && keyFrom === keyTo)
      return { ...rangeOfKey(segment, keyFrom, timeFrom, timeTo), reverse }
    const from = keyFrom === undefined ? encodeSegmentId(segment) : inSegment(segment, keyFrom)
    if (keyTo === undefined) return { from, to: encodeSegmentId(segment + 1), reverse }
    return { from, to: keyAfter(inSegment(segment, schema.upperRange(keyTo, timeTo))), reverse }
  })
  return reverse ? ranges.reverse() : ranges
}

function inSegment(segment: number, key: Bytes): Bytes {
  const bytes = new Uint8Array(SEGMENT_ID_BYTES + key.length)
  bytes.set(encodeSegmentId(segment))
  bytes.set(key, SEGMENT_ID_BYTES)
  return bytes
}

/** Entries of one key that were found in memory. */
export class GroupSource<K, V, T> implements EntrySource<T> {
  readonly #entries: readonly SegmentedEntry<K, V>[]
  readonly #make: MakeRow<K, V, T>
  #position = 0

  constructor(entries: readonly SegmentedEntry<K, V>[], make: MakeRow<K, V, T>) {
    this.#entries = entries
    this.#make = make
  }

  next(): T | undefined {
    while (this.#position < this.#entries.length) {
      const entry = this.#entries[this.#position++] as SegmentedEntry<K, V>
      if (entry.value !== null) return this.#make(entry.group.key, entry.timeMs, entry.minor, entry.value)
    }
    return undefined
  }

  close(): void {
    this.#position = this.#entries.length
  }
}
