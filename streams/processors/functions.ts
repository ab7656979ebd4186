import { deepFreeze } from '../base/deep-freeze.ts'
import type { InternalProcessorContext } from '../topology/processor.ts'

/**
 * The user functions that operators call. They are pure, synchronous, and must not change what they are given: keys and
 * values are the objects in the stores' write buffers.
 */
export type Predicate<K, V> = (key: K, value: V) => boolean
/** Value first, so that `(value) => …` fits; the key is there to read, never to change. */
export type ValueMapper<K, V, VOut> = (value: V, key: K) => VOut
export type KeyValuePair<K, V> = { readonly key: K; readonly value: V }
export type KeyValueMapper<K, V, KOut, VOut> = (key: K, value: V) => KeyValuePair<KOut, VOut>

export type Initializer<A> = () => A
/** Null removes the aggregate. */
export type Aggregator<K, V, A> = (key: K, value: V, aggregate: A) => A | null
/** Null removes the result. */
export type Reducer<V> = (aggregate: V, value: V) => V | null
/** Joins the aggregates of two sessions of one key. */
export type SessionMerger<K, A> = (key: K, left: A, right: A) => A

/** As the user gave it; in strict mode what it makes is frozen, as what comes from a store is. */
export function initializerFor<A>(
  context: Pick<InternalProcessorContext<unknown, unknown>, 'freezesValues'>,
  initializer: Initializer<A>,
): Initializer<A> {
  return context.freezesValues === true ? () => deepFreeze(initializer()) : initializer
}

/** How DSL reductions become aggregations where there is no operator of their own (windows): null = nothing yet. */
export const reduceInitializer: Initializer<null> = () => null

export function aggregatorOfReducer<K, V>(reducer: Reducer<V>): Aggregator<K, V, V | null> {
  return (_key, value, aggregate) => (aggregate === null ? value : reducer(aggregate, value))
}

/** The later session's aggregate is reduced onto the earlier one's. */
export function mergerOfReducer<K, V>(reducer: Reducer<V>): SessionMerger<K, V | null> {
  return (_key, left, right) => {
    if (right === null) return left
    return left === null ? right : reducer(left, right)
  }
}

export const countInitializer: Initializer<number> = () => 0
export const countAggregator: Aggregator<unknown, unknown, number> = (_key, _value, count) => count + 1
export const countMerger: SessionMerger<unknown, number> = (_key, left, right) => left + right
/** For table counts: what is taken away when a row leaves its group. */
export const countSubtractor: Aggregator<unknown, unknown, number> = (_key, _value, count) => count - 1

/** What user functions return for "nothing" in JavaScript may be either. */
export function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
