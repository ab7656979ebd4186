import type { EmitStrategy } from '../processors/emit-strategy.ts'
import type { Aggregator, Initializer, Reducer, SessionMerger } from '../processors/functions.ts'
import type {
  CustomWindows,
  SessionWindows,
  SlidingWindows,
  TimeWindows,
  UnlimitedWindows,
} from '../processors/windows.ts'
import type { Windowed } from '../stores/types.ts'
import type { KTable } from './ktable.ts'
import type { Missing, Named, Options, SerdeFor, TableStoreOptions, ValueOption, WindowStoreOptions } from './types.ts'

type Stored<S> = Named & { readonly store?: string | S }

/**
 * A stream grouped by key, to be aggregated. Null keys do not take part. Null values neither, where the aggregation has
 * no windows or sliding ones; those by time, session, unlimited and custom windows are given them, as in Java.
 */
export interface KGroupedStream<K, V, M extends Missing = never> {
  readonly kind: 'grouped-stream'
  /** For the compiler only: keys must be of one type, serdes must be known. */
  readonly '~key': (key: K) => K
  readonly '~missing'?: M

  count(options?: Stored<TableStoreOptions>): KTable<K, number>
  /** The first value of a key is its first aggregate. Null removes the row. */
  reduce(
    reducer: Reducer<NonNullable<V>>,
    ...optionsWithUnknownSerdes: Options<Stored<TableStoreOptions> & ValueOption<M, V>>
  ): KTable<K, NonNullable<V>>
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, NonNullable<V>, NoInfer<A>>,
    options: Stored<TableStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<K, A>

  windowedBy(windows: TimeWindows): TimeWindowedKStream<K, V, M>
  windowedBy(windows: SlidingWindows): TimeWindowedKStream<K, NonNullable<V>, M>
  windowedBy(windows: UnlimitedWindows | CustomWindows): UpdatingWindowedKStream<K, V, M>
  windowedBy(windows: SessionWindows): SessionWindowedKStream<K, V, M>

  /** Whether the aggregator is given null values depends on the windows, if any: its type says that it may be. */
  cogroup<A>(aggregator: Aggregator<K, V, A>): CogroupedKStream<K, A>
}

/** The aggregate is never null; the value is where the stream has nulls. */
type WindowReducer<V> = (aggregate: NonNullable<V>, value: V) => NonNullable<V> | null

/** Windows that are never final (unlimited) or not known to the engine (custom): every update goes out. */
export interface UpdatingWindowedKStream<K, V, M extends Missing = never> {
  count(options?: Stored<WindowStoreOptions>): KTable<Windowed<K>, number>
  reduce(
    reducer: WindowReducer<V>,
    ...optionsWithUnknownSerdes: Options<Stored<WindowStoreOptions> & ValueOption<M, V>>
  ): KTable<Windowed<K>, NonNullable<V>>
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, V, NoInfer<A>>,
    options: Stored<WindowStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<Windowed<K>, A>
}

/** Tumbling, hopping and sliding windows. */
export interface TimeWindowedKStream<K, V, M extends Missing = never> extends UpdatingWindowedKStream<K, V, M> {
  /** When results go out: with each update (default), or once, when the window has closed. */
  emitStrategy(strategy: EmitStrategy): TimeWindowedKStream<K, V, M>
}

export interface SessionWindowedKStream<K, V, M extends Missing = never> {
  emitStrategy(strategy: EmitStrategy): SessionWindowedKStream<K, V, M>
  count(options?: Stored<WindowStoreOptions>): KTable<Windowed<K>, number>
  reduce(
    reducer: WindowReducer<V>,
    ...optionsWithUnknownSerdes: Options<Stored<WindowStoreOptions> & ValueOption<M, V>>
  ): KTable<Windowed<K>, NonNullable<V>>
  /** `merger` joins the aggregates of two sessions that a record has connected. */
  aggregate<A>(
    initializer: Initializer<A>,
    aggregator: Aggregator<K, V, NoInfer<A>>,
    merger: SessionMerger<K, NoInfer<A>>,
    options: Stored<WindowStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<Windowed<K>, A>
}

/** Several grouped streams with one aggregate. */
export interface CogroupedKStream<K, A> {
  cogroup<V, M extends Missing>(
    grouped: KGroupedStream<K, V, M>,
    aggregator: Aggregator<K, V, A>,
  ): CogroupedKStream<K, A>
  aggregate(
    initializer: Initializer<A>,
    options: Stored<TableStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<K, A>
  windowedBy(
    windows: TimeWindows | SlidingWindows | UnlimitedWindows | CustomWindows,
  ): TimeWindowedCogroupedKStream<K, A>
  windowedBy(windows: SessionWindows): SessionWindowedCogroupedKStream<K, A>
}

export interface TimeWindowedCogroupedKStream<K, A> {
  aggregate(
    initializer: Initializer<A>,
    options: Stored<WindowStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<Windowed<K>, A>
}

export interface SessionWindowedCogroupedKStream<K, A> {
  aggregate(
    initializer: Initializer<A>,
    merger: SessionMerger<K, A>,
    options: Stored<WindowStoreOptions> & { readonly value: SerdeFor<A> },
  ): KTable<Windowed<K>, A>
}
