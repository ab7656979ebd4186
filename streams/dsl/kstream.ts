import type { KeyValuePair, Predicate, ValueMapper } from '../processors/functions.ts'
import type { JoinWindows } from '../processors/joins.ts'
import type { StorePersistence, StoreSpec } from '../stores/types.ts'
import type { FixedKeyProcessorSupplier, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamPartitioner, TopicNameExtractor } from '../topology/topology.ts'
import type { BranchedKStream } from './branched.ts'
import type { KGroupedStream } from './grouped-stream.ts'
import type { GlobalKTable, KTable } from './ktable.ts'
import type {
  KeyOption,
  Missing,
  Named,
  NoKey,
  NoValue,
  Options,
  Produced,
  RepartitionKeyOption,
  RepartitionValueOption,
  SerdeFor,
  TableStoreOptions,
  ValueOption,
} from './types.ts'

/** A stream of the other side of a join: keyed alike, where only one of the two may have null keys. */
type KeyedAlike<K, V, M extends Missing> = KStream<NonNullable<K>, V, M> | KStream<NonNullable<K> | null, V, M>
type KeyOf<S> = S extends KStream<infer K, infer _V, infer _M> ? K : never

type Grouping<M, K, V> = Named & KeyOption<M, K> & RepartitionValueOption<M, V>
type GroupMissing<M extends Missing> = 'rekeyed' extends M ? never : Extract<M, 'no-value-serde'>

/** `key` of either side serves both. */
type StreamJoinSerdes<K, V, M extends Missing, V2, M2 extends Missing> = KeyOption<M & M2, K> &
  ('no-value-serde' extends M ? { readonly left: SerdeFor<V> } : { readonly left?: SerdeFor<V> }) &
  ('no-value-serde' extends M2 ? { readonly right: SerdeFor<V2> } : { readonly right?: SerdeFor<V2> })
type StreamJoinOptions<K, V, M extends Missing, V2, M2 extends Missing, SR> = Named &
  StreamJoinSerdes<K, V, M, V2, M2> & {
    /** Of the result. */
    readonly value?: SR
    /** Base of the names of the join's stores. */
    readonly storeName?: string
    readonly logging?: boolean | Readonly<Record<string, string>>
    readonly persistence?: StorePersistence
    /** Left and outer joins look for unmatched records at most this often (wall clock); default 1000, 0 = always. */
    readonly emitIntervalMs?: number
  }
type StreamTableJoinOptions<K, V, M extends Missing, SR> = Named &
  RepartitionKeyOption<M, K> & { readonly value?: SR } & (
    | (('rekeyed' extends M
        ? 'no-value-serde' extends M
          ? { readonly left: SerdeFor<V> }
          : { readonly left?: SerdeFor<V> }
        : { readonly left?: SerdeFor<V> }) & { readonly graceMs?: never })
    /** KIP-923: wait for the versioned table; the buffer stores keys and values. */
    | (KeyOption<M, K> & {
        readonly graceMs: number
      } & ('no-value-serde' extends M ? { readonly left: SerdeFor<V> } : { readonly left?: SerdeFor<V> }))
  )
type GlobalJoinOptions<SR> = Named & { readonly value?: SR }

/** No value has this type: it is what the compiler shows where a join of streams lacks a serde. */
type SerdesAreUnknown = {
  readonly 'An operator before the join changed a type. Give its serde (key, left or right) in a fourth argument.': never
}

type Kept<M extends Missing, Gone extends Missing> = Exclude<M, Gone>

/**
 * A stream of records with keys K and values V. `M` says which serdes are not known any more (`Missing`). A handle is
 * immutable: each operator returns a new one.
 *
 * K and V include null where the topic may hold null keys or values as data: its serde is then `nullable(…)`.
 */
export interface KStream<K, V, M extends Missing = never> {
  readonly kind: 'stream'
  /** For the compiler only: keys must be of one type, serdes must be known. */
  readonly '~key': (key: K) => K
  readonly '~missing'?: M

