/**
 * Types that all joins share. A joiner gets the values first and the key last, so that one function type serves with
 * and without the key (Java: ValueJoiner and ValueJoinerWithKey).
 */
export type ValueJoiner<L, R, Out, K> = (left: L, right: R, key: K) => Out

export type JoinKind = 'inner' | 'left' | 'outer'

/** The joiner that fits the kind of join: which side can be missing. */
export type InnerOrLeftJoiner<L, R, Out, K> =
  | { readonly kind: 'inner'; readonly joiner: ValueJoiner<L, R, Out, K> }
  | {
      readonly kind: 'left'
      readonly joiner: ValueJoiner<L, R | null, Out, K>
    }

export type AnyJoiner<L, R, Out, K> =
  | InnerOrLeftJoiner<L, R, Out, K>
  | {
      readonly kind: 'outer'
      readonly joiner: ValueJoiner<L | null, R | null, Out, K>
    }

/**
 * Records of the two streams join when right is in [left - beforeMs, left + afterMs], both inclusive. The window of a
 * record closes when stream time passes its end by more than `graceMs`.
 */
export type JoinWindows = {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
}
