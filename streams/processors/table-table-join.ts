import type { ValueAndTimestamp } from '../stores/types.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  TableValueGetter,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { dropRecord } from './dropped-record.ts'
import { dropJoinRecord } from './join-drops.ts'
import type { AnyJoiner, JoinKind, ValueJoiner } from './joins.ts'
import { forwardsOnFlush, openTableStore, type TableStore, type TableStoreSpec } from './table-store.ts'

export type TableTableJoinOptions<K, L, R, Out> = AnyJoiner<L, R, Out | null, K> & {
  readonly left: TableValueGetterSupplier<K, L>
  readonly right: TableValueGetterSupplier<K, R>
  /** True: updates of that side that are out of order are dropped (KIP-914). */
  readonly leftVersioned: boolean
  readonly rightVersioned: boolean
  /** Set when somebody downstream needs old values; then both inputs must send them. */
  readonly sendOldValues: boolean
  /** Where the result is materialized. */
  readonly store?: TableStoreSpec<K, Out> | undefined
}

export type TableTableJoin<K, L, R, Out> = {
  /** Child of the left table, must be connected to `right.storeNames` (`KTABLE-JOINTHIS-`). */
  readonly leftJoin: ProcessorSupplier<K, Change<L>, K, Change<Out>>
  /** Child of the right table, must be connected to `left.storeNames` (`KTABLE-JOINOTHER-`). */
  readonly rightJoin: ProcessorSupplier<K, Change<R>, K, Change<Out>>
  /** Child of both (`KTABLE-MERGE-`); writes the store where there is one. */
  readonly merge: ProcessorSupplier<K, Change<Out>, K, Change<Out>>
  /** Computes the result from both tables. Only for results that are not materialized: else read the store. */
  readonly view: TableValueGetterSupplier<K, Out>
}

/**
 * Each side's update is joined with the current value of the other side; the merge node puts the two streams of
 * results together. Java: KTableKTable{Inner,Left,Right,Outer}Join and KTableKTableJoinMerger.
 */
export function tableTableJoin<K, L, R, Out>(
  options: TableTableJoinOptions<K, L, R, Out>,
): TableTableJoin<K, L, R, Out> {
  const { kind, left, right, sendOldValues } = options
  // The joiner is called with a missing side only where the kind of join allows it.
  const joiner = options.joiner as ValueJoiner<L | null, R | null, Out | null, K>
  const leftSide: JoinSide<K, L, R, Out> = {
    other: right,
    join: joiner,
    needsThis: kind !== 'outer',
    needsOther: kind === 'inner',
    isVersioned: options.leftVersioned,
    sendOldValues,
  }
  const rightSide: JoinSide<K, R, L, Out> = {
    other: left,
    join: (rightValue, leftValue, key) => joiner(leftValue, rightValue, key),
    needsThis: kind === 'inner',
    needsOther: kind !== 'outer',
    isVersioned: options.rightVersioned,
    sendOldValues,
  }
  return {
    leftJoin: { get: () => new TableTableJoinProcessor(leftSide) },
    rightJoin: { get: () => new TableTableJoinProcessor(rightSide) },
    merge: mergeSupplier(options.store, sendOldValues),
    view: {
      get: () => new JoinValueGetter(kind, left.get(), right.get(), joiner),
      storeNames: [...new Set([...left.storeNames, ...right.storeNames])],
    },
  }
}

type JoinSide<K, This, Other, Out> = {
  readonly other: TableValueGetterSupplier<K, Other>
  readonly join: ValueJoiner<This | null, Other | null, Out | null, K>
  /** Without a value of this side there is no result. */
  readonly needsThis: boolean
  readonly needsOther: boolean
  readonly isVersioned: boolean
  readonly sendOldValues: boolean
}

class TableTableJoinProcessor<K, This, Other, Out> implements Processor<K, Change<This>, K, Change<Out>> {
  readonly #side: JoinSide<K, This, Other, Out>
  readonly #other: TableValueGetter<K, Other>
  #context!: InternalProcessorContext<K, Change<Out>>

  constructor(side: JoinSide<K, This, Other, Out>) {
    this.#side = side
    this.#other = side.other.get()
  }

  init(context: ProcessorContext<K, Change<Out>>): void {
    this.#context = context as InternalProcessorContext<K, Change<Out>>
    this.#other.init(this.#context as InternalProcessorContext<unknown, unknown>)
  }

