import type { KeyValuePair, Predicate, ValueMapper } from '../processors/functions.ts'
import type { TableValueTransformerSupplier } from '../processors/table-transform-values.ts'
import type { StorePersistence, StoreSpec, Windowed } from '../stores/types.ts'
import type { StreamPartitioner } from '../topology/topology.ts'
import type { KGroupedTable } from './grouped-table.ts'
import type { KStream } from './kstream.ts'
import type { Suppressed, SuppressedUntilWindowCloses } from './suppressed.ts'
import type {
  KeyOption,
  Missing,
  Named,
  NoKey,
  NoValue,
  Options,
  SerdeFor,
  TableStoreOptions,
  ValueOption,
} from './types.ts'

type StoreOption = { readonly store?: string | TableStoreOptions }
/** A store needs the serdes; without one the value's serde may stay unknown. */
type MappedOptions<M, K, V, SV> =
  | (Named & { readonly value?: SV; readonly store?: undefined })
  | (Named &
      KeyOption<M, K> & {
        readonly value: undefined extends SV ? SerdeFor<V> : SV
        readonly store: string | TableStoreOptions
      })
type ForeignKeyOptions<K, V, M extends Missing, KO, VO, MO extends Missing, R> = Named &
  KeyOption<M, K> & {
    /** Of the result, which is stored. */
    readonly value: SerdeFor<R>
    readonly store?: string | TableStoreOptions
    readonly persistence?: StorePersistence
    /** How the left and the right table's topics are partitioned, where that is not the default. */
    readonly partitioner?: StreamPartitioner<K, null>
    readonly foreignPartitioner?: StreamPartitioner<KO, null>
  } & ('no-value-serde' extends M ? { readonly left: SerdeFor<V> } : { readonly left?: SerdeFor<V> }) &
  ('no-value-serde' extends MO ? { readonly right: SerdeFor<VO> } : { readonly right?: SerdeFor<VO> }) &
  ('no-key-serde' extends MO ? { readonly foreignKeySerde: SerdeFor<KO> } : { readonly foreignKeySerde?: SerdeFor<KO> })

/**
 * A table: the latest value of each key. Its changes flow; a removed row flows as null. V never includes null: null is
 * how a table says that there is no row. `M` as in `KStream`.
 */
export interface KTable<K, V, M extends Missing = never> {
  readonly kind: 'table'
  /** For the compiler only: keys must be of one type, serdes must be known. */
  readonly '~key': (key: K) => K
  readonly '~missing'?: M
  /** By this name the table can be queried; undefined: it cannot. */
  readonly queryableStoreName: string | undefined

  filter<W extends V>(predicate: (key: K, value: V) => value is W, options?: Named & StoreOption): KTable<K, W, M>
  filter(predicate: Predicate<K, V>, options?: Named & StoreOption): KTable<K, V, M>
  filterNot(predicate: Predicate<K, V>, options?: Named & StoreOption): KTable<K, V, M>
  /** Null removes the row. */
  mapValues<V2, SV extends SerdeFor<V2> | undefined = undefined>(
    mapper: ValueMapper<K, V, V2>,
    options?: MappedOptions<M, K, V2, SV>,
  ): KTable<K, NonNullable<V2>, Exclude<M, 'no-value-serde'> | NoValue<SV>>
  transformValues<V2, SV extends SerdeFor<V2> | undefined = undefined>(
    transformer: TableValueTransformerSupplier<K, V, V2>,
    options?: MappedOptions<M, K, V2, SV> & { readonly stores?: readonly (string | StoreSpec)[] },
  ): KTable<K, NonNullable<V2>, Exclude<M, 'no-value-serde'> | NoValue<SV>>
  /** Groups rows anew, through a repartition topic. A null key or value: the row is in no group. */
  groupBy<K2, V2>(
    mapper: (key: K, value: V) => KeyValuePair<K2, V2>,
    options: Named & { readonly key: SerdeFor<K2>; readonly value: SerdeFor<V2> },
  ): KGroupedTable<NonNullable<K2>, NonNullable<V2>>
  /** The table's changes; null where a row is removed. */
  toStream(options?: Named): KStream<K, V | null, M>
  /** As `toStream().selectKey(selector)`. */
  toStream<K2, SK extends SerdeFor<K2> | undefined = undefined>(
    selector: (key: K, value: V | null) => K2,
    options?: Named & { readonly key?: SK },
  ): KStream<K2, V | null, Exclude<M, 'no-key-serde'> | NoKey<SK> | 'rekeyed'>
  /** Holds changes back, so that fewer (or only final) results come out. */
  suppress(
    suppressed: K extends Windowed<infer _K> ? Suppressed | SuppressedUntilWindowCloses : Suppressed,
    ...optionsWithUnknownSerdes: Options<KeyOption<M, K> & ValueOption<M, V>>
  ): KTable<K, V>

  join<V2, M2 extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    other: KTable<K, V2, M2>,
    joiner: (left: V, right: V2, key: K) => R,
    options?: MappedOptions<M & M2, K, R, SR>,
  ): KTable<K, NonNullable<R>, Extract<M & M2, 'no-key-serde'> | NoValue<SR>>
  /** Foreign-key join: each row with the row of the other table whose key the row names. */
  join<KO, VO, MO extends Missing, R>(
    other: KTable<KO, VO, MO>,
    foreignKey: (value: V, key: K) => KO | null,
    joiner: (left: V, right: VO, key: K) => R,
    options: ForeignKeyOptions<K, V, M, KO, VO, MO, R>,
  ): KTable<K, NonNullable<R>>
  leftJoin<V2, M2 extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    other: KTable<K, V2, M2>,
    joiner: (left: V, right: V2 | null, key: K) => R,
    options?: MappedOptions<M & M2, K, R, SR>,
  ): KTable<K, NonNullable<R>, Extract<M & M2, 'no-key-serde'> | NoValue<SR>>
  leftJoin<KO, VO, MO extends Missing, R>(
    other: KTable<KO, VO, MO>,
    foreignKey: (value: V, key: K) => KO | null,
    joiner: (left: V, right: VO | null, key: K) => R,
    options: ForeignKeyOptions<K, V, M, KO, VO, MO, R>,
  ): KTable<K, NonNullable<R>>
  outerJoin<V2, M2 extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    other: KTable<K, V2, M2>,
    joiner: (left: V | null, right: V2 | null, key: K) => R,
    options?: MappedOptions<M & M2, K, R, SR>,
  ): KTable<K, NonNullable<R>, Extract<M & M2, 'no-key-serde'> | NoValue<SR>>
}

/** A table that every instance holds whole; only a target of lookups. */
export interface GlobalKTable<K, V> {
  readonly kind: 'global-table'
  /** For the compiler only. */
  readonly '~key': (key: K) => K
  readonly '~value': V
  readonly queryableStoreName: string | undefined
}
