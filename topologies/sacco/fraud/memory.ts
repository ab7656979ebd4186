import type { EventId } from '#schemas'
import type { Movement } from '../shared/movement.ts'
import type { EvidenceItem } from './rule.ts'
import {
  type FraudContext,
  type FraudMoves,
  MOVES_AGE_MAX_MS,
  MOVES_MAX,
  PAYEES_MAX,
  type RecentMove,
  TRAILS_MAX,
} from './stores.ts'

/** What rules remember, and how it grows and is cut: pure. */

export const NO_MOVES: FraudMoves = { moves: [], payees: [], out_count: 0, out_minor: 0, active_ms: 0, trails: [] }
export const NO_CONTEXT: FraudContext = {
  changes: [],
  failures: [],
  devices: [],
  places: [],
  loan_steps: [],
  guarantors: [],
  raised: [],
}

/** The list with one more at its end, cut to its bound from the front. */
export function appended<T>(list: readonly T[], item: T, countMax: number): readonly T[] {
  return list.length < countMax ? [...list, item] : [...list.slice(list.length - countMax + 1), item]
}

/** FNV-1a: payees are remembered as 32 bits each. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash | 0
}

export function moveOf(movement: Movement, timeMs: number): RecentMove {
  const isCash = movement.kind === 'deposit' && movement.channel === 'cash'
  return {
    time_ms: timeMs,
    amount_minor: movement.amountMinor,
    kind: isCash ? 'cash_in' : movement.kind,
    counterparty: movement.counterparty,
    event_id: movement.eventId,
  }
}

/** Where what is kept begins, when there are to be so many: bounded by number, and by age against the newest. */
function firstKept(moves: readonly RecentMove[], count: number, newestMs: number): number {
  let from = Math.max(0, count - MOVES_MAX)
  while (from < moves.length && (moves[from] as RecentMove).time_ms < newestMs - MOVES_AGE_MAX_MS) from++
  return from
}

/** Kept in order of event time, whatever order events come in. */
function withMove(moves: readonly RecentMove[], move: RecentMove): readonly RecentMove[] {
  let at = moves.length
  while (at > 0 && (moves[at - 1] as RecentMove).time_ms > move.time_ms) at--
  const newestMs = at === moves.length ? move.time_ms : (moves[moves.length - 1] as RecentMove).time_ms
  const from = firstKept(moves, moves.length + 1, newestMs)
  if (at < from) return moves
  const next: RecentMove[] = []
  for (let i = from; i < moves.length; i++) {
    if (i === at) next.push(move)
    next.push(moves[i] as RecentMove)
  }
  if (at === moves.length) next.push(move)
  return next
}

export function cutMoves(moves: readonly RecentMove[]): readonly RecentMove[] {
  const from = firstKept(moves, moves.length, moves.at(-1)?.time_ms ?? 0)
  return from === 0 ? moves : moves.slice(from)
}

export function remember(before: FraudMoves, movement: Movement, move: RecentMove): FraudMoves {
  const isOut = move.amount_minor < 0
  const payee = isOut && move.counterparty !== '' ? hashOf(move.counterparty) : undefined
  const isNewPayee = payee !== undefined && !before.payees.includes(payee)
  return {
    moves: withMove(before.moves, move),
    payees: isNewPayee ? appended(before.payees, payee, PAYEES_MAX) : before.payees,
    out_count: before.out_count + (isOut ? 1 : 0),
    out_minor: before.out_minor - (isOut ? move.amount_minor : 0),
    active_ms: movement.byMember ? Math.max(before.active_ms, move.time_ms) : before.active_ms,
    trails: before.trails,
  }
}

export function withTrail(before: FraudMoves, trail: FraudMoves['trails'][number]): FraudMoves {
  return { ...before, trails: appended(before.trails, trail, TRAILS_MAX) }
}

const EVIDENCE_MAX = 12

export { EVIDENCE_MAX }

const TYPE_OF_MOVE: Readonly<Record<RecentMove['kind'], string>> = {
  deposit: 'deposit.completed',
  cash_in: 'deposit.completed',
  withdrawal: 'withdrawal.processed',
  transfer_in: 'transfer.executed',
  transfer_out: 'transfer.executed',
  reversal: 'transaction.reversed',
  loan_payout: 'loan.disbursed',
}

export function evidenceOf(move: RecentMove): EvidenceItem {
  return {
    eventId: move.event_id,
    eventType: TYPE_OF_MOVE[move.kind],
    timeMs: move.time_ms,
    amountMinor: Math.abs(move.amount_minor),
  }
}

export type StepLike = { readonly event_id: string; readonly time_ms: number }
export function evidenceOfStep(step: StepLike, eventType: string, amountMinor: number | null = null): EvidenceItem {
  return { eventId: step.event_id, eventType, timeMs: step.time_ms, amountMinor }
}

export const asEventId = (text: string): EventId => text as EventId