  /** Keeps records for which the predicate is true; a type guard on the value narrows it. */
  filter<W extends V>(predicate: (key: K, value: V) => value is W, options?: Named): KStream<K, W, M>
  filter(predicate: Predicate<K, V>, options?: Named): KStream<K, V, M>
  filterNot(predicate: Predicate<K, V>, options?: Named): KStream<K, V, M>
  map<K2, V2, SK extends SerdeFor<K2> | undefined = undefined, SV extends SerdeFor<V2> | undefined = undefined>(
    mapper: (key: K, value: V) => KeyValuePair<K2, V2>,
    options?: Named & { readonly key?: SK; readonly value?: SV },
  ): KStream<K2, V2, NoKey<SK> | NoValue<SV> | 'rekeyed'>
  mapValues<V2, SV extends SerdeFor<V2> | undefined = undefined>(
    mapper: ValueMapper<K, V, V2>,
    options?: Named & { readonly value?: SV },
  ): KStream<K, V2, Kept<M, 'no-value-serde'> | NoValue<SV>>
  flatMap<K2, V2, SK extends SerdeFor<K2> | undefined = undefined, SV extends SerdeFor<V2> | undefined = undefined>(
    mapper: (key: K, value: V) => Iterable<KeyValuePair<K2, V2>>,
    options?: Named & { readonly key?: SK; readonly value?: SV },
  ): KStream<K2, V2, NoKey<SK> | NoValue<SV> | 'rekeyed'>
  flatMapValues<V2, SV extends SerdeFor<V2> | undefined = undefined>(
    mapper: ValueMapper<K, V, Iterable<V2>>,
    options?: Named & { readonly value?: SV },
  ): KStream<K, V2, Kept<M, 'no-value-serde'> | NoValue<SV>>
  selectKey<K2, SK extends SerdeFor<K2> | undefined = undefined>(
    selector: (key: K, value: V) => K2,
    options?: Named & { readonly key?: SK },
  ): KStream<K2, V, Kept<M, 'no-key-serde'> | NoKey<SK> | 'rekeyed'>
  peek(action: (key: K, value: V) => void, options?: Named): KStream<K, V, M>
  foreach(action: (key: K, value: V) => void, options?: Named): void
  /** Writes each record as a line of text, by default to the logger. */
  print(
    options?: Named & {
      readonly label?: string
      readonly format?: (key: K, value: V) => string
      readonly write?: (line: string) => void
    },
  ): void
  merge<M2 extends Missing>(
    other: KStream<K, V, M2>,
    options?: Named,
  ): KStream<K, V, (M & M2) | Extract<M | M2, 'rekeyed'>>
  /** Each record goes to the first branch whose predicate is true. */
  split(options?: Named): BranchedKStream<K, V, M>
  /** Sends the records through a topic of the application's own, so that they sit in the partition of their key. */
  repartition(
    ...optionsWithUnknownSerdes: Options<
      Named &
        KeyOption<M, K> &
        ValueOption<M, V> & {
          readonly partitions?: number
          readonly partitioner?: StreamPartitioner<K, V>
        }
    >
  ): KStream<K, V>
  /** Writes to a topic, or to the topic that the function names for each record. */
  to(
    topic: string | TopicNameExtractor<K, V>,
    ...optionsWithUnknownSerdes: Options<Produced<K, V> & KeyOption<M, K> & ValueOption<M, V>>
  ): void
  /** Reads the stream as the changes of a table: null values remove rows. */
  toTable(
    ...optionsWithUnknownSerdes: Options<
      Named & KeyOption<M, K> & ValueOption<M, V> & { readonly store?: string | TableStoreOptions }
    >
  ): KTable<NonNullable<K>, NonNullable<V>>

  /** Groups by the key. Null keys are left out by the aggregation; for null values see `KGroupedStream`. */
  groupByKey(
    ...optionsWithUnknownSerdes: Options<Grouping<M, K, V>>
  ): KGroupedStream<NonNullable<K>, V, GroupMissing<M>>
  /** Groups by a new key, through a repartition topic. */
  groupBy<K2>(
    selector: (key: K, value: V) => K2,
    options: Named & { readonly key: SerdeFor<K2> } & ValueOption<M, V>,
  ): KGroupedStream<NonNullable<K2>, V>

