import type { MemberProfile } from '../members/stores.ts'
import type { Movement } from '../shared/movement.ts'
import type { Activity } from '../shared/signals.ts'
import type { CompiledRule, Finding } from './rule.ts'
import type { FraudContext, FraudMoves, RecentMove } from './stores.ts'

/** What an evaluator may look at: the activity, and what is remembered of the member, the activity included. */
export type RuleInput = {
  readonly memberId: string
  readonly timeMs: number
  readonly activity: Activity
  readonly profile: MemberProfile | undefined
  readonly moves: FraudMoves
  /** As it was before this activity. */
  readonly movesBefore: FraudMoves
  readonly context: FraudContext
  readonly movement: Movement | undefined
  readonly move: RecentMove | undefined
}

export type MoneyInput = RuleInput & { readonly movement: Movement; readonly move: RecentMove }

/** Pure: the same input gives the same finding. */
export type Evaluator<Input extends RuleInput = RuleInput> = {
  readonly kind: string
  evaluate(input: Input, rule: CompiledRule): Finding | undefined
}

/** Moves with fromMs < time <= toMs. */
export function movesBetween(
  { moves }: FraudMoves,
  fromMs: number,
  toMs: number,
  keep: (move: RecentMove) => boolean,
): readonly RecentMove[] {
  const found: RecentMove[] = []
  for (const move of moves) if (move.time_ms > fromMs && move.time_ms <= toMs && keep(move)) found.push(move)
  return found
}

export function sumOf(moves: readonly RecentMove[]): number {
  let sumMinor = 0
  for (const { amount_minor } of moves) sumMinor += Math.abs(amount_minor)
  return sumMinor
}

export function distinctPayers(moves: readonly RecentMove[]): number {
  const names = new Set<string>()
  for (const { counterparty } of moves) if (counterparty !== '') names.add(counterparty)
  return names.size
}

export const isOut = ({ amount_minor, kind }: RecentMove): boolean => amount_minor < 0 && kind !== 'reversal'
/** Paid to somebody else: not cash in hand, not the member's own phone. */
export const isToOthers = (move: RecentMove, ownPhone: string | undefined): boolean =>
  isOut(move) && move.counterparty !== '' && move.counterparty !== ownPhone
