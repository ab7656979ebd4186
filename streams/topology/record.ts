import type { Headers } from '../ports/headers.ts'

/**
 * A record as processors see it. Never changed in place: forward a new one (`{ ...record, value }`).
 * `timestampMs` is the record's own event time.
 */
export type StreamRecord<K, V> = {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers
}

/**
 * What flows between table operators: the new value and, where somebody downstream asked for it, the old one; null
 * means absent. `isLatest` is false for out-of-order updates of versioned tables (KIP-914).
 */
export type Change<V> = {
  readonly newValue: V | null
  readonly oldValue: V | null
  readonly isLatest: boolean
}

export function change<V>(newValue: V | null, oldValue: V | null, isLatest = true): Change<V> {
  return { newValue, oldValue, isLatest }
}