  process(record: StreamRecord<K, Change<This>>): void {
    const { key } = record
    const { newValue, oldValue, isLatest } = record.value
    if (key === null || key === undefined) {
      dropRecord(this.#context, 'null-key', record)
      return
    }
    if (this.#side.isVersioned && !isLatest) {
      dropJoinRecord(this.#context, 'out-of-order-version', record)
      return
    }
    const found = this.#other.get(key)
    const other = found === undefined ? null : found.value
    if (other === null && (this.#side.needsOther || (newValue === null && oldValue === null))) return
    this.#context.forward({
      key,
      value: change(
        this.#result(newValue, other, key),
        this.#side.sendOldValues ? this.#result(oldValue, other, key) : null,
        isLatest,
      ),
      timestampMs:
        other !== null && found !== undefined && found.timestampMs > record.timestampMs
          ? found.timestampMs
          : record.timestampMs,
      headers: record.headers,
    })
  }

  #result(value: This | null, other: Other | null, key: K): Out | null {
    const { needsThis, join } = this.#side
    if (value === null && (needsThis || other === null)) return null
    return join(value, other, key) ?? null
  }
}

function mergeSupplier<K, Out>(
  store: TableStoreSpec<K, Out> | undefined,
  sendOldValues: boolean,
): ProcessorSupplier<K, Change<Out>, K, Change<Out>> {
  if (store === undefined) return { get: () => new MergeProcessor(sendOldValues) }
  return { get: () => new StoringMergeProcessor(store, sendOldValues), stores: [store] }
}

class MergeProcessor<K, Out> implements Processor<K, Change<Out>, K, Change<Out>> {
  readonly #sendOldValues: boolean
  #context!: ProcessorContext<K, Change<Out>>

  constructor(sendOldValues: boolean) {
    this.#sendOldValues = sendOldValues
  }

  init(context: ProcessorContext<K, Change<Out>>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, Change<Out>>): void {
    this.#context.forward(this.#sendOldValues ? record : withoutOldValue(record, record.value.isLatest))
  }
}

class StoringMergeProcessor<K, Out> implements Processor<K, Change<Out>, K, Change<Out>> {
  readonly #spec: TableStoreSpec<K, Out>
  readonly #sendOldValues: boolean
  #context!: InternalProcessorContext<K, Change<Out>>
  #store!: TableStore<K, Out>
  #isCached = false

  constructor(spec: TableStoreSpec<K, Out>, sendOldValues: boolean) {
    this.#spec = spec
    this.#sendOldValues = sendOldValues
  }

  init(context: ProcessorContext<K, Change<Out>>): void {
    this.#context = context as InternalProcessorContext<K, Change<Out>>
    this.#store = openTableStore(this.#context as InternalProcessorContext<unknown, unknown>, this.#spec)
    this.#isCached = forwardsOnFlush(this.#context, this.#spec.name, this.#sendOldValues)
  }

  /** The old value is that of the join, not of the store, as in Java. */
  process(record: StreamRecord<K, Change<Out>>): void {
    const { key, timestampMs, headers } = record
    const { newValue, oldValue } = record.value
    const result = this.#store.put(key, newValue, timestampMs)
    if (result === 'rejected' || this.#isCached) return
    const isLatest = result === 'latest'
    if (this.#sendOldValues) {
      this.#context.forward({ key, value: change(newValue, oldValue, isLatest), timestampMs, headers })
    } else {
      this.#context.forward(withoutOldValue(record, isLatest))
    }
  }
}

function withoutOldValue<K, Out>(
  record: StreamRecord<K, Change<Out>>,
  isLatest: boolean,
): StreamRecord<K, Change<Out>> {
  const { newValue, oldValue } = record.value
  if (oldValue === null && record.value.isLatest === isLatest) return record
  const { key, timestampMs, headers } = record
  return { key, value: change(newValue, null, isLatest), timestampMs, headers }
}

/** Joins on the fly. Not versioned even if both tables are (KIP-914). */
class JoinValueGetter<K, L, R, Out> implements TableValueGetter<K, Out> {
  readonly isVersioned = false
  readonly #kind: JoinKind
  readonly #left: TableValueGetter<K, L>
  readonly #right: TableValueGetter<K, R>
  readonly #join: ValueJoiner<L | null, R | null, Out | null, K>

  constructor(
    kind: JoinKind,
    left: TableValueGetter<K, L>,
    right: TableValueGetter<K, R>,
    join: ValueJoiner<L | null, R | null, Out | null, K>,
  ) {
    this.#kind = kind
    this.#left = left
    this.#right = right
    this.#join = join
  }

  init(context: InternalProcessorContext<unknown, unknown>): void {
    this.#left.init(context)
    this.#right.init(context)
  }

  get(key: K): ValueAndTimestamp<Out> | undefined {
    const left = this.#left.get(key)
    const leftValue = left === undefined ? null : left.value
    if (leftValue === null && this.#kind !== 'outer') return undefined
    const right = this.#right.get(key)
    const rightValue = right === undefined ? null : right.value
    if (rightValue === null && (this.#kind === 'inner' || leftValue === null)) return undefined
    const join = this.#join
    const value = join(leftValue, rightValue, key) ?? null
    if (value === null) return undefined
    const leftMs = left === undefined || leftValue === null ? -1 : left.timestampMs
    const rightMs = right === undefined || rightValue === null ? -1 : right.timestampMs
    return { value, timestampMs: Math.max(leftMs, rightMs) }
  }
}
