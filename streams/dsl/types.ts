import type { Serde } from '../ports/index.ts'
import type { StorePersistence } from '../stores/types.ts'
import type { StreamPartitioner } from '../topology/topology.ts'

/**
 * What the type of a stream says is missing before it can be stored or sent through a topic. A stream from a topic
 * misses nothing (`never`); `mapValues` without a serde leaves `'no-value-serde'`; a changed key leaves `'rekeyed'`, so
 * that the next grouping or join needs both serdes for its repartition topic.
 *
 * A function over streams names what it can do without: `KStream<K, V, 'no-value-serde'>` takes streams with a value
 * serde too. A type parameter in this place would leave open what its operators need.
 */
export type Missing = 'no-key-serde' | 'no-value-serde' | 'rekeyed'

/**
 * The serdes that can write T. Null needs none (a topic can always hold it), so the serde of T serves T | null too; and
 * one that also reads null serves T, since what is read back is what was written.
 */
export type SerdeFor<T> = Serde<T> | Serde<NonNullable<T>> | Serde<T | null>

/** Options that may be left out when none of them is required. */
export type Options<O> =
  Record<never, never> extends O ? readonly [options?: O] : readonly [optionsWithMissingSerdes: O]

export type KeyOption<M, K> = 'no-key-serde' extends M ? { readonly key: SerdeFor<K> } : { readonly key?: SerdeFor<K> }
export type ValueOption<M, V> = 'no-value-serde' extends M
  ? { readonly value: SerdeFor<V> }
  : { readonly value?: SerdeFor<V> }

/** Serdes of a repartition topic: needed only where the key has changed. */
export type RepartitionKeyOption<M, K> = 'rekeyed' extends M ? KeyOption<M, K> : { readonly key?: SerdeFor<K> }
export type RepartitionValueOption<M, V> = 'rekeyed' extends M ? ValueOption<M, V> : { readonly value?: SerdeFor<V> }

export type NoKey<S> = undefined extends S ? 'no-key-serde' : never
export type NoValue<S> = undefined extends S ? 'no-value-serde' : never

export type Named = { readonly name?: string }

/** How a table or an aggregation is stored. A name makes the store queryable; without one a name is generated. */
export type StoreOptions = {
  readonly name?: string
  /** The record cache in front of the store; default true. */
  readonly caching?: boolean
  /** The changelog topic: false = none (state is lost with the machine), or settings for the topic; default true. */
  readonly logging?: boolean | Readonly<Record<string, string>>
  readonly persistence?: StorePersistence
  /** KIP-1271, KIP-1285: entries keep headers too; default as `storeFormat` of the build says. */
  readonly withHeaders?: boolean
}
export type TableStoreOptions = StoreOptions & {
  /** Keeps the history of each key this long (KIP-889): joins look up the value as of the record's time. */
  readonly historyRetentionMs?: number
}
export type WindowStoreOptions = StoreOptions & {
  /** How long windows can be read; at least size + grace, which is the default. */
  readonly retentionMs?: number
}

export type Produced<K, V> = Named & { readonly partitioner?: StreamPartitioner<K, V> }
