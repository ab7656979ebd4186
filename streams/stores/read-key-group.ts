import type { Bytes } from '../base/index.ts'
import type { Keyspace } from '../ports/index.ts'
import { type KeyGroup, SegmentedEntry } from './key-group.ts'
import { isOfKey, minorOf, rangeOfKey, type SegmentSchema, timeOf } from './segment-schema.ts'

/** Where the committed entries of a key are read, and how many at most. */
export type KeyRead<V> = {
  readonly keyspace: Keyspace
  readonly schema: SegmentSchema
  readonly segments: readonly number[]
  readonly timeFrom: number
  readonly timeTo: number
  readonly entriesMax: number
  decodeValue(bytes: Bytes): V
}

/**
 * The committed entries of the key that are not in its group yet (those in the group may be newer), ascending.
 * Undefined if the range has more than `entriesMax`.
 */
export function readKeyGroup<K, V>(group: KeyGroup<K, V>, read: KeyRead<V>): SegmentedEntry<K, V>[] | undefined {
  const found: SegmentedEntry<K, V>[] = []
  for (const segment of read.segments) if (!readSegment(group, segment, read, found)) return undefined
  return found
}

function readSegment<K, V>(
  group: KeyGroup<K, V>,
  segment: number,
  { keyspace, schema, timeFrom, timeTo, entriesMax, decodeValue }: KeyRead<V>,
  found: SegmentedEntry<K, V>[],
): boolean {
  const iterator = keyspace.iterate(rangeOfKey(segment, group.keyBytes, timeFrom, timeTo))
  try {
    while (iterator.next()) {
      const { key } = iterator
      if (!isOfKey(schema, key, group.keyBytes)) continue
      const timeMs = timeOf(schema, key)
      const minor = minorOf(schema, key)
      if (group.at(group.lowerBound(timeMs, minor), timeMs, minor) !== undefined) continue
      if (found.length === entriesMax) return false
      found.push(new SegmentedEntry(group, timeMs, minor, decodeValue(iterator.value)))
    }
    return true
  } finally {
    iterator.close()
  }
}
