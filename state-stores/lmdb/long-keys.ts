import { assert, type Bytes, compareBytes, readInt32, writeInt32 } from '#streams/base'

/**
 * LMDB takes keys of 1 to 1978 bytes (at 4 KiB pages); Kafka's may be empty, or megabytes. An empty key is kept in a
 * database of its own (see lmdb-database.ts). Long keys that share their first KEY_INLINE_BYTES_MAX bytes lie together
 * in one entry, a bucket: its LMDB key is those bytes and a zero byte, its value the sorted list of whole keys and
 * values. Byte order is kept: a key of exactly that prefix is before the bucket, and every other key that starts with
 * the prefix is in it. Short keys cost nothing; a long one costs the reading and writing of its bucket, which has one
 * entry as a rule.
 */
export const KEY_INLINE_BYTES_MAX = 1976

export function isLongKey(key: Bytes): boolean {
  return key.length > KEY_INLINE_BYTES_MAX
}

/** True for an LMDB key that `bucketKeyOf` made: no other key has this length. */
export function isBucketKey(stored: Bytes): boolean {
  return stored.length === KEY_INLINE_BYTES_MAX + 1
}

export function bucketKeyOf(key: Bytes): Bytes {
  const bucketKey = new Uint8Array(KEY_INLINE_BYTES_MAX + 1)
  bucketKey.set(key.subarray(0, KEY_INLINE_BYTES_MAX))
  return bucketKey
}

export type BucketEntry = { readonly key: Bytes; readonly value: Bytes }

/** Layout per entry: length of the key, length of the value (32 bits each), key, value. */
export function readBucket(bucket: Bytes | undefined): BucketEntry[] {
  const entries: BucketEntry[] = []
  if (bucket === undefined) return entries
  let offset = 0
  while (offset < bucket.length) {
    const keyEnd = offset + 8 + readInt32(bucket, offset)
    const valueEnd = keyEnd + readInt32(bucket, offset + 4)
    assert(
      keyEnd >= offset + 8 && valueEnd >= keyEnd && valueEnd <= bucket.length,
      'a bucket of long keys is malformed',
    )
    entries.push({
      key: bucket.slice(offset + 8, keyEnd),
      value: bucket.slice(keyEnd, valueEnd),
    })
    offset = valueEnd
  }
  return entries
}

export function writeBucket(entries: readonly BucketEntry[]): Bytes {
  let length = 0
  for (const { key, value } of entries) length += 8 + key.length + value.length
  const bucket = new Uint8Array(length)
  let offset = 0
  for (const { key, value } of entries) {
    writeInt32(bucket, offset, key.length)
    writeInt32(bucket, offset + 4, value.length)
    bucket.set(key, offset + 8)
    bucket.set(value, offset + 8 + key.length)
    offset += 8 + key.length + value.length
  }
  return bucket
}

/** The entries with `key` set to `value`, or without it. */
export function withEntry(entries: readonly BucketEntry[], key: Bytes, value: Bytes | undefined): BucketEntry[] {
  const changed: BucketEntry[] = []
  let isPlaced = value === undefined
  for (const entry of entries) {
    const order = compareBytes(entry.key, key)
    if (order >= 0 && !isPlaced) {
      changed.push({ key, value: value as Bytes })
      isPlaced = true
    }
    if (order !== 0) changed.push(entry)
  }
  if (!isPlaced) changed.push({ key, value: value as Bytes })
  return changed
}

export function findEntry(entries: readonly BucketEntry[], key: Bytes): Bytes | undefined {
  return entries.find((entry) => compareBytes(entry.key, key) === 0)?.value
}
