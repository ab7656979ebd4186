import type { Predicate } from '../processors/functions.ts'
import type { KStream } from './kstream.ts'
import type { Missing } from './types.ts'

type BranchOptions<K, V, M extends Missing, N extends string, R> = {
  /** The branch's name in the result, and at the end of its node's name. */
  readonly name?: N
  /** Called with the branch; what it returns takes its place in the result. */
  readonly chain?: (branch: KStream<K, V, M>) => R
}
type WithBranch<B, N extends string, R> =
  R extends KStream<infer _K, infer _V, infer _M> ? B & { readonly [P in N]: R } : B

/** A split in the making; branches are tried in the order in which they were added. `B`: the named branches so far. */
export interface BranchedKStream<K, V, M extends Missing, B = Record<never, never>> {
  branch<const N extends string = never, R = KStream<K, V, M>>(
    predicate: Predicate<K, V>,
    options?: BranchOptions<K, V, M, N, R>,
  ): BranchedKStream<K, V, M, WithBranch<B, N, R>>
  /** Takes what no branch wanted. Without a name it is `default` in the result. */
  defaultBranch<const N extends string = 'default', R = KStream<K, V, M>>(
    options?: BranchOptions<K, V, M, N, R>,
  ): WithBranch<B, N, R>
  /** What no branch wanted is left out. */
  noDefaultBranch(): B
}
