import type { Serde } from '../ports/index.ts'
import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'
import type { KeyValueMapper } from './functions.ts'

export type TableGroupByOptions<K, V, KOut, VOut> = {
  /** Null key or value: the row is in no group. */
  readonly mapper: KeyValueMapper<K, V, KOut | null, VOut | null>
  /** Of the group's key: tells whether a row stays in its group where keys are objects. */
  readonly keySerde: Serde<KOut> | undefined
  /** True where the parent is versioned: out-of-order updates are left out (KIP-914). */
  readonly versionedSemantics: boolean
}

/** Java: KTableRepartitionMap. The parent must send old values. Its children are the repartition sink of `Change`s. */
export function tableGroupBy<K, V, KOut, VOut>(
  _options: TableGroupByOptions<K, V, KOut, VOut>,
): ProcessorSupplier<K, Change<V>, KOut, Change<VOut>> {
  throw new Error('in work')
}
