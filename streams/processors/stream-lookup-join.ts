import type { InternalProcessorContext, Processor, ProcessorContext, TableValueGetter } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import { dropJoinRecord } from './join-drops.ts'

/** `tableKey` is null only where the join is a left join. */
export type LookupJoiner<K, V, TK, T, R> = (value: V, tableValue: T | null, key: K, tableKey: TK | null) => R

/** Undefined: the record's own key. */
export type TableKeySelector<K, V, TK> = ((key: K, value: V) => TK | null | undefined) | undefined

/**
 * Looks each stream record up in a table: the whole of stream-table and stream-global-table joins without grace.
 * Java: KStreamKTableJoinProcessor.
 *
 * A null value is never joined. A null table key finds nothing: a left join goes on with null, an inner join drops the
 * record (KIP-962).
 */
export class StreamLookupJoinProcessor<K, V, TK, T, R> implements Processor<K, V, K, R> {
  readonly #table: TableValueGetter<TK, T>
  readonly #selector: TableKeySelector<K, V, TK>
  readonly #joiner: LookupJoiner<K, V, TK, T, R>
  readonly #isLeft: boolean
  #isVersioned = false
  #context!: InternalProcessorContext<K, R>

  constructor(
    table: TableValueGetter<TK, T>,
    selector: TableKeySelector<K, V, TK>,
    joiner: LookupJoiner<K, V, TK, T, R>,
    isLeft: boolean,
  ) {
    this.#table = table
    this.#selector = selector
    this.#joiner = joiner
    this.#isLeft = isLeft
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context as InternalProcessorContext<K, R>
    this.#table.init(this.#context as InternalProcessorContext<unknown, unknown>)
    this.#isVersioned = this.#table.isVersioned
  }

  process(record: StreamRecord<K, V>): void {
    const tableKey = this.#tableKey(record)
    if (record.value === null || (tableKey === null && !this.#isLeft)) {
      dropJoinRecord(this.#context, 'null-join-key-or-value', record)
    } else {
      this.#join(record, tableKey)
    }
  }

  #tableKey(record: StreamRecord<K, V>): TK | null {
    const selector = this.#selector
    if (selector === undefined) return record.key as unknown as TK
    return selector(record.key, record.value) ?? null
  }

  #join(record: StreamRecord<K, V>, tableKey: TK | null): void {
    const tableValue = tableKey === null ? null : this.#lookUp(tableKey, record.timestampMs)
    if (tableValue === null && !this.#isLeft) return
    const joiner = this.#joiner
    const value = joiner(record.value, tableValue, record.key, tableKey)
    this.#context.forward({ key: record.key, value, timestampMs: record.timestampMs, headers: record.headers })
  }

  #lookUp(tableKey: TK, timestampMs: number): T | null {
    const table = this.#table
    const found =
      this.#isVersioned && table.getAsOf !== undefined ? table.getAsOf(tableKey, timestampMs) : table.get(tableKey)
    return found === undefined ? null : found.value
  }
}
