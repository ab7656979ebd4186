import type { Bytes } from '../base/index.ts'
import type { CacheableEntry, CachedUpdate } from './record-cache.ts'

/** A window or session of a key: uncommitted (dirty), or as the engine has it (clean; value null = not there). */
export class SegmentedEntry<K, V> {
  readonly group: KeyGroup<K, V>
  /** Window start or session end: decides the segment. */
  readonly timeMs: number
  /** Sequence number of a window's duplicate, or session start. */
  readonly minor: number
  engineKey: Bytes | undefined = undefined
  value: V | null
  /** Changelog timestamp of a plain store: that of the record which was in process. */
  timestampMs = 0
  dirtySequence = 0
  /** False where the engine is known not to have it: then its deletion is not written there. */
  isInEngine = true
  update: CachedUpdate<CacheableEntry> | undefined = undefined

  constructor(group: KeyGroup<K, V>, timeMs: number, minor: number, value: V | null) {
    this.group = group
    this.timeMs = timeMs
    this.minor = minor
    this.value = value
  }
}

/** What is in memory of one key: its entries by (time, minor). */
export class KeyGroup<K, V> {
  readonly key: K
  readonly mapKey: unknown
  readonly keyBytes: Bytes
  entries: SegmentedEntry<K, V>[] = []
  /** Every entry of the key from this time on is in `entries`; of earlier ones, some may be. */
  completeFromMs: number
  /** Loading from this time or earlier found too many entries; it is not tried again. */
  tooManyFromMs = -1
  dirtyCount = 0
  isReferenced = true

  constructor(key: K, mapKey: unknown, keyBytes: Bytes, completeFromMs: number) {
    this.key = key
    this.mapKey = mapKey
    this.keyBytes = keyBytes
    this.completeFromMs = completeFromMs
  }

  /** Index of the first entry at or after (timeMs, minor). */
  lowerBound(timeMs: number, minor: number): number {
    const { entries } = this
    let high = entries.length
    // The newest window or session is the usual one.
    if (high === 0 || isBefore(entries[high - 1] as SegmentedEntry<K, V>, timeMs, minor)) return high
    let low = 0
    high--
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(entries[middle] as SegmentedEntry<K, V>, timeMs, minor)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The entry at `index` if it is the one of (timeMs, minor). */
  at(index: number, timeMs: number, minor: number): SegmentedEntry<K, V> | undefined {
    const entry = this.entries[index]
    return entry !== undefined && entry.timeMs === timeMs && entry.minor === minor ? entry : undefined
  }

  insert(index: number, entry: SegmentedEntry<K, V>): void {
    if (index === this.entries.length) this.entries.push(entry)
    else this.entries.splice(index, 0, entry)
  }
}

function isBefore<K, V>(entry: SegmentedEntry<K, V>, timeMs: number, minor: number): boolean {
  return entry.timeMs < timeMs || (entry.timeMs === timeMs && entry.minor < minor)
}
