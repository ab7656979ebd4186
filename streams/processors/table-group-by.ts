import { equalBytes } from '../base/bytes.ts'
import { StreamsError } from '../base/errors.ts'
import type { Serde } from '../ports/index.ts'
import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import { type Change, change, type StreamRecord } from '../topology/record.ts'
import { isNull, type KeyValueMapper, type KeyValuePair } from './functions.ts'

export type TableGroupByOptions<K, V, KOut, VOut> = {
  /** Null key or value: the row is in no group. */
  readonly mapper: KeyValueMapper<K, V, KOut | null, VOut | null>
  /** Of the group's key: tells whether a row stays in its group where keys are objects. */
  readonly keySerde: Serde<KOut> | undefined
  /** True where the parent is versioned: out-of-order updates are left out (KIP-914). */
  readonly versionedSemantics: boolean
}

/**
 * Moves the rows of a table to the key of their group: the old row leaves its group, the new one enters; one record
 * where both are the same (KIP-904). The parent must send old values. Children: the repartition sink of `Change`s.
 * Java: KTableRepartitionMap.
 */
export function tableGroupBy<K, V, KOut, VOut>(
  options: TableGroupByOptions<K, V, KOut, VOut>,
): ProcessorSupplier<K, Change<V>, KOut, Change<VOut>> {
  return { get: () => new TableGroupByProcessor(options) }
}

class TableGroupByProcessor<K, V, KOut, VOut> implements Processor<K, Change<V>, KOut, Change<VOut>> {
  readonly #mapper: KeyValueMapper<K, V, KOut | null, VOut | null>
  readonly #keySerde: Serde<KOut> | undefined
  readonly #versionedSemantics: boolean
  #context!: ProcessorContext<KOut, Change<VOut>>

  constructor(options: TableGroupByOptions<K, V, KOut, VOut>) {
    this.#mapper = options.mapper
    this.#keySerde = options.keySerde
    this.#versionedSemantics = options.versionedSemantics
  }

  init(context: ProcessorContext<KOut, Change<VOut>>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, Change<V>>): void {
    const { key, timestampMs, headers } = record
    if (isNull(key)) {
      const message = `node ${this.#context.nodeName} groups a table and was given a record without a key`
      throw new StreamsError('PROCESSING_FAILED', message)
    }
    const { newValue, oldValue, isLatest } = record.value
    if (this.#versionedSemantics && !isLatest) return
    const newPair = this.#pairOf(key, newValue)
    const oldPair = this.#pairOf(key, oldValue)
    if (oldPair !== null && newPair !== null && this.#isSameGroup(oldPair.key, newPair.key)) {
      const value = change(newPair.value, oldPair.value, isLatest)
      this.#context.forward({ key: oldPair.key, value, timestampMs, headers })
      return
    }
    // Out of the old group before into the new one, so that a sum over groups never counts the row twice.
    if (oldPair !== null) {
      const value = change<VOut>(null, oldPair.value, isLatest)
      this.#context.forward({ key: oldPair.key, value, timestampMs, headers })
    }
    if (newPair !== null) {
      const value = change(newPair.value, null, isLatest)
      this.#context.forward({ key: newPair.key, value, timestampMs, headers })
    }
  }

  #pairOf(key: K, value: V | null): KeyValuePair<KOut, VOut> | null {
    if (value === null) return null
    const mapper = this.#mapper
    const pair = mapper(key, value)
    return isNull(pair) || isNull(pair.key) || isNull(pair.value) ? null : (pair as KeyValuePair<KOut, VOut>)
  }

  #isSameGroup(oldKey: KOut, newKey: KOut): boolean {
    if (oldKey === newKey) return true
    const serde = this.#keySerde
    if (typeof oldKey !== 'object' || serde === undefined) return false
    const nodeName = this.#context.nodeName
    return equalBytes(
      serde.serialize(oldKey as NonNullable<KOut>, nodeName),
      serde.serialize(newKey as NonNullable<KOut>, nodeName),
    )
  }
}
