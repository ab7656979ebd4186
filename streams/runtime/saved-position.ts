import { type Bytes, utf8Decode, utf8Encode } from '../base/index.ts'

/** How far a store has got in its changelog, kept in the store's own database: JSON. */
export type SavedPosition = {
  readonly offset: number | null
  /** See `storeLayout`. */
  readonly layout?: string
  /** The layout of entries in the store's own keyspace; those of `layout` are beside it. See `layoutUpgrade`. */
  readonly upgradedFrom?: string
  readonly metadata: Readonly<Record<string, number>>
}

export function encodePosition(saved: SavedPosition): Bytes {
  return utf8Encode(JSON.stringify(saved))
}

/** Throws on what is no position: a store at a position that is none would never be restored. */
export function decodePosition(bytes: Bytes): SavedPosition {
  const saved: unknown = JSON.parse(utf8Decode(bytes))
  if (!isSavedPosition(saved)) throw new Error('it is JSON, but no position')
  return saved
}

function isSavedPosition(value: unknown): value is SavedPosition {
  if (typeof value !== 'object' || value === null) return false
  const { offset, layout = '', upgradedFrom = '', metadata } = value as Partial<SavedPosition>
  const isOffset = offset === null || (Number.isSafeInteger(offset) && (offset as number) >= 0)
  if (!isOffset || typeof layout !== 'string' || typeof upgradedFrom !== 'string') return false
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false
  return Object.values(metadata).every((each) => typeof each === 'number')
}