  process<K2, V2, SK extends SerdeFor<K2> | undefined = undefined, SV extends SerdeFor<V2> | undefined = undefined>(
    supplier: ProcessorSupplier<K, V, K2, V2>,
    options?: Named & { readonly stores?: readonly (string | StoreSpec)[]; readonly key?: SK; readonly value?: SV },
  ): KStream<K2, V2, NoKey<SK> | NoValue<SV> | 'rekeyed'>
  /** As `process`, but the key stays, and with it the partition. */
  processValues<V2, SV extends SerdeFor<V2> | undefined = undefined>(
    supplier: FixedKeyProcessorSupplier<K, V, V2>,
    options?: Named & { readonly stores?: readonly (string | StoreSpec)[]; readonly value?: SV },
  ): KStream<K, V2, Kept<M, 'no-value-serde'> | NoValue<SV>>

  /** Joins records of two streams whose times are within the windows. Null keys and null values join nothing. */
  join<V2, M2 extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    other: KeyedAlike<K, V2, M2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2>, key: NonNullable<K>) => R,
    windows: JoinWindows,
    ...optionsWithUnknownSerdes: Options<StreamJoinOptions<K, V, M, V2, M2, SR>>
  ): KStream<NonNullable<K>, R, NoValue<SR>>
  /** Looks each record's key up in the table. */
  join<T, MT extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    table: KTable<NonNullable<K>, T, MT>,
    joiner: (value: NonNullable<V>, tableValue: T, key: NonNullable<K>) => R,
    ...optionsWithUnknownSerdes: Options<StreamTableJoinOptions<K, V, M, SR>>
  ): KStream<NonNullable<K>, R, Kept<M, 'no-value-serde' | 'rekeyed'> | NoValue<SR>>
  /** Looks up what the selector says; the key of the stream stays. */
  join<GK, T, R, SR extends SerdeFor<R> | undefined = undefined>(
    table: GlobalKTable<GK, T>,
    keySelector: (key: K, value: V) => GK | null,
    joiner: (value: NonNullable<V>, tableValue: T, key: K, tableKey: GK) => R,
    options?: GlobalJoinOptions<SR>,
  ): KStream<K, R, Kept<M, 'no-value-serde'> | NoValue<SR>>

  join<V2, M2 extends Missing>(
    other: KeyedAlike<K, V2, M2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2>, key: NonNullable<K>) => unknown,
    windows: SerdesAreUnknown,
  ): never

  /** As join, and left records without a match come out once their window has closed. */
  leftJoin<V2, M2 extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    other: KeyedAlike<K, V2, M2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2> | null, key: K) => R,
    windows: JoinWindows,
    ...optionsWithUnknownSerdes: Options<StreamJoinOptions<K, V, M, V2, M2, SR>>
  ): KStream<K, R, NoValue<SR>>
  leftJoin<T, MT extends Missing, R, SR extends SerdeFor<R> | undefined = undefined>(
    table: KTable<NonNullable<K>, T, MT>,
    joiner: (value: NonNullable<V>, tableValue: T | null, key: K) => R,
    ...optionsWithUnknownSerdes: Options<StreamTableJoinOptions<K, V, M, SR>>
  ): KStream<K, R, Kept<M, 'no-value-serde' | 'rekeyed'> | NoValue<SR>>
  leftJoin<GK, T, R, SR extends SerdeFor<R> | undefined = undefined>(
    table: GlobalKTable<GK, T>,
    keySelector: (key: K, value: V) => GK | null,
    joiner: (value: NonNullable<V>, tableValue: T | null, key: K, tableKey: GK | null) => R,
    options?: GlobalJoinOptions<SR>,
  ): KStream<K, R, Kept<M, 'no-value-serde'> | NoValue<SR>>

  leftJoin<V2, M2 extends Missing>(
    other: KeyedAlike<K, V2, M2>,
    joiner: (left: NonNullable<V>, right: NonNullable<V2> | null, key: K) => unknown,
    windows: SerdesAreUnknown,
  ): never

  /** As join, and records of both sides without a match come out once their window has closed. */
  outerJoin<
    V2,
    M2 extends Missing,
    R,
    SR extends SerdeFor<R> | undefined = undefined,
    Other extends KeyedAlike<K, V2, M2> = KeyedAlike<K, V2, M2>,
  >(
    other: Other & KeyedAlike<K, V2, M2>,
    joiner: (left: NonNullable<V> | null, right: NonNullable<V2> | null, key: K | KeyOf<Other>) => R,
    windows: JoinWindows,
    ...optionsWithUnknownSerdes: Options<StreamJoinOptions<K, V, M, V2, M2, SR>>
  ): KStream<K | KeyOf<Other>, R, NoValue<SR>>
}
