import type { ProcessorSupplier } from '../topology/processor.ts'
import type { Change } from '../topology/record.ts'

/** The table's changes as a stream of their new values; null where a row is removed. */
export function tableToStream<K, V>(): ProcessorSupplier<K, Change<V>, K, V | null> {
  throw new Error('in work')
}
