import type { SaccoEvent } from '#schemas'
import type { Bytes } from '#streams/base'

/** Records that must be refused: by the serde (the first three), by the rules of money, or as far too late. */
export const FLAWED_KINDS = [
  'undecodable',
  'unknown-schema',
  'wrong-type',
  'negative-amount',
  'unknown-member',
  'year-late',
] as const
export type FlawedKind = (typeof FLAWED_KINDS)[number]
export type RecordKind = 'normal' | 'late' | 'out-of-order' | 'duplicate' | FlawedKind

export function isFlawed(kind: RecordKind): kind is FlawedKind {
  return (FLAWED_KINDS as readonly string[]).includes(kind)
}

/** One record of the stream, as it is to be published. */
export type LoadRecord = {
  readonly topic: string
  readonly key: string
  /** When it happened, by simulated time: the timestamp of the event and of the record. */
  readonly timestampMs: number
  /** When it is published, by simulated time. Never falls from one record to the next. */
  readonly publishAtMs: number
  /** `opening`: balances and history before live traffic, to be loaded as fast as possible. */
  readonly phase: 'opening' | 'live'
  readonly kind: RecordKind
  /** The event; for the first three flawed kinds one that never comes out, since the bytes are spoilt. */
  readonly event: SaccoEvent
  /** For `undecodable` only: what is published instead. */
  readonly bytes: Bytes | undefined
}
