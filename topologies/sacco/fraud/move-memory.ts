import type { KeyValueStore } from '#streams'
import type { Movement } from '../shared/movement.ts'
import { cutMoves, NO_MOVES, remember } from './memory.ts'
import { type FraudMoves, NEWEST_MOVES_MAX, type NewestMoves, type RecentMove } from './stores.ts'

/**
 * What rules about money remember of a member, in two records: every movement changes the memory, and writing all of it
 * each time was more than half of the bytes of all state. So the newest movements are in a small record of their own;
 * when it is full, or when anything else changes (a new payee, a trail, a movement that comes late), all of it goes to
 * the large one. Reads give both as one, cut as if they had never been apart.
 */
export class MoveMemory {
  readonly #moves: KeyValueStore<string, FraudMoves>
  readonly #newest: KeyValueStore<string, NewestMoves>

  constructor(moves: KeyValueStore<string, FraudMoves>, newest: KeyValueStore<string, NewestMoves>) {
    this.#moves = moves
    this.#newest = newest
  }

  get(memberId: string): FraudMoves {
    const moves = this.#moves.get(memberId) ?? NO_MOVES
    const newest = this.#newest.get(memberId)
    return newest === undefined ? moves : { ...moves, ...newest, moves: cutMoves([...moves.moves, ...newest.moves]) }
  }

  /** Payments out so far: without putting the rest together. */
  totalsOf(memberId: string): Pick<FraudMoves, 'out_count' | 'out_minor'> | undefined {
    return this.#newest.get(memberId) ?? this.#moves.get(memberId)
  }

  /** `before` is what `get` has just given. */
  remember(memberId: string, before: FraudMoves, movement: Movement, move: RecentMove): FraudMoves {
    const after = remember(before, movement, move)
    const newest = this.#newest.get(memberId)
    const isLast = after.moves.at(-1) === move
    const isFull = newest !== undefined && newest.moves.length >= NEWEST_MOVES_MAX - 1
    if (!isLast || isFull || after.payees !== before.payees) {
      this.replace(memberId, after)
      return after
    }
    const { out_count, out_minor, active_ms } = after
    this.#newest.put(memberId, { moves: [...(newest?.moves ?? []), move], out_count, out_minor, active_ms })
    return after
  }

  replace(memberId: string, moves: FraudMoves): void {
    this.#moves.put(memberId, moves)
    if (this.#newest.get(memberId) !== undefined) this.#newest.delete(memberId)
  }
}
